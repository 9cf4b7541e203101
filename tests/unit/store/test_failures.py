"""A ledger that cannot be used says which one, why, and the way out; never a password, never the driver's words."""

import asyncio
import socket
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import URL, text

from cosell.domain.ids import OpportunityId, ReferralId
from cosell.domain.link import Link, LinkState
from cosell.errors import (
    AlreadyExists,
    ConfigurationError,
    CosellError,
    RecordNotFound,
    RetryableError,
    ServiceUnavailable,
)
from cosell.store import JournalEntry, Ledger, migrate
from cosell.store.engine import create_engine, parse_url
from cosell.store.failures import Place as Where
from cosell.store.failures import starting
from tests.postgres import PASSWORD
from tests.unit.store.conftest import Place


async def test_what_is_no_address_is_told_without_showing_it() -> None:
    for address in ("nonsense", "mysql://u:hunter2@host/db", "postgresql://u:hunter2@host:p@rt/db", ""):
        with pytest.raises(ConfigurationError, match="COSELL_DATABASE_URL is not an address") as told:
            await migrate(address)
        assert "hunter2" not in str(told.value)


def test_addresses_as_providers_print_them_are_understood() -> None:
    url = parse_url("postgres://u:p@host/db?sslmode=require")

    assert (url.drivername, dict(url.query)) == ("postgresql+asyncpg", {"ssl": "require"})
    assert parse_url("postgresql+psycopg://u:p@host/db").drivername == "postgresql+asyncpg"
    assert parse_url("sqlite:////tmp/ledger.db").drivername == "sqlite+aiosqlite"


def test_place_shows_neither_user_nor_password_nor_options() -> None:
    url = URL.create(
        "postgresql+asyncpg", "anna", "hunter2", "db.example.com", 5433, "ledger", query={"password": "hunter3"}
    )

    assert Where.of(url).name == "PostgreSQL db.example.com:5433/ledger"


async def test_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match=r"cannot be opened.*COSELL_HOME.*COSELL_DATABASE_URL"):
        await migrate(f"sqlite:///{tmp_path / 'file' / 'home' / 'ledger.db'}")


async def test_file_that_is_a_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        await migrate(f"sqlite:///{tmp_path}")


def test_file_that_cannot_be_opened_leaves_no_thread_which_complains_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda told: complaints.append(str(told.exc_value)))
    before = set(threading.enumerate())

    for _ in range(20):
        with pytest.raises(ConfigurationError):
            asyncio.run(migrate(f"sqlite:///{tmp_path}"))

    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert complaints == []


async def test_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"this is no database, whatever its name says" * 100)

    with pytest.raises(ConfigurationError, match=r"ledger\.db\) is damaged; restore a backup"):
        await migrate(f"sqlite:///{tmp_path / 'ledger.db'}")


async def test_read_only_file_can_be_read_and_says_so_when_written(sqlite_url: str) -> None:
    path = sqlite_url.removeprefix("sqlite:///")
    await _refuses(f"sqlite:///file:{path}?mode=ro&uri=true", "may not be written to.*COSELL_HOME")


async def test_full_disk_is_told(sqlite_url: str) -> None:
    async def fill(ledger: Ledger) -> None:
        async with ledger._database.write() as connection:
            pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
            await connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        await ledger.meta.save("big", "x" * 100_000)

    await _refuses(sqlite_url, "has no room left on its disk", fill)


async def test_file_in_the_hands_of_another_process_is_told(sqlite_url: str) -> None:
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        await _refuses(f"{sqlite_url}?timeout=0.05", "is held by another process")
    finally:
        other.close()


async def _refuses(
    url: str, reason: str, deed: Callable[[Ledger], Awaitable[None]] = lambda ledger: ledger.meta.check_writable()
) -> None:
    async with Place(url=url).open() as ledger:
        with pytest.raises(ServiceUnavailable, match=reason) as told:
            await deed(ledger)
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__


async def test_tables_that_vanish_are_told(sqlite_url: str) -> None:
    async with Place(url=sqlite_url).open() as ledger:
        async with ledger._database.write() as connection:
            await connection.execute(text("DROP TABLE cosell_meta"))
        with pytest.raises(RetryableError, match="lacks a table"):
            await ledger.meta.find("a")


async def test_server_that_does_not_answer_is_told(postgres_url: str) -> None:
    port = postgres_url.rpartition(":")[2].partition("/")[0]
    await _cannot_start(postgres_url.replace(port, "1"), r"127\.0\.0\.1:1/postgres\) cannot be reached")


def test_host_that_does_not_exist_is_told() -> None:
    # Raised by hand: looking a name up would leave this machine.
    where = Where(backend="postgresql", name="PostgreSQL nowhere.invalid/ledger")

    with pytest.raises(ConfigurationError, match="cannot be reached; start it, or check"), starting(where):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


async def test_wrong_password_is_told(postgres_url: str) -> None:
    await _cannot_start(postgres_url.replace(PASSWORD, "hunter2"), "does not accept the user or the password")


async def test_missing_database_is_told(postgres_url: str) -> None:
    await _cannot_start(f"{postgres_url}_missing", "does not exist; create the database")


async def test_unknown_option_is_told(postgres_url: str) -> None:
    await _cannot_start(f"{postgres_url}?channel_binding=require", "an option which is not known")


async def test_user_who_may_make_no_tables_is_told(postgres_url: str) -> None:
    engine = create_engine(parse_url(postgres_url))
    async with engine.begin() as connection:
        await connection.execute(text("CREATE ROLE reader LOGIN PASSWORD 'hunter2'"))
        await connection.execute(text("CREATE SCHEMA readable AUTHORIZATION reader"))
        await connection.execute(text("ALTER ROLE reader SET default_transaction_read_only = on"))
        await connection.execute(text("ALTER ROLE reader SET search_path = readable"))
    await engine.dispose()

    await _cannot_start(
        postgres_url.replace(f"cosell:{PASSWORD}", "reader:hunter2"), "may not be written to; give the right to write"
    )


async def _cannot_start(url: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as told:
        await migrate(url)
    with pytest.raises(ConfigurationError, match=reason):
        async with Place(url=url).open():
            pytest.fail("opened")
    assert "COSELL_DATABASE_URL" in str(told.value)
    assert "hunter2" not in str(told.value) + str(told.value.__cause__)
    assert PASSWORD not in str(told.value) + str(told.value.__cause__)


async def test_connections_that_the_server_closed_are_made_anew(postgres_url: str) -> None:
    async with Place(url=postgres_url).open() as ledger:
        await ledger.meta.save("a", "1")
        await _close_connections_of_others(postgres_url)

        assert await ledger.meta.find("a") == "1"


async def test_connection_that_breaks_in_the_middle_is_for_later(postgres_url: str) -> None:
    async with Place(url=postgres_url).open() as ledger:
        with pytest.raises(ServiceUnavailable, match="cannot be reached"):
            await _lose_connection(ledger, postgres_url)

        await ledger.meta.check_writable()


async def _lose_connection(ledger: Ledger, url: str) -> None:
    async with ledger._database.write() as connection:
        await connection.execute(text("SELECT 1"))
        await _close_connections_of_others(url)
        await connection.execute(text("SELECT 1"))


async def _close_connections_of_others(url: str) -> None:
    engine = create_engine(parse_url(url))
    async with engine.begin() as connection:
        others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'cosell-sync' "
        await connection.execute(text(others + "AND pid <> pg_backend_pid()"))
    await engine.dispose()


async def test_taken_key_and_missing_link_are_told_as_such(ledger: Ledger) -> None:
    for number, (referral, opportunity) in enumerate((("r1", "o1"), ("r2", "o2"))):
        await ledger.links.save(_link(f"link-{number}", referral, opportunity))

    with pytest.raises(AlreadyExists) as taken:
        await ledger.links.save(_link("link-0", "r1", "o2"))
    with pytest.raises(RecordNotFound):
        await ledger.journal.append([JournalEntry(link_id="of nobody", rule="r")])
    assert "o2" not in str(taken.value)


def _link(link_id: str, referral: str, opportunity: str) -> Link:
    return Link(
        link_id=link_id,
        state=LinkState.LINKED,
        referral_id=ReferralId(referral),
        opportunity_id=OpportunityId(opportunity),
    )


async def test_other_errors_pass_through_and_undo_what_was_written(ledger: Ledger) -> None:
    async def write_and_fail(error: Exception) -> None:
        async with ledger._database.write() as connection:
            await connection.execute(text("UPDATE cosell_meta SET value = 'never'"))
            raise error

    await ledger.meta.save("a", "1")
    for error in (CosellError("Ours."), KeyError("a mistake")):
        with pytest.raises(type(error)):
            await write_and_fail(error)

    assert await ledger.meta.find("a") == "1"

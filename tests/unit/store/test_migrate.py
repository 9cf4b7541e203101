"""The ledger's tables are made once, by whoever comes first, and as the code expects them."""

import asyncio
import importlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from cosell.domain.ids import ReferralId
from cosell.errors import ConfigurationError
from cosell.store import JournalEntry, migrate
from cosell.store.engine import create_engine, parse_url
from cosell.store.migrate import HEAD, VERSION_TABLE
from cosell.store.tables import metadata
from tests.unit.store.conftest import Place
from tests.unit.store.rival import rivals

_names = count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'ledger.db'}"
        return
    server: str = request.getfixturevalue("empty_postgres_url")
    name = f"fresh_{next(_names)}"
    asyncio.run(_run(server, f"CREATE DATABASE {name}"))
    yield server.removesuffix("/postgres") + f"/{name}"
    asyncio.run(_run(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _run(url: str, statement: str) -> list[object]:
    engine = create_engine(parse_url(url))
    try:
        # PostgreSQL makes no database within a transaction.
        plain = engine if url.startswith("sqlite") else engine.execution_options(isolation_level="AUTOCOMMIT")
        async with plain.begin() as connection:
            result = await connection.execute(text(statement))
            return list(result.scalars()) if result.returns_rows else []
    finally:
        await engine.dispose()


def test_newest_revision_is_the_one_the_code_names() -> None:
    config = Config()
    config.set_main_option("script_location", "cosell.store:migrations")
    config.set_main_option("path_separator", "os")

    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_migrations_may_be_imported_like_any_module() -> None:
    importlib.import_module("cosell.store.migrations.env")


async def test_migrated_tables_are_those_of_the_code(fresh_url: str) -> None:
    await migrate(fresh_url)

    engine = create_engine(parse_url(fresh_url))
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    await engine.dispose()


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
    return list(compare_metadata(context, metadata))


async def test_ledger_is_made_when_it_is_opened_and_kept_when_it_is_there(fresh_url: str) -> None:
    place = Place(url=fresh_url)
    async with place.open() as ledger:
        await ledger.meta.save("a", "1")

    await migrate(fresh_url)

    async with place.open() as ledger:
        assert await ledger.meta.find("a") == "1"


async def test_ledger_of_the_first_revision_keeps_its_links_and_their_journal(fresh_url: str) -> None:
    place = Place(url=fresh_url)
    async with place.open() as ledger:
        known = await ledger.links.begin(referral_id=ReferralId("r1"))
        await ledger.journal.append([JournalEntry(link_id=known.link_id, rule="before leads")])
    for statement in (
        "ALTER TABLE cosell_inbox DROP COLUMN changed_at",
        "DROP TABLE cosell_backfill_items",
        "DROP TABLE cosell_backfills",
        "DROP TABLE cosell_adopted_pairs",
        "DROP TABLE cosell_differences",
        "DROP INDEX ix_cosell_dead_letters_due_at",
        "ALTER TABLE cosell_dead_letters DROP COLUMN due_at",
        "ALTER TABLE cosell_dead_letters DROP COLUMN attempts",
        "DROP TABLE cosell_budgets",
        "DROP TABLE cosell_solution_rows",
        "DROP INDEX ix_cosell_links_remind_at",
        "ALTER TABLE cosell_links DROP COLUMN remind_at",
        "DROP INDEX uq_cosell_links_lead_id",
        "ALTER TABLE cosell_links DROP COLUMN lead_id",
        "ALTER TABLE cosell_links DROP COLUMN lead_etag",
        f"UPDATE {VERSION_TABLE} SET version_num = '0001'",  # noqa: S608  a constant
    ):
        await _run(fresh_url, statement)

    await migrate(fresh_url)

    async with place.open() as ledger:
        assert await ledger.links.get(known.link_id) == known
        assert [entry.rule for entry in await ledger.journal.list_for(referral_id=ReferralId("r1"))] == ["before leads"]


def test_processes_that_migrate_at_once_all_succeed(fresh_url: str) -> None:
    with rivals(fresh_url, "default", "migrate", number=4) as started:
        assert [rival.answer() for rival in started] == [[], [], [], []]

    assert asyncio.run(_run(fresh_url, f"SELECT version_num FROM {VERSION_TABLE}")) == [HEAD]  # noqa: S608  a constant


async def test_ledger_of_a_newer_version_is_refused(fresh_url: str) -> None:
    await migrate(fresh_url)
    await _run(fresh_url, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608  a constant

    with pytest.raises(ConfigurationError, match=r"newer version.*9999"):
        await migrate(fresh_url)


async def test_other_tables_in_the_same_database_are_left_alone(fresh_url: str) -> None:
    if fresh_url.startswith("sqlite"):
        Path(fresh_url.removeprefix("sqlite:///")).parent.mkdir()
    await _run(fresh_url, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    await _run(fresh_url, "INSERT INTO alembic_version VALUES ('of prefect')")

    await migrate(fresh_url)

    assert await _run(fresh_url, "SELECT version_num FROM alembic_version") == ["of prefect"]


async def test_sqlite_is_durable_and_readers_do_not_stop_writers(sqlite_url: str) -> None:
    engine = create_engine(parse_url(sqlite_url))

    assert await _pragma(engine, "journal_mode") == "wal"
    assert await _pragma(engine, "synchronous") == 2
    assert await _pragma(engine, "foreign_keys") == 1
    assert await _pragma(engine, "busy_timeout") == 20_000
    await engine.dispose()


async def _pragma(engine: AsyncEngine, name: str) -> object:
    async with engine.connect() as connection:
        return (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()


async def test_ledger_in_memory_serves_several_tasks() -> None:
    async with Place(url="sqlite://").open() as ledger:
        await asyncio.gather(*(ledger.meta.save(str(number), "x") for number in range(20)))
        found = await asyncio.gather(*(ledger.meta.find(str(number)) for number in range(20)))

    assert found == ["x"] * 20

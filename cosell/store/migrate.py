"""Brings the ledger's tables up to date, safely when several processes try at once.

The migrations travel inside the package and run in one transaction: under an advisory lock on PostgreSQL, under an
exclusive transaction on SQLite. Whoever comes second finds nothing left to do.
"""

import asyncio
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, select, table, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql import column

from cosell.errors import ConfigurationError
from cosell.store.engine import create_engine, parse_url, try_to_open, with_begin
from cosell.store.failures import Place, opening, starting

HEAD = "0009"
"""The newest revision in `migrations/versions`."""
VERSION_TABLE = "cosell_ledger_version"
"""Not Alembic's usual name: Prefect's tables may live in the same database."""

_VERSIONS = Path(__file__).parent / "migrations" / "versions"
"""One file for each revision; which one follows which is said in the files, not by their numbers."""
_ADVISORY_LOCK = 7309_1843_0001
_WAIT = "60s"
_WAL_ATTEMPTS = 100
_version = table(VERSION_TABLE, column("version_num"))


async def migrate(url: str) -> None:
    """Bring the ledger at this address up to date, making it first when there is none.

    Raises:
        ConfigurationError: it cannot be reached or written, or it is newer than this program.
    """
    parsed = parse_url(url)
    place = Place.of(parsed)
    with opening(place):
        engine = create_engine(parsed)
    try:
        await migrate_engine(engine, place)
    finally:
        await engine.dispose()


async def migrate_engine(engine: AsyncEngine, place: Place) -> None:
    """Bring the ledger of an open engine up to date; does next to nothing when it is."""
    with opening(place):
        await try_to_open(engine)
        known = await _find_version(engine)
    if known == HEAD:
        return
    if known is not None and not any(_VERSIONS.glob(f"rev_{known}_*.py")):
        raise ConfigurationError(
            f"The ledger ({place.name}) was made by a newer version of cosell-sync (revision {known}, this version "
            f"knows {HEAD}); install that version."
        )
    with starting(place):
        if engine.dialect.name == "sqlite":
            await _turn_on_wal(engine)
        async with with_begin(engine, "BEGIN EXCLUSIVE").begin() as connection:
            if engine.dialect.name == "postgresql":
                await connection.execute(text(f"SET LOCAL lock_timeout = '{_WAIT}'"))
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            await connection.run_sync(_upgrade)


async def _find_version(engine: AsyncEngine) -> str | None:
    """Find the revision of the ledger; None when it has no tables."""
    try:
        async with engine.connect() as connection:
            return (await connection.execute(select(_version.c.version_num))).scalar_one_or_none()
    except DBAPIError as error:
        missing = getattr(error.orig, "sqlstate", None) == "42P01" or "no such table" in str(error.orig)
        if missing:
            return None
        raise


async def _turn_on_wal(engine: AsyncEngine) -> None:
    """Switch the file to write-ahead logging, which lasts; two processes that try at once turn one another away."""
    for attempt in range(_WAL_ATTEMPTS):
        try:
            async with with_begin(engine, "").connect() as connection:
                await connection.execute(text("PRAGMA journal_mode = WAL"))
                return
        except OperationalError as error:
            name = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
            if name != sqlite3.SQLITE_BUSY or attempt == _WAL_ATTEMPTS - 1:
                raise
        await asyncio.sleep(0.05)


def _upgrade(connection: Connection) -> None:
    # Imported here: every run of a flow opens the ledger, hardly any has to migrate it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    directory = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(directory).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

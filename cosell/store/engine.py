"""The one door to the ledger's database: opens it and hands out transactions, on SQLite and PostgreSQL alike.

SQLite runs in WAL mode with `synchronous=FULL`: with NORMAL, a power cut may undo the last commits, and the receiver's
202 as well as a saved delta link are promises that the hints are kept (sqlite.org: PRAGMA synchronous). Every writing
transaction begins with BEGIN IMMEDIATE, so that it waits at its start and is never turned away half done. PostgreSQL is
as durable as its administrator set it up.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Table, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from cosell.domain.clock import Clock
from cosell.domain.ids import TenantName
from cosell.errors import ConfigurationError
from cosell.store.failures import Place, running

BUSY_SECONDS = 20
CONNECT_SECONDS = 10
COMMAND_SECONDS = 60
IDS_AT_ONCE = 500
"""Well below what one statement may carry on either database (SQLite and asyncpg: about 32,700 parameters)."""

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
_BEGIN = "ledger_begin"

Item = TypeVar("Item")


def parse_url(address: str) -> URL:
    """Return the address with its asynchronous driver.

    Raises:
        ConfigurationError: it is not the address of a SQLite or PostgreSQL database.
    """
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        url = None
    driver = _DRIVERS.get(url.drivername.split("+")[0]) if url is not None else None
    if url is None or driver is None:
        raise ConfigurationError(
            "COSELL_DATABASE_URL is not an address the ledger understands; write "
            "postgresql://user:password@host/name or sqlite:////directory/ledger.db, with special characters in the "
            "password percent-encoded."
        )
    url = url.set(drivername=driver)
    sslmode = url.query.get("sslmode")
    if sslmode is not None:
        # libpq's name for what asyncpg calls ssl; most providers print addresses with libpq's.
        url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": sslmode})
    return url


def create_engine(url: URL) -> AsyncEngine:
    """Return an engine for the address; nothing is opened yet."""
    if url.get_backend_name() == "sqlite":
        return _create_sqlite_engine(url)
    return create_async_engine(
        url,
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        pool_size=5,
        max_overflow=5,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": COMMAND_SECONDS,
            # A machine that vanishes in the middle of a transaction must not keep its row locks for hours.
            "server_settings": {
                "application_name": "cosell-sync",
                "idle_in_transaction_session_timeout": str(COMMAND_SECONDS * 1000),
            },
        },
    )


def _create_sqlite_engine(url: URL) -> AsyncEngine:
    if url.database and url.database != ":memory:" and not url.query.get("uri"):
        # Snapshots of deals live here: for this user alone.
        Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    patience = {} if "timeout" in url.query else {"timeout": BUSY_SECONDS}
    engine = create_async_engine(url, hide_parameters=True, connect_args=patience)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


async def try_to_open(engine: AsyncEngine) -> None:
    """Open a SQLite file once with the plain driver, so that one which cannot be opened is told of cleanly.

    When opening fails, aiosqlite leaves its thread behind, which complains once the event loop has been closed.
    """
    if engine.dialect.name != "sqlite":
        return
    arguments, options = engine.dialect.create_connect_args(engine.url)
    open_file: Callable[..., sqlite3.Connection] = sqlite3.connect
    await asyncio.to_thread(lambda: open_file(*arguments, **options).close())


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins nothing on its own
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    statement = connection.get_execution_options().get(_BEGIN, "BEGIN")
    if statement:
        connection.exec_driver_sql(statement)


def with_begin(engine: AsyncEngine, statement: str) -> AsyncEngine:
    """Return the engine with another way to begin a transaction on SQLite; with an empty one there is none."""
    return engine.execution_options(**{_BEGIN: statement})


class Database:
    """One tenant of a database, and the time: what every part of the ledger works with."""

    def __init__(self, *, engine: AsyncEngine, tenant: TenantName, clock: Clock) -> None:
        """Take an engine from `create_engine`; whoever made it disposes of it."""
        self.tenant = tenant
        self.place = Place.of(engine.url)
        self._clock = clock
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._in_memory = self._is_sqlite and engine.url.database in {None, "", ":memory:"}
        self._reading = with_begin(engine, "BEGIN")
        self._writing = with_begin(engine, "BEGIN IMMEDIATE")
        self._turn = asyncio.Lock()

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        return self._clock()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that only reads."""
        # A database in memory has one connection for all.
        async with self._take_turn(waits=self._in_memory):
            with running(self.place):
                async with self._reading.begin() as connection:
                    yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that writes; it is durable when the block has ended."""
        # SQLite has one writer: within this process tasks queue up fairly instead of polling for its lock.
        async with self._take_turn(waits=self._is_sqlite):
            with running(self.place):
                async with self._writing.begin() as connection:
                    yield connection

    @asynccontextmanager
    async def _take_turn(self, *, waits: bool) -> AsyncIterator[None]:
        if not waits:
            yield
            return
        async with self._turn:
            yield

    def insert(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        """Return an INSERT which knows ON CONFLICT."""
        return sqlite.insert(table) if self._is_sqlite else postgresql.insert(table)

    def mine(self, table: Table) -> Any:  # noqa: ANN401  SQLAlchemy's own type for a condition on an untyped column
        """Return the condition that a row is this tenant's."""
        return table.c.tenant == self.tenant


def in_chunks(items: Iterable[Item]) -> Iterator[Sequence[Item]]:
    """Cut many ids into lists which fit one statement."""
    listed = list(items)
    for start in range(0, len(listed), IDS_AT_ONCE):
        yield listed[start : start + IDS_AT_ONCE]

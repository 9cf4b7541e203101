"""What a database says when it cannot, in our words: which ledger, what is wrong, the way out.

Never the driver's own text: it may hold values, and the address may hold a password.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from asyncpg import InterfaceError, PostgresError
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cosell.errors import (
    AlreadyExists,
    ConfigurationError,
    CosellError,
    Origin,
    RecordNotFound,
    ServiceUnavailable,
)

_SETTING = {
    "sqlite": "COSELL_HOME (the data directory) or COSELL_DATABASE_URL",
    "postgresql": "COSELL_DATABASE_URL",
}

# SQLite names its results (sqlite.org: Result and Error Codes); PostgreSQL has SQLSTATE (PostgreSQL: Error Codes).
_REASONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("SQLITE_BUSY", "SQLITE_LOCKED", "55P03"), "is held by another process; try again, or stop that process"),
    (("SQLITE_READONLY", "25006", "42501"), "may not be written to; give the right to write, or change {setting}"),
    (("SQLITE_FULL", "53100"), "has no room left on its disk; free some, or change {setting}"),
    (("SQLITE_CANTOPEN",), "cannot be opened; its directory must exist and be writable: check {setting}"),
    (("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002"), "is damaged; restore a backup, or change {setting}"),
    (("SQLITE_IOERR", "58"), "cannot be read or written: its disk reports an error; check {setting}"),
    (("28",), "does not accept the user or the password; check {setting}"),
    (("3D000",), "does not exist; create the database, or change {setting}"),
    (("42P01", "42703", "no such"), "lacks a table or a column; run `cosell up`, which brings it up to date"),
    (("53300",), "has no connection left; raise its limit, or run fewer workers"),
    (("57014", "25P03"), "took too long to answer; try again"),
    (("40",), "was asked two things at once which exclude each other; try again"),
    (("57P", "08", "unreachable"), "cannot be reached; start it, or check {setting}"),
    (("option",), "has an address with an option which is not known; check {setting}"),
)
_ANYTHING_ELSE = "cannot be used; check {setting}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which database it is, in words which may be shown."""

    backend: str
    name: str

    @classmethod
    def of(cls, url: URL) -> "Place":
        """Describe an address without its user, password and options."""
        backend = url.get_backend_name()
        if backend == "sqlite":
            return cls(backend=backend, name=f"SQLite file {url.database or 'in memory'}")
        port = f":{url.port}" if url.port else ""
        return cls(backend=backend, name=f"PostgreSQL {url.host or 'on this machine'}{port}/{url.database or ''}")

    def describe(self, code: str) -> str:
        """Return the sentence for what the database said."""
        found = (reason for codes, reason in _REASONS if code.startswith(codes))
        reason = next(found, _ANYTHING_ELSE).format(setting=_SETTING.get(self.backend, "COSELL_DATABASE_URL"))
        return f"The ledger ({self.name}) {reason}."


@contextmanager
def opening(place: Place) -> Iterator[None]:
    """Turn what goes wrong with the very first connection into ConfigurationError, unknown options included."""
    try:
        with starting(place):
            yield
    except (TypeError, ValueError):
        # The driver's text is left out: an option may be a password.
        raise ConfigurationError(place.describe("option"), origin=_origin("option")) from None


@contextmanager
def starting(place: Place) -> Iterator[None]:
    """Turn what goes wrong at start into ConfigurationError."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, PostgresError, InterfaceError, OSError) as error:
        code = _code_of(error)
        # At start no values of records are in play, and who has to mend it may want to know more.
        raise ConfigurationError(place.describe(code), origin=_origin(code)) from error


@contextmanager
def running(place: Place) -> Iterator[None]:
    """Turn what goes wrong at run time into our errors: a key taken, a record missing, anything else is for later."""
    try:
        yield
    except (SQLAlchemyError, PostgresError, InterfaceError, OSError) as error:
        raise _run_time_error(place, _code_of(error)) from None


def _run_time_error(place: Place, code: str) -> CosellError:
    if code in {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "23505"}:
        return AlreadyExists("The ledger already has another entry for this record.", origin=_origin(code))
    if code in {"SQLITE_CONSTRAINT_FOREIGNKEY", "23503"}:
        return RecordNotFound("The ledger has no link for this entry.", origin=_origin(code))
    return ServiceUnavailable(place.describe(code), origin=_origin(code))


def _origin(code: str) -> Origin:
    return Origin(service="ledger", code=code)


def _code_of(error: BaseException) -> str:
    """Find the database's own code for what went wrong, or a word of ours that stands for it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, sqlite3.Error):
            name: str = getattr(seen, "sqlite_errorname", "")
            return "no such" if name == "SQLITE_ERROR" and "no such" in str(seen) else name
        state = getattr(seen, "sqlstate", None)
        if isinstance(state, str):
            return state
        seen = seen.orig if isinstance(seen, DBAPIError) else seen.__cause__
    if isinstance(error, OSError) and error.filename:
        return "SQLITE_CANTOPEN"  # a file or a directory, not the network
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return "unreachable" if lost or isinstance(error, OSError | InterfaceError) else type(error).__name__

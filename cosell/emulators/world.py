"""What the three stand-ins share: one SQLite file, one clock that can be moved, the issued tokens, the broken rules.

`World` is handed to each stand-in when it is built; nothing here is global, so that two worlds can live in one process.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path


class MovableClock:
    """The time as the stand-ins see it: the machine's, moved by what `POST /_emulator/clock` was told."""

    def __init__(self) -> None:
        """Start in step with the machine."""
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the clock forward (or back, when negative) for everything that asks from now on."""
        self._ahead += timedelta(seconds=seconds)

    def reset(self) -> None:
        """Come back to the machine's time."""
        self._ahead = timedelta(0)


class Store:
    """One SQLite connection in autocommit mode; `transaction()` nests by savepoints.

    Every stand-in creates its own tables, named with its own prefix (`entra_`, `pc_`, `dv_`), in `CREATE TABLE IF NOT
    EXISTS` form, and empties them when the world is reset. Used from one event loop; the lock guards against helpers
    in threads.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Open `path`, or a database in memory which is gone with the process."""
        self._depth = 0
        self._lock = threading.RLock()
        self.connection = sqlite3.connect(
            str(path) if path else ":memory:", isolation_level=None, check_same_thread=False
        )
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=OFF")
        self.connection.execute("PRAGMA temp_store=MEMORY")

    def execute(self, sql: str, parameters: tuple[object, ...] = ()) -> sqlite3.Cursor:
        """Run one statement; parameters are always bound, never formatted in."""
        with self._lock:
            return self.connection.execute(sql, parameters)

    def executemany(self, sql: str, rows: list[tuple[object, ...]]) -> None:
        """Run one statement for many rows."""
        with self._lock:
            self.connection.executemany(sql, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; an inner one rolls back alone."""
        with self._lock:
            name = f"level_{self._depth}"
            self._depth += 1
            self.connection.execute(f"SAVEPOINT {name}")
            try:
                yield
            except BaseException:
                self.connection.execute(f"ROLLBACK TO {name}")
                raise
            finally:
                self.connection.execute(f"RELEASE {name}")
                self._depth -= 1

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who a bearer token speaks for.

    `audience` is the origin the token is for, without a trailing slash. `user` is the sign-in name for delegated
    tokens and for tokens that let a test act as a person in the CRM; None for app-only tokens, where `client_id` tells
    the application user.
    """

    tenant_id: str
    audience: str
    client_id: str
    user: str | None
    has_mfa: bool
    expires_at: datetime


class TokenBook:
    """The access tokens which the Entra stand-in issued; the two APIs look bearers up here."""

    def __init__(self) -> None:
        """Start with none."""
        self._callers: dict[str, Caller] = {}

    def add(self, bearer: str, caller: Caller) -> None:
        """Remember a token that was just issued."""
        self._callers[bearer] = caller

    def find(self, bearer: str, now: datetime) -> Caller | None:
        """Return who the bearer is, or None when it is unknown or has expired."""
        caller = self._callers.get(bearer)
        return caller if caller and caller.expires_at > now else None

    def forget_all(self) -> None:
        """Make every token invalid at once, as a revocation does."""
        self._callers.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A write which the real service would have refused, or which breaks a rule that a good connector keeps."""

    service: str
    rule: str
    record: str
    detail: str
    at: datetime


@dataclass(slots=True)
class World:
    """One emulated Microsoft: hand it to `entra`, `partner_center` and `dataverse`."""

    store: Store = field(default_factory=Store)
    clock: MovableClock = field(default_factory=MovableClock)
    tokens: TokenBook = field(default_factory=TokenBook)
    violations: list[Violation] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    """Origins which are the same service under another address: the plain port's, with the TLS port's as value."""

    def is_for(self, caller: Caller, origin: str) -> bool:
        """Tell whether a caller's token is meant for the service at `origin`; audience `*` is meant for any."""
        audience = caller.audience
        return audience in {"*", origin} or self.aliases.get(audience, audience) == self.aliases.get(origin, origin)

    def violate(self, service: str, rule: str, record: str, detail: str = "") -> None:
        """Note a broken rule; `GET /_emulator/violations` lists them."""
        self.violations.append(Violation(service=service, rule=rule, record=record, detail=detail, at=self.clock.now()))

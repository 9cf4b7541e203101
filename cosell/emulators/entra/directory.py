"""What the emulated directory remembers: apps, people, refresh tokens and device codes."""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from cosell.emulators import identities
from cosell.emulators.world import Store, World

IDLE_LIFETIME = timedelta(days=90)
DEVICE_CODE_LIFETIME = timedelta(seconds=900)

_TABLES = (
    "CREATE TABLE IF NOT EXISTS entra_apps (client_id TEXT PRIMARY KEY, secret TEXT, certificates TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS entra_users (user TEXT PRIMARY KEY COLLATE NOCASE, first_name TEXT, last_name TEXT,"
    " role TEXT NOT NULL, mfa TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS entra_refresh_tokens (token TEXT PRIMARY KEY, client_id TEXT NOT NULL,"
    " user TEXT NOT NULL, has_mfa INTEGER NOT NULL, is_public INTEGER NOT NULL, used_at TEXT NOT NULL,"
    " use_count INTEGER NOT NULL DEFAULT 0, is_revoked INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS entra_device_codes (device_code TEXT PRIMARY KEY, user_code TEXT NOT NULL,"
    " client_id TEXT NOT NULL, scope TEXT NOT NULL, expires_at TEXT NOT NULL, user TEXT, state TEXT NOT NULL)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A registered application; `certificates` are PEM texts."""

    client_id: str
    secret: str | None
    certificates: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person; `mfa` is `done`, `missing` (signs in without) or `required` (must sign in again)."""

    user: str
    first_name: str
    last_name: str
    role: str
    mfa: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A refresh token as issued."""

    client_id: str
    user: str
    has_mfa: bool
    is_public: bool
    used_at: datetime
    use_count: int
    is_revoked: bool


class Directory:
    """Apps, people and grants in the world's store."""

    def __init__(self, world: World) -> None:
        """Create the tables, and the fixed identities when they are not there yet."""
        self._store: Store = world.store
        self._clock = world.clock
        for statement in _TABLES:
            self._store.execute(statement)
        if self.find_app(identities.CRM_CLIENT_ID) is None:
            self.reset()

    def reset(self) -> None:
        """Forget everything but the fixed identities and the refresh token of the environment."""
        for table in ("entra_apps", "entra_users", "entra_refresh_tokens", "entra_device_codes"):
            self._store.execute(f"DELETE FROM {table}")
        self.put_app(client_id=identities.CRM_CLIENT_ID, secret=identities.CRM_CLIENT_SECRET)
        self.put_app(client_id=identities.PARTNER_CLIENT_ID, secret=identities.PARTNER_CLIENT_SECRET)
        for person in identities.PEOPLE:
            self.put_user(
                User(
                    user=person.user,
                    first_name=person.first_name,
                    last_name=person.last_name,
                    role=person.role,
                    mfa="done",
                )
            )
        self.add_grant(
            client_id=identities.PARTNER_CLIENT_ID,
            user=identities.ADMIN.user,
            has_mfa=True,
            is_public=False,
            token=identities.REFRESH_TOKEN,
        )

    def put_app(self, *, client_id: str, secret: str | None, certificates: tuple[str, ...] = ()) -> None:
        """Register an app, or replace its registration."""
        self._store.execute(
            "INSERT OR REPLACE INTO entra_apps VALUES (?, ?, ?)", (client_id, secret, json.dumps(certificates))
        )

    def find_app(self, client_id: str) -> App | None:
        """Return a registered app."""
        row = self._store.execute("SELECT * FROM entra_apps WHERE client_id = ?", (client_id,)).fetchone()
        if row is None:
            return None
        return App(
            client_id=row["client_id"], secret=row["secret"], certificates=tuple(json.loads(row["certificates"]))
        )

    def put_user(self, user: User) -> None:
        """Add a person, or change their role and second factor."""
        self._store.execute(
            "INSERT OR REPLACE INTO entra_users VALUES (?, ?, ?, ?, ?)",
            (user.user, user.first_name, user.last_name, user.role, user.mfa),
        )

    def find_user(self, user: str) -> User | None:
        """Return a person by sign-in name, in any case."""
        row = self._store.execute("SELECT * FROM entra_users WHERE user = ?", (user,)).fetchone()
        return User(**dict(row)) if row else None

    def add_grant(self, *, client_id: str, user: str, has_mfa: bool, is_public: bool, token: str | None = None) -> str:
        """Issue a refresh token. Older ones stay valid, as with the real service, until revoked or idle for 90 days."""
        token = token or f"0.{secrets.token_urlsafe(48)}"
        self._store.execute(
            "INSERT OR REPLACE INTO entra_refresh_tokens (token, client_id, user, has_mfa, is_public, used_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (token, client_id, user, has_mfa, is_public, self._clock.now().isoformat()),
        )
        return token

    def find_grant(self, token: str) -> Grant | None:
        """Return what a refresh token stands for, revoked ones too."""
        row = self._store.execute("SELECT * FROM entra_refresh_tokens WHERE token = ?", (token,)).fetchone()
        if row is None:
            return None
        return Grant(
            client_id=row["client_id"],
            user=row["user"],
            has_mfa=bool(row["has_mfa"]),
            is_public=bool(row["is_public"]),
            used_at=datetime.fromisoformat(row["used_at"]),
            use_count=row["use_count"],
            is_revoked=bool(row["is_revoked"]),
        )

    def note_use(self, token: str) -> None:
        """Count one use of a refresh token; its 90 days start again."""
        self._store.execute(
            "UPDATE entra_refresh_tokens SET use_count = use_count + 1, used_at = ? WHERE token = ?",
            (self._clock.now().isoformat(), token),
        )

    def revoke_grants(self, user: str | None = None) -> int:
        """Revoke the refresh tokens of one person, or of all; return how many."""
        where, values = (" AND user = ? COLLATE NOCASE", (user,)) if user else ("", ())
        return self._store.execute(
            f"UPDATE entra_refresh_tokens SET is_revoked = 1 WHERE is_revoked = 0{where}", values
        ).rowcount

    def grants_told(self) -> list[dict[str, object]]:
        """Describe all refresh tokens for the controls, by their last characters only."""
        rows = self._store.execute("SELECT * FROM entra_refresh_tokens ORDER BY rowid").fetchall()
        return [
            {
                "token_ends_with": row["token"][-6:],
                "client_id": row["client_id"],
                "user": row["user"],
                "has_mfa": bool(row["has_mfa"]),
                "used_at": row["used_at"],
                "use_count": row["use_count"],
                "is_revoked": bool(row["is_revoked"]),
            }
            for row in rows
        ]

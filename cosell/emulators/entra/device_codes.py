"""Device codes: asked for by a program, entered by a person, exchanged for tokens by the program."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from cosell.emulators.entra import errors
from cosell.emulators.entra.directory import DEVICE_CODE_LIFETIME
from cosell.emulators.world import World

_LETTERS = "BCDFGHJKLMNPQRSTVWXYZ23456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCode:
    """One code: `state` is `pending`, `approved`, `declined` or `used`."""

    device_code: str
    user_code: str
    client_id: str
    scope: str
    expires_at: datetime
    user: str | None
    state: str


class DeviceCodes:
    """The codes which wait for a person."""

    def __init__(self, world: World) -> None:
        """Work on the world's store; the directory made the table."""
        self._store = world.store
        self._clock = world.clock

    def create(self, *, client_id: str, scope: str) -> DeviceCode:
        """Make up a pair of codes."""
        code = DeviceCode(
            device_code=secrets.token_urlsafe(48),
            user_code="".join(secrets.choice(_LETTERS) for _ in range(9)),
            client_id=client_id,
            scope=scope,
            expires_at=self._clock.now() + DEVICE_CODE_LIFETIME,
            user=None,
            state="pending",
        )
        self._store.execute(
            "INSERT INTO entra_device_codes VALUES (?, ?, ?, ?, ?, NULL, 'pending')",
            (code.device_code, code.user_code, client_id, scope, code.expires_at.isoformat()),
        )
        return code

    def answer(self, *, user_code: str, user: str, state: str) -> bool:
        """Enter a code as a person would: state `approved` or `declined`. False when there is no such code waiting."""
        changed = self._store.execute(
            "UPDATE entra_device_codes SET user = ?, state = ? WHERE user_code = ? AND state = 'pending'",
            (user, state, user_code.strip().upper().replace("-", "")),
        )
        return changed.rowcount == 1

    def waiting(self) -> list[str]:
        """Return the user codes that nobody has entered yet."""
        rows = self._store.execute("SELECT user_code FROM entra_device_codes WHERE state = 'pending' ORDER BY rowid")
        return [row["user_code"] for row in rows]

    def redeem(self, device_code: str, *, client_id: str) -> DeviceCode:
        """Return an approved code and use it up; raise what the polling program has to hear otherwise."""
        row = self._store.execute(
            "SELECT * FROM entra_device_codes WHERE device_code = ? AND client_id = ?", (device_code, client_id)
        ).fetchone()
        if row is None or row["state"] == "used":
            raise errors.wrong_code()
        if datetime.fromisoformat(row["expires_at"]) <= self._clock.now():
            raise errors.expired_code()
        if row["state"] == "pending":
            raise errors.pending()
        if row["state"] == "declined":
            raise errors.declined()
        self._store.execute("UPDATE entra_device_codes SET state = 'used' WHERE device_code = ?", (device_code,))
        return DeviceCode(**{**dict(row), "expires_at": datetime.fromisoformat(row["expires_at"])})

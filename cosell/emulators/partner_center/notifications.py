"""The webhook registration and what is owed to it: every event becomes a delivery with its tries and results."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from cosell.emulators.partner_center.behaviour import Behaviour
from cosell.emulators.world import World

EVENTS = (
    "subscription-updated",
    "test-created",
    "usagerecords-thresholdExceeded",
    "referral-created",
    "referral-updated",
    "related-referral-created",
    "related-referral-updated",
)
_TABLES = (
    "CREATE TABLE IF NOT EXISTS pc_registration (only_one INTEGER PRIMARY KEY CHECK (only_one = 1),"
    " subscriber_id TEXT NOT NULL, url TEXT NOT NULL, events TEXT NOT NULL, is_ms_header INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS pc_deliveries (seq INTEGER PRIMARY KEY, event TEXT NOT NULL, url TEXT NOT NULL,"
    " body TEXT NOT NULL, is_ms_header INTEGER NOT NULL, state TEXT NOT NULL, due_at REAL NOT NULL,"
    " try_count INTEGER NOT NULL DEFAULT 0, results TEXT NOT NULL DEFAULT '[]', correlation_id TEXT,"
    " created_at REAL NOT NULL)",
    "CREATE INDEX IF NOT EXISTS pc_deliveries_due ON pc_deliveries (state, due_at)",
    "CREATE INDEX IF NOT EXISTS pc_deliveries_correlation ON pc_deliveries (correlation_id)",
)
_REORDER_SECONDS = 5.0
_DELAY_SECONDS = 2.0


class WebhookFaults(Protocol):
    """Tells what is to go wrong with a notification: `drop`, `duplicate`, `delay`, `reorder` or nothing."""

    def webhook_fault(self, event: str) -> tuple[str, float | None] | None:
        """Return the fault and, for `delay`, its seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Where the tenant wants to be notified, of what, and by which header."""

    subscriber_id: str
    url: str
    events: tuple[str, ...]
    is_ms_header: bool


class Notifications:
    """Owes notifications to the registered URL; the `Dispatcher` delivers them."""

    def __init__(self, world: World, behaviour: Behaviour, faults: WebhookFaults | None, *, origin: str) -> None:
        """Create the tables; `origin` is the host that resource addresses name."""
        self._store = world.store
        self._clock = world.clock
        self._faults = faults
        self._origin = origin
        self.behaviour = behaviour
        self.on_owed = _nothing
        for statement in _TABLES:
            self._store.execute(statement)
        self._store.execute("UPDATE pc_deliveries SET state = 'waiting' WHERE state = 'sending'")

    def reset(self) -> None:
        """Forget the registration and everything owed."""
        self._store.execute("DELETE FROM pc_registration")
        self._store.execute("DELETE FROM pc_deliveries")

    def registration(self) -> Registration | None:
        """Return the tenant's registration."""
        row = self._store.execute("SELECT * FROM pc_registration").fetchone()
        if row is None:
            return None
        return Registration(
            subscriber_id=row["subscriber_id"],
            url=row["url"],
            events=tuple(json.loads(row["events"])),
            is_ms_header=bool(row["is_ms_header"]),
        )

    def register(self, registration: Registration) -> None:
        """Put a registration in place of the one before."""
        self._store.execute(
            "INSERT OR REPLACE INTO pc_registration VALUES (1, ?, ?, ?, ?)",
            (
                registration.subscriber_id,
                registration.url,
                json.dumps(registration.events),
                registration.is_ms_header,
            ),
        )

    def emit(self, event: str, referral_id: str) -> None:
        """Owe the notification of an event about a referral, when it is registered."""
        uri = f"{self._origin}/engagements/v1/referrals/{referral_id}"
        self._owe(event, uri, name="referral", correlation_id=None)

    def emit_test(self, correlation_id: str) -> None:
        """Owe the validation event."""
        uri = f"{self._origin}/webhooks/v1/registration/validationEvents/{correlation_id}"
        self._owe("test-created", uri, name="test", correlation_id=correlation_id)

    def _owe(self, event: str, uri: str, *, name: str, correlation_id: str | None) -> None:
        registration = self.registration()
        if registration is None or event not in registration.events:
            return
        now = self._clock.now()
        body = {
            "EventName": event,
            "ResourceUri": uri,
            "ResourceName": name,
            "AuditUri": None,
            "ResourceChangeUtcDate": f"{now:%Y-%m-%dT%H:%M:%S.%f}0+00:00",
        }
        fault, seconds = (self._faults and self._faults.webhook_fault(event)) or (None, None)
        due, state = now, "waiting"
        if fault == "drop":
            state = "dropped"
        elif fault == "delay":
            due += timedelta(seconds=_DELAY_SECONDS if seconds is None else seconds)
        elif fault == "reorder":
            due, state = now + timedelta(seconds=_REORDER_SECONDS), "held"
        else:
            self._release_held(now)
        for _ in range(2 if fault == "duplicate" else 1):
            self._insert(registration, body, state=state, due=due, correlation_id=correlation_id)
        self.on_owed()

    def _release_held(self, now: datetime) -> None:
        """Let held notifications follow the one which overtakes them now."""
        self._store.execute(
            "UPDATE pc_deliveries SET state = 'waiting', due_at = ? WHERE state = 'held'", (now.timestamp() + 0.001,)
        )

    def _insert(
        self,
        registration: Registration,
        body: dict[str, Any],
        *,
        state: str,
        due: datetime,
        correlation_id: str | None,
    ) -> None:
        # Compact: the documented Content-Length is that of the compact form.
        text = json.dumps(body, separators=(",", ":"))
        self._store.execute(
            "INSERT INTO pc_deliveries (event, url, body, is_ms_header, state, due_at, correlation_id, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                body["EventName"],
                registration.url,
                text,
                registration.is_ms_header,
                state,
                due.timestamp(),
                correlation_id,
                self._clock.now().timestamp(),
            ),
        )


def is_acceptable_url(url: str) -> bool:
    """Tell whether callbacks may go there: https anywhere, plain http on this machine only."""
    return bool(re.match(r"https://[^/\s]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/|$)", url))


def _nothing() -> None:
    """Stand in for the dispatcher until there is one."""

"""What the inbox is told and what it hands out: hints that say *look at this record*, never what happened to it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Door(StrEnum):
    """Where a hint came in."""

    PARTNER_CENTER = "partner_center"
    DATAVERSE = "dataverse"
    SCHEDULE = "schedule"
    HAND = "hand"
    RECONCILE = "reconcile"


class HintKind(StrEnum):
    """What to look at; the id that goes with it is the record's, but where it says otherwise."""

    REFERRAL = "referral"
    RELATED_REFERRAL = "related_referral"
    OPPORTUNITY = "opportunity"
    SOLUTION = "solution"
    """An opportunity whose Microsoft solutions moved."""
    CONTACT = "contact"
    """An opportunity whose account or contact moved."""
    LEAD = "lead"
    POLL = "poll"
    """The CRM's deals, leads and customers: something moved there. The id is the table's name."""
    POLL_SOLUTIONS = "poll_solutions"
    """The CRM's Microsoft solutions: something moved there. The id is the table's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Look at this. `etag` is the one that was announced, if any: the etag of our own write is an echo.

    `changed_at` is when the record is said to have changed, when that is said.
    """

    door: Door
    kind: HintKind
    record_id: str
    etag: str | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """How many hints became entries, and how many found their record waiting already."""

    accepted: int
    duplicate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEntry:
    """A claimed inbox entry.

    The hint's `etag` is None when it is not known or when several hints disagreed; its `changed_at` is the latest of
    all, and None when one of them did not say. `attempts` counts the earlier claims that ended
    without the entry being settled: released or expired. `claim_id` proves whose claim it is.
    """

    entry_id: int
    claim_id: str
    hint: Hint
    received_at: datetime
    claimed_until: datetime
    attempts: int

    @property
    def kind(self) -> HintKind:
        """What kind of record to look at."""
        return self.hint.kind

    @property
    def record_id(self) -> str:
        """Which record to look at."""
        return self.hint.record_id

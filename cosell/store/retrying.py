"""When a dead letter is tried again by itself: soon at first, then less and less often, and not for ever. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

PAUSES = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(days=1),
)
"""Before the first try, the second one, and so on; the last one again and again."""
TRIES = 18
"""After so many, about two weeks, it stays on the list and a person is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How often a letter was tried again by itself, and when it is next; `due_at` is None when only a person may."""

    attempts: int = 0
    due_at: datetime | None = None


def begin(now: datetime) -> Schedule:
    """Return the schedule of a refusal which is new, or another one than before."""
    return Schedule(attempts=0, due_at=now + PAUSES[0])


def go_on(known: Schedule, *, was_tried: bool, now: datetime) -> Schedule:
    """Return the schedule of a refusal which has come again, word for word.

    `was_tried` is whether it came from a try of ours; who else looked at the record meanwhile changes nothing.
    """
    if not was_tried:
        return known
    if known.attempts >= TRIES:
        return Schedule(attempts=known.attempts)
    return Schedule(attempts=known.attempts, due_at=now + PAUSES[min(known.attempts, len(PAUSES) - 1)])

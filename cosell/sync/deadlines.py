"""The clocks of a deal: until when an invitation is answered, and from when on a deal may be won. Pure.

Nothing moves in either service when time passes, so the times are kept with what both sides agreed on, and the ledger
knows when the next one has to be told.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cosell.domain.snapshot import Value
from cosell.domain.stages import ReferralStage
from cosell.sync.plan import Note

DAY = timedelta(days=1)
ANSWER_WITHIN = timedelta(days=14)
"""An invitation which nobody answers expires after this (Microsoft: Manage co-sell opportunities)."""
WON_AFTER = timedelta(hours=72)
"""A deal can only be registered when it was won this long after it was created (Microsoft: Register deals)."""
STEPS = (7, 3, 1)
"""How many days before the end the seller is reminded."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEY = "deadline:"
"""Begins the key of a note about a clock which runs."""


class DeadlineKind(StrEnum):
    """What is waited for."""

    ANSWER = "answer"
    MICROSOFT = "microsoft"
    WON = "won"

    @property
    def member(self) -> str:
        """The member of a base which holds the time."""
        return MEMBERS[self]


MEMBERS = {
    DeadlineKind.ANSWER: "$answer_by",
    DeadlineKind.MICROSOFT: "$microsoft_answers_by",
    DeadlineKind.WON: "$won_from",
}
WORDS = {
    DeadlineKind.ANSWER: "we answer the invitation",
    DeadlineKind.MICROSOFT: "Microsoft answers our invitation",
    DeadlineKind.WON: "won not before",
}
"""What is waited for, as a table of deadlines says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """One clock of a deal, and when it ends."""

    kind: DeadlineKind
    at: datetime

    def days_left(self, now: datetime) -> int:
        """Return the days until it ends, begun ones included; 0 when it has ended."""
        return max(0, -((now - self.at) // DAY))

    def step(self, now: datetime) -> int | None:
        """Return the last reminder that is due: 7, 3, 1 days before the end, 0 at the end; None before the first."""
        left = self.days_left(now)
        return min((step for step in (*STEPS, 0) if left <= step), default=None)


def answer_by(*, created_at: datetime | None, expires_at: datetime | None) -> datetime | None:
    """Return until when an invitation is answered: as Partner Center says, else 14 days after it was made."""
    return expires_at or (created_at + ANSWER_WITHIN if created_at else None)


def find_deadlines(
    stage: ReferralStage,
    *,
    now: datetime,
    created_at: datetime | None,
    expires_at: datetime | None,
    is_cosell: bool,
    microsoft_by: datetime | None = None,
) -> tuple[Deadline, ...]:
    """Return the clocks of a deal which run now, from what its referral says.

    `is_cosell` is whether Microsoft's sellers see it or are to see it; `microsoft_by` is known from Microsoft's copy.
    """
    won_from = created_at + WON_AFTER if created_at and is_cosell else None
    times = {
        DeadlineKind.ANSWER: answer_by(created_at=created_at, expires_at=expires_at),
        DeadlineKind.MICROSOFT: microsoft_by,
        DeadlineKind.WON: won_from if won_from and won_from > now else None,
    }
    return still_running((Deadline(kind=kind, at=at) for kind, at in times.items() if at), stage)


def still_running(deadlines: Iterable[Deadline], stage: ReferralStage) -> tuple[Deadline, ...]:
    """Return those clocks which run while the referral is in this stage."""
    if stage is ReferralStage.UNKNOWN or stage.is_terminal:
        return ()
    is_invited = stage is ReferralStage.INVITED
    return tuple(item for item in deadlines if is_invited or item.kind is not DeadlineKind.ANSWER)


def iter_notes(
    deadlines: Iterable[Deadline], *, stage: ReferralStage, now: datetime, event: str, may_answer: bool
) -> Iterator[Note]:
    """Yield what the seller is told about the clocks now; each step has a key of its own, so that it is told once."""
    for item in deadlines:
        step = item.step(now)
        until = f"{item.at:%Y-%m-%d %H:%M} UTC"
        left = _count_days(item.days_left(now))
        match item.kind:
            case DeadlineKind.ANSWER if step == 0:
                yield Note(key=f"{KEY}answer:0", text=f"The time to answer this invitation ended on {until}.")
            case DeadlineKind.ANSWER:
                where = "" if may_answer else " in Partner Center"
                text = f"Answer this invitation{where} by {until} ({left} left), or it expires."
                yield Note(key=f"{KEY}answer:{step or 'first'}", text=text)
            case DeadlineKind.MICROSOFT if step == 0:
                yield Note(key=f"{KEY}microsoft:0", text=f"The time for Microsoft to answer ended on {until}.")
            case DeadlineKind.MICROSOFT if step is not None:
                text = f"Microsoft has not answered our invitation yet; it has until {until} ({left} left)."
                yield Note(key=f"{KEY}microsoft:{step}", text=text)
            case DeadlineKind.WON if stage is ReferralStage.ACTIVE:
                text = f"If the deal is to be registered, close it as won not before {until}, 72 hours after it began."
                yield Note(key=f"{event}won_from", text=text)


def leave_out_answered(notes: Iterable[Note], after: ReferralStage) -> list[Note]:
    """Return the notes without reminders of what this very plan does: whoever answers is not asked to."""
    over = {kind for kind in DeadlineKind if not still_running([Deadline(kind=kind, at=EPOCH)], after)}
    begins = tuple(f"{KEY}{kind}:" for kind in over)
    return [note for note in notes if not note.key.startswith(begins)]


def _count_days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


def find_early_win(deadlines: Iterable[Deadline], *, moves_to: ReferralStage | None, event: str) -> Note | None:
    """Return the warning about a deal which is sent as won before its 72 hours are over, None when they are."""
    if moves_to is not ReferralStage.WON or all(item.kind is not DeadlineKind.WON for item in deadlines):
        return None
    text = "It was won within 72 hours after it began: Partner Center may refuse to register the deal."
    return Note(key=f"{event}won_early", text=text)


def find_next_reminder(deadlines: Iterable[Deadline], *, now: datetime) -> datetime | None:
    """Return when something has to be told next; None when no clock runs any more."""
    times = (
        item.at - step * DAY for item in deadlines for step in ((0,) if item.kind is DeadlineKind.WON else (*STEPS, 0))
    )
    return min((at for at in times if at > now), default=None)


def write_deadlines(deadlines: Iterable[Deadline]) -> dict[str, Value]:
    """Return the clocks as members of a base."""
    return {item.kind.member: item.at.astimezone(UTC).isoformat() for item in deadlines}


def read_deadlines(base: Mapping[str, Value]) -> tuple[Deadline, ...]:
    """Return the clocks which a base holds."""
    held = ((kind, base.get(member)) for kind, member in MEMBERS.items())
    return tuple(Deadline(kind=kind, at=datetime.fromisoformat(at)) for kind, at in held if isinstance(at, str))

"""What one step of an installation is: look at one part of the CRM, and write it when it is not as it has to be."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum


class Presence(StrEnum):
    """What looking at a part finds."""

    MISSING = "missing"
    THERE = "there"
    STALE = "stale"
    """There, but not as asked for now; it may be written again."""
    FOREIGN = "foreign"
    """There, but not as we need it, and not ours to change: a person decides."""


class Result(StrEnum):
    """What a step came to."""

    MADE = "made"
    CHANGED = "changed"
    REMOVED = "removed"
    THERE = "was there"
    WOULD_MAKE = "would be made"
    WOULD_CHANGE = "would be changed"
    WOULD_REMOVE = "would be removed"
    WAITING = "not ready yet"
    FOREIGN = "in the way"
    FAILED = "failed"
    SKIPPED = "not tried"


WRITTEN = frozenset({Result.MADE, Result.CHANGED, Result.REMOVED})
PLANNED = frozenset({Result.WOULD_MAKE, Result.WOULD_CHANGE, Result.WOULD_REMOVE})
UNFINISHED = frozenset({Result.WAITING, Result.FOREIGN, Result.FAILED, Result.SKIPPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What looking found: `told` what is the matter, `todo` what a person does about it."""

    presence: Presence
    told: str = ""
    todo: str = ""


MISSING = Found(presence=Presence.MISSING)
THERE = Found(presence=Presence.THERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the CRM, as people call it: `column opportunity.cosell_help`."""

    kind: str
    name: str

    def __str__(self) -> str:
        """Say which part."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`look` tells what is there, `write` makes it so; `needs` are the parts without which it is not tried.

    `look_again` reads afresh where `look` may use what this run has read before. `settle` waits for what the service
    does in the background, and tells what it came to. With `is_removal`, looking finds what is to go, and `write` takes
    it away.
    """

    part: Part
    look: Callable[[], Awaitable[Found]]
    write: Callable[[Found], Awaitable[None]]
    look_again: Callable[[], Awaitable[Found]] | None = None
    settle: Callable[[], Awaitable[Found]] | None = None
    needs: tuple[Part, ...] = ()
    is_removal: bool = False

    async def look_afresh(self) -> Found:
        """Tell what is there now."""
        return await (self.look_again or self.look)()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one part."""

    part: Part
    result: Result
    told: str = ""
    todo: str = ""

"""How several processes share the limits of one account: who may send when, as booked in one place. Pure.

A limit is a number of *lanes*: each takes one request, and then none for its `interval_seconds`. Five lanes of a second
let five requests start within any second; one lane of 80 ms spaces them. A lane which lay idle may make up for at most
`burst_seconds` of it, so that a handful of edits does not wait although nothing was sent for minutes.

What serves a person books ahead of others and waits for its turn. What runs in the background only takes a lane that
is free at this moment, leaves half of the burst alone, and takes every other turn while somebody else is at work.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol, Self

QUIET_SECONDS = 5.0
"""So long after the last request for a person, the background has an account to itself."""


class Urgency(StrEnum):
    """On whose behalf requests are sent."""

    FOREGROUND = "foreground"
    """A person waits for it."""
    BACKGROUND = "background"
    """A first load or a report: it may take what is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What one account of a service is to be asked at most, by all processes together.

    `account` names who the service counts: two tenants of ours which use the same one share its limit. At most
    `block` requests are booked at once, so that not each of them costs a transaction.
    """

    account: str
    lanes: int = 1
    interval_seconds: float
    burst_seconds: float = 0.0
    block: int = 1

    @property
    def spacing_seconds(self) -> float:
        """How far apart requests are when they come evenly."""
        return self.interval_seconds / self.lanes


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """How far an account is booked; all times are seconds since 1970, as one statement of a database compares them."""

    lanes: tuple[float, ...] = ()
    """From when on each lane is free."""
    paused_until: float = 0.0
    foreground_at: float = 0.0
    """When a request for a person was booked last."""
    background_from: float = 0.0
    """When the background may have the next turn."""

    @classmethod
    def from_json(cls, document: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote; what is missing or not a number counts as never."""
        lanes = document.get("lanes")
        return cls(
            lanes=tuple(_number(item) for item in lanes) if isinstance(lanes, list) else (),
            paused_until=_number(document.get("paused_until")),
            foreground_at=_number(document.get("foreground_at")),
            background_from=_number(document.get("background_from")),
        )

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {
            "lanes": list(self.lanes),
            "paused_until": self.paused_until,
            "foreground_at": self.foreground_at,
            "background_from": self.background_from,
        }


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """When requests may start, in order; none when it is not our turn: then ask again at `again_at`."""

    starts: tuple[float, ...] = ()
    again_at: float = 0.0
    paused_until: float = 0.0


class SharedBudget(Protocol):
    """Where all processes book."""

    async def reserve(self, limit: Limit, *, urgency: Urgency, count: int) -> Grant:
        """Book up to `count` requests."""
        ...

    async def pause(self, limit: Limit, *, seconds: float) -> None:
        """Let nobody send anything for so long, because the service asked for it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """Where a client books its requests, and on whose behalf."""

    budget: SharedBudget
    urgency: Urgency = Urgency.FOREGROUND


def book(booked: Booked, limit: Limit, *, urgency: Urgency, count: int, now: float) -> tuple[Booked, Grant]:
    """Return the account as it is booked afterwards, and when the requests may start."""
    lanes = _lanes_of(booked, limit)
    earliest = max(now - limit.burst_seconds, booked.paused_until)
    if urgency is Urgency.BACKGROUND:
        spared = now - limit.burst_seconds / 2
        free = sum(max(lane, earliest) <= spared for lane in lanes)
        turn = max(booked.background_from, booked.paused_until)
        if turn > now or not free:
            again = max(turn, max(min(lanes), booked.paused_until) + limit.burst_seconds / 2)
            return booked, Grant(again_at=again, paused_until=booked.paused_until)
        count = min(count, free) if limit.lanes > 1 else count
    starts = []
    for _ in range(count):
        first = min(range(len(lanes)), key=lanes.__getitem__)
        at = max(lanes[first], earliest)
        starts.append(max(at, now))
        lanes[first] = at + limit.interval_seconds
    after = replace(booked, lanes=tuple(lanes))
    if urgency is Urgency.FOREGROUND:
        after = replace(after, foreground_at=now)
    else:
        is_alone = now - booked.foreground_at > QUIET_SECONDS
        wait = count * limit.spacing_seconds * (1 if is_alone else 2)
        # Whoever comes a moment late makes up for it, or each look would cost some of the rate.
        turn = max(now - limit.spacing_seconds, booked.background_from)
        after = replace(after, background_from=turn + wait)
    return after, Grant(starts=tuple(starts), paused_until=booked.paused_until)


def pause(booked: Booked, *, until: float) -> Booked:
    """Return the account with nothing to be sent before `until`; an earlier, longer pause stays."""
    return replace(booked, paused_until=max(booked.paused_until, until))


def _lanes_of(booked: Booked, limit: Limit) -> list[float]:
    """Return as many lanes as the limit has now: of those which were booked the fullest, whatever it was before."""
    known = sorted(booked.lanes)[-limit.lanes :]
    return [0.0] * (limit.lanes - len(known)) + known

"""The turns of one process: booked in blocks which grow with use, left when old, and given up when the ledger is."""

import asyncio
import logging
from dataclasses import dataclass, field

import pytest

from cosell.errors import ServiceUnavailable, Throttled
from cosell.http.budget import Booked, Booking, Grant, Limit, Urgency, book, pause
from cosell.http.pace import Pace
from cosell.http.turns import ALONE_SECONDS, GOOD_FOR_SECONDS, Turns
from tests.unit.http.fakes import FakeTime

EVEN = Limit(account="dataverse:h:c", interval_seconds=0.1, burst_seconds=3.0, block=8)
FIVE_A_SECOND = Limit(account="partner-center:t", lanes=5, interval_seconds=1.0)


@dataclass
class Shelf:
    """A shared budget in memory, which can be broken or never answer."""

    time: FakeTime
    booked: Booked = field(default_factory=Booked)
    asked: list[int] = field(default_factory=list)
    is_broken: bool = False
    hangs: asyncio.Event | None = None

    async def reserve(self, limit: Limit, *, urgency: Urgency, count: int) -> Grant:
        self.asked.append(count)
        if self.hangs is not None:
            await self.hangs.wait()
        if self.is_broken:
            raise ServiceUnavailable("The ledger has no room left on its disk.")
        now = self.time.clock().timestamp()
        self.booked, grant = book(self.booked, limit, urgency=urgency, count=count, now=now)
        return grant

    async def pause(self, limit: Limit, *, seconds: float) -> None:  # noqa: ARG002  there is only one
        if self.is_broken:
            raise ServiceUnavailable("The ledger has no room left on its disk.")
        self.booked = pause(self.booked, until=self.time.clock().timestamp() + seconds)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(FakeTime())


def pace_of(shelf: Shelf, limit: Limit, urgency: Urgency = Urgency.FOREGROUND, *, patience: float = 2.0) -> Pace:
    clock, sleep = shelf.time.clock, shelf.time.sleep
    booking = Booking(budget=shelf, urgency=urgency)
    turns = Turns(booking, limit, clock=clock, sleep=sleep, patience_seconds=patience)
    return Pace(max_in_flight=4, per_second=5, clock=clock, sleep=sleep, turns=turns)


async def send(pace: Pace, count: int, starts: list[float] | None = None) -> None:
    for _ in range(count):
        async with pace.slot(max_wait_seconds=30):
            if starts is not None:
                starts.append(pace._clock().timestamp())


async def test_blocks_grow_while_they_are_used_up_and_begin_small_again(shelf: Shelf) -> None:
    pace = pace_of(shelf, EVEN)
    await send(pace, 15)
    assert shelf.asked == [1, 2, 4, 8]

    await shelf.time.sleep(GOOD_FOR_SECONDS * 2)
    await send(pace, 1)

    assert shelf.asked[-1] == 1


async def test_two_processes_together_keep_to_the_limit(shelf: Shelf) -> None:
    starts: list[float] = []
    one, other = pace_of(shelf, FIVE_A_SECOND), pace_of(shelf, FIVE_A_SECOND)

    await asyncio.gather(send(one, 20, starts), send(other, 20, starts))

    starts.sort()
    assert all(later - earlier >= 1 - 1e-6 for earlier, later in zip(starts, starts[5:], strict=False))


async def test_silence_asked_of_one_process_is_kept_by_the_other_within_a_second(shelf: Shelf) -> None:
    one, other = pace_of(shelf, EVEN), pace_of(shelf, EVEN)
    await send(other, 4)  # a block is at hand
    one.keep_silent(20)
    await one.tell_others(20)
    silent_until = shelf.time.clock().timestamp() + 20
    await shelf.time.sleep(GOOD_FOR_SECONDS * 1.5)

    starts: list[float] = []
    await send(other, 2, starts)

    assert starts[0] >= silent_until


async def test_silence_longer_than_a_request_may_wait_is_said_and_nothing_is_sent(shelf: Shelf) -> None:
    one, other = pace_of(shelf, FIVE_A_SECOND), pace_of(shelf, FIVE_A_SECOND)
    await one.tell_others(600)

    with pytest.raises(Throttled) as caught:
        await send(other, 1)

    assert caught.value.retry_after == pytest.approx(600)


async def test_broken_ledger_does_not_stop_people_and_is_said_once(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    starts: list[float] = []
    pace = pace_of(shelf, FIVE_A_SECOND)
    shelf.is_broken = True
    with caplog.at_level(logging.INFO, logger="cosell.http.turns"):
        await send(pace, 100, starts)
        assert len(caplog.records) == 1
        assert "no room left" in caplog.text
        shelf.is_broken = False
        await shelf.time.sleep(ALONE_SECONDS)
        await send(pace, 1)

    assert "shared with other processes again" in caplog.text
    assert all(later - earlier >= 1 - 1e-6 for earlier, later in zip(starts, starts[5:], strict=False))


async def test_ledger_which_does_not_answer_is_not_waited_for(shelf: Shelf) -> None:
    shelf.hangs = asyncio.Event()
    starts: list[float] = []
    pace = pace_of(shelf, FIVE_A_SECOND, patience=0.01)

    await send(pace, 3, starts)

    assert len(starts) == 3
    assert shelf.asked == [1]
    shelf.hangs.set()


async def test_background_waits_for_a_broken_ledger(shelf: Shelf) -> None:
    shelf.is_broken = True

    with pytest.raises(ServiceUnavailable):
        await send(pace_of(shelf, FIVE_A_SECOND, Urgency.BACKGROUND), 1)


async def test_person_who_comes_during_a_first_load_hardly_waits(shelf: Shelf) -> None:
    starts: list[float] = []
    load, person = pace_of(shelf, FIVE_A_SECOND, Urgency.BACKGROUND), pace_of(shelf, FIVE_A_SECOND)
    await send(load, 30, starts)
    came_at = shelf.time.clock().timestamp()

    await send(person, 1, starts)

    assert starts[-1] - came_at <= 2 * FIVE_A_SECOND.spacing_seconds
    assert all(later - earlier >= 1 - 1e-6 for earlier, later in zip(starts, starts[5:], strict=False))


async def test_fewer_requests_at_once_after_a_429_and_more_again_when_all_is_well(shelf: Shelf) -> None:
    pace = Pace(max_in_flight=8, clock=shelf.time.clock, sleep=shelf.time.sleep)

    pace.note_answer(seconds=0.1, is_throttled=True)
    assert pace.limit == 4
    pace.note_answer(seconds=60, is_throttled=False)
    assert pace.limit == 2
    for _ in range(60):
        pace.note_answer(seconds=0.1, is_throttled=False)
    assert pace.limit == 8
    pace.follow_hint(3)
    assert pace.limit == 3

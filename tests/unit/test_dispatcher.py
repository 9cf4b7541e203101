"""When the dispatcher runs what: decided from the inbox, the turns and the time alone; no server, no sleeping."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from cosell.dispatch.dispatcher import AT_ONCE, ELSEWHERE, PATIENCE, RENEW_AFTER, Dispatcher, Job
from cosell.domain.flows import FlowName
from cosell.errors import ServiceUnreachable
from cosell.store import HintKind

SIXTH = FlowName.PARTNER_CENTER_TO_DYNAMICS


@dataclass
class Stage:
    """An inbox, the turns, a clock, and a job whose runs end when they are told to."""

    now: datetime = datetime(2026, 5, 4, 8, tzinfo=UTC)
    due: dict[HintKind, datetime] = field(default_factory=dict)
    others_turn: bool = False
    active: bool = True
    takes_hints: bool = True
    fails: Exception | None = None
    works: bool = True
    runs: list[asyncio.Event] = field(default_factory=list)
    let_go: list[Callable[[], None]] = field(default_factory=list)
    tidied: int = 0
    acquired: int = 0
    released: int = 0

    def hint(self) -> None:
        self.due[HintKind.REFERRAL] = self.now

    async def find_due(self) -> Mapping[HintKind, datetime]:
        return dict(self.due)

    async def acquire(self, keys: Iterable[str], *, holder: str, seconds: float) -> set[str]:
        assert holder
        assert seconds > RENEW_AFTER.total_seconds()
        self.acquired += 1
        return set() if self.others_turn else set(keys)

    async def release(self, keys: Iterable[str], *, holder: str) -> None:
        assert (list(keys), holder) == ([f"dispatch:{SIXTH}"], "me")
        self.released += 1

    async def run(self, let_go: Callable[[], None]) -> bool:
        if self.takes_hints:
            self.due.clear()
        end = asyncio.Event()
        self.runs.append(end)
        self.let_go.append(let_go)
        await end.wait()
        if self.fails:
            raise self.fails
        return self.works

    async def tidy(self) -> None:
        self.tidied += 1

    async def is_active(self, _flow: FlowName) -> bool:
        return self.active

    async def dispatcher(self, *, is_tidy: bool = True) -> Dispatcher:
        job = Job(flow=SIXTH, kinds=frozenset({HintKind.REFERRAL}), run=self.run, tidy=self.tidy)
        dispatcher = Dispatcher(
            [job], inbox=self, turns=self, is_active=self.is_active, holder="me", clock=lambda: self.now
        )
        if is_tidy:
            await dispatcher.look()
            await dispatcher.settle()
        return dispatcher

    async def look(self, dispatcher: Dispatcher, *, after: timedelta = timedelta(0)) -> int:
        """Let time pass and look; return how many runs were started so far."""
        self.now += after
        await dispatcher.look()
        await breathe()
        return len(self.runs)

    async def end(self, dispatcher: Dispatcher) -> None:
        for run in self.runs:
            run.set()
        await dispatcher.settle()


async def breathe() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_nothing_waits_and_nothing_runs() -> None:
    stage = Stage()
    dispatcher = await stage.dispatcher()

    assert await stage.look(dispatcher) == 0


async def test_first_look_sees_to_what_an_earlier_dispatcher_left_behind_and_gives_the_turn_back() -> None:
    stage = Stage()
    dispatcher = await stage.dispatcher()
    await stage.look(dispatcher)

    assert (stage.tidied, stage.acquired, stage.released) == (1, 1, 1)


async def test_hints_of_a_burst_become_one_run() -> None:
    stage = Stage()
    dispatcher = await stage.dispatcher()
    for _ in range(50):
        stage.hint()
        await stage.look(dispatcher, after=timedelta(seconds=0.1))

    assert len(stage.runs) == 1
    await stage.end(dispatcher)
    assert stage.released == 2
    assert await stage.look(dispatcher) == 2, "what the run has not taken is the next one's"
    await stage.end(dispatcher)


async def test_hint_that_comes_while_a_run_closes_down_is_taken_at_once() -> None:
    stage = Stage()
    dispatcher = await stage.dispatcher()
    stage.hint()
    await stage.look(dispatcher)
    stage.let_go[0]()
    stage.now += timedelta(seconds=1)
    stage.hint()

    assert await stage.look(dispatcher) == 2
    await stage.end(dispatcher)


async def test_run_which_hangs_does_not_hold_up_others_for_ever_nor_do_they_become_many() -> None:
    stage = Stage()
    dispatcher = await stage.dispatcher()
    started = []
    for _ in range(10):
        stage.now += timedelta(seconds=1)
        stage.due.setdefault(HintKind.REFERRAL, stage.now)
        started.append(await stage.look(dispatcher, after=PATIENCE + timedelta(seconds=1)))

    assert started == [1, 2, 3] + 7 * [AT_ONCE]
    await stage.end(dispatcher)


async def test_flow_that_is_not_active_is_not_run_until_it_is() -> None:
    stage = Stage(active=False)
    dispatcher = await stage.dispatcher()
    stage.hint()
    assert await stage.look(dispatcher, after=timedelta(minutes=5)) == 0
    stage.active = True

    assert await stage.look(dispatcher, after=timedelta(seconds=3)) == 1
    await stage.end(dispatcher)


async def test_it_is_left_to_another_dispatcher_which_has_the_turn() -> None:
    stage = Stage()
    dispatcher = await stage.dispatcher()
    stage.others_turn = True
    stage.hint()
    assert await stage.look(dispatcher) == 0
    stage.others_turn = False
    assert await stage.look(dispatcher) == 0, "it asks again after a while only"

    assert await stage.look(dispatcher, after=ELSEWHERE) == 1
    await stage.end(dispatcher)


async def test_turn_is_held_anew_while_a_run_is_on() -> None:
    stage = Stage()
    dispatcher = await stage.dispatcher()
    stage.hint()
    await stage.look(dispatcher)
    before = stage.acquired
    for _ in range(3):
        await stage.look(dispatcher, after=RENEW_AFTER + timedelta(seconds=1))

    assert stage.acquired == before + 3
    await stage.end(dispatcher)


async def test_after_a_failure_it_waits_longer_each_time_and_goes_on_when_it_is_over() -> None:
    stage = Stage(takes_hints=False, fails=ServiceUnreachable("Prefect does not answer."))
    dispatcher = await stage.dispatcher()
    moments = []
    stage.hint()
    began = stage.now
    for _ in range(40):
        before = len(stage.runs)
        if await stage.look(dispatcher, after=timedelta(seconds=1)) > before:
            moments.append(round((stage.now - began).total_seconds()))
        await stage.end(dispatcher)
        stage.due = {HintKind.REFERRAL: stage.now}  # never the same twice: this is about failures alone

    pauses = [later - earlier for earlier, later in pairwise(moments)]
    assert pauses == sorted(pauses)
    assert (pauses[0] <= 2, pauses[-1] >= 8) == (True, True)
    stage.fails, stage.takes_hints = None, True
    await stage.look(dispatcher, after=timedelta(minutes=1))
    await dispatcher.settle()
    assert await stage.look(dispatcher) == len(moments) + 1
    await stage.end(dispatcher)


async def test_what_a_broken_run_may_have_left_behind_is_seen_to_before_the_next_one() -> None:
    stage = Stage(fails=ServiceUnreachable("The Prefect server answered with 500."))
    dispatcher = await stage.dispatcher()
    stage.hint()
    await stage.look(dispatcher)
    stage.runs[0].set()
    await dispatcher.settle()
    stage.hint()

    await stage.look(dispatcher, after=timedelta(minutes=2))
    await dispatcher.settle()
    assert (stage.tidied, len(stage.runs)) == (2, 1)

    assert await stage.look(dispatcher) == 2
    stage.runs[1].set()
    await dispatcher.settle()


async def test_run_which_leaves_its_hints_is_not_repeated_at_once_for_ever() -> None:
    stage = Stage(takes_hints=False)
    dispatcher = await stage.dispatcher()
    stage.hint()
    for _ in range(100):
        await stage.look(dispatcher, after=timedelta(seconds=0.1))
        await stage.end(dispatcher)

    assert len(stage.runs) < 10


async def test_asked_to_stop_it_lets_the_run_come_to_its_end() -> None:
    stage = Stage()
    dispatcher = await stage.dispatcher()
    stage.hint()
    stop = asyncio.Event()
    running = asyncio.create_task(dispatcher.run(stop))
    await breathe()
    assert len(stage.runs) == 1
    stop.set()
    stage.runs[0].set()
    await running

    assert stage.released == 2

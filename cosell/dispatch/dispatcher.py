"""Looks into the inbox again and again and runs the flow which takes what waits there.

The inbox is the truth, and whoever runs claims entries for a time; this only makes it fast. So nothing depends on the
dispatcher being alive, or being the only one: schedules find what it leaves, and the ledger's leases keep two
dispatchers from doing the same work.

A burst of hints is one run, which goes on as long as it finds something; it says when it takes no more, so that what
comes while it closes down need not wait. Beside a run that still takes, another one is started only when hints have
waited too long: then it hangs on a slow record, which must not hold up the others.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from cosell.domain.clock import Clock
from cosell.domain.flows import FlowName
from cosell.errors import CosellError
from cosell.store import HintKind

LOG = logging.getLogger(__name__)
POLL_SECONDS = 0.1
AFTER_ERROR_SECONDS = 5.0
PATIENCE = timedelta(seconds=10)
"""How long hints wait beside a run which has not taken them, until another one is started."""
AT_ONCE = 3
"""Runs of one flow at the same time, at most."""
LEASE_SECONDS = 12.0
RENEW_AFTER = timedelta(seconds=4)
ELSEWHERE = timedelta(seconds=1)
"""How long to leave it to another dispatcher which has the flow in hand."""
LONGEST_BACK_OFF = timedelta(seconds=60)
INACTIVE = timedelta(seconds=2)
STOP_SECONDS = 4.0


class DueHints(Protocol):
    """What the dispatcher asks the inbox."""

    async def find_due(self) -> Mapping[HintKind, datetime]:
        """Return since when the oldest hint of each kind could be taken; kinds without any are left out."""
        ...


class Turns(Protocol):
    """What the dispatcher asks of the ledger's leases."""

    async def acquire(self, keys: Iterable[str], *, holder: str, seconds: float) -> set[str]:
        """Take or renew what is free or ours."""
        ...

    async def release(self, keys: Iterable[str], *, holder: str) -> None:
        """Give back what is ours."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A flow, the kinds of hints which it takes out of the inbox, and how to run it.

    `run` returns whether the run could do its work, and calls what it is given once it takes no more hints. `tidy` sees
    to runs which an earlier dispatcher has left behind.
    """

    flow: FlowName
    kinds: frozenset[HintKind]
    run: Callable[[Callable[[], None]], Awaitable[bool]]
    tidy: Callable[[], Awaitable[None]]

    @property
    def lease(self) -> str:
        """What dispatchers take turns by."""
        return f"dispatch:{self.flow}"


@dataclass(slots=True)
class _Standing:
    """How a job stands."""

    taking: set["asyncio.Task[None]"] = field(default_factory=set)
    closing: set["asyncio.Task[None]"] = field(default_factory=set)
    started_at: datetime | None = None
    renewed_at: datetime | None = None
    not_before: datetime | None = None
    oldest_at_start: datetime | None = None
    is_repeat: bool = False
    has_backed_off: bool = False
    failures: int = 0
    is_tidy: bool = False

    @property
    def running(self) -> set["asyncio.Task[None]"]:
        return self.taking | self.closing

    def let_go(self, task: "asyncio.Task[Any] | None") -> None:
        if task in self.taking:
            self.taking.discard(task)
            self.closing.add(task)


class Dispatcher:
    """Runs jobs while hints wait for them."""

    def __init__(
        self,
        jobs: Sequence[Job],
        *,
        inbox: DueHints,
        turns: Turns,
        is_active: Callable[[FlowName], Awaitable[bool]],
        holder: str,
        clock: Clock,
    ) -> None:
        """Take turns with other dispatchers as `holder`, which has to be a name of this one alone."""
        self._standings = {job.flow: _Standing() for job in jobs}
        self._jobs = tuple(jobs)
        self._inbox = inbox
        self._turns = turns
        self._is_active = is_active
        self._holder = holder
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Look until told to stop, then give what runs a moment to come to its end."""
        while not stop.is_set():
            pause = POLL_SECONDS
            try:
                await self.look()
            except CosellError as error:
                LOG.warning("The inbox could not be looked at: %s", error)
                pause = AFTER_ERROR_SECONDS
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                continue
        await self._stop()

    async def look(self) -> None:
        """Start what is wanted now; returns without waiting for it.

        Raises:
            CosellError: the ledger does not answer.
        """
        due = await self._inbox.find_due()
        for job in self._jobs:
            await self._renew(job)
            oldest = min((due[kind] for kind in job.kinds if kind in due), default=None)
            if self._may_take(job) and (oldest is not None or not self._standings[job.flow].is_tidy):
                await self._consider(job, oldest)

    async def settle(self) -> None:
        """Wait until everything that runs has ended."""
        while running := [task for standing in self._standings.values() for task in standing.running]:
            await asyncio.gather(*running)

    def _may_take(self, job: Job) -> bool:
        not_before = self._standings[job.flow].not_before
        return not_before is None or self._clock() >= not_before

    async def _consider(self, job: Job, oldest: datetime | None) -> None:
        standing = self._standings[job.flow]
        if standing.taking and not self._is_overdue(standing, oldest):
            return
        may_tidy = not standing.is_tidy and not standing.running
        if oldest is None and not may_tidy:
            return
        if standing.is_tidy and not await self._is_active(job.flow):
            standing.not_before = self._clock() + INACTIVE
            return
        is_repeat = oldest is not None and oldest == standing.oldest_at_start
        if is_repeat and not standing.taking and not standing.has_backed_off:
            self._back_off(job, "the last run has left them behind")
            return
        if not await self._turns.acquire([job.lease], holder=self._holder, seconds=LEASE_SECONDS):
            standing.not_before = self._clock() + ELSEWHERE
            return
        standing.renewed_at = self._clock()
        if oldest is None or may_tidy:
            standing.taking.add(asyncio.create_task(self._tidy(job)))
            return
        standing.started_at, standing.oldest_at_start = self._clock(), oldest
        standing.is_repeat, standing.has_backed_off = is_repeat, False
        standing.taking.add(asyncio.create_task(self._run(job)))

    def _is_overdue(self, standing: _Standing, oldest: datetime | None) -> bool:
        if oldest is None or standing.started_at is None or len(standing.taking) >= AT_ONCE:
            return False
        return self._clock() - max(oldest, standing.started_at) > PATIENCE

    async def _tidy(self, job: Job) -> None:
        standing = self._standings[job.flow]
        try:
            await job.tidy()
            standing.is_tidy = True
        except CosellError as error:
            self._back_off(job, str(error))
        finally:
            await self._end(job)

    async def _run(self, job: Job) -> None:
        standing = self._standings[job.flow]
        try:
            task = asyncio.current_task()
            if await job.run(lambda: standing.let_go(task)):
                standing.failures = standing.failures if standing.is_repeat else 0
            else:
                self._back_off(job, "the run did not come to its end")
        except CosellError as error:
            # The server may have made a run before it failed; while nothing runs, that one is told apart.
            standing.is_tidy = False
            self._back_off(job, str(error))
        except Exception as error:
            standing.is_tidy = False
            self._back_off(job, f"{type(error).__name__}, see below")
            LOG.exception("A run of %s broke off.", job.flow)
        finally:
            await self._end(job)

    async def _end(self, job: Job) -> None:
        standing = self._standings[job.flow]
        task = asyncio.current_task()
        standing.taking.discard(task)
        standing.closing.discard(task)
        if not standing.running:
            try:
                await self._turns.release([job.lease], holder=self._holder)
            except CosellError as error:
                LOG.warning("The turn of %s ends by itself: %s", job.flow, error)

    def _back_off(self, job: Job, reason: str) -> None:
        standing = self._standings[job.flow]
        standing.failures += 1
        standing.has_backed_off = True
        wait = min(timedelta(seconds=2 ** min(standing.failures, 8) / 2), LONGEST_BACK_OFF)
        standing.not_before = self._clock() + wait
        LOG.warning(
            "%s is tried again in %.0f s, its hints wait in the inbox: %s", job.flow, wait.total_seconds(), reason
        )

    async def _renew(self, job: Job) -> None:
        standing = self._standings[job.flow]
        now = self._clock()
        if standing.running and (standing.renewed_at is None or now - standing.renewed_at > RENEW_AFTER):
            standing.renewed_at = now
            await self._turns.acquire([job.lease], holder=self._holder, seconds=LEASE_SECONDS)

    async def _stop(self) -> None:
        running = [task for standing in self._standings.values() for task in standing.running]
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=STOP_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

"""Politeness towards one service: how many requests at once, how many a second, and silence when it asks for it.

A pace is one process's. What all processes together may send is booked with the `Turns` it is given; without any, a
process keeps to its own `per_second`.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from cosell.domain.clock import Clock
from cosell.errors import Throttled
from cosell.http.turns import Turns

Sleep = Callable[[float], Awaitable[object]]

SLOW_SECONDS = 15.0
"""An answer which takes longer than this tells that the service has enough to do."""


class Pace:
    """Shared by all requests to one service; `slot()` is held while a request is under way."""

    def __init__(
        self,
        *,
        max_in_flight: int,
        per_second: int | None = None,
        clock: Clock,
        sleep: Sleep,
        turns: Turns | None = None,
    ) -> None:
        """Start with nothing under way; `per_second` of None leaves the rate to the service."""
        self._hint = self._most = max_in_flight
        self._wanted = float(max_in_flight)
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._starts: deque[datetime] | None = deque(maxlen=per_second) if per_second else None
        self._clock = clock
        self._sleep = sleep
        self._turns = turns
        self._silent_until = clock()

    @property
    def limit(self) -> int:
        """How many requests may be under way now."""
        return max(1, min(self._most, self._hint, int(self._wanted)))

    def follow_hint(self, max_in_flight: int) -> None:
        """Take over how many requests at once the service recommends, within what was configured."""
        self._hint = max_in_flight
        self._wake()

    def note_answer(self, *, seconds: float, is_throttled: bool) -> None:
        """Adapt how many requests are under way: half when the service has too much to do, slowly more again."""
        if is_throttled or seconds > SLOW_SECONDS:
            self._wanted = max(1.0, self._wanted / 2)
        else:
            self._wanted = min(float(self._most), self._wanted + 1 / self._wanted)
            self._wake()

    def keep_silent(self, seconds: float) -> None:
        """Send nothing more to this service for so long."""
        self._silent_until = max(self._silent_until, self._clock() + timedelta(seconds=seconds))

    async def tell_others(self, seconds: float) -> None:
        """Let no other process send anything for so long."""
        if self._turns is not None:
            await self._turns.pause(seconds)

    @asynccontextmanager
    async def slot(self, *, max_wait_seconds: float) -> AsyncIterator[None]:
        """Wait for one's turn. Raises Throttled when the service asked for a longer silence than `max_wait_seconds`."""
        self._check_silence(max_wait_seconds)
        await self._enter()
        try:
            await self._wait_for_turn(max_wait_seconds)
            yield
        finally:
            self._in_flight -= 1
            self._wake()

    def _check_silence(self, max_wait_seconds: float) -> None:
        silence = (self._silent_until - self._clock()).total_seconds()
        if silence > max_wait_seconds:
            raise Throttled("The service asked for silence, and it is not over yet.", retry_after=silence)

    async def _enter(self) -> None:
        while self._in_flight >= self.limit:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                else:
                    self._wake()
                raise
        self._in_flight += 1

    def _wake(self) -> None:
        free = self.limit - self._in_flight
        while self._waiting and free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1

    async def _wait_for_turn(self, max_wait_seconds: float) -> None:
        booked = await self._turns.next() if self._turns is not None else None
        if booked is not None and booked.paused_until > self._silent_until:
            self._silent_until = booked.paused_until
            self._check_silence(max_wait_seconds)
        now = self._clock()
        start = max(now, self._silent_until)
        if booked is not None:
            start = max(start, booked.at)
        elif self._starts is not None:
            if len(self._starts) == self._starts.maxlen:
                start = max(start, self._starts[0] + timedelta(seconds=1))
            self._starts.append(start)
        if start > now:
            await self._sleep((start - now).total_seconds())
        # Another request may have been answered with a longer silence while this one waited.
        self._check_silence(max_wait_seconds)
        left = (self._silent_until - self._clock()).total_seconds()
        if left > 0:
            await self._sleep(left)

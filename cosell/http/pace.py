"""Politeness towards one service: how many requests at once, how many a second, and silence when it asks for it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from cosell.domain.clock import Clock
from cosell.errors import Throttled

Sleep = Callable[[float], Awaitable[object]]


class Pace:
    """Shared by all requests to one service; `slot()` is held while a request is under way."""

    def __init__(self, *, max_in_flight: int, per_second: int | None = None, clock: Clock, sleep: Sleep) -> None:
        """Start with nothing under way; `per_second` of None leaves the rate to the service."""
        self._limit = self._most = max_in_flight
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._starts: deque[datetime] | None = deque(maxlen=per_second) if per_second else None
        self._clock = clock
        self._sleep = sleep
        self._silent_until = clock()

    def follow_hint(self, max_in_flight: int) -> None:
        """Take over how many requests at once the service recommends, within what was configured."""
        self._limit = max(1, min(self._most, max_in_flight))
        self._wake()

    def keep_silent(self, seconds: float) -> None:
        """Send nothing more to this service for so long."""
        self._silent_until = max(self._silent_until, self._clock() + timedelta(seconds=seconds))

    @asynccontextmanager
    async def slot(self, *, max_wait_seconds: float) -> AsyncIterator[None]:
        """Wait for one's turn. Raises Throttled when the service asked for a longer silence than `max_wait_seconds`."""
        silence = (self._silent_until - self._clock()).total_seconds()
        if silence > max_wait_seconds:
            raise Throttled("The service asked for silence, and it is not over yet.", retry_after=silence)
        await self._enter()
        try:
            await self._wait_for_turn()
            yield
        finally:
            self._in_flight -= 1
            self._wake()

    async def _enter(self) -> None:
        while self._in_flight >= self._limit:
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
        free = self._limit - self._in_flight
        while self._waiting and free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1

    async def _wait_for_turn(self) -> None:
        now = self._clock()
        start = max(now, self._silent_until)
        if self._starts is not None:
            if len(self._starts) == self._starts.maxlen:
                start = max(start, self._starts[0] + timedelta(seconds=1))
            self._starts.append(start)
        if start > now:
            await self._sleep((start - now).total_seconds())

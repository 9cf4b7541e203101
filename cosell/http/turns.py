"""The turns of one process in what all processes share: booked in blocks, given out one by one.

The ledger being slow or gone must not stop what a person waits for: then the process goes by its own pace, says so
once, and books again when the ledger is back. What runs in the background waits for the ledger instead.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cosell.domain.clock import Clock
from cosell.errors import CosellError
from cosell.http.budget import Booking, Grant, Limit, Urgency

logger = logging.getLogger(__name__)

GOOD_FOR_SECONDS = 1.0
"""A booked turn which was not used so soon is left: so a pause that another process was told is seen within that."""
PATIENCE_SECONDS = 2.0
"""So long the ledger is waited for."""
ALONE_SECONDS = 10.0
"""So long it is not asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """When a request may start, and until when the service wants silence."""

    at: datetime
    paused_until: datetime


class Turns:
    """Books at one shared budget for one limit, on behalf of all requests of one process."""

    def __init__(
        self,
        booking: Booking,
        limit: Limit,
        *,
        clock: Clock,
        sleep: Callable[[float], Awaitable[object]],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Have booked nothing yet."""
        self._budget = booking.budget
        self._limit = limit
        self._clock = clock
        self._sleep = sleep
        self._urgency = booking.urgency
        self._patience = patience_seconds
        self._lock = asyncio.Lock()
        self._held: deque[float] = deque()
        self._paused_until = 0.0
        self._good_until = 0.0
        self._block = 1
        self._alone_until = 0.0
        self._is_told = False

    async def next(self) -> Turn | None:
        """Return the next turn; None when the ledger does not answer, and the process has to go by its own pace.

        Raises:
            CosellError: the ledger does not answer, and nobody waits for this request.
        """
        async with self._lock:
            while not self._has_good():
                if self._now() < self._alone_until:
                    return None
                grant = await self._book()
                if grant is None:
                    return None
                if not grant.starts:
                    # Slept with the lock: others of this process have no better claim.
                    await self._sleep(max(grant.again_at - self._now(), self._limit.spacing_seconds / 4))
            return Turn(at=_at(self._held.popleft()), paused_until=_at(self._paused_until))

    async def pause(self, seconds: float) -> None:
        """Tell all processes that the service wants silence; a ledger which cannot be told is no reason to fail."""
        self._held.clear()
        try:
            await self._budget.pause(self._limit, seconds=seconds)
        except CosellError as error:
            self._go_alone(error)

    def _has_good(self) -> bool:
        """Tell whether a turn is at hand; those of an earlier block are left."""
        if self._held and max(self._good_until, self._held[0] + GOOD_FOR_SECONDS) < self._now():
            self._held.clear()
        return bool(self._held)

    async def _book(self) -> Grant | None:
        # As long as blocks are used up at once, they grow: what is booked and not used is lost to everybody.
        is_busy = self._now() <= self._good_until
        self._block = min(self._limit.block, self._block * 2) if is_busy else 1
        try:
            grant = await self._ask(self._block)
        except CosellError as error:
            if self._urgency is Urgency.BACKGROUND:
                raise
            self._go_alone(error)
            return None
        if self._is_told:
            logger.info("the limits of %s are shared with other processes again", self._limit.account)
            self._is_told = False
        self._paused_until = max(self._paused_until, grant.paused_until)
        if grant.starts:
            self._held.extend(grant.starts)
            self._good_until = self._now() + GOOD_FOR_SECONDS
        return grant

    async def _ask(self, count: int) -> Grant:
        """Book; whoever serves a person does not wait for long."""
        booking = asyncio.ensure_future(self._budget.reserve(self._limit, urgency=self._urgency, count=count))
        if self._urgency is Urgency.FOREGROUND:
            done, _ = await asyncio.wait({booking}, timeout=self._patience)
            if not done:
                # Left to its end: a transaction which is broken off would hold up whoever does it.
                booking.add_done_callback(lambda task: task.cancelled() or task.exception())
                raise CosellError(f"the ledger did not answer within {self._patience:g} seconds")
        return await booking

    def _go_alone(self, error: CosellError) -> None:
        self._alone_until = self._now() + ALONE_SECONDS
        if not self._is_told:
            self._is_told = True
            logger.warning(
                "this process keeps the limits of %s for itself until the ledger answers again: %s",
                self._limit.account,
                error,
            )

    def _now(self) -> float:
        return self._clock().timestamp()


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

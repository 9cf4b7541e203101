"""Put hints into the inbox, safely before the sender is answered, and many at once when many come at once.

While one transaction is being written, further hints gather and go into the next one together: a burst costs a few
commits, not one for each notification.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Protocol

from cosell.domain.clock import Clock
from cosell.errors import CosellError
from cosell.store import Added, Hint
from cosell.webhooks.refusal import Reason, Refused

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 200
MOST_WAITING = 5000
DOUBT_AFTER_FAILURE = timedelta(seconds=30)


class HintInbox(Protocol):
    """What the receiver needs of the ledger's inbox."""

    async def add(self, hints: Iterable[Hint]) -> Added:
        """Store hints durably; a hint whose record is waiting already counts as a duplicate."""
        ...

    async def count_waiting(self) -> int:
        """Count what waits to be looked at."""
        ...


class Intake:
    """The way into one inbox."""

    def __init__(
        self,
        inbox: HintInbox,
        *,
        wake: Callable[[], None],
        clock: Clock,
        store_seconds: float,
        count: Callable[[Added], None],
    ) -> None:
        """Store in `inbox` within `store_seconds`, then call `wake`; `count` is told what became of the hints."""
        self._inbox = inbox
        self._wake = wake
        self._clock = clock
        self._store_seconds = store_seconds
        self._count = count
        self._gathered: list[tuple[Hint, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._failed_at: datetime | None = None

    async def store(self, hint: Hint) -> None:
        """Return once the hint is safe.

        Raises:
            Refused: it is not, or it is not known to be.
        """
        if len(self._gathered) >= MOST_WAITING:
            raise Refused(Reason.NOT_STORED)
        safe: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gathered.append((hint, safe))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        try:
            async with asyncio.timeout(self._store_seconds):
                await safe
        except TimeoutError:
            self._failed_at = self._clock()
            logger.warning("a hint is not stored yet after %s s; the sender is told to come again", self._store_seconds)
            raise Refused(Reason.NOT_STORED) from None

    async def count_waiting(self) -> int | None:
        """Return how many entries wait in the inbox, None when it cannot be read or lately could not be written."""
        if self._failed_at is not None and self._clock() - self._failed_at < DOUBT_AFTER_FAILURE:
            return None
        try:
            async with asyncio.timeout(self._store_seconds):
                return await self._inbox.count_waiting()
        except (CosellError, OSError):
            return None

    async def _write_all(self) -> None:
        try:
            while self._gathered:
                batch = self._gathered[:MOST_AT_ONCE]
                del self._gathered[:MOST_AT_ONCE]
                await self._write(batch)
        finally:
            self._writer = None

    async def _write(self, batch: list[tuple[Hint, asyncio.Future[None]]]) -> None:
        try:
            added = await self._inbox.add([hint for hint, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it was: nothing is stored, and the sender has to hear so
            reason = str(error) if isinstance(error, CosellError) else type(error).__name__
            logger.error("%s hints not stored: %s", len(batch), reason)  # noqa: TRY400 - no traceback, it may hold values
            self._failed_at = self._clock()
            for _, safe in batch:
                if not safe.done():
                    safe.set_exception(Refused(Reason.NOT_STORED))
            return
        self._failed_at = None
        for _, safe in batch:
            if not safe.done():
                safe.set_result(None)
        self._count(added)
        self._call_wake()

    def _call_wake(self) -> None:
        try:
            self._wake()
        except Exception as error:  # noqa: BLE001 - the hints are safe; a schedule will find them
            logger.error("the wake-up after storing failed: %s", type(error).__name__)  # noqa: TRY400 - may hold values

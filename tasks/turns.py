"""Whose turn it is to do a flow's work: one run's at a time, and free again soon after a run has died."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from cosell.errors import RetryableError
from cosell.store import Leases
from tasks.workspace import get_workspace

TURN_SECONDS = 30.0
RENEW_SECONDS = 10.0


@asynccontextmanager
async def held_turn(key: str) -> AsyncIterator[bool]:
    """Hold a turn while the block lasts; yield False when another run has it."""
    workspace = get_workspace()
    leases, holder = workspace.ledger.leases, workspace.holder
    if not await leases.acquire([key], holder=holder, seconds=TURN_SECONDS):
        yield False
        return
    renewing = asyncio.create_task(_renew(leases, key, holder))
    try:
        yield True
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        with suppress(RetryableError):
            await leases.release([key], holder=holder)


async def _renew(leases: Leases, key: str, holder: str) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        with suppress(RetryableError):
            await leases.renew([key], holder=holder, seconds=TURN_SECONDS)

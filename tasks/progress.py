"""How far long work has come, as an artifact which the Prefect UI draws as a bar."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact

from cosell.domain.tenants import tenant_artifact
from tasks.workspace import get_workspace


@contextlib.asynccontextmanager
async def shown_progress(key: str, description: str) -> AsyncIterator[Callable[[float, int], None]]:
    """Keep a progress artifact while something runs; it is told more often than Prefect is."""
    artifact_id = await acreate_progress_artifact(
        0.0, key=tenant_artifact(key, get_workspace().ledger.tenant), description=description
    )
    latest, moved = [0.0], asyncio.Event()

    def tell(done: float, total: int) -> None:
        latest[0] = 100.0 * done / total if total else 100.0
        moved.set()

    async def show() -> None:
        while True:
            await moved.wait()
            moved.clear()
            await aupdate_progress_artifact(artifact_id, progress=latest[0])

    showing = asyncio.create_task(show())
    try:
        yield tell
        latest[0] = 100.0
    finally:
        showing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await showing
        await aupdate_progress_artifact(artifact_id, progress=latest[0])

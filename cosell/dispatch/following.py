"""Follows a run to its end: how far it has come, how it ended, and the rows of its tables."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact, State

from cosell.dispatch.runs import POLL_SECONDS, unreachable
from cosell.errors import ServiceUnreachable


async def follow_run(
    run_id: UUID, *, progress_key: str, tell: Callable[[float], None], starts_within_seconds: float
) -> State[Any]:
    """Wait until a run has ended, however long that takes; tell the percentage of its progress artifact meanwhile.

    Raises:
        ServiceUnreachable: the server does not answer, or nobody has begun the run in time.
    """
    waited = 0.0
    try:
        async with get_client() as client:
            while True:
                run = await client.read_flow_run(run_id)
                if run.state and run.state.is_final():
                    return run.state
                if run.start_time is None and waited > starts_within_seconds:
                    raise ServiceUnreachable(
                        f"Nobody has begun the run within {starts_within_seconds:.0f} seconds. Is a worker running for "
                        "the work pool? `cosell doctor` tells; the run waits for one."
                    )
                for artifact in await _find_artifacts(client, run_id, progress_key):
                    if isinstance(artifact.data, int | float):
                        tell(float(artifact.data))
                await asyncio.sleep(POLL_SECONDS)
                waited += POLL_SECONDS
    except httpx.HTTPError as error:
        raise unreachable(error) from None


async def read_table(run_id: UUID, key: str) -> list[dict[str, Any]]:
    """Return the rows of the table which a run has published under a key; none when it has published none."""
    try:
        async with get_client() as client:
            found = await _find_artifacts(client, run_id, key)
    except httpx.HTTPError as error:
        raise unreachable(error) from None
    data = found[0].data if found else "[]"
    rows = json.loads(data) if isinstance(data, str) else data
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


async def _find_artifacts(client: PrefectClient, run_id: UUID, key: str) -> list[Artifact]:
    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]), key=ArtifactFilterKey(any_=[key]))
    return await client.read_artifacts(artifact_filter=wanted, limit=1)

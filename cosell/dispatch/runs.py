"""Starts runs of deployments, waits for them, finds them again."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import ObjectNotFound

from cosell.errors import ConfigurationError, ServiceUnreachable

POLL_SECONDS = 0.5


async def start_run(deployment: str, parameters: Mapping[str, object], *, idempotency_key: str = "") -> FlowRun:
    """Start a run of a deployment; the same `idempotency_key` again gives the run that was started first.

    Raises:
        ConfigurationError: there is no such deployment.
        ServiceUnreachable: the Prefect server does not answer.
    """
    try:
        async with get_client() as client:
            found = await client.read_deployment_by_name(deployment)
            return await client.create_flow_run_from_deployment(
                found.id, parameters=dict(parameters), idempotency_key=idempotency_key or uuid4().hex
            )
    except ObjectNotFound:
        raise ConfigurationError(
            f"Prefect has no deployment {deployment}. `cosell up` makes them, and so does `cosell deploy`."
        ) from None
    except httpx.HTTPError as error:
        raise unreachable(error) from None


async def wait_for_run(run_id: UUID, *, seconds: float) -> State[Any]:
    """Wait until a run has ended and return its state.

    Raises:
        ServiceUnreachable: the server does not answer, or the run has not ended in time.
    """
    try:
        async with asyncio.timeout(seconds), get_client() as client:
            while True:
                run = await client.read_flow_run(run_id)
                if run.state and run.state.is_final():
                    return run.state
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise ServiceUnreachable(
            f"The run has not ended within {seconds:.0f} seconds. Is a worker running for the work pool?"
        ) from None
    except httpx.HTTPError as error:
        raise unreachable(error) from None


async def find_runs_since(deployment: str, since: datetime) -> list[FlowRun]:
    """Return the runs of a deployment which were created since a moment, newest first."""
    try:
        async with get_client() as client:
            found = await client.read_deployment_by_name(deployment)
            # Asked for by deployment: the runs which schedules have planned ahead would fill the page.
            only = DeploymentFilter(id=DeploymentFilterId(any_=[found.id]))
            runs = await client.read_flow_runs(deployment_filter=only, limit=50, sort=_NEWEST_FIRST)
    except httpx.HTTPError as error:
        raise unreachable(error) from None
    return [run for run in runs if run.created and run.created >= since]


_NEWEST_FIRST: Any = "EXPECTED_START_TIME_DESC"


def unreachable(error: httpx.HTTPError | None = None) -> ServiceUnreachable:
    """Return the error for a Prefect server which does not answer, or answers with a refusal."""
    if isinstance(error, httpx.HTTPStatusError):
        asked = f"{error.request.method} {error.request.url.path}"
        return ServiceUnreachable(f"The Prefect server answered {asked} with {error.response.status_code}.")
    return ServiceUnreachable("The Prefect server does not answer. Start it with `cosell up`, or set PREFECT_API_URL.")

"""Runs a deployment's flow in this very process: no new process, no imports, and still a run of its deployment.

So it is in the history of its deployment, and *Retry* in the Prefect UI hands it to a worker. A run created as Pending
is never offered to workers, which take scheduled runs only (tried with Prefect 3.8).
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.flow_engine import run_flow
from prefect.flows import Flow
from prefect.states import Cancelled, Crashed, Pending

from cosell.dispatch.runs import unreachable
from cosell.errors import ConfigurationError

DISPATCHED = "dispatched"
"""The tag of runs which were executed by a dispatcher."""
HERE = "Taken by the dispatcher."
DIED = (
    "Nobody runs this any more: its dispatcher has ended, or the Prefect server did not answer. What was not done is "
    "still in the inbox, and comes again by itself."
)
WATCH_SECONDS = 5.0
_UNDER_WAY = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING]))


async def run_here(flow: Flow[..., Any], deployment: str, parameters: Mapping[str, object]) -> State[Any]:
    """Run a flow as a run of its deployment, in this process, and return the state it ended in.

    Raises:
        ConfigurationError: there is no such deployment.
        ServiceUnreachable: the Prefect server does not answer.
    """
    try:
        async with get_client() as client:
            found = await client.read_deployment_by_name(deployment)
            run = await client.create_flow_run_from_deployment(
                found.id,
                parameters=dict(parameters),
                state=Pending(message=HERE),
                tags=[DISPATCHED],
                idempotency_key=uuid4().hex,
            )
            return await _watch(client, run.id, asyncio.create_task(_execute(flow, run)))
    except ObjectNotFound:
        raise ConfigurationError(
            f"Prefect has no deployment {deployment}. `cosell up` makes them, and so does `cosell deploy`."
        ) from None
    except httpx.HTTPError as error:
        raise unreachable(error) from None


async def _execute(flow: Flow[..., Any], run: FlowRun) -> State[Any]:
    ended: Any = run_flow(flow, flow_run=run, return_type="state")
    state: State[Any] = await ended
    return state


async def _watch(client: PrefectClient, run_id: UUID, running: "asyncio.Task[State[Any]]") -> State[Any]:
    """Wait for a run; when somebody presses *Cancel* in the UI, end it, for no worker is there to do that."""
    try:
        while True:
            await asyncio.wait([running], timeout=WATCH_SECONDS)
            if running.done():
                return await running
            if await _is_cancelling(client, run_id):
                break
    finally:
        running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    cancelled: State[Any] = Cancelled(message="Cancelled in the Prefect UI.")
    await client.set_flow_run_state(run_id, cancelled, force=True)
    return cancelled


async def _is_cancelling(client: PrefectClient, run_id: UUID) -> bool:
    try:
        run = await client.read_flow_run(run_id)
    except (httpx.HTTPError, ObjectNotFound):
        return False  # the run itself will hear of it
    return run.state is not None and run.state.is_cancelling()


async def mark_dead_runs(deployment: str) -> int:
    """Mark as crashed the runs which no dispatcher executes any more, with the runs called; return how many.

    Call it only while no dispatcher runs this deployment's flow. Nothing depends on it but what the UI shows.

    Raises:
        ServiceUnreachable: the Prefect server does not answer.
    """
    name = deployment.partition("/")[2]
    try:
        async with get_client() as client:
            dead = [
                run
                for run in await client.read_flow_runs(
                    deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[name])),
                    flow_run_filter=FlowRunFilter(state=_UNDER_WAY, tags=FlowRunFilterTags(all_=[DISPATCHED])),
                )
                if _was_here(run)
            ]
            for run in dead:
                dead += await client.read_flow_runs(
                    flow_run_filter=FlowRunFilter(
                        state=_UNDER_WAY, parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run.id])
                    )
                )
                await client.set_flow_run_state(run.id, Crashed(message=DIED), force=True)
    except httpx.HTTPError as error:
        raise unreachable(error) from None
    return len(dead)


def _was_here(run: FlowRun) -> bool:
    """Tell a run in a dispatcher from one which was retried since: that is a worker's."""
    if run.state and run.state.is_pending():
        return run.state.message == HERE
    return run.run_count <= 1

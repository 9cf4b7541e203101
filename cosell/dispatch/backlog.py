"""After a time without workers, Prefect offers every run that a schedule has missed. One of them does it all.

The other runs would each cost a process, find nothing and make the operator's list unreadable.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterNextScheduledStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Cancelled

from cosell.dispatch.deployments import TAG
from cosell.dispatch.runs import unreachable
from cosell.domain.clock import Clock

SUPERSEDED = "Superseded"
PAGE = 200
_SCHEDULED = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))


async def cancel_superseded(clock: Clock) -> int:
    """Cancel runs that schedules have missed, but for the newest of each deployment; return how many.

    Raises:
        ServiceUnreachable: the Prefect server does not answer.
    """
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    try:
        async with get_client() as client:
            due: defaultdict[UUID | None, list[FlowRun]] = defaultdict(list)
            for run in await _read_due(client, ours, clock):
                due[run.deployment_id].append(run)
            stale = [run for runs in due.values() for run in sorted(runs, key=_planned_for)[:-1]]
            await _cancel(client, stale)
    except httpx.HTTPError as error:
        raise unreachable(error) from None
    return len(stale)


async def cancel_due_runs(deployment_id: UUID, clock: Clock) -> int:
    """Cancel the missed runs of one deployment, for a run which is doing their work; return how many.

    Raises:
        ServiceUnreachable: the Prefect server does not answer.
    """
    only = DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id]))
    try:
        async with get_client() as client:
            stale = await _read_due(client, only, clock)
            await _cancel(client, stale)
    except httpx.HTTPError as error:
        raise unreachable(error) from None
    return len(stale)


async def _read_due(client: PrefectClient, deployments: DeploymentFilter, clock: Clock) -> list[FlowRun]:
    """Read the runs which schedules have planned for times gone by and nobody has begun; those by hand are left out."""
    past = FlowRunFilter(
        state=_SCHEDULED, next_scheduled_start_time=FlowRunFilterNextScheduledStartTime(before_=clock())
    )
    found: list[FlowRun] = []
    while True:
        page = await client.read_flow_runs(
            deployment_filter=deployments, flow_run_filter=past, limit=PAGE, offset=len(found)
        )
        found += page
        if len(page) < PAGE:
            return [run for run in found if run.auto_scheduled and run.run_count == 0]


async def _cancel(client: PrefectClient, runs: Collection[FlowRun]) -> None:
    for run in runs:
        state: State[Any] = Cancelled(
            name=SUPERSEDED, message="Not run: a later run of the same schedule does its work."
        )
        await client.set_flow_run_state(run.id, state)


def _planned_for(run: FlowRun) -> datetime:
    return run.next_scheduled_start_time or run.expected_start_time or datetime.min.replace(tzinfo=UTC)

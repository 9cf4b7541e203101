"""The deployments by their names, and the work pool they run in."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from cosell.dispatch.runs import unreachable
from cosell.domain.flows import FlowName
from cosell.domain.ids import TenantName
from cosell.domain.tenants import tenant_deployment

TAG = "cosell"
"""Carried by every deployment of ours: other projects may share the server."""

ENGINE = "-m prefect.engine"
"""How a command ends which begins a run."""


def operating_deployment(flow: FlowName, *, tenant: str) -> str:
    """Return the name of the deployment which operates a flow for a tenant."""
    return f"{flow}/{tenant_deployment(f'{flow.number}-{flow}', TenantName(tenant))}"


def activating_deployment(flow: FlowName, *, tenant: str) -> str:
    """Return the name of the deployment which activates a flow for a tenant."""
    return f"activate/{tenant_deployment(f'activate-{flow.number}-{flow}', TenantName(tenant))}"


async def set_paused(deployment: str, *, is_paused: bool) -> None:
    """Stop or start the schedules of a deployment; one that is not there is left alone."""
    async with get_client() as client:
        try:
            found = await client.read_deployment_by_name(deployment)
        except ObjectNotFound:
            return
        if found.paused != is_paused:
            await (client.pause_deployment(found.id) if is_paused else client.resume_deployment(found.id))


async def ensure_work_pool(name: str) -> None:
    """Make the process work pool when it is missing.

    Raises:
        ServiceUnreachable: the Prefect server does not answer.
    """
    try:
        async with get_client() as client:
            await client.create_work_pool(WorkPoolCreate(name=name, type="process"))
    except ObjectAlreadyExists:
        return
    except httpx.HTTPError as error:
        raise unreachable(error) from None


async def begin_runs_with(command: str, *, work_pool: str) -> None:
    """Let the workers of a process work pool begin each run with a command; one that somebody has set stays.

    Without one Prefect puts a process before each run which only finds out how to begin it: two seconds, for nothing.

    Args:
        command: ends with `-m prefect.engine`.
        work_pool: the name of the work pool.

    Raises:
        ServiceUnreachable: the Prefect server does not answer.
    """
    from prefect.workers.process import ProcessWorker  # takes long to load, and only this needs it

    try:
        async with get_client() as client:
            pool = await client.read_work_pool(work_pool)
            present = pool.base_job_template or ProcessWorker.get_default_base_job_template()
            wanted = with_command(present, command) if pool.type == ProcessWorker.type else present
            if wanted != pool.base_job_template:
                await client.update_work_pool(work_pool, WorkPoolUpdate(base_job_template=wanted))
    except httpx.HTTPError as error:
        raise unreachable(error) from None


def with_command(template: Mapping[str, Any], command: str) -> dict[str, Any]:
    """Return a work pool's template with this default command, unless it has one which is not of our making. Pure."""
    changed = deepcopy(dict(template))
    variable = changed.get("variables", {}).get("properties", {}).get("command")
    if variable is not None and str(variable.get("default") or ENGINE).endswith(ENGINE):
        variable["default"] = command
    return changed

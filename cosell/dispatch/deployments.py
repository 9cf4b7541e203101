"""The deployments by their names, and the work pool they run in."""

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from cosell.dispatch.runs import unreachable
from cosell.domain.flows import FlowName
from cosell.domain.ids import TenantName
from cosell.domain.tenants import tenant_deployment

TAG = "cosell"
"""Carried by every deployment of ours: other projects may share the server."""


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

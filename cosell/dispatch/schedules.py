"""Keeps the schedules which an operator has edited in the Prefect UI: deploying would put the shipped ones in place.

`prefect deploy` deletes all schedules of a deployment and makes those of `prefect.yaml` (tried with Prefect 3.8). So
what stands there is compared, before, with what was there right after the last deploying: what differs was edited,
and is put back.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Protocol

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleUpdate, DeploymentUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse

from cosell.dispatch.deployments import TAG
from cosell.dispatch.runs import unreachable
from cosell.domain.ids import TenantName
from cosell.domain.tenants import belongs_to, tenant_tags

AS_DEPLOYED, EDITED = "schedules-as-deployed", "schedules-edited"
PAGE = 200
Schedules = dict[str, list[dict[str, Any]]]
"""What each deployment's schedules are, by the deployment's name."""


class Notes(Protocol):
    """What is asked of the ledger: to remember."""

    async def find(self, key: str) -> str | None:
        """Find a value."""
        ...

    async def save(self, key: str, value: str) -> None:
        """Write a value."""
        ...


@asynccontextmanager
async def keeping_edited_schedules(notes: Notes, *, tenant: TenantName) -> AsyncIterator[list[str]]:
    """Put a tenant's edited schedules back once the block has deployed; yield the names of their deployments.

    Raises:
        ServiceUnreachable: the Prefect server does not answer.
    """
    try:
        before = await _read(tenant)
        edited = find_edited(before, deployed=await _load(notes, AS_DEPLOYED), left=await _load(notes, EDITED))
        # Noted first: deploying that breaks off half-way must not cost the edits.
        await notes.save(EDITED, json.dumps(edited))
        yield sorted(edited)
        await notes.save(AS_DEPLOYED, json.dumps(await _read(tenant)))
        await _restore(edited, tenant)
        await notes.save(EDITED, "{}")
    except httpx.HTTPError as error:
        raise unreachable(error) from None


def find_edited(now: Schedules, *, deployed: Schedules, left: Schedules) -> Schedules:
    """Return the schedules which somebody has edited; `left` are those of an earlier deploying that broke off."""
    changed = {name: schedules for name, schedules in now.items() if schedules != deployed.get(name, schedules)}
    return {**changed, **{name: schedules for name, schedules in left.items() if name in now}}


async def _load(notes: Notes, key: str) -> Schedules:
    loaded: Schedules = json.loads(await notes.find(key) or "{}")
    return loaded


async def _read(tenant: TenantName) -> Schedules:
    return {name: _describe(deployment) for name, deployment in (await _find_deployments(tenant)).items()}


async def _find_deployments(tenant: TenantName) -> Mapping[str, DeploymentResponse]:
    found: list[DeploymentResponse] = []
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG, *tenant_tags(tenant)]))
    async with get_client() as client:
        while len(page := await client.read_deployments(deployment_filter=ours, limit=PAGE, offset=len(found))):
            found += page
    return {deployment.name: deployment for deployment in found if belongs_to(deployment.tags, tenant)}


def _describe(deployment: DeploymentResponse) -> list[dict[str, Any]]:
    described = [_describe_one(schedule) for schedule in deployment.schedules]
    return sorted(described, key=lambda item: json.dumps(item, sort_keys=True))


def _describe_one(schedule: DeploymentSchedule) -> dict[str, Any]:
    return {
        "slug": schedule.slug,
        "active": schedule.active,
        "parameters": schedule.parameters,
        "schedule": schedule.schedule.model_dump(mode="json"),
    }


async def _restore(edited: Schedules, tenant: TenantName) -> None:
    deployments = await _find_deployments(tenant)
    async with get_client() as client:
        for name, schedules in edited.items():
            kept = [DeploymentScheduleUpdate.model_validate(schedule) for schedule in with_slugs(schedules)]
            await client.update_deployment(deployments[name].id, DeploymentUpdate(schedules=kept))


def with_slugs(schedules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give a slug to schedules made in the UI, which have none: beside one that has, Prefect takes none without."""
    known = {schedule["slug"] for schedule in schedules}
    free = (slug for number in count(1) if (slug := f"edited-{number}") not in known)
    return [{**schedule, "slug": schedule["slug"] or next(free)} for schedule in schedules]

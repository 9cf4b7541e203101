"""From a hint to a run: the one module outside of `flows/` and `tasks/` which speaks to Prefect.

It starts runs of deployments, waits for them, and shows in Prefect which flows are active.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from cosell.domain.flows import FlowName
from cosell.errors import ConfigurationError, CosellError, ServiceUnreachable
from cosell.store import Added, Door, Hint
from cosell.webhooks.intake import HintInbox

LOG = logging.getLogger(__name__)
POLL_SECONDS = 0.5
WINDOW_SECONDS = 0.3
"""How long hints are gathered before a run is started for all of them."""
AGAIN_SECONDS = 5.0


def operating_deployment(flow: FlowName) -> str:
    """Return the name of the deployment which operates a flow."""
    return f"{flow}/{flow.number}-{flow}"


def activating_deployment(flow: FlowName) -> str:
    """Return the name of the deployment which activates a flow."""
    return f"activate/activate-{flow.number}-{flow}"


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
    except httpx.HTTPError:
        raise unreachable() from None


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
    except httpx.HTTPError:
        raise unreachable() from None


async def has_begun(run_id: UUID) -> bool:
    """Tell whether a run has begun, or is gone.

    Raises:
        ServiceUnreachable: the Prefect server does not answer.
    """
    try:
        async with get_client() as client:
            run = await client.read_flow_run(run_id)
    except ObjectNotFound:
        return True
    except httpx.HTTPError:
        raise unreachable() from None
    return run.state is None or not (run.state.is_scheduled() or run.state.is_pending())


async def find_runs_since(deployment: str, since: datetime) -> list[FlowRun]:
    """Return the runs of a deployment which were created since a moment, newest first."""
    try:
        async with get_client() as client:
            found = await client.read_deployment_by_name(deployment)
            # Asked for by deployment: the runs which schedules have planned ahead would fill the page.
            only = DeploymentFilter(id=DeploymentFilterId(any_=[found.id]))
            runs = await client.read_flow_runs(deployment_filter=only, limit=50, sort=_NEWEST_FIRST)
    except httpx.HTTPError:
        raise unreachable() from None
    return [run for run in runs if run.created and run.created >= since]


_NEWEST_FIRST: Any = "EXPECTED_START_TIME_DESC"


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
    except httpx.HTTPError:
        raise unreachable() from None


def unreachable() -> ServiceUnreachable:
    """Return the error for a Prefect server which does not answer."""
    return ServiceUnreachable("The Prefect server does not answer. Start it with `cosell up`, or set PREFECT_API_URL.")


class Dispatcher:
    """Gathers hints for a moment and starts one run for all of them. The inbox is the truth; this only makes it fast.

    Stands between receiver and inbox, so that it knows through which doors hints came.
    """

    def __init__(self, inbox: HintInbox) -> None:
        """Pass hints on to this inbox."""
        self._inbox = inbox
        # Hints of an earlier life may wait: look once at both sides.
        self._doors = {Door.PARTNER_CENTER, Door.DATAVERSE}
        self._last_runs: dict[Door, UUID] = {}
        self._woken = asyncio.Event()

    async def add(self, hints: Iterable[Hint]) -> Added:
        """Store hints and remember their doors."""
        kept = list(hints)
        added = await self._inbox.add(kept)
        self._doors |= {hint.door for hint in kept}
        return added

    async def count_waiting(self) -> int:
        """Return how many entries wait."""
        return await self._inbox.count_waiting()

    def wake(self) -> None:
        """Say that hints are stored; returns at once."""
        self._woken.set()

    async def run(self) -> None:
        """Start runs for what arrives, for ever."""
        while True:
            if not self._doors:
                await self._woken.wait()
            await asyncio.sleep(WINDOW_SECONDS)
            self._woken.clear()
            doors, self._doors = self._doors, set()
            try:
                for door in sorted(doors):
                    await self._start(door)
            except CosellError as error:
                LOG.warning("No run was started: %s The hints wait in the inbox.", error.message)
                self._doors |= doors
                await asyncio.sleep(AGAIN_SECONDS)

    async def _start(self, door: Door) -> None:
        """Start a run, unless one is on its way which has not begun: it will find these hints in the inbox, too."""
        if door in self._last_runs and not await has_begun(self._last_runs[door]):
            return
        flow = FlowName.PARTNER_CENTER_TO_DYNAMICS
        parameters: dict[str, object] = {"look_for_missed": False}
        if door is Door.DATAVERSE:
            flow, parameters = FlowName.OPPORTUNITIES_TO_PARTNER_CENTER, {}
        run = await start_run(operating_deployment(flow), parameters)
        self._last_runs[door] = run.id

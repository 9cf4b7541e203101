"""`cosell dispatch`: runs what hints ask for, at once and in this process; schedules and workers do the rest."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from rich.console import Console

from cosell.cli.prefect_api import find_prefect, share_results
from cosell.domain.clock import utc_clock
from cosell.domain.flows import FlowName
from cosell.errors import CosellError
from cosell.partner_center.opening import VAULT_NAME
from cosell.settings import Settings, load_settings
from cosell.wiring import open_settings_ledger

if TYPE_CHECKING:
    from prefect.flows import Flow

    from cosell.dispatch.dispatcher import Job

LOG = logging.getLogger(__name__)
SWEEP_SECONDS = 10.0


def dispatch() -> None:
    """Run what notifications ask for, within a second and without a new process for each run; until Ctrl-C.

    Any number may run, on any machine: they take turns. When none runs, schedules find what waits.
    """
    settings = load_settings()
    find_prefect(settings)
    share_results(settings)
    # Ours only: the HTTP client's lines hold addresses, and in those of the CRM's queries stand names of customers.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("cosell").setLevel(logging.INFO)
    asyncio.run(run_dispatcher(settings))


async def run_dispatcher(settings: Settings) -> None:
    """Dispatch until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: the ledger cannot be reached.
    """
    from cosell.dispatch.dispatcher import Dispatcher  # Prefect reads its settings when it is first imported

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_settings_ledger(settings) as ledger:

        async def is_active(flow: FlowName) -> bool:
            # Without a sign-in nothing can be done; the schedules try now and then whether that is still so.
            if await ledger.sign_ins.find_lost(VAULT_NAME):
                return False
            active = await ledger.activations.find_all()
            return all(needed in active for needed in (*flow.predecessors, flow))

        dispatcher = Dispatcher(
            _jobs(settings.tenant),
            inbox=ledger.inbox,
            turns=ledger.leases,
            is_active=is_active,
            holder=f"dispatcher:{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}",
            clock=utc_clock,
        )
        sweeping = asyncio.create_task(_sweep(stop))
        Console(highlight=False).print("Dispatching. Ctrl-C ends it.")
        await dispatcher.run(stop)
        await sweeping


def _jobs(tenant: str) -> "list[Job]":
    from cosell.dispatch import operating_deployment
    from cosell.dispatch.dispatcher import Job
    from cosell.dispatch.execution import mark_dead_runs, run_here
    from flows.operating import NEEDS_ATTENTION
    from flows.opportunities_to_partner_center import opportunities_to_partner_center
    from flows.partner_center_to_dynamics import partner_center_to_dynamics
    from flows.rounds import KINDS, TAKES_NO_MORE
    from flows.solutions_to_partner_center import solutions_to_partner_center

    def job(name: FlowName, flow: "Flow[..., Any]", parameters: Mapping[str, object]) -> Job:
        deployment = operating_deployment(name, tenant=tenant)

        async def run(let_go: Callable[[], None]) -> bool:
            TAKES_NO_MORE.set(let_go)
            state = await run_here(flow, deployment, parameters)
            return state.is_completed() or state.name == NEEDS_ATTENTION

        async def tidy() -> None:
            if count := await mark_dead_runs(deployment):
                LOG.info("%s runs of %s were left by a dispatcher which has ended", count, name)

        return Job(flow=name, kinds=frozenset(KINDS[name]), run=run, tidy=tidy)

    return [
        job(FlowName.PARTNER_CENTER_TO_DYNAMICS, partner_center_to_dynamics, {"look_for_missed": False}),
        job(FlowName.OPPORTUNITIES_TO_PARTNER_CENTER, opportunities_to_partner_center, {}),
        job(FlowName.SOLUTIONS_TO_PARTNER_CENTER, solutions_to_partner_center, {}),
    ]


async def _sweep(stop: asyncio.Event) -> None:
    """Keep runs which nobody has begun from piling up while there is no worker."""
    from cosell.dispatch.backlog import cancel_superseded

    while not stop.is_set():
        try:
            if count := await cancel_superseded(utc_clock):
                LOG.info("%s missed runs were cancelled: later ones do their work", count)
        except CosellError as error:
            LOG.warning("%s", error)
        try:
            await asyncio.wait_for(stop.wait(), SWEEP_SECONDS)
        except TimeoutError:
            continue

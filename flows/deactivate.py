"""Deactivation: a flow and all that depend on it stop; nothing is deleted, hints wait until they are active again."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from cosell.dispatch import operating_deployment, set_paused
from cosell.domain.flows import FlowName
from cosell.store import Ledger
from flows.chain_table import publish_activation
from flows.operating import ends_plainly
from tasks.workspace import entered_workspace


@flow(name="deactivate", flow_run_name="deactivate {flow_name}")
@ends_plainly
async def deactivate(flow_name: FlowName) -> State[Any]:
    """Deactivate one of the nine flows, and those which come after it: they refuse to run from now on.

    Nothing is deleted. What happens meanwhile is found once they are active again.

    Args:
        flow_name: the flow to deactivate.
    """
    async with entered_workspace() as workspace:
        stopped = await stop_flows(workspace.ledger, flow_name)
    names = ", ".join(f"{item.number} {item}" for item in stopped)
    return Completed(message=f"Not active any more: {names}." if stopped else "None of them was active.")


async def stop_flows(ledger: Ledger, flow_name: FlowName) -> list[FlowName]:
    """Deactivate a flow with its dependants, let their schedules rest, and return those which were active."""
    active = await ledger.activations.find_all()
    stopped = [name for name in (flow_name, *flow_name.dependants) if name in active]
    await ledger.activations.deactivate(stopped)
    for name in reversed(stopped):
        await set_paused(operating_deployment(name, tenant=ledger.tenant), is_paused=True)
    if stopped:
        await publish_activation(ledger)
    return stopped

"""Activation: one stage a run, in the order of the nine; each stage starts the next, the ledger makes it safe."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from cosell.dispatch import operating_deployment, set_paused
from cosell.domain.flows import FlowName
from flows.chain_table import publish_activation
from flows.operating import ends_plainly
from flows.variable_table import publish_variables
from tasks.activation import check_activation, record_activation
from tasks.workspace import entered_workspace


@flow(name="activate", flow_run_name="activate {flow_name}", persist_result=True)
@ends_plainly
async def activate(flow_name: FlowName) -> State[Any]:
    """Activate one of the nine flows: check it, record it, let its schedules run.

    A flow whose predecessors are not active is refused, and so is one whose check does not pass. Starting with
    register-webhook activates all of them, for each stage starts the next. It may be run again at any time.

    Args:
        flow_name: the flow to activate.
    """
    async with entered_workspace() as workspace:
        detail = await check_activation(flow_name)
        # The ledger comes last: whoever sees a flow active there finds its schedules running. The other way round a
        # scheduled run may come too early, and is refused.
        await set_paused(operating_deployment(flow_name, tenant=workspace.ledger.tenant), is_paused=False)
        await record_activation(flow_name, detail)
        await publish_activation(workspace.ledger)
        await publish_variables(workspace)
    return Completed(message=f"{flow_name} is active. {detail}")

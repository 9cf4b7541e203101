"""The chain as people see it in the Prefect UI: a table of what is active, and of what everything else waits for."""

import json
from collections.abc import Collection
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.runtime import flow_run

from cosell.domain.flows import ACTIVATION_ORDER, FlowName
from cosell.domain.tenants import tenant_artifact
from cosell.store import Ledger

ACTIVATION = "activation"


async def publish_activation(ledger: Ledger) -> None:
    """Publish where the chain stands; whoever activates or deactivates does this last."""
    active = await ledger.activations.find_all()
    table = [
        {
            "order": str(flow.number),
            "flow": flow.value,
            "active since": f"{active[flow].activated_at:%Y-%m-%d %H:%M} UTC" if flow in active else "no",
            "proved": active[flow].detail if flow in active else say_what_is_missing(flow, active),
        }
        for flow in ACTIVATION_ORDER
    ]
    artifact = ArtifactCreate(
        key=tenant_artifact(ACTIVATION, ledger.tenant),
        type="table",
        data=json.dumps(table),
        description=f"{len(active)} of the nine flows are active; in the order of activation",
        flow_run_id=UUID(str(flow_run.id)) if flow_run.id else None,
    )
    # By the client: Prefect's own function wants a run around it, and `cosell deactivate` is none.
    async with get_client() as client:
        await client.create_artifact(artifact)


def say_what_is_missing(flow: FlowName, active: Collection[FlowName]) -> str:
    """Return what a flow which is not active waits for: the first one before it that is not, or nothing but a start."""
    missing = next((item for item in flow.predecessors if item not in active), None)
    return f"waits for {missing.number} {missing}" if missing else "next: run its activation, or `cosell activate`"

"""The chain as people see it in the Prefect UI: a table of what is active, and of what everything else waits for."""

from collections.abc import Collection

from prefect.artifacts import acreate_table_artifact

from cosell.domain.flows import ACTIVATION_ORDER, FlowName
from cosell.store import Ledger

ACTIVATION = "activation"


async def publish_activation(ledger: Ledger) -> None:
    """Publish where the chain stands; whoever activates or deactivates does this last."""
    active = await ledger.activations.find_all()
    await acreate_table_artifact(
        key=ACTIVATION,
        table=[
            {
                "order": str(flow.number),
                "flow": flow.value,
                "active since": f"{active[flow].activated_at:%Y-%m-%d %H:%M} UTC" if flow in active else "no",
                "proved": active[flow].detail if flow in active else say_what_is_missing(flow, active),
            }
            for flow in ACTIVATION_ORDER
        ],
        description=f"{len(active)} of the nine flows are active; in the order of activation",
    )


def say_what_is_missing(flow: FlowName, active: Collection[FlowName]) -> str:
    """Return what a flow which is not active waits for: the first one before it that is not, or nothing but a start."""
    missing = next((item for item in flow.predecessors if item not in active), None)
    return f"waits for {missing.number} {missing}" if missing else "next: run its activation, or `cosell activate`"

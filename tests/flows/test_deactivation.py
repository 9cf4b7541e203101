"""Taking one flow out of the chain takes out what depends on it, and nothing runs that must not."""

import json

from cosell.domain.flows import ACTIVATION_ORDER, FlowName
from tests.flows.prefect_ui import DEACTIVATING, operating
from tests.flows.world import World

THIRD, EIGHTH = FlowName.CUSTOMIZE_DYNAMICS_DETAILS, FlowName.OPPORTUNITIES_TO_PARTNER_CENTER


def test_deactivating_a_flow_takes_its_dependants_with_it_and_they_refuse_to_run(active_world: World) -> None:
    world = active_world
    done = world.cosell("deactivate", THIRD)

    assert done.returncode == 0, done.stderr
    assert [flow for flow in ACTIVATION_ORDER if flow in done.stdout] == list(ACTIVATION_ORDER[2:])
    assert world.active() == list(ACTIVATION_ORDER[:2])
    run = world.ui.run(operating(EIGHTH))
    assert (run.state_type, run.state) == ("CANCELLED", "NotActivated")
    assert "3 customize-dynamics-details" in run.message

    # When: the rest is stopped from the UI.
    run = world.ui.run(DEACTIVATING, {"flow_name": ACTIVATION_ORDER[0].value})

    first, second = ACTIVATION_ORDER[:2]
    assert run.message == f"Not active any more: 1 {first}, 2 {second}."
    assert world.active() == []
    (table,) = world.ui.tables_of(run.run_id)
    rows = json.loads(table["data"])
    assert table["key"] == "activation"
    assert {row["active since"] for row in rows} == {"no"}
    assert rows[3]["proved"] == f"waits for 1 {first}"

"""The chain of activation as the operator meets it: refused out of order, what is missing told, in order at last."""

import json

from cosell.domain.flows import ACTIVATION_ORDER, FlowName
from tests.flows.columns import missing_column
from tests.flows.prefect_ui import activating, operating, wait_until
from tests.flows.world import World

THIRD, SIXTH = FlowName.CUSTOMIZE_DYNAMICS_DETAILS, FlowName.PARTNER_CENTER_TO_DYNAMICS
COLUMN = "cosell_microsoftcrmid"


def test_out_of_order_a_flow_is_not_run_and_a_stage_fails_both_naming_what_comes_first(world: World) -> None:
    world.ensure_inactive()
    started = [world.ui.start(operating(SIXTH)), world.ui.start(activating(THIRD))]
    run, stage = [world.ui.wait_for(run_id) for run_id in started]

    assert (run.state_type, run.state) == ("CANCELLED", "NotActivated")
    names = [f"{flow.number} {flow}" for flow in ACTIVATION_ORDER[:6]]
    assert f"in this order: {', '.join(names)}. `cosell activate`" in run.message
    assert (stage.state_type, stage.state) == ("FAILED", "Failed")
    assert "1 register-webhook, 2 create-cosell-referral." in stage.message
    assert "Traceback" not in world.ui.log_of(stage.run_id)
    assert world.active() == []


def test_stage_that_is_only_said_to_be_complete_starts_the_next_one_which_refuses(world: World) -> None:
    """By the trigger: the automation believes what the UI says, the ledger does not."""
    world.ensure_inactive()
    fifth, sixth = ACTIVATION_ORDER[4:6]
    before = {run.run_id for run in world.ui.runs_of(activating(sixth))}
    # The run of stage 5 fails by itself; then somebody presses "Change state" and says it is complete.
    said = world.ui.run(activating(fifth))
    assert said.state == "Failed"
    world.ui.change_state(said.run_id, "COMPLETED")

    def find() -> list[str]:
        return [run.message for run in world.ui.runs_of(activating(sixth)) if run.run_id not in before]

    (message,) = wait_until("stage 6 is started and refuses", find)
    assert "1 register-webhook, 2 create-cosell-referral" in message
    assert world.active() == []


def test_missing_column_stops_the_activation_and_the_terminal_names_it(world: World) -> None:
    world.ensure_inactive()
    with missing_column(world.emulators, COLUMN):
        done = world.cosell("activate")

    assert done.returncode == 1
    assert f"column opportunity.{COLUMN} is missing" in done.stderr
    assert THIRD in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    told = json.loads(world.cosell("status", "--json").stdout)
    assert [flow["flow"] for flow in told["flows"] if flow["active"]] == list(ACTIVATION_ORDER[:2])
    assert world.active() == list(ACTIVATION_ORDER[:2])


def test_activation_goes_through_all_nine_each_stage_started_by_the_one_before(world: World) -> None:
    # Given: some are active from an attempt which did not come to its end; to do it again does no harm.
    done = world.cosell("activate")

    assert done.returncode == 0, done.stdout + done.stderr
    assert world.active() == list(ACTIVATION_ORDER)
    told = json.loads(world.cosell("status", "--json").stdout)
    assert [flow["flow"] for flow in told["flows"]] == list(ACTIVATION_ORDER)
    assert all(flow["active"] and flow["proved"] for flow in told["flows"])
    assert [flow["active_since"] for flow in told["flows"]] == sorted(flow["active_since"] for flow in told["flows"])
    starters = {flow: {run.created_by for run in world.ui.runs_of(activating(flow))} for flow in ACTIVATION_ORDER}
    # Others may have been tried by hand before.
    assert [flow for flow in ACTIVATION_ORDER[3:] if "AUTOMATION" not in starters[flow]] == []
    tables = world.ui.list_all("artifacts", artifacts={"key": {"any_": ["activation"]}})
    newest = max(tables, key=lambda table: str(table["created"]))
    assert [row["flow"] for row in json.loads(newest["data"])] == list(ACTIVATION_ORDER)

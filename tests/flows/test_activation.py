"""The chain of activation as the operator meets it: refused out of order, what is missing told, in order at last."""

import json

from cosell.domain.flows import ACTIVATION_ORDER, FlowName
from tests.flows.columns import missing_column
from tests.flows.prefect_ui import activating, operating
from tests.flows.world import World

THIRD, SIXTH = FlowName.CUSTOMIZE_DYNAMICS_DETAILS, FlowName.PARTNER_CENTER_TO_DYNAMICS
COLUMN = "cosell_microsoftcrmid"


def test_flow_which_is_not_active_refuses_a_run_by_hand_and_names_what_comes_first(world: World) -> None:
    world.ensure_inactive()
    run = world.ui.run(operating(SIXTH))

    assert (run.state_type, run.state) == ("CANCELLED", "NotActivated")
    names = [f"{flow.number} {flow}" for flow in ACTIVATION_ORDER[:6]]
    assert [name for name in names if name not in run.message] == []
    assert sorted(names, key=run.message.index) == names
    assert "cosell activate" in run.message


def test_stage_activated_out_of_order_fails_and_names_the_stages_before_it(world: World) -> None:
    world.ensure_inactive()
    run = world.ui.run(activating(THIRD))

    assert (run.state_type, run.state) == ("FAILED", "Failed")
    assert "1 register-webhook, 2 create-cosell-referral." in run.message
    assert "Traceback" not in world.ui.log_of(run.run_id)
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
    assert [flow for flow in ACTIVATION_ORDER[3:] if starters[flow] != {"AUTOMATION"}] == []
    tables = world.ui.list_all("artifacts", artifacts={"key": {"any_": ["activation"]}})
    newest = max(tables, key=lambda table: str(table["created"]))
    assert [row["flow"] for row in json.loads(newest["data"])] == list(ACTIVATION_ORDER)


def test_sign_in_which_was_revoked_is_told_with_the_way_out_and_connect_mends_it(active_world: World) -> None:
    world = active_world
    for kind in ("refresh", "access"):
        world.emulators.control("POST", "revoke", {"kind": kind})
    world.sign_people_in()

    done = world.cosell("activate")
    assert done.returncode == 1
    assert "cosell connect partner-center" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr

    with world.start_cosell("connect", "partner-center") as connecting:
        assert connecting.stdout is not None
        code = connecting.stdout.readline().rstrip().removesuffix(".").rpartition(" ")[2]
        world.emulators.control("POST", "device/approve", {"user_code": code})
        assert "Signed in" in connecting.stdout.read()
    assert connecting.returncode == 0
    run = world.ui.run(activating(ACTIVATION_ORDER[0]))
    assert run.state_type == "COMPLETED", run.message

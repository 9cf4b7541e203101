"""The first load as an operator meets it: a plan to look at, its id as the confirmation, a run which tells the end."""

import json

from tests.flows.secrets import CONTACT, DEAL
from tests.flows.world import World

FIRST_LOAD = "backfill/backfill"


def test_plan_is_shown_and_applied_by_its_id(active_world: World) -> None:
    world = active_world
    ours = [str(world.people.microsoft_invites(DEAL | {"name": f"First load {number}"})["id"]) for number in range(2)]

    planned = world.ui.run(FIRST_LOAD, {"direction": "to-crm"})
    assert planned.state_type == "COMPLETED", planned.message
    assert planned.message.startswith("Planned as ")
    plan_id = planned.message.removeprefix("Planned as ").partition(":")[0]
    assert (world.home / "backfill" / f"plan-{plan_id}.csv").exists()

    applied = world.ui.run(FIRST_LOAD, {"direction": "to-crm", "plan_id": plan_id})
    assert applied.state_type == "COMPLETED", applied.message
    for referral_id in ours:
        path = f"opportunities?$filter=cosell_referralid eq '{referral_id}'&$select=name"
        assert len(world.people.crm("GET", path)["value"]) == 1
    tables = json.dumps([world.ui.tables_of(run.run_id) for run in (planned, applied)])
    assert plan_id in tables
    assert DEAL["name"] not in tables
    assert CONTACT["lastName"] not in tables


def test_command_says_where_things_stand_in_json(active_world: World) -> None:
    done = active_world.cosell("backfill", "--direction", "to-crm", "--yes", "--json")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["state"], told["is_fine"]) == ("done", True)
    assert {item["state"] for item in told["records"]} <= {"done", "left out"}

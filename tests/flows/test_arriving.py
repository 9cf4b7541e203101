"""Microsoft invites us: from the notification to the opportunity, and what the operator sees of it."""

import json
from typing import Any

from cosell.domain.flows import FlowName
from tests.flows.prefect_ui import Run, operating, wait_until
from tests.flows.secrets import CONTACT, DEAL
from tests.flows.world import World

SIXTH = operating(FlowName.PARTNER_CENTER_TO_DYNAMICS)
ON_HOLD = 2


def test_invitation_becomes_an_opportunity_on_hold_and_the_run_tells_it_in_ids(active_world: World) -> None:
    world = active_world
    referral_id = str(world.people.microsoft_invites(DEAL)["id"])

    row = wait_until("an opportunity arrives in the CRM", lambda: _find_opportunity(world, referral_id))
    assert row["statuscode"] == ON_HOLD
    assert str(row["name"]).endswith(DEAL["name"])
    assert CONTACT["lastName"] in str(row["parentcontactid"])

    run = wait_until("its run has ended", lambda: _find_run_about(world, referral_id))
    assert run.state_type == "COMPLETED", run.message
    assert run.name.startswith("what has moved: 1 created")
    assert {"cosell", "flow 6", "created"} <= run.tags
    table = [row for table in world.ui.tables_of(run.run_id) for row in json.loads(table["data"])]
    created = [line for line in table if line.get("result") == "created"]
    assert [(referral_id in line["referral"], row["opportunityid"] in line["opportunity"]) for line in created] == [
        (True, True)
    ]
    called = {tag for told in world.ui.family(run.run_id) for tag in told["tags"]}
    assert {"flow 4", "flow 3"} <= called
    wanted = {f"create opportunity of {referral_id}", f"sync referral {referral_id}"}
    # Prefect stores task runs in batches, a moment later.
    wait_until("its tasks are seen", lambda: wanted <= {task["name"] for task in world.ui.tasks_of(run.run_id)})


def _find_opportunity(world: World, referral_id: str) -> dict[str, Any] | None:
    path = f"opportunities?$filter=cosell_referralid eq '{referral_id}'&$select=name,statuscode,cosell_referralid"
    found = world.people.crm("GET", f"{path}&$expand=parentcontactid($select=lastname)")["value"]
    return dict(found[0]) if found else None


def _find_run_about(world: World, referral_id: str) -> Run | None:
    """Find the run of flow 6 whose table names a referral."""
    for run in world.ui.runs_of(SIXTH):
        if any(referral_id in str(table["data"]) for table in world.ui.tables_of(run.run_id)):
            return run
    return None

"""Flow 9 as the operator runs it: rows of Microsoft solutions which a seller adds and removes reach the referral."""

from typing import Any

from cosell.domain.flows import FlowName
from tests.flows.deals import find_shared, referrals_of, shared_opportunity
from tests.flows.prefect_ui import operating, wait_until
from tests.flows.world import World

NINTH = FlowName.SOLUTIONS_TO_PARTNER_CENTER
ADDED = "SOL-20001-ABC"
ROWS, DETAILS = "cosell_microsoftsolutions", "cosell_microsoftsolutiondetails"


def test_row_that_is_added_and_then_removed_reaches_the_referral(active_world: World) -> None:
    world = active_world
    opportunity_id = shared_opportunity(world, "A deal whose solutions change")
    wait_until("the opportunity is in step", lambda: find_shared(world, opportunity_id))
    with world.resting(NINTH):
        before = _sold(world, opportunity_id)
        row = _add_row(world, opportunity_id)

        run = world.ui.run(operating(NINTH), {})
        assert run.state == "Completed", run.message
        assert _sold(world, opportunity_id) == {*before, ADDED}

        world.people.crm("DELETE", f"{ROWS}({row['cosell_microsoftsolutionid']})")
        run = world.ui.run(operating(NINTH), {})
        assert run.state == "Completed", run.message
        assert _sold(world, opportunity_id) == before


def _sold(world: World, opportunity_id: str) -> set[str]:
    (referral,) = referrals_of(world, opportunity_id)
    return {item["id"] for item in referral["details"]["requirements"]["solutions"]}


def _add_row(world: World, opportunity_id: str) -> dict[str, Any]:
    body = {"cosell_name": "Contoso Suite, more", "cosell_solutionidentifier": ADDED, "cosell_solutiontype": "3P"}
    detail = world.people.crm("POST", DETAILS, body)
    return world.people.crm(
        "POST",
        ROWS,
        {
            "cosell_name": "Contoso Suite, more",
            "cosell_OpportunityId@odata.bind": f"/opportunities({opportunity_id})",
            "cosell_SolutionDetailId@odata.bind": f"/{DETAILS}({detail['cosell_microsoftsolutiondetailid']})",
        },
    )

"""A seller shares, and the schedule finds it; and what becomes of a run form filled in with nonsense."""

from cosell.domain.flows import FlowName
from tests.flows.deals import find_shared, referrals_of
from tests.flows.prefect_ui import operating, wait_until
from tests.flows.world import World

EIGHTH = operating(FlowName.OPPORTUNITIES_TO_PARTNER_CENTER)


def test_opportunity_which_a_seller_shares_is_found_by_the_schedule(active_world: World) -> None:
    world = active_world
    opportunity_id = world.early_deal
    row = wait_until("the opportunity is in step", lambda: find_shared(world, opportunity_id))

    (referral,) = referrals_of(world, opportunity_id)
    assert (row["cosell_referralid"], referral["status"]) == (referral["id"], "Active")
    assert "Shared with Partner Center." in row["cosell_audit"]


def test_nonsense_in_the_run_form_ends_in_a_sentence(active_world: World) -> None:
    run = active_world.ui.run(EIGHTH, {"opportunity_ids": ["nonsense"]})

    assert (run.state_type, run.state) == ("FAILED", "Failed")
    assert run.message.startswith("Number 1 of the given ids is not an id. Ids look like ")
    assert "Traceback" not in active_world.ui.log_of(run.run_id)
    assert "opportunity_ids" in active_world.ui.refused_start(EIGHTH, {"opportunity_ids": 7})

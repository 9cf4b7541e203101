"""A seller shares, and the schedule finds it."""

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

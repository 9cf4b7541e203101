"""A seller shares; and what becomes of what cannot be shared, or was never meant."""

from cosell.domain.flows import FlowName
from tests.flows.deals import find_shared, read_opportunity, referrals_of, shared_opportunity
from tests.flows.prefect_ui import operating, wait_until
from tests.flows.world import World

EIGHTH = operating(FlowName.OPPORTUNITIES_TO_PARTNER_CENTER)


def test_opportunity_which_a_seller_shares_is_found_by_the_schedule(active_world: World) -> None:
    world = active_world
    opportunity_id = shared_opportunity(world, "Ordering system")

    row = wait_until("the opportunity is in step", lambda: find_shared(world, opportunity_id))

    (referral,) = referrals_of(world, opportunity_id)
    assert (row["cosell_referralid"], referral["status"]) == (referral["id"], "Active")
    assert "Shared with Partner Center." in row["cosell_audit"]


def test_deal_which_is_not_complete_is_told_to_its_seller_and_to_nobody_else(active_world: World) -> None:
    world = active_world
    opportunity_id = shared_opportunity(world, "A deal without a description")
    world.people.crm("PATCH", f"opportunities({opportunity_id})", {"description": None, "estimatedvalue": None})

    run = world.ui.run(EIGHTH, {"opportunity_ids": [opportunity_id]})

    assert (run.state, run.name) == ("Completed", "1 opportunity: 1 not ready"), run.message
    row = wait_until("the seller is told", lambda: _find_told(world, opportunity_id))
    assert row["name"].startswith("✖ ")
    assert "Fill in the description" in row["cosell_audit"]
    assert "Fill in a deal value" in row["cosell_audit"]
    assert referrals_of(world, opportunity_id) == []


def test_nonsense_in_the_run_form_ends_in_a_sentence(active_world: World) -> None:
    run = active_world.ui.run(EIGHTH, {"opportunity_ids": ["nonsense"]})

    assert (run.state_type, run.state) == ("FAILED", "Failed")
    assert run.message.startswith("Number 1 of the given ids is not an id. Ids look like ")
    assert "Traceback" not in active_world.ui.log_of(run.run_id)
    assert "opportunity_ids" in active_world.ui.refused_start(EIGHTH, {"opportunity_ids": 7})


def _find_told(world: World, opportunity_id: str) -> dict[str, str] | None:
    row = read_opportunity(world, opportunity_id)
    return row if "value" in str(row["cosell_audit"]) else None

"""The CRM's own webhook: a save reaches Partner Center at once, without waiting for a poll on schedule."""

from cosell.domain.flows import FlowName
from tests.flows.deals import find_shared, referrals_of, shared_opportunity
from tests.flows.prefect_ui import operating, wait_until
from tests.flows.world import World

BY_POLL = (FlowName.OPPORTUNITIES_TO_PARTNER_CENTER, FlowName.SOLUTIONS_TO_PARTNER_CENTER)


def test_save_in_the_crm_wakes_the_flow_which_polls(active_world: World) -> None:
    world = active_world
    installed = world.cosell("crm", "install", "--wake-up", world.environment["COSELL_RECEIVER__PUBLIC_URL"])
    assert installed.returncode == 0, installed.stdout + installed.stderr
    try:
        with world.resting(*BY_POLL):
            opportunity_id = shared_opportunity(world, "Woken up")
            wait_until("the deal is in step", lambda: find_shared(world, opportunity_id))
            world.people.crm("PATCH", f"opportunities({opportunity_id})", {"description": "Saved just now."})
            wait_until("the edit is in Partner Center", lambda: _notes(world, opportunity_id) == "Saved just now.")
            runs = world.ui.runs_of(operating(BY_POLL[0]))
            assert any("dispatched" in run.tags for run in runs)
            # What the wake-ups announced was polled for, and nothing of it is left behind.
            assert world.cosell("dead-letters").stdout.count(opportunity_id) == 0
    finally:
        world.cosell("crm", "install", "--no-wake-up")


def _notes(world: World, opportunity_id: str) -> str:
    (referral,) = referrals_of(world, opportunity_id)
    return str(referral["details"]["notes"])

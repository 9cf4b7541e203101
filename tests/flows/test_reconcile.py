"""`cosell reconcile` on real processes: a dry run tells, a run heals, the report is in the UI and in a file."""

import json
from pathlib import Path

from cosell.domain.flows import FlowName
from tests.flows.deals import find_shared, referrals_of, shared_opportunity
from tests.flows.prefect_ui import RECONCILING, RETRYING, wait_until
from tests.flows.world import World

LOOKING = (
    FlowName.PARTNER_CENTER_TO_DYNAMICS,
    FlowName.OPPORTUNITIES_TO_PARTNER_CENTER,
    FlowName.SOLUTIONS_TO_PARTNER_CENTER,
)


def test_edit_which_no_poll_has_seen_is_reported_and_healed(active_world: World) -> None:
    world = active_world
    # The echo of our own sharing would look at the deal, and find the edit by the way.
    world.emulators.control("PUT", "faults", [{"webhook": "drop"}])
    try:
        opportunity_id = shared_opportunity(world, "Nobody looks")
        wait_until("the deal is in step", lambda: find_shared(world, opportunity_id))
        with world.resting(*LOOKING):
            world.people.crm("PATCH", f"opportunities({opportunity_id})", {"description": "While nobody polls."})

            tried = json.loads(world.cosell("reconcile", "--dry-run", "--json").stdout)
            (before,) = referrals_of(world, opportunity_id)
            done = world.cosell("reconcile", "--json")
            healed = json.loads(done.stdout)
            (after,) = referrals_of(world, opportunity_id)
    finally:
        world.emulators.control("DELETE", "faults")

    rows = {row["opportunity"].partition("]")[0][1:]: row for row in tried["differences"]}
    assert (rows[opportunity_id]["field"], rows[opportunity_id]["healed"]) == ("notes", "would be healed")
    assert before["details"]["notes"] != "While nobody polls."
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row["opportunity"].partition("]")[0][1:]: row for row in healed["differences"]}
    assert (rows[opportunity_id]["cause"], rows[opportunity_id]["healed"]) == ("lost poll", "healed")
    assert after["details"]["notes"] == "While nobody polls."
    keys = {artifact["key"] for artifact in world.ui.tables_of(healed["run_id"])}
    assert "drift-report" in keys
    report = Path(healed["message"].rpartition("; ")[2].removesuffix("."))
    assert opportunity_id in (world.home / report).read_text(encoding="utf-8-sig")


def test_retrying_dead_letters_finds_none_that_is_due(active_world: World) -> None:
    run = active_world.ui.run(RETRYING)

    assert (run.state_type, run.message) == ("COMPLETED", "None was due.")


def test_words_that_confirm_nothing_are_refused_by_the_form(world: World) -> None:
    assert "confirmed" in world.ui.refused_start(RECONCILING, {"confirmed": ["yes, all of it"]})

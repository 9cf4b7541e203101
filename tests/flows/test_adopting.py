"""Pairs of Microsoft's connector, looked at and taken over from the Prefect UI: no flow has to be active for that."""

import json

from cosell.emulators.connector_deals import WEBHOOK
from tests.flows.prefect_ui import Run
from tests.flows.world import World

ADOPTING = "adopt/adopt"
LINKED = "&$filter=cosell_referralid ne null"
LEFT, PAIRS = 25, 23
"""What the seed leaves, and how much of it is a pair."""


def test_pairs_are_counted_then_taken_over_and_no_deal_is_made_anew(world: World) -> None:
    world.ensure_inactive()
    world.emulators.control("POST", "seed", {"connector": LEFT, "seed": 3})
    world.sign_people_in()
    before, linked = _count_opportunities(world), _count_opportunities(world, LINKED)

    looked = world.ui.run(ADOPTING)

    assert looked.message.startswith("Nothing was written."), looked.message
    pairs = int(_counts(world, looked)["pairs"])
    assert pairs >= PAIRS
    assert WEBHOOK.partition("sig=")[2] not in json.dumps(world.ui.tables_of(looked.run_id))

    taken = world.ui.run(ADOPTING, {"take_over": True, "overwrite_webhook": True, "confirmed_differing": LEFT})

    counts = _counts(world, taken)
    assert (counts["taken over now"], counts["refused by the CRM"]) == (str(PAIRS), "0"), taken.message
    assert _count_opportunities(world) == before
    assert _count_opportunities(world, LINKED) == linked + PAIRS
    again = world.ui.run(ADOPTING)
    assert _counts(world, again)["taken over before"] == str(pairs), again.message


def _count_opportunities(world: World, which: str = "") -> int:
    return len(world.people.crm("GET", f"opportunities?$select=name{which}")["value"])


def _counts(world: World, run: Run) -> dict[str, str]:
    (table,) = [table for table in world.ui.tables_of(run.run_id) if table["key"] == "adopt"]
    return {row["what"]: row["count"] for row in json.loads(table["data"])}

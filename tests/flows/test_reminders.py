"""What is waited for, as the operator sees it; and the setting for marks, obeyed by names which nobody touches."""

import json

from cosell.domain.flows import FlowName
from tests.flows.prefect_ui import Document, operating, wait_until
from tests.flows.world import World

SIXTH, EIGHTH = operating(FlowName.PARTNER_CENTER_TO_DYNAMICS), operating(FlowName.OPPORTUNITIES_TO_PARTNER_CENTER)
MARKS = "cosell_show_check_mark_in_opportunity_name"


def test_open_invitation_stands_in_the_table_of_deadlines(active_world: World) -> None:
    world = active_world
    referral_id = str(world.people.microsoft_invites({"name": "Cold chain"})["id"])
    row = wait_until("its opportunity arrives", lambda: _find_opportunity(world, referral_id))

    run = world.ui.run(SIXTH, {"look_for_missed": True})

    assert run.state_type == "COMPLETED", run.message
    (line,) = [line for line in _deadlines(world) if referral_id in line["referral"] and "answer" in line["what"]]
    assert row["opportunityid"] in line["opportunity"]
    assert line["days left"] == "14"
    assert line["when"].endswith("UTC")
    assert sorted(line) == ["days left", "opportunity", "referral", "what", "when"]


def test_names_follow_the_setting_without_being_touched(active_world: World) -> None:
    world = active_world
    world.ui.run(EIGHTH)  # which notes the setting as it is
    marked = [row for row in _opportunities(world) if str(row["name"]).startswith("✔")]
    assert marked
    _set_variable(world, "No")
    try:
        world.ui.run(EIGHTH)
        bare = {row["opportunityid"]: str(row["name"]) for row in _opportunities(world)}
        assert [bare[row["opportunityid"]] for row in marked if bare[row["opportunityid"]].startswith("✔")] == []
    finally:
        _set_variable(world, "Yes")
        world.ui.run(EIGHTH)
    again = {row["opportunityid"]: str(row["name"]) for row in _opportunities(world)}
    assert [again[row["opportunityid"]][0] for row in marked] == ["✔"] * len(marked)


def _deadlines(world: World) -> list[dict[str, str]]:
    tables = world.ui.list_all("artifacts", artifacts={"key": {"any_": ["deadlines"]}})
    latest = max(tables, key=lambda table: str(table["created"]))
    return list(json.loads(latest["data"]))


def _opportunities(world: World) -> list[Document]:
    return list(world.people.crm("GET", "opportunities?$select=name,cosell_referralid")["value"])


def _find_opportunity(world: World, referral_id: str) -> Document | None:
    return next((row for row in _opportunities(world) if row["cosell_referralid"] == referral_id), None)


def _set_variable(world: World, value: str) -> None:
    world.ui.ask("PATCH", f"/variables/name/{MARKS}", {"value": value})

"""`cosell conflicts`: both values, and a person who takes the other one."""

import asyncio
from pathlib import Path

import pytest

from cosell.cli.choosing import choose_value
from cosell.domain.ids import OpportunityId, Side
from cosell.errors import LeaseHeld, NotActivated, NotReady, RecordNotFound, RequestRejected
from cosell.mapping.variables import Variables
from cosell.settings import load_settings
from cosell.store import ConflictState, FiledConflict, Ledger
from cosell.wiring import open_workspace
from tests.cli.desk import Desk, Document

SELLERS, COLLEAGUES = "The seller's words.", "The colleague's words."


def _quarrel(desk: Desk) -> tuple[str, str, Document]:
    """Let both sides change the notes; the CRM owns them. Return both ids and the conflict."""
    opportunity_id, referral_id = desk.share()
    desk.seller_edits(opportunity_id, description=SELLERS)
    desk.colleague_edits(referral_id, details_notes=COLLEAGUES)
    desk.read("sync", "--opportunity", opportunity_id)
    (conflict,) = desk.read_json("conflicts")["conflicts"]
    return opportunity_id, referral_id, conflict


def _notes(desk: Desk, opportunity_id: str, referral_id: str) -> tuple[str, str]:
    return desk.opportunity(opportunity_id)["description"], desk.referral(referral_id)["details"]["notes"]


def _filed(desk: Desk, conflict_id: str) -> FiledConflict:
    async def get(ledger: Ledger) -> FiledConflict:
        return await ledger.conflicts.get(conflict_id)

    return desk.ledger(get)


def test_list_shows_both_values_and_which_one_stayed(desk: Desk) -> None:
    opportunity_id, referral_id, conflict = _quarrel(desk)
    assert {name: value for name, value in conflict.items() if name not in {"id", "found_at"}} == {
        "referral_id": referral_id,
        "opportunity_id": opportunity_id,
        "field": "notes",
        "partner_center": COLLEAGUES,
        "dataverse": SELLERS,
        "winner": "dataverse",
    }
    shown = desk.read("conflicts")
    assert max(len(line) for line in shown.splitlines()) <= 100
    assert conflict["id"][:8] in shown


def test_no_conflicts_are_told_as_such(desk: Desk) -> None:
    assert desk.read("conflicts") == "✔ There are no conflicts.\n"
    assert desk.read_json("conflicts") == {"conflicts": []}


def test_person_takes_the_other_value_and_both_sides_get_it(desk: Desk) -> None:
    opportunity_id, referral_id, conflict = _quarrel(desk)
    said = desk.read("conflicts", "choose", conflict["id"][:6], "partner_center")
    assert said == "✔ Notes is now on both sides what Partner Center said.\n"
    assert _notes(desk, opportunity_id, referral_id) == (COLLEAGUES, COLLEAGUES)
    filed = _filed(desk, conflict["id"])
    assert (filed.state, filed.chosen) == (ConflictState.CHOSEN, Side.PARTNER_CENTER)
    assert desk.read_json("conflicts") == {"conflicts": []}
    assert "a person chose" in desk.opportunity(opportunity_id)["cosell_audit"]
    journal = desk.read_json("why", opportunity_id)["journal"]
    (line,) = [entry for entry in journal if entry["rule"] == "chosen by a person"]
    assert (line["side"], line["field"], line["old"], line["new"]) == ("partner_center", "notes", SELLERS, COLLEAGUES)
    assert desk.emulators.violations() == []


def test_value_of_the_crm_can_be_taken_where_partner_center_owns_the_field(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "opportunity.yaml").write_text("fields: [{field: notes, owner: partner_center}]", "utf-8")
    monkeypatch.setenv("COSELL_MAPPINGS_DIR", str(tmp_path))
    opportunity_id, referral_id, conflict = _quarrel(desk)
    assert conflict["winner"] == "partner_center"
    assert _notes(desk, opportunity_id, referral_id) == (COLLEAGUES, COLLEAGUES)
    desk.read("conflicts", "choose", conflict["id"], "dataverse")
    assert _notes(desk, opportunity_id, referral_id) == (SELLERS, SELLERS)
    assert desk.emulators.violations() == []


def test_after_a_choice_the_sync_is_silent(desk: Desk) -> None:
    opportunity_id, _, conflict = _quarrel(desk)
    desk.read("conflicts", "choose", conflict["id"], "partner_center")
    desk.forget_calls()
    assert desk.read("sync", "--opportunity", opportunity_id).startswith("✔ echo")
    assert desk.count_writes() == 0


def test_person_confirms_the_value_which_stayed(desk: Desk) -> None:
    opportunity_id, referral_id, conflict = _quarrel(desk)
    desk.forget_calls()
    assert "Notes stays" in desk.read("conflicts", "choose", conflict["id"], "dataverse")
    assert desk.count_writes() == 0
    assert _notes(desk, opportunity_id, referral_id) == (SELLERS, SELLERS)
    assert _filed(desk, conflict["id"]).chosen is Side.DATAVERSE
    assert desk.read_json("why", opportunity_id)["journal"][0]["rule"] == "chosen by a person"


@pytest.mark.parametrize("by", ["seller", "colleague"])
def test_field_which_has_moved_on_is_left_alone(desk: Desk, by: str) -> None:
    opportunity_id, referral_id, conflict = _quarrel(desk)
    if by == "seller":
        desk.seller_edits(opportunity_id, description="Newer words.")
    else:
        desk.colleague_edits(referral_id, details_notes="Newer words.")
    before = _notes(desk, opportunity_id, referral_id)
    result = desk.type("conflicts", "choose", conflict["id"], "partner_center")
    assert (result.exit_code, "Notes has moved on" in result.output) == (1, True)
    assert _notes(desk, opportunity_id, referral_id) == before
    assert _filed(desk, conflict["id"]).state is ConflictState.OPEN


def test_edit_between_reading_and_writing_is_not_overwritten(desk: Desk) -> None:
    """The etag which was read is sent along, so the one who saves in between is seen on the second look."""
    opportunity_id, referral_id, conflict = _quarrel(desk)

    async def choose() -> str:
        async with open_workspace(load_settings(), variables=Variables()) as workspace:
            find = workspace.partner_center.find_referral
            edits = iter(["Newer words."])

            async def find_just_before_an_edit(wanted: object) -> object:
                found = await find(wanted)  # type: ignore[arg-type]
                for words in edits:
                    await asyncio.to_thread(desk.colleague_edits, referral_id, details_notes=words)
                return found

            workspace.partner_center.find_referral = find_just_before_an_edit  # type: ignore[method-assign, assignment]
            item = await workspace.ledger.conflicts.get(conflict["id"])
            return (await choose_value(workspace, item, Side.PARTNER_CENTER)).value

    assert asyncio.run(choose()) == "moved on"
    assert _notes(desk, opportunity_id, referral_id) == (SELLERS, "Newer words.")


def test_closed_referral_takes_no_choice_and_nothing_is_written(desk: Desk) -> None:
    opportunity_id, referral_id, conflict = _quarrel(desk)
    desk.colleague_edits(referral_id, status="Closed", substatus="Lost")
    desk.forget_calls()
    result = desk.type("conflicts", "choose", conflict["id"], "partner_center")
    assert (result.exit_code, type(result.exception)) == (1, RequestRejected)
    assert "closed in Partner Center" in str(result.exception)
    assert desk.count_writes() == 0
    assert _notes(desk, opportunity_id, referral_id) == (SELLERS, SELLERS)
    assert desk.emulators.violations() == []


def test_values_of_which_neither_was_written_can_be_settled_in_the_crm(desk: Desk) -> None:
    """A value that Partner Center does not take is held; the person takes Partner Center's for both."""
    opportunity_id, referral_id = desk.share()
    desk.seller_edits(opportunity_id, description="")
    desk.colleague_edits(referral_id, details_notes=COLLEAGUES)
    desk.read("sync", "--opportunity", opportunity_id)
    (conflict,) = desk.read_json("conflicts")["conflicts"]
    assert conflict["winner"] is None
    result = desk.type("conflicts", "choose", conflict["id"], "dataverse")
    assert isinstance(result.exception, RequestRejected)
    assert "wants a value" in str(result.exception)
    desk.read("conflicts", "choose", conflict["id"], "partner_center")
    assert _notes(desk, opportunity_id, referral_id) == (COLLEAGUES, COLLEAGUES)
    assert desk.opportunity(opportunity_id)["name"].startswith("✔")
    assert desk.emulators.violations() == []


def test_choice_is_refused_while_the_flows_are_not_active(desk: Desk) -> None:
    opportunity_id, referral_id, conflict = _quarrel(desk)
    desk.read_json("conflicts")

    async def deactivate(ledger: Ledger) -> None:
        await ledger.activations.deactivate(await ledger.activations.find_all())

    desk.ledger(deactivate)
    result = desk.type("conflicts", "choose", conflict["id"], "partner_center")
    assert (result.exit_code, type(result.exception)) == (1, NotActivated)
    assert _notes(desk, opportunity_id, referral_id) == (SELLERS, SELLERS)


def test_opportunity_which_is_not_shared_any_more_takes_no_choice(desk: Desk) -> None:
    opportunity_id, _, conflict = _quarrel(desk)
    desk.seller_edits(opportunity_id, cosell_syncwithpartnercenter=False)
    result = desk.type("conflicts", "choose", conflict["id"], "partner_center")
    assert isinstance(result.exception, NotReady)


def test_unknown_conflict_and_unknown_side_are_told(desk: Desk) -> None:
    unknown = desk.type("conflicts", "choose", "ffff", "dataverse")
    assert (unknown.exit_code, type(unknown.exception)) == (1, RecordNotFound)
    assert desk.type("conflicts", "choose", "ffff", "microsoft").exit_code == 2


def test_pair_in_the_hand_of_a_flow_is_left_to_it(desk: Desk) -> None:
    opportunity_id, _, conflict = _quarrel(desk)

    async def choose() -> str:
        async with open_workspace(load_settings(), variables=Variables()) as workspace:
            found = await workspace.ledger.links.find_by_opportunity_ids([OpportunityId(opportunity_id)])
            key = f"link:{found[OpportunityId(opportunity_id)].link_id}"
            item = await workspace.ledger.conflicts.get(conflict["id"])
            async with workspace.ledger.leases.hold([key], holder="a flow", seconds=60):
                with pytest.raises(LeaseHeld):
                    await choose_value(workspace, item, Side.PARTNER_CENTER)
            return item.state.value

    assert asyncio.run(choose()) == "open"

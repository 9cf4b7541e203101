"""`cosell plan`: what would be written where, and nothing is."""

import re

from cosell.domain.link import Link
from cosell.errors import RecordNotFound
from cosell.store import Ledger
from tests.cli.desk import Desk

NOWHERE = "11111111-2222-4333-8444-555555555555"


async def _links(ledger: Ledger) -> list[Link]:
    return [link async for link in ledger.links.iter_all()]


def _by_field(changes: list[dict[str, object]]) -> dict[tuple[object, object], dict[str, object]]:
    return {(change["side"], change["field"]): change for change in changes}


def test_plan_shows_field_side_old_new_and_rule_and_writes_nothing(desk: Desk) -> None:
    opportunity_id, referral_id = desk.share()
    desk.seller_edits(opportunity_id, estimatedvalue=52000)
    desk.colleague_edits(referral_id, details_notes="They want it by summer.")
    before = (desk.opportunity(opportunity_id), desk.referral(referral_id), desk.ledger(_links))
    desk.forget_calls()
    plan = desk.read_json("plan", "--opportunity", opportunity_id)
    assert desk.count_writes() == 0
    assert (desk.opportunity(opportunity_id), desk.referral(referral_id), desk.ledger(_links)) == before
    changes = _by_field(plan["changes"])
    assert changes["partner_center", "deal_value"] == {
        "side": "partner_center",
        "field": "deal_value",
        "old": {"amount": "48000.00", "currency": "EUR"},
        "new": {"amount": "52000.00", "currency": "EUR"},
        "rule": "moved on dataverse",
    }
    assert changes["dataverse", "notes"]["new"] == "They want it by summer."
    assert changes["dataverse", "notes"]["rule"] == "moved on partner_center"
    assert plan["audit"] == ["Sent to Partner Center: Deal value.", "Received from Partner Center: Notes."]
    assert plan["stages"] == {"partner_center": "active", "dataverse": "open"}


def test_plan_of_either_id_is_the_same(desk: Desk) -> None:
    opportunity_id, referral_id = desk.share()
    desk.seller_edits(opportunity_id, name="✔ Ordering system, all branches")
    assert desk.read_json("plan", "--referral", referral_id) == desk.read_json("plan", "--opportunity", opportunity_id)


def test_table_is_readable_at_100_columns(desk: Desk) -> None:
    opportunity_id, referral_id = desk.share()
    desk.seller_edits(opportunity_id, estimatedvalue=52000, description="x" * 900)
    desk.colleague_edits(referral_id, details_notes="They want it by [bold]summer[/bold].")
    shown = desk.read("plan", "--opportunity", opportunity_id)
    assert max(len(line) for line in shown.splitlines() if line[:1] in "┏┃┡│└") <= 100
    for words in ("52,000.00 EUR", "48,000.00 EUR", "Deal value", "moved on dataverse", "Conflicts"):
        assert words in re.sub(r"\s+", " ", shown)
    assert "[bold]" in shown


def test_what_a_terminal_would_obey_is_not_printed(desk: Desk) -> None:
    opportunity_id, _ = desk.share()
    desk.seller_edits(opportunity_id, description="before \x1b[2J\x07 after")
    shown = desk.read("plan", "--opportunity", opportunity_id)
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "before" in shown


def test_pair_in_step_says_so(desk: Desk) -> None:
    opportunity_id, _ = desk.share()
    plan = desk.read_json("plan", "--opportunity", opportunity_id)
    assert (plan["summary"], plan["changes"]) == ("Nothing: both records are as the last sync left them.", [])


def test_opportunity_which_is_ready_tells_what_would_be_created(desk: Desk) -> None:
    opportunity_id = desk.write_opportunity()
    plan = desk.read_json("plan", "--opportunity", opportunity_id)
    assert plan["summary"] == "A referral would be created."
    assert (plan["created"], plan["problems"]) == (["a referral in Partner Center"], [])
    changes = _by_field(plan["changes"])
    assert changes["partner_center", "name"]["new"] == "Ordering system"
    assert changes["partner_center", "customer_country"]["new"] == "GB"
    assert changes["partner_center", "solutions"]["new"] == ["SOL-15974-MQF"]
    assert desk.ledger(_links) == []


def test_opportunity_which_is_not_ready_tells_every_problem(desk: Desk) -> None:
    opportunity_id = desk.write_opportunity(description="", estimatedvalue=0)
    shown = desk.read("plan", "--opportunity", opportunity_id)
    assert "Nothing would be created: the deal is not ready." in shown
    assert "✖ Fill in the description; it becomes the notes." in shown
    assert "✖ Fill in a deal value above zero" in shown
    assert desk.ledger(_links) == []


def test_opportunity_which_is_not_shared_is_left_alone(desk: Desk) -> None:
    opportunity_id = desk.write_opportunity(cosell_syncwithpartnercenter=False)
    assert desk.read_json("plan", "--opportunity", opportunity_id)["summary"].startswith("Nothing: Sync with")


def test_invitation_tells_which_opportunity_account_and_contact_would_be_new(desk: Desk) -> None:
    referral_id = desk.microsoft_invites(name="Cloud move", customer="Kestrel Mills")
    desk.forget_calls()
    plan = desk.read_json("plan", "--referral", referral_id)
    assert desk.count_writes() == 0
    assert plan["summary"] == "An opportunity would be created."
    assert plan["created"] == ["an opportunity in the CRM", "its account", "its contact"]
    changes = _by_field(plan["changes"])
    assert changes["dataverse", "status"]["new"] == "on_hold"
    assert str(changes["dataverse", "account"]["new"]).startswith("new: ")
    assert changes["partner_center", "crm_id"]["rule"] == "written back"
    assert desk.ledger(_links) == []


def test_account_which_the_crm_has_is_named_as_known(desk: Desk) -> None:
    desk.activate()
    first = desk.microsoft_invites(name="Cloud move")
    desk.read("sync", "--referral", first)
    second = desk.microsoft_invites(name="Cloud move, part two")
    account = _by_field(desk.read_json("plan", "--referral", second)["changes"])["dataverse", "account"]
    assert str(account["new"]).startswith("known ")


def test_unknown_record_is_told_plainly(desk: Desk) -> None:
    for option in ("--opportunity", "--referral"):
        result = desk.type("plan", option, NOWHERE)
        assert result.exit_code == 1
        assert isinstance(result.exception, RecordNotFound)


def test_no_record_two_records_or_no_id_is_wrong_usage(desk: Desk) -> None:
    both = ("--referral", NOWHERE, "--opportunity", NOWHERE)
    for words in ((), both, ("--referral", "nonsense")):
        assert desk.type("plan", *words).exit_code == 2

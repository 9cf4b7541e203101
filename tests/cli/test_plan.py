"""`cosell plan`: what would be written where, and nothing is."""

import re
import sqlite3
from contextlib import closing

from cosell.domain.link import Link
from cosell.errors import RecordNotFound
from cosell.settings import load_settings
from cosell.store import Ledger
from tests.cli.desk import OPEN, Desk

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
        "rule": "moved in the CRM",
    }
    assert changes["dataverse", "notes"]["new"] == "They want it by summer."
    assert changes["dataverse", "notes"]["rule"] == "moved in Partner Center"
    assert plan["audit"] == ["Sent to Partner Center: Deal value.", "Received from Partner Center: Notes."]
    assert plan["stages"] == {"partner_center": "active", "dataverse": "open"}


def test_ledger_keeps_nothing_of_a_plan_but_tokens_and_the_list_of_currencies(desk: Desk) -> None:
    opportunity_id, referral_id = desk.share()
    desk.seller_edits(opportunity_id, description="The seller's words.")
    desk.colleague_edits(referral_id, details_notes="The colleague's words.")
    arrived, shared = desk.microsoft_invites(), desk.write_opportunity(name="Another one")
    before = _tables()
    for option, record in (
        ("--opportunity", opportunity_id),
        ("--referral", referral_id),
        ("--referral", arrived),
        ("--opportunity", shared),
    ):
        desk.read("plan", option, record)
    assert _tables() == before


def _tables() -> dict[str, list[object]]:
    """Read what the ledger's file holds, but for the tables of what is kept to ask less often, or not too often."""
    with closing(sqlite3.connect(load_settings().home / "ledger.db")) as file:
        names = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert {"cosell_leases", "cosell_links", "cosell_conflicts", "cosell_inbox"} <= set(names)
        kept = [name for name in names if name not in {"cosell_vault", "cosell_meta", "cosell_budgets"}]
        return {name: file.execute(f'SELECT * FROM "{name}"').fetchall() for name in kept}  # noqa: S608


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
    for words in ("52,000.00 EUR", "48,000.00 EUR", "Deal value", "moved in the CRM", "Conflicts"):
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


def test_microsofts_copy_is_planned_as_news_for_our_opportunity_never_as_a_second_deal(desk: Desk) -> None:
    desk.activate()
    referral_id = desk.microsoft_invites(name="Cloud move")
    copy_id = desk.microsofts_copy(referral_id)
    assert "no opportunity belongs to its engagement" in desk.read_json("plan", "--referral", copy_id)["summary"]
    desk.read("sync", "--referral", referral_id)
    desk.emulators.control("POST", f"microsoft/referrals/{referral_id}/win")
    plan = desk.read_json("plan", "--referral", copy_id)
    assert (plan["referral_id"], plan["created"]) == (referral_id, [])
    assert plan["audit"] == ["Microsoft closed its side as won."]
    assert "written" in desk.read("sync", "--referral", copy_id)
    assert "Microsoft closed its side as won." in desk.read("why", referral_id)
    assert desk.read_json("plan", "--referral", copy_id)["audit"] == []


def test_what_partner_center_would_not_take_is_told_with_the_mark(desk: Desk) -> None:
    referral_id = desk.microsoft_invites(name="Cloud move")
    desk.activate()
    desk.read("sync", "--referral", referral_id)
    opportunity_id = desk.referral(referral_id)["externalReferenceId"]
    desk.seller_edits(opportunity_id, description="", estimatedclosedate=None, estimatedvalue=None, statuscode=OPEN)
    plan = desk.read_json("plan", "--opportunity", opportunity_id)
    assert {note["text"].split(" was ")[0] for note in plan["notes"] if note["is_problem"]} == {
        "Deal value",
        "Closing date",
        "Notes",
    }
    assert _by_field(plan["changes"])["dataverse", "mark"]["new"] == "✖ Cloud move"


def test_unknown_record_is_told_plainly(desk: Desk) -> None:
    for option in ("--opportunity", "--referral"):
        result = desk.type("plan", option, NOWHERE)
        assert result.exit_code == 1
        assert isinstance(result.exception, RecordNotFound)


def test_no_record_two_records_or_no_id_is_wrong_usage(desk: Desk) -> None:
    both = ("--referral", NOWHERE, "--opportunity", NOWHERE)
    for words in ((), both, ("--referral", "nonsense")):
        assert desk.type("plan", *words).exit_code == 2


def test_plan_of_an_edit_of_everything_names_fields_and_solutions_as_a_person_does(desk: Desk) -> None:
    opportunity_id, referral_id = desk.share()
    desk.add_solution(opportunity_id, "SOL-20001-ABC", cosell_quantity=5, cosell_price=1200)
    desk.seller_edits(opportunity_id, salesstage=2, cosell_visibletomicrosoft=True)
    desk.colleague_edits(referral_id, details_closingDateTime="2031-05-01T00:00:00Z")

    shown = re.sub(r"[\s│]+", " ", desk.read("plan", "--opportunity", opportunity_id))

    for words in (
        "Closing date CRM 2031-03-31 2031-05-01 moved in Partner Center",
        "Visibility Partner no yes a one-way door",
        "Sales stage Partner - 60 moved in the CRM",
        "Solution SOL-20001-ABC Partner - quantity 5, price 1,200.00 moved in the CRM",
    ):
        assert words in shown
    assert "dataverse" not in shown
    assert "partner_center" not in shown


def test_plan_of_an_answer_says_the_stages_in_words(desk: Desk) -> None:
    desk.activate()
    referral_id = desk.microsoft_invites()
    desk.read("sync", "--referral", referral_id)
    opportunity_id = str(desk.referral(referral_id)["externalReferenceId"])
    desk.colleague_edits(referral_id, status="Active", substatus="Accepted")

    shown = re.sub(r"[\s│]+", " ", desk.read("plan", "--opportunity", opportunity_id))

    assert "Status CRM on hold open accepted in Partner Center" in shown


def test_plan_of_an_invitation_says_what_the_audit_text_will_say(desk: Desk) -> None:
    desk.activate()
    referral_id = desk.microsoft_invites()
    planned = desk.read_json("plan", "--referral", referral_id)["audit"]
    desk.read("sync", "--referral", referral_id)

    opportunity_id = str(desk.referral(referral_id)["externalReferenceId"])
    lines = desk.opportunity(opportunity_id)["cosell_audit"].splitlines()

    assert len(planned) == 2
    assert [line.partition(" - ")[2] for line in lines] == planned


def test_plan_of_all_lists_what_is_not_in_step_and_writes_nothing(desk: Desk) -> None:
    """Both were told to nobody, so that only comparing finds them."""
    opportunity_id, referral_id = desk.share()
    desk.colleague_edits(referral_id, details_notes="They want it by summer.")
    invited = desk.microsoft_invites()
    desk.forget_calls()

    told = desk.read_json("plan", "--all")

    assert desk.count_writes() == 0
    found = {(item["kind"], item["opportunity_id"] or item["referral_id"]): item for item in told["findings"]}
    assert found["drifted", opportunity_id]["fields"] == ["notes"]
    assert found["unlinked", invited]["is_healable"]
    printed = desk.read("plan", "--all")
    assert "Not in step (2)" in printed
    assert "Notes" in printed
    assert desk.type("plan", "--all", "--referral", referral_id).exit_code == 2
    assert desk.type("plan").exit_code == 2

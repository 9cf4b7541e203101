"""`cosell why`: the life of one deal, from the journal."""

import pytest

from cosell.cli.told import describe_told
from cosell.errors import RecordNotFound
from cosell.store import DeadLetter, HintKind, Ledger
from tests.cli.desk import Desk

NOWHERE = "11111111-2222-4333-8444-555555555555"
PARKED = "22222222-2222-4333-8444-555555555555"


def test_life_of_a_deal_is_told_newest_first(desk: Desk) -> None:
    opportunity_id, referral_id = desk.share()
    desk.seller_edits(opportunity_id, estimatedvalue=52000)
    desk.read("sync", "--opportunity", opportunity_id)
    life = desk.read_json("why", opportunity_id)
    assert (life["referral_id"], life["opportunity_id"], life["state"]) == (referral_id, opportunity_id, "linked")
    newest, *older = life["journal"]
    assert {name: newest[name] for name in ("side", "field", "old", "new", "rule", "run")} == {
        "side": "partner_center",
        "field": "deal_value",
        "old": {"amount": "48000.00", "currency": "EUR"},
        "new": {"amount": "52000.00", "currency": "EUR"},
        "rule": "moved in the CRM",
        "run": "cosell sync",
    }
    assert {(entry["side"], entry["field"]) for entry in older} >= {("dataverse", "referral_id")}
    assert [entry["at"] for entry in life["journal"]] == sorted(
        (entry["at"] for entry in life["journal"]), reverse=True
    )


def test_either_id_tells_the_same_life(desk: Desk) -> None:
    opportunity_id, referral_id = desk.share()
    assert desk.read_json("why", referral_id) == desk.read_json("why", opportunity_id.upper())


def test_table_shows_values_rule_and_run_at_100_columns(desk: Desk) -> None:
    opportunity_id, _ = desk.share()
    desk.seller_edits(opportunity_id, description="Every branch orders by telephone, and waits.", estimatedvalue=52000)
    desk.read("sync", "--opportunity", opportunity_id)
    shown = desk.read("why", opportunity_id)
    table = [line for line in shown.splitlines() if line[:1] in "┏┃┡│└" and line]
    assert {len(line) for line in table} == {max(len(line) for line in table)}
    assert len(table[0]) <= 100
    for words in ("48,000.00 EUR", "52,000.00 EUR", "moved in the CRM", "cosell sync", "Shared with Partner Center."):
        assert words in shown


def test_only_the_latest_entries_when_that_was_asked(desk: Desk) -> None:
    opportunity_id, _ = desk.share()
    assert len(desk.read_json("why", opportunity_id, "--limit", "1")["journal"]) == 1


def test_nothing_is_asked_of_the_services(desk: Desk) -> None:
    opportunity_id, _ = desk.share()
    desk.forget_calls()
    desk.read("why", opportunity_id)
    assert desk.emulators.count_requests() == 0


def test_open_conflict_dead_letter_and_what_the_seller_was_told_are_part_of_it(desk: Desk) -> None:
    opportunity_id, referral_id = desk.share()
    desk.seller_edits(opportunity_id, description="The seller's words.")
    desk.colleague_edits(referral_id, details_notes="The colleague's words.")
    desk.read("sync", "--opportunity", opportunity_id)
    desk.seller_edits(opportunity_id, description="", estimatedvalue=0)

    async def file(ledger: Ledger) -> None:
        await ledger.dead_letters.add(
            DeadLetter(
                kind=HintKind.REFERRAL, record_id=referral_id, flow="any", cause="UnsafePlan", message="Look at it."
            )
        )

    desk.ledger(file)
    life = desk.read_json("why", opportunity_id)
    (conflict,) = life["conflicts"]
    assert (conflict["field"], conflict["winner"]) == ("notes", "dataverse")
    assert (conflict["partner_center"], conflict["dataverse"]) == ("The colleague's words.", "The seller's words.")
    assert [letter["message"] for letter in life["dead_letters"]] == ["Look at it."]
    assert "Notes was not the same on both sides." in [told["text"] for told in life["told"]]
    shown = desk.read("why", opportunity_id)
    assert "Look at it." in shown
    assert "The colleague's words." in shown


def test_record_which_never_came_further_than_a_dead_letter_is_known(desk: Desk) -> None:
    async def file(ledger: Ledger) -> None:
        await ledger.dead_letters.add(
            DeadLetter(
                kind=HintKind.REFERRAL, record_id=PARKED, flow="any", cause="AccessDenied", message="Look at it."
            )
        )

    desk.ledger(file)
    life = desk.read_json("why", PARKED)
    assert (life["state"], [letter["cause"] for letter in life["dead_letters"]]) == (None, ["AccessDenied"])
    assert "The journal has nothing about it." in desk.read("why", PARKED)


def test_unknown_id_and_no_id_are_told_plainly(desk: Desk) -> None:
    unknown = desk.type("why", NOWHERE)
    assert (unknown.exit_code, type(unknown.exception)) == (1, RecordNotFound)
    assert desk.type("why", "nonsense").exit_code == 2


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("event:shared", "Shared with Partner Center."),
        ("event:microsoft:active", "Microsoft accepted the deal."),
        ("event:microsoft:unheard-of", "event:microsoft:unheard-of"),
        ("event:chosen:deal_value:0123", "Deal value: a person chose the other value."),
        ("held:closing_date:0123", "Closing date was not sent to Partner Center."),
        ("parked:notes:0123", "Notes was left alone, as its value is not understood."),
        ("stage:a closed referral stays closed", "Status: a closed referral stays closed."),
        ("refused:NotReady:0123", "Not in step: NotReady."),
        ("deadline:answer:first", "By when the invitation has to be answered."),
        ("deadline:answer:3", "An answer is due within 3 days (the invitation)."),
        ("deadline:microsoft:0", "The time to answer is over (Microsoft)."),
        ("waits", "What was changed before the invitation is answered waits for the answer."),
        ("help:taken", "Microsoft takes part in this deal already, so it was not asked for help again."),
        ("something new", "something new"),
    ],
)
def test_keys_of_what_was_told_are_put_into_words(key: str, words: str) -> None:
    assert describe_told(key) == words

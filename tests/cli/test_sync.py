"""`cosell sync`: one record, now, as its flow would do it."""

import pytest

from cosell.cli.hand import GATES
from cosell.domain.flows import ACTIVATION_ORDER, FlowName
from cosell.errors import NotActivated, NotReady, RejectedError
from cosell.store import FiledDeadLetter, HintKind, Ledger
from tasks.activation import refuse
from tests.cli.desk import ON_HOLD, OPEN, Desk
from tests.cli.prefect_stub import NOBODY, prefect_at

NOWHERE = "11111111-2222-4333-8444-555555555555"


async def _dead_letters(ledger: Ledger) -> list[FiledDeadLetter]:
    return await ledger.dead_letters.list_open()


def test_ready_opportunity_gets_its_referral(desk: Desk) -> None:
    desk.activate()
    opportunity_id = desk.write_opportunity()
    line = desk.read("sync", "--opportunity", opportunity_id)
    row = desk.opportunity(opportunity_id)
    assert row["name"] == "✔ Ordering system"
    assert desk.referral(row["cosell_referralid"])["externalReferenceId"] == opportunity_id
    assert line.startswith("✔ created")
    assert len(line.splitlines()) == 1
    assert row["cosell_referralid"] in line
    assert desk.emulators.violations() == []


def test_invitation_gets_its_opportunity_and_the_answer_travels_back(desk: Desk) -> None:
    desk.activate()
    referral_id = desk.microsoft_invites(name="Cloud move")
    assert desk.read("sync", "--referral", referral_id).startswith("✔ created")
    opportunity_id = desk.referral(referral_id)["externalReferenceId"]
    assert desk.opportunity(opportunity_id)["statuscode"] == ON_HOLD
    desk.seller_edits(opportunity_id, statuscode=OPEN)
    assert "to Partner Center status" in desk.read("sync", "--referral", referral_id)
    assert desk.referral(referral_id)["status"] == "Active"
    assert desk.emulators.violations() == []


def test_second_sync_writes_nothing_and_says_so(desk: Desk) -> None:
    opportunity_id, referral_id = desk.share()
    desk.forget_calls()
    assert desk.read("sync", "--opportunity", opportunity_id).startswith("✔ echo")
    assert desk.read("sync", "--referral", referral_id).startswith("✔ echo")
    assert desk.count_writes() == 0


def test_line_holds_ids_and_field_names_but_no_value(desk: Desk) -> None:
    opportunity_id, _ = desk.share()
    desk.seller_edits(opportunity_id, description="Nobody may read this in a log.", estimatedvalue=52000)
    line = desk.read("sync", "--opportunity", opportunity_id)
    assert "to Partner Center deal_value, notes" in line
    assert "Nobody" not in line
    assert "52" not in line.replace(opportunity_id, "").partition("(")[0]


def test_chain_which_is_not_active_refuses_as_the_flow_does(desk: Desk) -> None:
    first = ACTIVATION_ORDER[:3]
    desk.activate(first)
    opportunity_id = desk.write_opportunity()
    for words, kind in (
        (("--opportunity", opportunity_id), HintKind.OPPORTUNITY),
        (("--referral", NOWHERE), HintKind.REFERRAL),
    ):
        flow = GATES[kind]
        result = desk.type("sync", *words)
        assert result.exit_code == 1
        assert isinstance(result.exception, NotActivated)
        missing = [item for item in (*flow.predecessors, flow) if item not in first]
        assert str(result.exception) == refuse(flow, missing)
    assert desk.opportunity(opportunity_id)["cosell_referralid"] is None


def test_arrivals_need_no_flow_after_their_own(desk: Desk) -> None:
    desk.activate(ACTIVATION_ORDER[: FlowName.PARTNER_CENTER_TO_DYNAMICS.number])
    assert desk.read("sync", "--referral", desk.microsoft_invites()).startswith("✔ created")


def test_refusal_is_one_sentence_exit_code_1_a_dead_letter_and_told_to_the_seller(desk: Desk) -> None:
    desk.activate()
    opportunity_id = desk.write_opportunity(description="")
    result = desk.type("sync", "--opportunity", opportunity_id)
    assert result.exit_code == 1
    assert isinstance(result.exception, NotReady)
    row = desk.opportunity(opportunity_id)
    assert row["name"].startswith("✖ ")
    (filed,) = desk.ledger(_dead_letters)
    assert (filed.letter.record_id, filed.letter.cause, filed.letter.flow) == (
        opportunity_id,
        "NotReady",
        "cosell sync",
    )
    assert filed.letter.message in row["cosell_audit"]
    assert filed.letter.message in str(result.exception)


def test_refusal_which_was_mended_closes_the_dead_letter(desk: Desk) -> None:
    desk.activate()
    opportunity_id = desk.write_opportunity(description="")
    desk.type("sync", "--opportunity", opportunity_id)
    desk.seller_edits(opportunity_id, description="All branches order by telephone.")
    assert desk.read("sync", "--opportunity", opportunity_id).startswith("✔ created")
    assert desk.ledger(_dead_letters) == []


def test_record_which_is_nowhere_is_not_made_up(desk: Desk) -> None:
    desk.activate()
    assert desk.read("sync", "--referral", NOWHERE).startswith("✔ skipped: not in Partner Center")
    result = desk.type("sync", "--opportunity", NOWHERE)
    assert result.exit_code == 1
    assert isinstance(result.exception, RejectedError)


def test_opportunity_which_is_not_shared_is_skipped(desk: Desk) -> None:
    desk.activate()
    opportunity_id = desk.write_opportunity(cosell_syncwithpartnercenter=False)
    assert "skipped: Sync with Partner Center is set to No" in desk.read("sync", "--opportunity", opportunity_id)


def test_prefect_server_which_does_not_answer_is_told_before_anything_is_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.activate()
    opportunity_id = desk.write_opportunity()
    with prefect_at(NOBODY, monkeypatch):
        result = desk.type("sync", "--opportunity", opportunity_id)
    assert result.exit_code == 1
    assert "Prefect server does not answer" in str(result.exception)
    assert desk.opportunity(opportunity_id)["cosell_referralid"] is None

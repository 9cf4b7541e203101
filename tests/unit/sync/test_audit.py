from datetime import UTC, datetime

import pytest

from cosell.domain.stages import OpportunityStage, ReferralStage
from cosell.mapping.values import strip_mark, text_length
from cosell.sync.audit import AUDIT_LENGTH, describe_plan, mark_name, write_audit
from cosell.sync.plan import Note
from cosell.sync.stages import StagePair
from tests.unit.sync.pairs import AGREED, fields, plan

NOW = datetime(2026, 11, 23, 9, 5, tzinfo=UTC)


def test_mark_tells_whether_the_opportunity_is_in_step() -> None:
    assert mark_name("Wingtip", has_problem=False, show_check_mark=True) == "✔ Wingtip"
    assert mark_name("Wingtip", has_problem=True, show_check_mark=True) == "✖ Wingtip"


@pytest.mark.parametrize("has_problem", [True, False])
def test_name_is_bare_when_the_setting_says_so(*, has_problem: bool) -> None:
    assert mark_name("Wingtip", has_problem=has_problem, show_check_mark=False) == "Wingtip"


def test_mark_gives_way_to_a_name_which_fills_the_column() -> None:
    assert mark_name("n" * 298, has_problem=False, show_check_mark=True) == "✔ " + "n" * 298
    assert mark_name("n" * 299, has_problem=False, show_check_mark=True) == "n" * 299
    assert mark_name("🚀" * 149, has_problem=False, show_check_mark=True) == "✔ " + "🚀" * 149
    assert mark_name("🚀" * 150, has_problem=False, show_check_mark=True) == "🚀" * 150


def test_name_comes_back_without_the_mark() -> None:
    for has_problem in (True, False):
        assert strip_mark(mark_name("Wingtip", has_problem=has_problem, show_check_mark=True)) == "Wingtip"


def test_audit_has_a_dated_line_for_each_sentence_newest_first() -> None:
    before = "2026-11-22 08:00 UTC - Shared with Partner Center."
    assert write_audit(before, ["Sent to Partner Center: Name.", "Microsoft accepted the deal."], now=NOW) == (
        "2026-11-23 09:05 UTC - Sent to Partner Center: Name.\n"
        "2026-11-23 09:05 UTC - Microsoft accepted the deal.\n"
        "2026-11-22 08:00 UTC - Shared with Partner Center."
    )


@pytest.mark.parametrize("before", [None, "", " \n"])
def test_first_audit_line_stands_alone(before: str | None) -> None:
    assert write_audit(before, ["Done."], now=NOW) == "2026-11-23 09:05 UTC - Done."


def test_audit_keeps_within_its_length_and_the_oldest_lines_give_way() -> None:
    audit = None
    for number in range(1000):
        audit = write_audit(audit, [f"Line {number}."], now=NOW)
        assert text_length(audit) <= AUDIT_LENGTH
    assert audit is not None
    lines = audit.splitlines()
    assert lines[0].endswith("Line 999.")
    assert lines[-1] == "…"
    assert lines[-2].endswith("."), "whole lines only"
    assert len(audit) > AUDIT_LENGTH - 100


def test_single_line_which_is_too_long_is_cut() -> None:
    assert write_audit(None, ["x" * 200], now=NOW, length=40) == "2026-11-23 09:05 UTC - xxxxxxxxxxxxxxx\n…"


def test_audit_counts_as_the_crm_does() -> None:
    assert text_length(write_audit("🚀" * 30, ["Done."], now=NOW, length=60)) <= 60


def test_plan_is_told_in_one_sentence_for_each_direction_then_its_news() -> None:
    moved = plan(
        referral=fields(notes="Theirs", microsoft_crm_id="7-NEW"),
        opportunity=fields(name="Ours", deal_value=None),
        base={**AGREED, "$referral_stage": "invited", "$opportunity_stage": "on_hold"},
        stages=StagePair(referral=ReferralStage.INVITED, opportunity=OpportunityStage.OPEN),
    )
    assert describe_plan(moved) == [
        "Sent to Partner Center: Name, status (active, accepted by the seller).",
        "Received from Partner Center: Notes, Microsoft CRM id.",
        "Deal value was not sent: Partner Center wants a value here, so its own was left as it is.",
    ]


def test_status_which_came_from_partner_center_is_told() -> None:
    won = plan(stages=StagePair(referral=ReferralStage.WON, opportunity=OpportunityStage.OPEN))
    assert describe_plan(won) == ["Received from Partner Center: Status (won, closed in Partner Center)."]


def test_what_was_told_before_and_ids_are_not_told() -> None:
    note = Note(key="parked:notes:1", text="Notes were left alone.", is_problem=True)
    assert describe_plan(plan(notes=(note,), told=frozenset({note.key}))) == []
    assert describe_plan(plan(referral=fields(crm_id=None))) == []

"""What may be said once only, and what has to wait: one-way doors, help, and the days before an answer."""

from dataclasses import replace

import pytest

from cosell.domain.ids import Side
from cosell.domain.snapshot import Value
from cosell.domain.stages import OpportunityStage, ReferralStage
from cosell.sync.plan import Plan
from cosell.sync.planner import WAITS, Seen, plan_sync
from cosell.sync.stages import StagePair
from tests.unit.sync.pairs import AGREED, CLOSED_AS_WON, IN_PROGRESS, ROWS, fields

INVITED = StagePair(referral=ReferralStage.INVITED, opportunity=OpportunityStage.ON_HOLD)
INVITED_BASE: dict[str, Value] = {**AGREED, "$referral_stage": "invited", "$opportunity_stage": "on_hold"}
PRIVATE: dict[str, Value] = {**AGREED, "visibility": False, "help": None}


def seen(
    *, theirs: dict[str, Value] | None = None, ours: dict[str, Value] | None = None, stages: StagePair = IN_PROGRESS
) -> Seen:
    quiet: dict[str, Value] = {"visibility": False, "help": None}
    return Seen(
        referral=fields(**{**quiet, **(theirs or {})}), opportunity=fields(**{**quiet, **(ours or {})}), stages=stages
    )


def plan(found: Seen, base: dict[str, Value] = PRIVATE, told: frozenset[str] = frozenset()) -> Plan:
    return plan_sync(found, base=base, told=told, rows=ROWS)


@pytest.mark.parametrize("base", [{}, {"visibility": False}])
@pytest.mark.parametrize(("theirs", "ours"), [(True, False), (False, True)])
def test_door_which_one_side_opened_is_open_on_both(*, theirs: bool, ours: bool, base: dict[str, Value]) -> None:
    found = plan(seen(theirs={"visibility": theirs}, ours={"visibility": ours}), base={**AGREED, **base})
    side = Side.DATAVERSE if theirs else Side.PARTNER_CENTER
    assert [(item.side, item.field, item.new) for item in found.changes] == [(side, "visibility", True)]
    assert found.base["visibility"] is True
    assert found.conflicts == ()


def test_door_is_never_closed_again_and_the_seller_is_told_once() -> None:
    opened: dict[str, Value] = {**PRIVATE, "visibility": True}
    first = plan(seen(theirs={"visibility": True}, ours={"visibility": False}), base=opened)
    assert first.changes == ()
    assert first.has_problem
    assert [note.text for note in first.news] == ["Visibility was not sent: Partner Center never takes it back."]
    again = plan(seen(theirs={"visibility": True}, ours={"visibility": False}), base=opened, told=first.told)
    assert again.is_empty


def test_asking_for_help_opens_the_door() -> None:
    found = plan(seen(ours={"help": "ProofOfConceptOrDemo"}))
    assert found.changes_on(Side.PARTNER_CENTER) == {"help": "ProofOfConceptOrDemo", "visibility": True}
    assert found.changes_on(Side.DATAVERSE) == {"visibility": True}


def test_help_of_a_closed_deal_opens_nothing() -> None:
    found = plan(seen(ours={"help": "ProofOfConceptOrDemo"}, stages=CLOSED_AS_WON))
    assert found.changes == ()


def test_help_which_was_sent_is_fixed() -> None:
    asked: dict[str, Value] = {**PRIVATE, "help": "ProofOfConceptOrDemo", "visibility": True}
    for ours in ("QuotesOrLicensing", None):
        found = plan(
            seen(theirs={"help": "ProofOfConceptOrDemo", "visibility": True}, ours={"help": ours, "visibility": True}),
            base=asked,
        )
        assert found.changes == ()
        assert [note.text for note in found.news] == [
            "Help was not sent: what was sent once is fixed in Partner Center."
        ]
        assert found.base["help"] == "ProofOfConceptOrDemo"


def test_help_which_microsofts_copy_says_comes_into_the_crm() -> None:
    found = plan(
        seen(theirs={"help": "QuotesOrLicensing", "visibility": True}, ours={"visibility": True}),
        base={**PRIVATE, "visibility": True},
    )
    assert found.changes_on(Side.DATAVERSE) == {"help": "QuotesOrLicensing"}


def test_edits_wait_until_the_invitation_is_answered() -> None:
    edited = seen(ours={"name": "Another name"}, stages=INVITED)
    first = plan_sync(edited, base=INVITED_BASE, told=frozenset(), rows=ROWS)
    assert first.changes == ()
    assert [note.key for note in first.news] == [WAITS.key]
    assert not first.has_problem
    assert first.base["name"] == AGREED["name"]

    accepted = replace(edited, stages=replace(INVITED, opportunity=OpportunityStage.OPEN))
    second = plan_sync(accepted, base=first.base, told=first.told, rows=ROWS)
    assert second.moves_referral_to is ReferralStage.ACTIVE
    assert second.changes_on(Side.PARTNER_CENTER) == {"name": "Another name"}


def test_what_microsoft_changes_meanwhile_still_comes_in() -> None:
    found = plan_sync(
        seen(theirs={"name": "Microsoft's name"}, stages=INVITED), base=INVITED_BASE, told=frozenset(), rows=ROWS
    )
    assert found.changes_on(Side.DATAVERSE) == {"name": "Microsoft's name"}


def test_answer_by_the_crm_may_be_switched_off() -> None:
    moved = replace(seen(stages=replace(INVITED, opportunity=OpportunityStage.OPEN)), may_answer=False)
    found = plan_sync(moved, base=INVITED_BASE, told=frozenset(), rows=ROWS)
    assert found.moves_referral_to is None
    assert "answered in Partner Center only" in found.news[0].text

"""What a seller types while an invitation waits for its answer, and what is planned for deals which are closed."""

from dataclasses import replace

import pytest

from cosell.domain.ids import Side
from cosell.domain.stages import OpportunityStage, ReferralStage
from cosell.sync.planner import WAITS
from cosell.sync.stages import StagePair
from tests.unit.sync.pairs import AGREED, CLOSED_AS_WON, fields, plan

ON_HOLD = StagePair(referral=ReferralStage.INVITED, opportunity=OpportunityStage.ON_HOLD)
TAKEN_UP = replace(ON_HOLD, opportunity=OpportunityStage.OPEN)
INVITED = {**AGREED, "$referral_stage": "invited", "$opportunity_stage": "on_hold"}
WON = {**AGREED, "$referral_stage": "won", "$opportunity_stage": "won"}
TYPED = fields(notes="They want it in May.")


def test_what_is_typed_on_hold_waits_and_is_told() -> None:
    found = plan(stages=ON_HOLD, base=INVITED, opportunity=TYPED)

    assert found.changes == ()
    assert found.base["notes"] == AGREED["notes"], "so that it is still an edit when the answer is there"
    assert [note.key for note in found.news] == [WAITS.key]
    assert not found.has_problem


def test_answer_takes_what_was_typed_with_it() -> None:
    found = plan(stages=TAKEN_UP, base=INVITED, opportunity=TYPED)

    assert found.moves_referral_to is ReferralStage.ACTIVE
    assert found.changes_on(Side.PARTNER_CENTER) == {"notes": "They want it in May."}
    assert WAITS not in found.notes


@pytest.mark.parametrize("stage", [OpportunityStage.OPEN, OpportunityStage.WON, OpportunityStage.LOST])
def test_answer_which_is_left_to_the_portal_holds_up_what_was_typed(stage: OpportunityStage) -> None:
    stages = replace(ON_HOLD, opportunity=stage)
    found = plan(stages=stages, base=INVITED, opportunity=TYPED, may_answer=False)

    assert found.moves_referral_to is None
    assert found.changes == ()
    assert found.base["notes"] == AGREED["notes"]
    assert found.has_problem
    assert WAITS in found.notes


def test_what_partner_center_says_arrives_while_the_seller_makes_up_her_mind() -> None:
    theirs = fields(name="Wingtip @ Everywhere")
    found = plan(stages=ON_HOLD, base=INVITED, opportunity=TYPED, referral=theirs)

    assert found.changes_on(Side.DATAVERSE) == {"name": "Wingtip @ Everywhere"}
    assert found.changes_on(Side.PARTNER_CENTER) == {}


def test_edit_of_a_closed_deal_is_told_and_nothing_is_written() -> None:
    found = plan(stages=CLOSED_AS_WON, base=WON, opportunity=TYPED)

    assert (found.changes, found.moves_referral_to, found.moves_opportunity_to) == ((), None, None)
    assert ["closed in Partner Center" in note.text for note in found.news] == [True]


def test_reopened_deal_is_refused_and_stays_refused_for_the_same_reason() -> None:
    reopened = replace(CLOSED_AS_WON, opportunity=OpportunityStage.OPEN)
    first = plan(stages=reopened, base=WON)
    second = plan(stages=reopened, base=first.base, told=first.told)

    assert (first.changes, first.moves_referral_to, first.moves_opportunity_to) == ((), None, None)
    assert "for good" in first.news[0].text
    assert second.news == ()
    assert second.has_problem


@pytest.mark.parametrize("referral", [ReferralStage.UNKNOWN, ReferralStage.CLOSED])
def test_stage_which_is_not_known_moves_nothing(referral: ReferralStage) -> None:
    stages = StagePair(referral=referral, opportunity=OpportunityStage.OPEN)
    found = plan(stages=stages)

    assert (found.moves_referral_to, found.moves_opportunity_to) == (None, None)
    assert [note.key for note in found.news] == ["stage:unknown stage"]
    assert (found.base["$referral_stage"], found.base["$opportunity_stage"]) == ("active", "open")

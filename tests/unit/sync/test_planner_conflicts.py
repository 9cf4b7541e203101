from decimal import Decimal

import pytest

from cosell.domain.ids import Side
from cosell.domain.money import Money
from cosell.domain.stages import OpportunityStage, ReferralStage
from cosell.mapping.models import Direction, Frozen
from cosell.sync.plan import FieldConflict
from cosell.sync.stages import StagePair
from tests.unit.sync.pairs import AGREED, CLOSED_AS_WON, fields, plan, row

BOTH_MOVED = {"referral": {"name": "Theirs"}, "opportunity": {"name": "Ours"}, "base": {"name": "Before"}}


def test_field_that_moved_on_both_sides_goes_to_its_owner() -> None:
    ours = plan(**BOTH_MOVED, rows=(row(owner=Side.DATAVERSE),))  # type: ignore[arg-type]
    assert ours.changes_on(Side.PARTNER_CENTER) == {"name": "Ours"}
    assert not ours.changes_on(Side.DATAVERSE)
    theirs = plan(**BOTH_MOVED, rows=(row(owner=Side.PARTNER_CENTER),))  # type: ignore[arg-type]
    assert theirs.changes_on(Side.DATAVERSE) == {"name": "Theirs"}
    assert not theirs.changes_on(Side.PARTNER_CENTER)


@pytest.mark.parametrize("owner", list(Side))
def test_conflict_keeps_both_values(owner: Side) -> None:
    found = plan(**BOTH_MOVED, rows=(row(owner=owner),))  # type: ignore[arg-type]
    assert found.conflicts == (FieldConflict(field="name", partner_center="Theirs", dataverse="Ours", winner=owner),)


def test_conflict_is_told_with_both_values_and_is_no_problem() -> None:
    found = plan(**BOTH_MOVED, rows=(row(),))  # type: ignore[arg-type]
    assert [note.text for note in found.news] == [
        "Name was changed on both sides: kept “Ours”, not “Theirs” from Partner Center."
    ]
    assert not found.has_problem


def test_conflict_is_told_once() -> None:
    rows = (row(),)
    first = plan(**BOTH_MOVED, rows=rows)  # type: ignore[arg-type]
    same_again = plan(**BOTH_MOVED, rows=rows, told=first.told)  # type: ignore[arg-type]
    assert not same_again.news, "the write failed, the same conflict is met again"
    after = plan(referral={"name": "Ours"}, opportunity={"name": "Ours"}, base=first.base, told=first.told, rows=rows)
    assert after.is_empty


def test_conflict_is_told_again_when_a_value_changes() -> None:
    rows = (row(),)
    told = plan(**BOTH_MOVED, rows=rows).told  # type: ignore[arg-type]
    for referral, opportunity in (("Theirs 2", "Ours"), ("Theirs", "Ours 2")):
        again = plan(
            referral={"name": referral},
            opportunity={"name": opportunity},
            base={"name": "Before"},
            told=told,
            rows=rows,
        )
        assert len(again.news) == 1


def test_owner_who_emptied_the_field_wins_and_the_other_value_is_kept() -> None:
    found = plan(referral={"name": "Theirs"}, opportunity={"name": None}, base={"name": "Before"}, rows=(row(),))
    assert found.changes_on(Side.PARTNER_CENTER) == {"name": None}
    assert found.conflicts[0].partner_center == "Theirs"
    assert "kept nothing, not “Theirs”" in found.news[0].text


def test_required_field_emptied_in_the_crm_stays_in_partner_center_and_the_seller_is_told_once() -> None:
    opportunity = fields(closing_date=None)
    first = plan(opportunity=opportunity)
    assert not first.changes
    assert first.has_problem
    assert [note.text for note in first.news] == [
        "Closing date was not sent: Partner Center wants a value here, so its own was left as it is."
    ]
    assert first.base == AGREED
    second = plan(opportunity=opportunity, base=first.base, told=first.told)
    assert second.is_empty
    assert second.has_problem


def test_required_field_filled_in_again_is_peace() -> None:
    first = plan(opportunity=fields(closing_date=None))
    filled_in = plan(base=first.base, told=first.told)
    assert filled_in.is_empty
    assert not filled_in.has_problem


def test_all_fields_emptied_in_the_crm_at_once_reach_nobody() -> None:
    emptied = plan(opportunity=fields(name=None, deal_value=None, closing_date=None, notes=None))
    assert not emptied.changes
    assert len(emptied.news) == 4


def test_deal_value_of_nought_is_not_sent_over_a_real_one() -> None:
    nought = plan(opportunity=fields(deal_value=_money("0.00")))
    assert not nought.changes
    assert nought.has_problem
    assert plan(opportunity=fields(deal_value=_money("0.01"))).changes_on(Side.PARTNER_CENTER)


def _money(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="EUR")


@pytest.mark.parametrize("stage", [stage for stage in ReferralStage if stage.is_terminal])
def test_closed_referral_is_never_written(stage: ReferralStage) -> None:
    stages = StagePair(referral=stage, opportunity=OpportunityStage.OPEN)
    for base in ({}, AGREED):
        edited = plan(opportunity=fields(name="Other", notes="Other", crm_id="other"), base=base, stages=stages)
        assert not edited.changes_on(Side.PARTNER_CENTER)
        assert edited.moves_referral_to is None


def test_edit_after_closing_is_held_told_once_and_told_again_when_it_changes() -> None:
    base = {**AGREED, "$referral_stage": "won", "$opportunity_stage": "won"}
    edited = plan(opportunity=fields(notes="After the party"), base=base, stages=CLOSED_AS_WON)
    assert [note.text for note in edited.news] == [
        "Notes was not sent: the referral is closed in Partner Center and takes no changes."
    ]
    assert edited.base["notes"] == AGREED["notes"], "they never agreed on the new text"
    again = plan(opportunity=fields(notes="After the party"), base=edited.base, stages=CLOSED_AS_WON, told=edited.told)
    assert again.is_empty
    other = plan(opportunity=fields(notes="Much later"), base=again.base, stages=CLOSED_AS_WON, told=again.told)
    assert len(other.news) == 1


def test_closed_referral_still_fills_and_moves_the_crm() -> None:
    moved = plan(
        referral=fields(name="Renamed before closing"), opportunity=fields(microsoft_crm_id=None), stages=CLOSED_AS_WON
    )
    assert moved.changes_on(Side.DATAVERSE) == {
        "name": "Renamed before closing",
        "microsoft_crm_id": AGREED["microsoft_crm_id"],
    }


def test_first_meeting_with_a_closed_referral_closes_the_opportunity_and_writes_nothing_back() -> None:
    meeting = plan(
        referral=fields(notes=None, crm_id=None),
        opportunity=fields(referral_id=None),
        base={},
        stages=StagePair(referral=ReferralStage.LOST, opportunity=OpportunityStage.OPEN),
    )
    assert meeting.moves_opportunity_to is OpportunityStage.LOST
    assert meeting.changes_on(Side.DATAVERSE) == {"referral_id": AGREED["referral_id"]}
    assert not meeting.changes_on(Side.PARTNER_CENTER)
    assert [note.text for note in meeting.news] == [
        "Notes was not sent: the referral is closed in Partner Center and takes no changes."
    ]


@pytest.mark.parametrize(
    ("frozen", "is_shared", "is_held"),
    [
        (Frozen.NEVER, True, False),
        (Frozen.TERMINAL, True, False),
        (Frozen.SHARED, False, False),
        (Frozen.SHARED, True, True),
        (Frozen.CREATED, False, True),
        (Frozen.CREATED, True, True),
    ],
)
def test_frozen_field_is_held_and_told(frozen: Frozen, *, is_shared: bool, is_held: bool) -> None:
    moved = plan(
        referral={"name": "Before"},
        opportunity={"name": "Ours"},
        base={"name": "Before"},
        rows=(row(frozen=frozen),),
        is_shared=is_shared,
    )
    assert bool(moved.changes) is not is_held
    assert moved.has_problem is is_held
    assert moved.base["name"] == ("Before" if is_held else "Ours")


def test_frozen_field_still_follows_partner_center() -> None:
    moved = plan(
        referral={"name": "Theirs"},
        opportunity={"name": "Before"},
        base={"name": "Before"},
        rows=(row(frozen=Frozen.CREATED),),
    )
    assert moved.changes_on(Side.DATAVERSE) == {"name": "Theirs"}


def test_held_field_which_partner_center_changes_too_overwrites_neither_side() -> None:
    moved = plan(
        referral={"name": "Theirs"},
        opportunity={"name": "Ours"},
        base={"name": "Before"},
        rows=(row(frozen=Frozen.CREATED),),
    )
    assert not moved.changes
    assert moved.base["name"] == "Before"
    assert moved.conflicts == (FieldConflict(field="name", partner_center="Theirs", dataverse="Ours", winner=None),)


def test_id_which_cannot_be_written_any_more_is_nothing_a_seller_can_mend() -> None:
    rows = (row(field="crm_id", direction=Direction.TO_PARTNER_CENTER),)
    held = plan(referral={"crm_id": None}, opportunity={"crm_id": "1"}, base={}, rows=rows, stages=CLOSED_AS_WON)
    assert held.is_empty
    assert not held.has_problem

from datetime import date
from decimal import Decimal

from cosell.domain.ids import Side
from cosell.domain.money import Money
from cosell.domain.stages import OpportunityStage, ReferralStage
from cosell.mapping.models import Direction, Kind
from cosell.sync.plan import Change, Note
from cosell.sync.planner import EVENT, fingerprint, label, show
from cosell.sync.stages import StagePair
from tests.unit.sync.pairs import AGREED, CLOSED_AS_WON, IN_PROGRESS, fields, plan, row


def test_pair_in_step_asks_for_nothing() -> None:
    peace = plan()
    assert peace.is_empty
    assert peace.base == AGREED
    assert not peace.has_problem


def test_field_that_moved_in_the_crm_goes_to_partner_center() -> None:
    moved = plan(opportunity=fields(closing_date=date(2027, 6, 30)))
    assert moved.changes == (
        Change(
            side=Side.PARTNER_CENTER,
            field="closing_date",
            old=date(2027, 3, 31),
            new=date(2027, 6, 30),
            rule="moved in the CRM",
        ),
    )
    assert moved.base["closing_date"] == date(2027, 6, 30)
    assert not moved.conflicts


def test_field_that_moved_in_partner_center_goes_to_the_crm() -> None:
    moved = plan(referral=fields(notes="They want it at once."))
    assert moved.changes_on(Side.DATAVERSE) == {"notes": "They want it at once."}
    assert moved.changes_on(Side.PARTNER_CENTER) == {}


def test_different_fields_travel_in_both_directions_at_once() -> None:
    moved = plan(referral=fields(notes="Now."), opportunity=fields(name="Wingtip @ Suite 2"))
    assert moved.changes_on(Side.DATAVERSE) == {"notes": "Now."}
    assert moved.changes_on(Side.PARTNER_CENTER) == {"name": "Wingtip @ Suite 2"}
    assert not moved.conflicts


def test_echo_of_our_own_write_meets_an_empty_plan() -> None:
    opportunity = fields(name="Wingtip @ Suite 2")
    first = plan(opportunity=opportunity)
    echo = plan(referral=fields(name="Wingtip @ Suite 2"), opportunity=opportunity, base=first.base, told=first.told)
    assert echo.is_empty


def test_base_follows_when_both_sides_moved_to_the_same() -> None:
    same = fields(name="Wingtip @ Suite 2")
    agreed = plan(referral=same, opportunity=same)
    assert agreed.is_empty
    assert agreed.base["name"] == "Wingtip @ Suite 2"


def test_amount_and_currency_are_one_value() -> None:
    dollars = Money(amount=Decimal(50000), currency="USD")
    assert plan(opportunity=fields(deal_value=dollars)).changes_on(Side.PARTNER_CENTER) == {"deal_value": dollars}


def test_field_that_one_side_was_not_asked_for_is_left_alone() -> None:
    referral = fields()
    del referral["notes"]
    partly = plan(referral=referral, opportunity=fields(notes="Changed here."))
    assert partly.is_empty
    assert partly.base["notes"] == AGREED["notes"], "so that the edit is found when the other side is read again"


def test_field_which_is_new_in_the_mapping_meets_for_the_first_time() -> None:
    base = {name: value for name, value in AGREED.items() if name != "notes"}
    meeting = plan(referral=fields(notes=None), opportunity=fields(notes="From the CRM"), base=base)
    assert meeting.changes_on(Side.PARTNER_CENTER) == {"notes": "From the CRM"}


def test_first_meeting_fills_what_is_empty_on_either_side() -> None:
    meeting = plan(
        referral=fields(notes=None, microsoft_crm_id="7-NEW"),
        opportunity=fields(closing_date=None, microsoft_crm_id=None),
        base={},
    )
    assert meeting.changes_on(Side.PARTNER_CENTER) == {"notes": AGREED["notes"]}
    assert meeting.changes_on(Side.DATAVERSE) == {"closing_date": AGREED["closing_date"], "microsoft_crm_id": "7-NEW"}
    assert not meeting.conflicts


def test_first_meeting_never_empties_whoever_owns_the_field() -> None:
    for owner in Side:
        for direction in Direction:
            for referral, opportunity in (({"name": None}, {"name": "A"}), ({"name": "A"}, {"name": None})):
                meeting = plan(
                    referral=referral, opportunity=opportunity, base={}, rows=(row(owner=owner, direction=direction),)
                )
                assert all(change.new == "A" for change in meeting.changes)


def test_field_which_goes_one_way_only_fills() -> None:
    emptied = plan(referral=fields(microsoft_crm_id=None))
    assert emptied.is_empty
    assert emptied.base["microsoft_crm_id"] == AGREED["microsoft_crm_id"]


def test_field_which_goes_one_way_comes_back_when_it_is_changed_by_hand_and_leaves_a_trace() -> None:
    restored = plan(opportunity=fields(microsoft_crm_id="typed by hand"))
    assert restored.changes_on(Side.DATAVERSE) == {"microsoft_crm_id": AGREED["microsoft_crm_id"]}
    assert [(item.partner_center, item.dataverse) for item in restored.conflicts] == [("7-ABCDEF", "typed by hand")]
    assert [note.text for note in restored.news] == [
        "Microsoft CRM id was not the same on both sides: kept “7-ABCDEF”, not “typed by hand” from the CRM."
    ]
    assert not restored.has_problem


def test_crm_id_of_another_system_is_replaced_but_never_without_a_trace() -> None:
    meeting = plan(referral=fields(crm_id="0a000000-0000-4000-8000-00000000ffff"), base={})
    assert meeting.changes_on(Side.PARTNER_CENTER) == {"crm_id": AGREED["crm_id"]}
    assert [item.partner_center for item in meeting.conflicts] == ["0a000000-0000-4000-8000-00000000ffff"]


def test_ids_which_we_write_for_ourselves_are_no_news() -> None:
    meeting = plan(referral=fields(crm_id=None), base={})
    assert [change.is_told for change in meeting.changes] == [False]
    assert not meeting.news


def test_parked_value_is_told_once_and_everything_else_flows() -> None:
    referral = fields(name="Wingtip @ Suite 2")
    del referral["closing_date"]
    parked = Note(key="parked:closing_date:1", text="Closing date was left alone: not a date.", is_problem=True)
    first = plan(referral=referral, notes=(parked,))
    assert first.changes_on(Side.DATAVERSE) == {"name": "Wingtip @ Suite 2"}
    assert first.news == (parked,)
    second = plan(
        referral=referral,
        opportunity=fields(name="Wingtip @ Suite 2"),
        base=first.base,
        told=first.told,
        notes=(parked,),
    )
    assert second.is_empty
    assert second.has_problem, "the mark stays as long as the problem"


def test_what_is_no_longer_so_is_forgotten_and_told_again_when_it_comes_back() -> None:
    note = Note(key="parked:notes:1", text="Notes were left alone.", is_problem=True)
    told = plan(notes=(note,)).told
    assert note.key in told
    told = plan(told=told).told
    assert note.key not in told
    assert plan(told=told, notes=(note,)).news == (note,)


def test_what_happened_once_stays_told() -> None:
    happened = Note(key=f"{EVENT}microsoft:active", text="Microsoft accepted the deal.")
    told = plan(notes=(happened,)).told
    told = plan(told=told).told
    assert plan(told=told, notes=(happened,)).is_empty


def test_invitation_is_accepted_by_taking_the_opportunity_off_hold() -> None:
    base = {**AGREED, "$referral_stage": "invited", "$opportunity_stage": "on_hold"}
    accepted = plan(base=base, stages=StagePair(referral=ReferralStage.INVITED, opportunity=OpportunityStage.OPEN))
    assert accepted.moves_referral_to is ReferralStage.ACTIVE
    assert accepted.base["$referral_stage"] == "active"
    assert accepted.stages == IN_PROGRESS


def test_stages_which_agree_become_the_base() -> None:
    closed = plan(stages=CLOSED_AS_WON)
    assert (closed.base["$referral_stage"], closed.base["$opportunity_stage"]) == ("won", "won")
    assert closed.is_empty


def test_reopening_a_closed_deal_is_refused_once_however_often_we_look() -> None:
    base = {**AGREED, "$referral_stage": "won", "$opportunity_stage": "won"}
    reopened = StagePair(referral=ReferralStage.WON, opportunity=OpportunityStage.OPEN)
    told: frozenset[str] = frozenset()
    told_texts = []
    for _ in range(3):
        refused = plan(base=base, stages=reopened, told=told)
        assert refused.has_problem
        assert refused.stages == reopened
        told_texts += [note.text for note in refused.news]
        base, told = dict(refused.base), refused.told
    assert len(told_texts) == 1
    assert "Make a new opportunity" in told_texts[0]


def test_closed_differently_on_both_sides_is_told_once_in_the_same_words() -> None:
    now = StagePair(referral=ReferralStage.WON, opportunity=OpportunityStage.LOST)
    first = plan(stages=now)
    second = plan(stages=now, base=first.base, told=first.told)
    assert [note.text for note in first.news] == [
        "Closed as lost here and as won in Partner Center; neither was changed."
    ]
    assert second.is_empty


def test_deal_that_was_closed_differently_follows_partner_center_once_it_is_open_again() -> None:
    first = plan(stages=StagePair(referral=ReferralStage.WON, opportunity=OpportunityStage.LOST))
    reopened = plan(
        stages=StagePair(referral=ReferralStage.WON, opportunity=OpportunityStage.OPEN),
        base=first.base,
        told=first.told,
    )
    assert reopened.moves_opportunity_to is OpportunityStage.WON


def test_status_that_was_not_understood_for_a_while_misses_no_transition() -> None:
    base = {**AGREED, "$referral_stage": "invited", "$opportunity_stage": "on_hold"}
    puzzled = plan(base=base, stages=StagePair(referral=ReferralStage.UNKNOWN, opportunity=OpportunityStage.ON_HOLD))
    assert puzzled.has_problem
    understood = plan(
        base=puzzled.base, stages=StagePair(referral=ReferralStage.ACTIVE, opportunity=OpportunityStage.ON_HOLD)
    )
    assert understood.moves_opportunity_to is OpportunityStage.OPEN


def test_unknown_status_does_not_stop_the_fields() -> None:
    stages = StagePair(referral=ReferralStage.UNKNOWN, opportunity=OpportunityStage.OPEN)
    moved = plan(stages=stages, opportunity=fields(name="Wingtip @ Suite 2"))
    assert moved.changes_on(Side.PARTNER_CENTER) == {"name": "Wingtip @ Suite 2"}
    assert moved.has_problem


def test_long_text_is_cut_for_the_crm_and_stays_in_step() -> None:
    long, cut = "long " * 10, "long long…"
    referral, opportunity, base = {"notes": cut}, {"notes": cut}, {"notes": cut}
    rows = (row(field="notes", kind=Kind.MEMO),)
    assert not plan(referral=referral, opportunity=opportunity, base=base, rows=rows, whole={"notes": long}).changes


def test_end_of_a_long_text_leaves_a_trace_when_the_crm_overwrites_it() -> None:
    long, cut = "long " * 10, "long long…"
    rows = (row(field="notes", kind=Kind.MEMO),)
    edited = plan(
        referral={"notes": cut}, opportunity={"notes": "short"}, base={"notes": cut}, rows=rows, whole={"notes": long}
    )
    assert edited.changes_on(Side.PARTNER_CENTER) == {"notes": "short"}
    assert [item.partner_center for item in edited.conflicts] == [long]


def test_text_which_the_crm_holds_although_the_mapping_calls_it_too_long_does_not_flap() -> None:
    long, cut = "long " * 10, "long long…"
    rows = (row(field="notes", kind=Kind.MEMO),)
    first = plan(referral={"notes": "old"}, opportunity={"notes": long}, base={"notes": "old"}, rows=rows)
    assert first.changes_on(Side.PARTNER_CENTER) == {"notes": long}
    echo = plan(referral={"notes": cut}, opportunity={"notes": long}, base=first.base, rows=rows, whole={"notes": long})
    assert not echo.changes


def test_labels_read_like_words() -> None:
    assert [label(name) for name in ("deal_value", "crm_id", "microsoft_crm_id")] == [
        "Deal value",
        "CRM id",
        "Microsoft CRM id",
    ]


def test_values_are_shown_in_one_line_and_cut() -> None:
    assert show(None) == show("") == "nothing"
    assert show("first\nsecond") == "“first second”"
    assert show("x" * 81) == f"“{'x' * 80}…”"
    assert show(Money(amount=Decimal("1250.5"), currency="eur")) == "“1,250.50 EUR”"
    assert show(frozenset({"b", "a"})) == "“a, b”"


def test_fingerprint_is_stable_and_hides_the_value() -> None:
    assert fingerprint("secret") == fingerprint("secret") != fingerprint("other")
    assert "secret" not in fingerprint("secret")
    assert fingerprint("1") != fingerprint(Decimal(1))

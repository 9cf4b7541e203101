"""What the planner makes of solutions: fields of their own, within Partner Center's bounds, told in short sentences."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from cosell.domain.ids import Side
from cosell.domain.snapshot import Value, snapshot_from_json, snapshot_to_json
from cosell.domain.solution import SolutionTerms, solution_field
from cosell.mapping.solutions import Solution, read_member
from cosell.sync.audit import describe_plan
from cosell.sync.deal import SOLUTIONS_AT_MOST
from cosell.sync.plan import Plan
from cosell.sync.planner import Seen, label, plan_sync
from cosell.sync.solutions.patch import spell_list
from cosell.sync.solutions.row import Spelling
from cosell.sync.solutions.rules import name_some
from tests.unit.sync.pairs import CLOSED_AS_WON, IN_PROGRESS

THERE = SolutionTerms()
A, B, C = (solution_field(f"SOL-{letter}") for letter in "ABC")


def terms(quantity: int | None = None, price: str | None = None) -> SolutionTerms:
    return SolutionTerms(
        quantity=None if quantity is None else Decimal(quantity), price=None if price is None else Decimal(price)
    )


def plan(
    *,
    referral: Mapping[str, Value],
    opportunity: Mapping[str, Value],
    base: Mapping[str, Value] | None = None,
    is_closed: bool = False,
    others: int = 0,
) -> Plan:
    """Plan a pair whose shared fields are solutions only; `others` members of the list are no solutions."""
    names = {*referral, *opportunity, *(base or {})}
    seen = Seen(
        referral={name: referral.get(name) for name in names},
        opportunity={name: opportunity.get(name) for name in names},
        stages=CLOSED_AS_WON if is_closed else IN_PROGRESS,
        solution_count=len(referral) + others,
    )
    return plan_sync(seen, base=base or {}, told=frozenset(), rows=())


@pytest.mark.parametrize(
    ("one", "other"),
    [(terms(), terms(0, "0.00")), (terms(3, "10"), terms(3, "10.001")), (terms(None, "-0.0"), terms())],
)
def test_terms_which_say_the_same_are_the_same(one: SolutionTerms, other: SolutionTerms) -> None:
    assert one == other


@pytest.mark.parametrize(
    ("quantity", "price"), [("1.5", "0"), ("-1", "0"), ("0", "-1"), ("3000000000", "0"), ("0", "1e20")]
)
def test_terms_which_one_side_could_not_hold_are_refused(quantity: str, price: str) -> None:
    with pytest.raises(ValueError, match=r"the quantity|the price"):
        SolutionTerms(quantity=Decimal(quantity), price=Decimal(price))


def test_terms_come_out_of_the_ledger_as_they_went_in() -> None:
    kept: dict[str, Value] = {A: terms(3, "1250.5"), B: THERE, C: None}
    assert snapshot_from_json(snapshot_to_json(kept)) == kept


def test_terms_are_read_by_people() -> None:
    assert [str(item) for item in (terms(3, "1250.5"), terms(2), THERE)] == [
        "quantity 3, price 1,250.50",
        "quantity 2",
        "without quantity and price",
    ]
    assert label(A) == "Solution SOL-A"


def test_first_meeting_unites_both_sides() -> None:
    met = plan(referral={A: THERE}, opportunity={B: terms(2)})
    assert met.changes_on(Side.PARTNER_CENTER) == {B: terms(2)}
    assert met.changes_on(Side.DATAVERSE) == {A: THERE}
    assert not met.conflicts


def test_removal_on_one_side_removes_on_the_other() -> None:
    base = {A: THERE, B: THERE, C: THERE}
    moved = plan(referral={A: THERE, B: THERE}, opportunity={A: THERE, C: THERE}, base=base)
    assert moved.changes_on(Side.PARTNER_CENTER) == {B: None}
    assert moved.changes_on(Side.DATAVERSE) == {C: None}


def test_removal_meets_a_change_and_the_crm_wins() -> None:
    moved = plan(referral={B: THERE}, opportunity={A: terms(5), B: THERE}, base={A: THERE, B: THERE})
    assert moved.changes_on(Side.PARTNER_CENTER) == {A: terms(5)}
    assert [conflict.field for conflict in moved.conflicts] == [A]


def test_taking_many_solutions_off_is_no_emptied_record() -> None:
    base = {solution_field(str(number)): THERE for number in range(6)}
    moved = plan(referral=dict(base), opportunity={solution_field("0"): THERE}, base=base)
    assert len(moved.changes_on(Side.PARTNER_CENTER)) == 5
    moved.raise_if_unsafe("opportunity 1")


def test_last_ones_stay_in_partner_center_and_the_base_with_them() -> None:
    base: dict[str, Value] = {A: THERE, B: THERE}
    held = plan(referral={A: THERE, B: THERE}, opportunity={}, base=base)
    assert held.changes == ()
    assert {name: held.base[name] for name in base} == base
    (note,) = held.notes
    assert note.is_problem
    assert note.text.startswith(
        "Solutions SOL-A and SOL-B were not removed in Partner Center, which wants at least one"
    )


def test_last_solution_may_go_when_another_member_or_a_new_one_stays() -> None:
    base = {A: THERE}
    assert plan(referral={A: THERE}, opportunity={}, base=base, others=1).changes_on(Side.PARTNER_CENTER) == {A: None}
    replaced = plan(referral={A: THERE}, opportunity={B: THERE}, base=base)
    assert replaced.changes_on(Side.PARTNER_CENTER) == {A: None, B: THERE}


def test_last_solution_that_was_changed_meanwhile_stays_and_is_told_once() -> None:
    held = plan(referral={A: terms(2)}, opportunity={}, base={A: THERE})
    assert held.changes == ()
    assert [conflict.winner for conflict in held.conflicts] == [None]
    assert [note.key.split(":")[0] for note in held.notes] == ["solutions"]


def test_more_than_partner_center_takes_are_held() -> None:
    many = {solution_field(f"{number:02}"): THERE for number in range(SOLUTIONS_AT_MOST + 2)}
    first = dict(list(many.items())[:1])
    held = plan(referral=first, opportunity=dict(many), base=first)
    assert len(held.changes_on(Side.PARTNER_CENTER)) == SOLUTIONS_AT_MOST - 1
    assert [note.text for note in held.notes] == ["Solutions 50 and 51 were not sent: Partner Center takes at most 50."]


def test_closed_referral_takes_no_solution() -> None:
    held = plan(referral={A: THERE}, opportunity={A: THERE, B: THERE}, base={A: THERE}, is_closed=True)
    assert held.changes == ()
    assert held.notes[0].text.startswith("Solution SOL-B was not sent: the referral is closed")


def test_many_solutions_are_told_in_a_short_sentence() -> None:
    added = {solution_field(str(number)): THERE for number in range(5)}
    moved = plan(referral={A: terms(1), B: THERE}, opportunity={A: terms(2), **added}, base={A: terms(1), B: THERE})
    assert describe_plan(moved) == [
        "Sent to Partner Center: Solutions 0, 1, 2 and 2 more added, solution SOL-A changed, solution SOL-B removed."
    ]
    assert name_some(["a"]) == "a"


def test_list_keeps_what_does_not_change_as_it_came() -> None:
    odd: dict[str, object] = {"id": "SOL-C", "type": "None", "somethingNew": {"a": 1}}
    taxonomy: dict[str, object] = {"id": "SOL-A", "type": "Category"}
    members: list[dict[str, object]] = [
        taxonomy,
        {"ID": "sol-a", "Quantity": 1.0, "Price": "3.00", "extra": True},
        odd,
        {"id": "SOL-D"},
    ]
    changes: dict[str, Value] = {A: terms(2, "3"), "solution:SOL-D": None, B: terms(1)}
    (operation,) = spell_list(
        changes,
        members,
        spelling=Spelling({A: THERE}),
        known={B: Solution(identifier="SOL-B", name="Suite", terms=terms(1))},
        currency="EUR",
    )
    assert operation["path"] == "/details/requirements/solutions"
    assert operation["value"] == [
        taxonomy,
        {"ID": "sol-a", "Quantity": 2, "Price": "3.00", "extra": True, "currency": "EUR"},
        odd,
        {"id": "SOL-B", "name": "Suite", "type": "Name", "publisherName": None, "solutionType": None, "quantity": 1},
    ]


def test_price_in_another_currency_than_the_deal_is_not_taken_for_one_in_it() -> None:
    member = {"id": "SOL-A", "price": 10, "currency": "USD"}
    assert read_member(member, currency="usd").terms == terms(None, "10")
    with pytest.raises(ValueError, match="another currency"):
        read_member(member, currency="EUR")

from dataclasses import replace
from decimal import Decimal

import pytest

from cosell.domain.money import Money
from cosell.mapping.solutions import Solution
from cosell.sync.deal import Deal, check_deal
from tests.unit.sync.deals import ASKS_FOR_HELP, READY, without


def test_ready_deal_has_no_problem() -> None:
    assert check_deal(READY) == ()
    assert check_deal(ASKS_FOR_HELP) == ()


@pytest.mark.parametrize(
    ("deal", "words"),
    [
        (without(name=None), "topic"),
        (without(closing_date=None), "close date"),
        (without(notes=None), "description"),
        (without(deal_value=None), "deal value"),
        (without(deal_value=Money(amount=Decimal(0), currency="EUR")), "deal value"),
        (without(deal_value=Money(amount=Decimal(-5), currency="EUR")), "deal value"),
        (replace(READY, customer={}), "account"),
        (replace(READY, customer={"name": "Wingtip Toys"}), "country"),
        (replace(READY, customer={"name": "Wingtip Toys", "country": "DEU"}), "country"),
        (replace(READY, customer={"name": "Wingtip Toys", "country": "Germany"}), "country"),
        (replace(READY, solutions=()), "solution"),
        (replace(READY, solutions=READY.solutions * 51), "at most 50"),
        (replace(READY, team=()), "owner"),
    ],
)
def test_each_thing_to_fix_is_told_in_one_sentence(deal: Deal, words: str) -> None:
    problems = check_deal(deal)
    assert len(problems) == 1
    assert words in problems[0]


def test_all_problems_are_told_at_once() -> None:
    nothing = Deal(
        opportunity_id=READY.opportunity_id,
        fields={},
        customer={},
        contact={},
        team=(),
        solutions=(),
        help="QuotesOrLicensing",
        is_visible=True,
    )
    problems = check_deal(nothing)
    assert len(problems) == 8
    assert len(set(problems)) == 8
    assert all(problem.endswith(".") for problem in problems)


def test_help_names_what_the_contact_lacks() -> None:
    deal = replace(ASKS_FOR_HELP, contact={"first_name": "Ines", "email": "ines@wingtip.example"})
    assert check_deal(deal) == ("Asking Microsoft for help needs a customer contact with last name, phone number.",)


def test_contact_may_be_missing_when_no_help_is_asked() -> None:
    assert check_deal(replace(READY, contact={})) == ()


def test_problems_never_tell_a_value() -> None:
    deal = replace(READY, customer={"name": "Wingtip Toys", "country": "Deutschland"}, solutions=())
    assert not any("Wingtip" in problem or "Deutschland" in problem for problem in check_deal(deal))


def test_fifty_solutions_are_taken() -> None:
    fifty = tuple(Solution(identifier=f"SOL-{number:05}-ABC") for number in range(50))
    assert check_deal(replace(READY, solutions=fifty)) == ()

from decimal import Decimal

import pytest

from cosell.domain.money import Money


@pytest.mark.parametrize(
    ("amount", "canonical"),
    [("1250.5", "1250.50"), ("0.005", "0.01"), ("-0.005", "-0.01"), ("1e3", "1000.00"), ("0.0049", "0.00")],
)
def test_amount_has_two_decimals(amount: str, canonical: str) -> None:
    assert str(Money(amount=Decimal(amount), currency="EUR").amount) == canonical


def test_minus_nought_is_nought() -> None:
    assert str(Money(amount=Decimal("-0.001"), currency="EUR").amount) == "0.00"


def test_currency_is_in_capitals() -> None:
    assert Money(amount=Decimal(1), currency=" eur ") == Money(amount=Decimal("1.00"), currency="EUR")


def test_same_amount_in_another_currency_is_another_value() -> None:
    assert Money(amount=Decimal(1), currency="EUR") != Money(amount=Decimal(1), currency="USD")


@pytest.mark.parametrize("amount", ["1e27", "NaN", "Infinity"])
def test_what_no_deal_is_worth_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        Money(amount=Decimal(amount), currency="EUR")


def test_money_reads_like_a_person_writes_it() -> None:
    assert str(Money(amount=Decimal(1250), currency="EUR")) == "1,250.00 EUR"

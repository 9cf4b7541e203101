"""Money keeps its digits on the way in and on the way out."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosell.http.plain_json import parse_json, to_json


def test_amount_is_read_digit_by_digit() -> None:
    assert parse_json('{"dealValue": 0.1000000000000000055}') == {"dealValue": Decimal("0.1000000000000000055")}


def test_amount_is_written_as_a_plain_number() -> None:
    assert to_json({"a": Decimal("1E+3"), "b": Decimal("12.50"), "c": [True, None, "é"]}) == (
        '{"a":1000,"b":12.50,"c":[true,null,"é"]}'
    )


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=4))
def test_amount_survives_the_round_trip(amount: Decimal) -> None:
    assert Decimal(str(parse_json(to_json(amount)))) == amount


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity")])
def test_what_is_no_number_is_not_sent(value: Decimal) -> None:
    with pytest.raises(ValueError, match="finite"):
        to_json(value)


def test_float_is_not_sent() -> None:
    with pytest.raises(TypeError):
        to_json(0.1)

"""The small language of mapping files: what it can say, and what it cannot do."""

import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosell.mapping.expressions import (
    LONGEST,
    LONGEST_RESULT,
    Day,
    ExpressionFailed,
    ExpressionInvalid,
    check_expression,
    evaluate,
    iter_names,
)

SCOPE: dict[str, object] = {
    "referral": {"deal_value": Decimal("60000.50"), "name": "Robots", "qualification": "SalesQualified", "notes": None},
    "opportunity": {"closing_date": Day(2030, 3, 1), "visibility": True},
    "customer": {"country": "GB"},
    "contact": {},
    "today": Day(2030, 1, 15),
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'Microsoft' if referral.qualification == 'SalesQualified' else 'Partner'", "Microsoft"),
        ("referral.deal_value * 0.2", Decimal("12000.100")),
        ("(referral.deal_value / 3) | round(2)", Decimal("20000.17")),
        ("referral.deal_value >= 50000 and not referral.notes", True),
        ("today + 30", date(2030, 2, 14)),
        ("opportunity.closing_date - 7", date(2030, 2, 22)),
        ("opportunity.closing_date < today + 60", True),
        ("customer.country in ['GB', 'IE']", True),
        ("referral.notes is none", True),
        ("referral.notes | default('none given')", "none given"),
        ("contact.email | default('')", ""),
        ("referral.name ~ ' in ' ~ (customer.country | lower)", "Robots in gb"),
        ("(referral.name | replace('o', '0') | upper | first(4))", "R0B0"),
        ("referral.name | length", 6),
        ("'12' | number + 1", Decimal(13)),
        ("opportunity.visibility", True),
        ("referral.nothing_of_the_kind", None),
        ("((((((1))))))", 1),
    ],
)
def test_expression_comes_to(text: str, value: object) -> None:
    assert evaluate(check_expression(text), SCOPE) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "this is no expression"),
        ("referral.name referral.name", "this is no expression"),
        ("{{ referral.name }}", "this is no expression"),
        ("referral.name }} {{ 1", "this is no expression"),
        ("name", "name is unknown; known are referral, opportunity, customer, contact and today"),
        ("referral.__class__", "names do not begin with an underscore"),
        ("referral.name.__class__", "a dot follows"),
        ("today.year", "a dot follows"),
        ("''.join(['a'])", "call is not allowed"),
        ("range(10)", "call is not allowed"),
        ("referral['name']", "getitem is not allowed"),
        ("'a' * 9 ** 9 ** 9", "pow is not allowed"),
        ("'%s' % referral.name", "mod is not allowed"),
        ("{'a': 1}", "dict is not allowed"),
        ("referral.name | attr('__class__')", "No filter named 'attr'"),
        ("referral.name | format", "No filter named 'format'"),
        ("referral.name is callable", "No test named 'callable'"),
        ("referral.name | " + "upper | " * 200 + "lower", f"at most {LONGEST} characters"),
    ],
)
def test_what_could_do_harm_is_refused(text: str, why: str) -> None:
    with pytest.raises(ExpressionInvalid) as error:
        check_expression(text)
    assert why in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "referral.notes + 1",
        "referral.name + 'x'",
        "referral.name * 1000",
        "referral.deal_value / 0",
        "referral.name < 5",
        "'a' ~ referral.name in 5",
        "referral.name | round",
        "referral.name | replace('', 'x')",
        "today + 99999999",
        "1000000000 * 1000000000",
        "referral.name" + " | replace('s', 'ssssssssssssssssss')" * 12,
    ],
)
def test_expression_which_fails_says_so_without_a_value(text: str) -> None:
    with pytest.raises(ExpressionFailed) as error:
        evaluate(check_expression(text), SCOPE)
    assert "Robots" not in str(error.value)


def test_result_has_an_end() -> None:
    long = {**SCOPE, "referral": {"notes": "x" * LONGEST_RESULT}}
    assert evaluate("referral.notes", long) == "x" * LONGEST_RESULT
    with pytest.raises(ExpressionFailed):
        evaluate("referral.notes ~ 'y'", long)


def test_what_an_expression_speaks_of_is_known() -> None:
    spoken = set(iter_names("today + 1 if referral.name == customer.country else opportunity.closing_date"))
    assert spoken == {
        ("today", ""),
        ("referral", "name"),
        ("customer", "country"),
        ("opportunity", "closing_date"),
    }


SPOKEN = "referral.name today 1 'a' + * - / ~ | upper ( ) if else not in [ ] , . __class__ {{ }} {% %} # lower == and"
WORDS = st.sampled_from(re.findall(r"\S+", SPOKEN))


@given(st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=40))
def test_whatever_is_written_is_a_value_or_a_plain_refusal(text: str) -> None:
    try:
        value = evaluate(check_expression(text), SCOPE)
    except (ExpressionInvalid, ExpressionFailed) as error:
        assert str(error)  # noqa: PT017  either of two is right, and nothing else
    else:
        assert value is None or isinstance(value, bool | int | float | Decimal | date | str | list | tuple)

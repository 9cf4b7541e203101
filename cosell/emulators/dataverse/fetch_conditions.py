"""Conditions of FetchXML, turned into tests of one stored value."""

import re
from collections.abc import Callable
from datetime import datetime
from xml.etree.ElementTree import Element

from cosell.emulators.dataverse.collation import fold_value
from cosell.emulators.dataverse.errors import business
from cosell.emulators.dataverse.filter_functions import FUNCTIONS, Asked, Test, same
from cosell.emulators.dataverse.metadata import Column

OPERATORS = {
    "eq": "In",
    "ne": "NotIn",
    "neq": "NotIn",
    "in": "In",
    "not-in": "NotIn",
    "like": "Like",
    "not-like": "NotLike",
    "begins-with": "BeginsWith",
    "not-begin-with": "DoesNotBeginWith",
    "ends-with": "EndsWith",
    "not-end-with": "DoesNotEndWith",
    "between": "Between",
    "not-between": "NotBetween",
    "contain-values": "ContainValues",
    "not-contain-values": "DoesNotContainValues",
    "eq-userid": "EqualUserId",
    "ne-userid": "NotEqualUserId",
    "eq-businessid": "EqualBusinessId",
    "last-seven-days": "Last7Days",
    "next-seven-days": "Next7Days",
}
ORDERED: dict[str, Callable[[int], bool]] = {
    "gt": lambda sign: sign > 0,
    "ge": lambda sign: sign >= 0,
    "lt": lambda sign: sign < 0,
    "le": lambda sign: sign <= 0,
}


def condition_test(element: Element, column: Column, *, now: datetime, user_id: str, business_unit_id: str) -> Test:
    """Return the test that a `condition` element makes of its column's value."""
    operator = element.get("operator", "")
    if operator == "null":
        return lambda value: value is None
    if operator == "not-null":
        return lambda value: value is not None
    given = element.get("value")
    values = [given] if given is not None else [str(one.text or "") for one in element.findall("value")]
    if operator in ORDERED:
        return _ordered(operator, column, values)
    function = FUNCTIONS.get(OPERATORS.get(operator, _camel(operator)))
    if function is None:
        raise business("0x80041132", f"The operator '{operator}' is not valid or is not supported.")
    asked = Asked(column=column, values=tuple(values), now=now, user_id=user_id, business_unit_id=business_unit_id)
    try:
        return function(asked)
    except (IndexError, ValueError, OverflowError) as error:
        raise _invalid(column, values) from error


def _ordered(operator: str, column: Column, values: list[str]) -> Test:
    try:
        wanted = same(column, values[0])
    except (IndexError, ValueError, OverflowError) as error:
        raise _invalid(column, values) from error
    holds = ORDERED[operator]

    def test(value: object) -> bool:
        if value is None:
            return False
        one = fold_value(value)
        return holds((one > wanted) - (one < wanted))  # type: ignore[operator]

    return test


def _invalid(column: Column, values: list[str]) -> Exception:
    return business("0x80040203", f"Condition for attribute '{column.logical}': invalid value {values}.")


def _camel(operator: str) -> str:
    """Return the function of the same meaning: `last-x-days` is LastXDays."""
    return "".join(part.capitalize() for part in re.split("-", operator))

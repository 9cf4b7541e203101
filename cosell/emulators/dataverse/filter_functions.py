"""The filter functions that Dataverse adds to OData, `Microsoft.Dynamics.CRM.…(PropertyName='c',…)`.

Each maker takes the values of the call and the moment and returns a test of one stored value.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cosell.emulators.dataverse.collation import fold, fold_value, like
from cosell.emulators.dataverse.errors import bad_url
from cosell.emulators.dataverse.metadata import Column
from cosell.emulators.dataverse.times import (
    add_months,
    parse_stamp,
    stamp,
    start_of_day,
    start_of_month,
    start_of_week,
)

PREFIX = "Microsoft.Dynamics.CRM."
Test = Callable[[object], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a function call asks: its column, its values as text, the moment, and who asks."""

    column: Column
    values: tuple[str, ...]
    now: datetime
    user_id: str
    business_unit_id: str


def same(column: Column, text: str) -> object:
    """Return a value of a call in the stored form of the column."""
    if column.kind in {"Integer", "BigInt", "Picklist", "State", "Status"}:
        return int(text)
    if column.kind in {"Money", "Decimal", "Double"}:
        return float(text)
    if column.kind == "Boolean":
        return text.lower() in {"true", "1"}
    if column.kind == "DateTime":
        return text if column.is_date_only else stamp(parse_stamp(text))
    return fold(text)


def _values(asked: Asked) -> list[object]:
    try:
        return [same(asked.column, text) for text in asked.values]
    except ValueError as error:
        raise bad_url(f"The value given for '{asked.column.logical}' is not valid for its type.") from error


def _within(asked: Asked, low: datetime, high: datetime) -> Test:
    """Test for low <= value < high."""
    if asked.column.is_date_only:
        first, last = low.date().isoformat(), high.date().isoformat()
    else:
        first, last = stamp(low), stamp(high)
    return lambda value: value is not None and first <= str(value) < last


def _number(asked: Asked) -> int:
    try:
        return int(asked.values[0])
    except (IndexError, ValueError) as error:
        raise bad_url("The PropertyValue parameter must be a number.") from error


def _one_of(asked: Asked) -> Test:
    wanted = set(_values(asked))
    return lambda value: fold_value(value) in wanted


def _none_of(asked: Asked) -> Test:
    wanted = set(_values(asked))
    return lambda value: fold_value(value) not in wanted


def _between(asked: Asked) -> Test:
    values = _values(asked)
    if len(values) != 2:
        raise bad_url("The Between function needs exactly two values.")
    low, high = values
    return lambda value: value is not None and low <= fold_value(value) <= high  # type: ignore[operator]


def _not_between(asked: Asked) -> Test:
    inside = _between(asked)
    return lambda value: not inside(value)


def _contain_values(asked: Asked) -> Test:
    wanted = set(asked.values)
    return lambda value: bool(wanted.intersection(str(value or "").split(",")))


def _not_contain_values(asked: Asked) -> Test:
    inside = _contain_values(asked)
    return lambda value: not inside(value)


def _is_user(asked: Asked) -> Test:
    return lambda value: value == asked.user_id


def _is_not_user(asked: Asked) -> Test:
    return lambda value: value != asked.user_id


def _is_business_unit(asked: Asked) -> Test:
    return lambda value: value == asked.business_unit_id


def _on(asked: Asked) -> Test:
    low = start_of_day(parse_stamp(asked.values[0]))
    return _within(asked, low, low + timedelta(days=1))


def _on_or_after(asked: Asked) -> Test:
    return _within(asked, start_of_day(parse_stamp(asked.values[0])), datetime.max.replace(tzinfo=asked.now.tzinfo))


def _on_or_before(asked: Asked) -> Test:
    end = start_of_day(parse_stamp(asked.values[0])) + timedelta(days=1)
    return _within(asked, datetime.min.replace(tzinfo=asked.now.tzinfo, year=1000), end)


def _like(pattern_of: Callable[[str], str], *, wanted: bool = True) -> Callable[[Asked], Test]:
    def make(asked: Asked) -> Test:
        match = like(pattern_of(asked.values[0])).fullmatch
        return lambda value: (value is not None and match(fold(str(value))) is not None) == wanted

    return make


def _span(unit: str, *, ahead: bool) -> Callable[[Asked], Test]:
    def make(asked: Asked) -> Test:
        count = _number(asked)
        # Stored moments have whole seconds, so the second that is running belongs to the past.
        now, today = asked.now + timedelta(0 if ahead else 1 / 86400), start_of_day(asked.now)
        tomorrow = today + timedelta(days=1)
        whole_days = {"Days": count, "Weeks": count * 7}
        if unit == "Hours":
            step = timedelta(hours=count)
            return _within(asked, now, now + step) if ahead else _within(asked, now - step, now)
        if unit in whole_days:
            step = timedelta(days=whole_days[unit])
            return _within(asked, now, tomorrow + step) if ahead else _within(asked, today - step, now)
        months = count * (12 if unit == "Years" else 1)
        if ahead:
            return _within(asked, now, add_months(tomorrow, months))
        return _within(asked, add_months(today, -months), now)

    return make


def _older_than(unit: str) -> Callable[[Asked], Test]:
    def make(asked: Asked) -> Test:
        count = _number(asked)
        steps = {
            "Minutes": timedelta(minutes=count),
            "Hours": timedelta(hours=count),
            "Days": timedelta(days=count),
            "Weeks": timedelta(weeks=count),
        }
        if unit in steps:
            limit = asked.now - steps[unit]
        else:
            limit = add_months(asked.now, -count * (12 if unit == "Years" else 1))
        return _within(asked, datetime.min.replace(tzinfo=asked.now.tzinfo, year=1000), limit)

    return make


def _calendar(unit: str, offset: int) -> Callable[[Asked], Test]:
    def make(asked: Asked) -> Test:
        if unit == "Day":
            low = start_of_day(asked.now) + timedelta(days=offset)
            return _within(asked, low, low + timedelta(days=1))
        if unit == "Week":
            low = start_of_week(asked.now) + timedelta(weeks=offset)
            return _within(asked, low, low + timedelta(weeks=1))
        months = 12 if unit == "Year" else 1
        start = start_of_month(asked.now)
        low = add_months(start.replace(month=1) if unit == "Year" else start, offset * months)
        return _within(asked, low, add_months(low, months))

    return make


def _seven_days(asked: Asked, *, ahead: bool) -> Test:
    today = start_of_day(asked.now)
    low, high = (asked.now, today + timedelta(days=8)) if ahead else (today - timedelta(days=7), asked.now)
    return _within(asked, low, high)


UNITS = ("Hours", "Days", "Weeks", "Months", "Years")
CALENDAR = {"Week": "Week", "Month": "Month", "Year": "Year"}

FUNCTIONS: dict[str, Callable[[Asked], Test]] = {
    "In": _one_of,
    "NotIn": _none_of,
    "Between": _between,
    "NotBetween": _not_between,
    "ContainValues": _contain_values,
    "DoesNotContainValues": _not_contain_values,
    "EqualUserId": _is_user,
    "NotEqualUserId": _is_not_user,
    "EqualBusinessId": _is_business_unit,
    "On": _on,
    "OnOrAfter": _on_or_after,
    "OnOrBefore": _on_or_before,
    "BeginsWith": _like(lambda text: f"{text}%"),
    "DoesNotBeginWith": _like(lambda text: f"{text}%", wanted=False),
    "EndsWith": _like(lambda text: f"%{text}"),
    "DoesNotEndWith": _like(lambda text: f"%{text}", wanted=False),
    "Like": _like(lambda text: text),
    "NotLike": _like(lambda text: text, wanted=False),
    "Today": _calendar("Day", 0),
    "Yesterday": _calendar("Day", -1),
    "Tomorrow": _calendar("Day", 1),
    "Last7Days": lambda asked: _seven_days(asked, ahead=False),
    "Next7Days": lambda asked: _seven_days(asked, ahead=True),
    **{f"LastX{unit}": _span(unit, ahead=False) for unit in UNITS},
    **{f"NextX{unit}": _span(unit, ahead=True) for unit in UNITS},
    **{f"OlderThanX{unit}": _older_than(unit) for unit in ("Minutes", *UNITS)},
    **{f"This{word}": _calendar(unit, 0) for word, unit in CALENDAR.items()},
    **{f"Last{word}": _calendar(unit, -1) for word, unit in CALENDAR.items()},
    **{f"Next{word}": _calendar(unit, 1) for word, unit in CALENDAR.items()},
}

"""The forms of one value: on the wire, in the store, and as text for people."""

import re
from datetime import date, datetime

from cosell.emulators.dataverse.metadata import Column

GUID = re.compile(r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$")
EDM = {
    "String": "Edm.String",
    "Memo": "Edm.String",
    "EntityName": "Edm.String",
    "MultiSelectPicklist": "Edm.String",
    "Boolean": "Edm.Boolean",
    "Integer": "Edm.Int32",
    "BigInt": "Edm.Int64",
    "Picklist": "Edm.Int32",
    "State": "Edm.Int32",
    "Status": "Edm.Int32",
    "Money": "Edm.Decimal",
    "Decimal": "Edm.Decimal",
    "Double": "Edm.Double",
    "DateTime": "Edm.DateTimeOffset",
    "Uniqueidentifier": "Edm.Guid",
    "Lookup": "Edm.Guid",
    "Customer": "Edm.Guid",
    "Owner": "Edm.Guid",
}


def is_guid(text: object) -> bool:
    """Tell whether a text is a GUID without braces."""
    return isinstance(text, str) and GUID.match(text) is not None


def edm_type(column: Column) -> str:
    """Return the OData type of a column."""
    return "Edm.Date" if column.is_date_only else EDM[column.kind]


def normal_multi(text: str) -> str:
    """Return a multi-select value without spaces and repetitions, in rising order: the order carries no meaning."""
    values = {part.strip() for part in text.split(",") if part.strip()}
    return ",".join(sorted(values, key=lambda value: (len(value), value)))


def formatted(column: Column, value: object, currency_symbol: str = "$", currency_precision: int = 2) -> str | None:
    """Return a value as the English user interface shows it; None when it has no form of its own."""
    if column.kind == "MultiSelectPicklist" and column.options:
        labels = [column.options.find(int(part)) for part in str(value).split(",")]
        return "; ".join(option.label for option in labels if option)
    if column.options is not None:
        option = column.options.find(value)
        return option.label if option else None
    if column.kind == "DateTime":
        return _formatted_date(str(value), is_day=column.is_date_only)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if column.kind == "Money":
            return f"{'-' if value < 0 else ''}{currency_symbol}{abs(value):,.{currency_precision}f}"
        return f"{value:,.{column.precision}f}" if column.kind in {"Decimal", "Double"} else f"{value:,}"
    return None


def _formatted_date(value: str, *, is_day: bool) -> str:
    if is_day:
        day = date.fromisoformat(value)
        return f"{day.month}/{day.day}/{day.year}"
    at = datetime.fromisoformat(value.replace("Z", "+00:00"))
    hour = at.hour % 12 or 12
    return f"{at.month}/{at.day}/{at.year} {hour}:{at.minute:02d} {'AM' if at.hour < 12 else 'PM'}"

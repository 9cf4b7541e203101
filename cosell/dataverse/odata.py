"""How Dataverse wants its addresses and filters spelled (Microsoft: Query data using the Web API). Pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import quote

from cosell.domain.ids import parse_guid
from cosell.errors import Origin, RequestRejected
from cosell.http.links import query_string

Key = str | Mapping[str, object]
"""What names one row: its id, or the columns of an alternate key with their values."""

Expand = Mapping[str, Sequence[str]]
"""Navigation properties, each with the columns wanted from over there."""

_FORBIDDEN_IN_KEYS = frozenset("/<>*%&:\\?+")


def literal(value: object) -> str:
    """Return a value as a filter spells it; texts are quoted, a quote inside is doubled."""
    match value:
        case None | bool() | int():
            return json.dumps(value)
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case date():
            return value.isoformat()
        case str():
            return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"{type(value).__name__} has no place in a filter")


def row_path(set_: str, key: Key) -> str:
    """Return the path of one row, like `opportunities(00000000-…)` or `opportunities(cosell_referralid='…')`.

    Raises:
        RequestRejected: the value of a key has a character with which Dataverse finds no row, however it is encoded.
    """
    if isinstance(key, str):
        return f"{set_}({parse_guid(key)})"
    return f"{set_}({','.join(_key_part(set_, column, value) for column, value in key.items())})"


def _key_part(set_: str, column: str, value: object) -> str:
    if column.startswith("_"):
        return f"{column}={value}"
    if isinstance(value, str) and _FORBIDDEN_IN_KEYS & set(value):
        raise RequestRejected(
            "Dataverse cannot find a row by a key value with one of / < > * % & : \\ ? + in it",
            origin=Origin(service="Dataverse", record=set_, field=column),
        )
    return f"{column}={quote(literal(value), safe=chr(39))}"


def options(
    *,
    select: Sequence[str] | None = None,
    filter_: str | None = None,
    order_by: str | None = None,
    expand: Expand | None = None,
    top: int | None = None,
) -> str:
    """Return the query string of a request, with its question mark; nothing when nothing is asked."""
    return query_string(
        {
            "$select": ",".join(select) if select else None,
            "$filter": filter_,
            "$orderby": order_by,
            "$expand": ",".join(f"{name}($select={','.join(columns)})" for name, columns in expand.items())
            if expand
            else None,
            "$top": str(top) if top else None,
        }
    )


def one_of(column: str, values: Sequence[str]) -> str:
    """Return a filter for rows whose column has one of these values; a lookup column is `_…_value`, with ids."""
    if column.startswith("_"):
        return " or ".join(f"{column} eq {parse_guid(value)}" for value in values)
    listed = ",".join(literal(value) for value in values)
    return f"Microsoft.Dynamics.CRM.In(PropertyName='{column}',PropertyValues=[{listed}])"


def stable_order(order_by: str, id_column: str) -> str:
    """Return the order with the id as its last word, so that pages neither overlap nor leave gaps."""
    named = {part.split()[0] for part in order_by.split(",") if part.strip()}
    return order_by if id_column in named else f"{order_by},{id_column} asc"


def prefer(*preferences: str) -> dict[str, str]:
    """Return the one `Prefer` header for several preferences."""
    return {"Prefer": ",".join(preferences)}

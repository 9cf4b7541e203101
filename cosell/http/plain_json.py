"""JSON in which money survives: numbers with a fraction are `Decimal` in both directions, never a float."""

import json
from collections.abc import Mapping
from decimal import Decimal


def parse_json(body: bytes | str) -> object:
    """Return the document; a number with a fraction becomes a `Decimal`. Raises ValueError when it is no JSON."""
    document: object = json.loads(body, parse_float=Decimal)
    return document


def to_json(value: object) -> str:
    """Return compact JSON; a `Decimal` is written digit by digit as a plain number."""
    match value:
        case Decimal():
            return _number(value)
        case Mapping():
            return "{" + ",".join(f"{json.dumps(str(name))}:{to_json(member)}" for name, member in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(to_json(member) for member in value) + "]"
        case None | bool() | int() | str():
            return json.dumps(value, ensure_ascii=False)
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError("only finite numbers have a place in JSON")
    return format(value, "f")

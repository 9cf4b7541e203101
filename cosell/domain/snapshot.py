"""What one side says in the shared fields, in canonical values, so that comparing never flaps.

A snapshot holds one value for each field which that side was asked for. A field which is missing was not read, and is
left alone by the merge; a field that is None was read and is empty.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from cosell.domain.money import Money
from cosell.domain.solution import SolutionTerms

Value = str | bool | Decimal | date | Money | SolutionTerms | frozenset[str] | None
Snapshot = Mapping[str, Value]

_EMPTY: tuple[Value, ...] = (None, "", frozenset())


def is_empty(value: Value) -> bool:
    """Tell whether a value says nothing."""
    return value in _EMPTY


def snapshot_to_json(snapshot: Snapshot) -> dict[str, object]:
    """Return the snapshot in plain JSON; each value that JSON has no type for carries its own tag."""
    return {name: _value_to_json(value) for name, value in snapshot.items()}


def snapshot_from_json(stored: Mapping[str, object]) -> dict[str, Value]:
    """Return what `snapshot_to_json` was given, whatever the mapping says by now."""
    return {name: _value_from_json(value) for name, value in stored.items()}


def _value_to_json(value: Value) -> object:
    match value:
        case None | bool() | str():
            return value
        case Decimal():
            return {"decimal": str(value)}
        case date():
            return {"date": value.isoformat()}
        case Money():
            return {"amount": str(value.amount), "currency": value.currency}
        case SolutionTerms():
            return {"quantity": _number_to_json(value.quantity), "price": _number_to_json(value.price)}
        case frozenset():
            return {"set": sorted(value)}


def _value_from_json(stored: object) -> Value:
    match stored:
        case {"decimal": str(text)}:
            return Decimal(text)
        case {"date": str(text)}:
            return date.fromisoformat(text)
        case {"amount": str(amount), "currency": str(currency)}:
            return Money(amount=Decimal(amount), currency=currency)
        case {"quantity": quantity, "price": price}:
            return SolutionTerms(quantity=_number_from_json(quantity), price=_number_from_json(price))
        case {"set": [*members]}:
            return frozenset(members)
        case None | bool() | str():
            return stored
    raise ValueError("a stored snapshot holds a value of an unknown kind")


def _number_to_json(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def _number_from_json(stored: object) -> Decimal | None:
    return None if stored is None else Decimal(str(stored))

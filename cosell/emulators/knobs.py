"""Turns knobs: sets public members of a dataclass from JSON, or says which cannot be set so."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeAlias

Json: TypeAlias = Any


class UnknownKnobError(Exception):
    """A knob does not exist or cannot have the value; the text names it."""


def told(knobs: Json) -> dict[str, Json]:
    """Return the public members of a dataclass and their values."""
    return {each.name: getattr(knobs, each.name) for each in fields(knobs) if not each.name.startswith("_")}


def turn(knobs: Json, wanted: Mapping[str, Json], *, choices: Mapping[str, tuple[str, ...]] | None = None) -> None:
    """Set members of a dataclass, all or none; a member without a value yet takes a number or null."""
    known = told(knobs)
    for name, value in wanted.items():
        if name not in known:
            raise UnknownKnobError(f"there is no option {name}; there are {', '.join(known)}")
        if not _fits(value, known[name]) or value not in (choices or {}).get(name, (value,)):
            raise UnknownKnobError(f"{name} cannot be {value!r}")
    for name, value in wanted.items():
        setattr(knobs, name, float(value) if isinstance(known[name], float) else value)


def _fits(value: Json, current: Json) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if current is None:
        return value is None or is_number
    if isinstance(current, float):
        return is_number
    return type(value) is type(current)

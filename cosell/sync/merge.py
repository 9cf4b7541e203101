"""The three-way merge of one field: a truth table over what each side says and what both agreed on last."""

from enum import Enum, auto

from cosell.domain.ids import Side
from cosell.domain.snapshot import Value, is_empty


class Merge(Enum):
    """What the merge found."""

    AGREED = auto()
    """Both say the same; nothing to write."""
    TO_PARTNER_CENTER = auto()
    """The CRM moved, or only it has a value."""
    TO_DATAVERSE = auto()
    """Partner Center moved, or only it has a value."""
    CONFLICT = auto()
    """Both moved, to different values; the owner wins and the other value is kept."""


UNKNOWN = object()
"""Stands for the base of a field on which the sides never agreed."""


def merge_field(  # noqa: PLR0911  one return for each row of the truth table
    *, base: object, partner_center: Value, dataverse: Value
) -> Merge:
    """Decide one field; `base` is UNKNOWN when the sides never agreed on it."""
    # The same on both sides: fine, however it came to be.
    if partner_center == dataverse or (is_empty(partner_center) and is_empty(dataverse)):
        return Merge.AGREED
    # First meeting: a side which says nothing takes what the other says.
    if base is UNKNOWN:
        if is_empty(partner_center):
            return Merge.TO_PARTNER_CENTER
        if is_empty(dataverse):
            return Merge.TO_DATAVERSE
        return Merge.CONFLICT
    # One side still says what both agreed on: the other one moved.
    if partner_center == base:
        return Merge.TO_PARTNER_CENTER
    if dataverse == base:
        return Merge.TO_DATAVERSE
    # Both moved, differently.
    return Merge.CONFLICT


def winner_of(found: Merge, *, owner: Side) -> Side | None:
    """Return the side whose value is to be written on the other one, None when nothing is."""
    match found:
        case Merge.AGREED:
            return None
        case Merge.TO_PARTNER_CENTER:
            return Side.DATAVERSE
        case Merge.TO_DATAVERSE:
            return Side.PARTNER_CENTER
        case Merge.CONFLICT:
            return owner

"""Spells changed solutions for Partner Center: its whole list at once, for single members cannot be taken out. Pure."""

from collections.abc import Mapping, Sequence

from cosell.domain.snapshot import Value
from cosell.domain.solution import SolutionTerms
from cosell.mapping.solutions import Solution, find_member_id, spell_member, spell_terms
from cosell.mapping.values import read_decimal
from cosell.sync.solutions.row import Spelling
from cosell.sync.solutions.rules import POINTER

Member = Mapping[str, object]


def spell_list(
    changes: Mapping[str, Value],
    members: Sequence[Member],
    *,
    spelling: Spelling,
    known: Mapping[str, Solution],
    currency: str | None,
) -> list[dict[str, object]]:
    """Return the JSON Patch which brings these solutions into a referral; nothing when none is among the changes.

    Args:
        changes: new values of solutions, by field; None takes one out.
        members: the list as it came; those of which nothing changes stay just so, of whatever kind they are.
        spelling: how the fields are spelled.
        known: what is known of solutions which are new in the list, by field.
        currency: that of the deal.
    """
    if not changes:
        return []
    left = dict(changes)
    kept: list[Member] = []
    for member in members:
        identifier = find_member_id(member)
        field = spelling.field(identifier) if identifier else None
        if field is None or field not in changes:
            kept.append(member)
        elif isinstance(terms := changes[field], SolutionTerms):
            # Of several members with one identifier the first one counts.
            kept.append(_changed(member, terms, currency) if field in left else member)
        left.pop(field or "", None)
    new = [spell_member(known[field], currency=currency) for field, terms in left.items() if terms is not None]
    return [{"op": "replace", "path": POINTER, "value": [*(dict(member) for member in kept), *new]}]


def _changed(member: Member, terms: SolutionTerms, currency: str | None) -> Member:
    """Return a member with new terms; what it says of them already stays as it came."""
    names = {str(name).lower(): str(name) for name in member}
    changed = dict(member)
    for name, value in spell_terms(terms, currency).items():
        own = names.get(name.lower(), name)
        if not _is_same(member.get(own), value):
            changed[own] = value
    return changed


def _is_same(said: object, wanted: object) -> bool:
    if isinstance(wanted, str):
        return said == wanted
    try:
        return (read_decimal(said) or 0) == (wanted or 0)
    except ValueError:
        return False

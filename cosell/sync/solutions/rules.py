"""What the planner has to know of solutions: their rows, how many Partner Center takes, how they are told. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cosell.domain.ids import Side
from cosell.domain.snapshot import Value, is_empty
from cosell.domain.solution import find_identifier
from cosell.mapping.models import Direction, FieldRow, Frozen, Kind
from cosell.sync.deal import SOLUTIONS_AT_MOST
from cosell.sync.plan import Change, Note

POINTER = "/details/requirements/solutions"
NAMED_AT_MOST = 3
"""How many solutions a sentence names; of more it tells the number."""
SOLUTIONS = "solutions:"
"""Begins the keys of notes about solutions as such."""


def solution_rows(*sides: Iterable[str]) -> tuple[FieldRow, ...]:
    """Return a row for each solution that is named among these fields; no mapping file could list them beforehand."""
    names = {name for side in sides for name in side if find_identifier(name)}
    return tuple(
        FieldRow.model_construct(
            field=name,
            kind=Kind.TEXT,
            partner_center=POINTER,
            dataverse="",
            direction=Direction.BOTH,
            owner=Side.DATAVERSE,
            frozen=Frozen.TERMINAL,
            required=False,
            length=None,
            choices=None,
            one_way=False,
        )
        for name in sorted(names)
    )


def pick_solutions(fields: Mapping[str, Value]) -> dict[str, Value]:
    """Return the solutions among fields."""
    return {name: value for name, value in fields.items() if find_identifier(name)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """Changes of the referral's list which Partner Center would refuse, and what the seller is told about them."""

    changes: tuple[Change, ...]
    note: Note


def find_excess(changes: Sequence[Change], *, count: int) -> Excess | None:
    """Return what would leave the referral without a solution, or with too many of its now `count`; None when nothing.

    (Microsoft: Manage co-sell opportunities; Bulk operations on co-sell opportunities.)
    """
    sent = [change for change in changes if change.side is Side.PARTNER_CENTER and find_identifier(change.field)]
    removed = [change for change in sent if is_empty(change.new)]
    added = [change for change in sent if is_empty(change.old)]
    left = count - len(removed) + len(added)
    if removed and left < 1:
        return _excess(
            removed, "last", "not removed in Partner Center, which wants at least one: add another one first"
        )
    if added and left > SOLUTIONS_AT_MOST:
        late = added[-min(left - SOLUTIONS_AT_MOST, len(added)) :]
        return _excess(late, "most", f"not sent: Partner Center takes at most {SOLUTIONS_AT_MOST}")
    return None


def _excess(changes: Sequence[Change], key: str, why: str) -> Excess:
    names = [find_identifier(change.field) or "" for change in changes]
    told = f"Solution {names[0]} was" if len(names) == 1 else f"Solutions {name_some(names)} were"
    note = Note(key=f"{SOLUTIONS}{key}:{' '.join(names[:NAMED_AT_MOST])}", text=f"{told} {why}.", is_problem=True)
    return Excess(changes=tuple(changes), note=note)


def describe_solutions(changes: Iterable[Change]) -> list[str]:
    """Return what became of solutions, as parts of a sentence: each by its name, or how many when there are many."""
    done: dict[str, list[str]] = {}
    for change in changes:
        verb = "added" if is_empty(change.old) else "removed" if is_empty(change.new) else "changed"
        done.setdefault(verb, []).append(find_identifier(change.field) or "")
    return [
        f"Solution {names[0]} {verb}" if len(names) == 1 else f"Solutions {name_some(names)} {verb}"
        for verb, names in sorted(done.items())
    ]


def name_some(names: Sequence[str]) -> str:
    """Return names as a sentence lists them: `A, B and C`, or `A, B, C and 4 more`."""
    first, rest = list(names[:NAMED_AT_MOST]), len(names) - NAMED_AT_MOST
    parts = [*first, f"{rest} more"] if rest > 0 else first
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]

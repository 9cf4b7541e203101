"""Remembers what people typed and where it was seen afterwards, and judges in the end. It knows nothing of the product.

A typed value may go only in one of three ways: its own side was typed over, it had been on the other side before that
was typed over, or it stands in the list of conflicts.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from tests.properties.people import FIELDS, Where, read_side
from tests.sync.stand import Document


@dataclass(slots=True, kw_only=True)
class Typed:
    """One value a person typed, in the words of `read_side`."""

    where: Where
    value: str
    moment: int
    is_known_across: bool = False
    """Whether the other side has said the same since."""


@dataclass(slots=True, kw_only=True)
class Deal:
    """One deal as people know it; a side which is not there yet has no id."""

    opportunity_id: str | None = None
    referral_id: str | None = None
    typed: dict[str, list[Typed]] = field(default_factory=dict)
    added: set[str] = field(default_factory=set)
    """Solutions which somebody put on it."""
    removed: set[str] = field(default_factory=set)

    def find_id(self, where: Where) -> str | None:
        """Return the id of one side."""
        return self.opportunity_id if where is Where.CRM else self.referral_id

    def note(self, name: str, where: Where, value: str, moment: int) -> None:
        """Remember what a person has just typed."""
        self.typed.setdefault(name, []).append(Typed(where=where, value=value, moment=moment))

    def see(self, sides: Mapping[Where, Document]) -> None:
        """Notice which values are on the other side now."""
        for name, values in self.typed.items():
            for typed in values:
                across = sides.get(typed.where.other)
                if across is not None and read_side(name, typed.where.other, across) == typed.value:
                    typed.is_known_across = True

    def last(self, name: str, where: Where) -> Typed | None:
        """Return what was typed last on one side."""
        return next((item for item in reversed(self.typed.get(name, [])) if item.where is where), None)


def find_faults(
    deal: Deal, sides: Mapping[Where, Document], *, lost: Collection[tuple[str, str]], is_closed: bool
) -> list[str]:
    """Return what is wrong with a deal in the end, each with the number of the promise that was broken.

    Args:
        deal: what people remember of it.
        sides: both records.
        lost: the values which the list of conflicts names for this deal, with their fields.
        is_closed: whether its referral takes no changes any more; then the mark has to say what did not travel.
    """
    faults = []
    has_problem = str(sides[Where.CRM]["name"]).startswith("✖")
    for name, item in FIELDS.items():
        here, there = (read_side(name, where, sides[where]) for where in Where)
        excused = has_problem and (is_closed or (item.is_required and not here))
        if here != there and not excused:
            faults.append(f"1: {name}: the CRM says {here!r}, Partner Center {there!r}")
        if excused:
            continue
        ends = [typed for where in Where if (typed := deal.last(name, where))]
        latest = max(ends, key=lambda typed: typed.moment, default=None)
        for typed in ends:
            if typed.value in {here, there} or (name, typed.value) in lost:
                continue
            if typed is latest:
                faults.append(f"4: {name}: {typed.value!r} was typed last, in the {typed.where}; it says {here!r}")
            elif not typed.is_known_across:
                faults.append(f"4: {name}: {typed.value!r}, typed in the {typed.where}, is lost without a trace")
    return faults

"""A plan: what would be written where and why, before anything is. Made by the planner, carried out by `apply`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from cosell.domain.ids import Side
from cosell.domain.money import Money
from cosell.domain.snapshot import Value, is_empty
from cosell.domain.solution import find_identifier
from cosell.domain.stages import OpportunityStage, ReferralStage
from cosell.errors import Origin, UnsafePlan
from cosell.sync.stages import IN_STEP, StageDecision, StagePair

EMPTIED_AT_MOST = 2
"""How many shared fields one plan may empty on one side; more than that looks like a side which lost its data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field which is to be written on `side`."""

    side: Side
    field: str
    old: Value
    new: Value
    rule: str
    is_told: bool = True
    """Whether the audit text names the field; ids which we write for ourselves are not news for a seller."""
    is_personal: bool = False
    """Whether it names people: then the journal keeps that it changed, but not from what to what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldConflict:
    """Two values of which one is about to go; `winner` is the side whose value stays, None when neither is written."""

    field: str
    partner_center: Value
    dataverse: Value
    winner: Side | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something the seller is told in the audit text, once for as long as `key` holds.

    `is_problem` puts the ✖ before the opportunity's name until it is gone.
    """

    key: str
    text: str
    is_problem: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything one look at one pair asks for. An empty plan is an echo, or peace."""

    changes: tuple[Change, ...] = ()
    stage: StageDecision = IN_STEP
    stages: StagePair
    """The stages both sides will have when the plan has been applied."""
    conflicts: tuple[FieldConflict, ...] = ()
    notes: tuple[Note, ...] = ()
    """All that holds now, told before or not."""
    news: tuple[Note, ...] = ()
    """The notes which the seller has not been told yet."""
    told: frozenset[str] = frozenset()
    """Keys of all that the seller will have been told when the plan has been applied."""
    base: Mapping[str, Value] = field(default_factory=dict)
    """What both sides will agree on when the plan has been applied."""
    reason: str = ""
    """Why the deal is closed, in Partner Center's words, when a side is about to be closed as lost or declined."""
    revenue: Money | None = None
    """The actual revenue of an opportunity which is about to be won."""
    filled: Mapping[str, object] = field(default_factory=dict)
    """Columns of the opportunity which the mapping fills by itself, as they are written; each is a change, too."""
    lists: Mapping[str, object] = field(default_factory=dict)
    """Lists of the referral which no row of the mapping spells, written whole: their pointers and new members."""

    def changes_on(self, side: Side) -> dict[str, Value]:
        """Return the new values of one side, by field."""
        return {change.field: change.new for change in self.changes if change.side is side}

    @property
    def moves_referral_to(self) -> ReferralStage | None:
        """The stage the referral is to move to, None when it stays."""
        return self.stage.move_referral_to

    @property
    def moves_opportunity_to(self) -> OpportunityStage | None:
        """The stage the opportunity is to move to, None when it stays."""
        return self.stage.move_opportunity_to

    @property
    def has_problem(self) -> bool:
        """Whether the opportunity carries the ✖."""
        return any(note.is_problem for note in self.notes)

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be written on either side."""
        return not (self.changes or self.moves_referral_to or self.moves_opportunity_to or self.news)

    def with_notes(self, notes: Sequence[Note]) -> Self:
        """Return the plan with notes which came up while it was carried out."""
        known = {note.key for note in self.notes}
        new = tuple(note for note in notes if note.key not in known)
        news = tuple(note for note in new if note.key not in self.told)
        told = self.told | {note.key for note in new}
        return replace(self, notes=(*self.notes, *new), news=(*self.news, *news), told=told)

    def without(self, side: Side, field: str, *, base: Value) -> Self:
        """Return the plan without one of its changes, because it could not be had; `base` is what is agreed instead."""
        changes = tuple(item for item in self.changes if (item.side, item.field) != (side, field))
        return replace(self, changes=changes, base={**self.base, field: base})

    def raise_if_unsafe(self, record: str) -> None:
        """Stop a plan which would empty a record.

        Raises:
            UnsafePlan: more fields would be emptied on one side than a person does in one edit.
        """
        for side in Side:
            emptied = [
                change.field
                for change in self.changes
                # Taking solutions off a deal empties no field; one at least always stays.
                if change.side is side and is_empty(change.new) and not find_identifier(change.field)
            ]
            if len(emptied) > EMPTIED_AT_MOST:
                raise UnsafePlan(
                    f"Nothing was written: {len(emptied)} fields would be emptied at once on the {side} side "
                    f"({', '.join(emptied)}). Look at both records; fill in one of the fields to go on.",
                    origin=Origin(record=record),
                )

"""Plans one pair: base, referral and opportunity in, a plan out. Pure: the same in, the same out.

This is the one room behind the many doors: webhook, schedule, poll, reconcile and a person's hand all end here.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cosell.domain.ids import Side
from cosell.domain.money import Money
from cosell.domain.snapshot import Value, is_empty, snapshot_to_json
from cosell.domain.solution import find_identifier
from cosell.domain.stages import OpportunityStage, ReferralStage
from cosell.mapping.models import Direction, FieldRow, Frozen, Kind
from cosell.sync.closing import Reasons, iter_closing_notes, pick_reason, pick_revenue, refuse_unwritable
from cosell.sync.deadlines import Deadline, find_early_win, leave_out_answered, still_running, write_deadlines
from cosell.sync.merge import UNKNOWN, Merge, merge_field, winner_of
from cosell.sync.one_way import find_sent_note
from cosell.sync.plan import Change, FieldConflict, Note, Plan
from cosell.sync.solutions.rules import find_excess, solution_rows
from cosell.sync.stages import StageDecision, StagePair, decide_stage

EVENT = "event:"
"""Begins the key of a note about something that happened once: it stays told when it is no longer so."""
CHANGED_ON_BOTH = "was changed on both sides"
CLOSED = "the referral is closed in Partner Center and takes no changes"
NO_REASONS = Reasons()
VALUE_FIELD = "deal_value"
HELP_FIELD = "help"
"""The field by which Microsoft is asked for help: it is sent by an invitation, not by a patch."""
WAITS = Note(
    key="waits",
    text="What you change here is sent when you have answered the invitation: set the opportunity in progress to "
    "accept it, or close it as lost to decline it.",
)
BASE_REFERRAL_STAGE = "$referral_stage"
BASE_OPPORTUNITY_STAGE = "$opportunity_stage"
STAGES = (BASE_REFERRAL_STAGE, BASE_OPPORTUNITY_STAGE)
"""The members of a base which hold the stages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one look found on both sides.

    `notes` are remarks which were made while reading (a value that is not understood, what Microsoft's copy says).
    """

    referral: Mapping[str, Value]
    opportunity: Mapping[str, Value]
    stages: StagePair
    is_shared: bool = False
    """Whether the referral is visible to Microsoft's sellers."""
    may_answer: bool = True
    """Whether what the seller does with the opportunity answers an invitation (the setting for on-hold handling)."""
    notes: Sequence[Note] = field(default=())
    whole: Mapping[str, Value] = field(default_factory=dict)
    """Texts of the referral which are longer than the CRM's column, whole; `referral` holds them cut."""
    reasons: Reasons = NO_REASONS
    """Why the deal is closed, as each side says it."""
    unwritable: Mapping[OpportunityStage, str] = field(default_factory=dict)
    """Stages for which the CRM has no status reason, with a sentence for the seller."""
    solution_count: int = 0
    """How many members the referral's list of solutions has, of whatever kind."""
    deadlines: tuple[Deadline, ...] = ()
    """The clocks of the deal which run now."""
    defaults: Mapping[str, Value] = field(default_factory=dict)
    """What a field gets on both sides when neither says anything; only while the deal is being shared."""


def plan_sync(seen: Seen, *, base: Mapping[str, Value], told: frozenset[str], rows: Sequence[FieldRow]) -> Plan:
    """Return what one look at a pair asks for.

    Args:
        seen: both sides, read fresh.
        base: what both agreed on last, as recorded by the ledger; empty at the first meeting.
        told: keys of the notes which the seller has been told already.
        rows: the shared fields of the mapping; the solutions which either side or the base names come on top.
    """
    base_stages = read_base_stages(base)
    stage = decide_stage(seen.stages, base=base_stages, may_answer=seen.may_answer)
    stage = refuse_unwritable(stage, seen.unwritable)
    draft = _Draft(
        is_closed=seen.stages.referral.is_terminal,
        is_shared=seen.is_shared,
        waits=seen.stages.referral is ReferralStage.INVITED and stage.move_referral_to is None,
    )
    for row in (*rows, *solution_rows(seen.referral, seen.opportunity, base)):
        if row.field in seen.referral and row.field in seen.opportunity:
            draft.add(row, base.get(row.field, UNKNOWN), seen)
        elif row.field in base:
            draft.base[row.field] = base[row.field]  # Not read, or not understood: left alone.
    draft.keep_in_bounds(base, seen.solution_count)
    reason = pick_reason(stage, seen.reasons)
    after = _stages_after(seen.stages, stage)
    notes = [
        *leave_out_answered(seen.notes, after.referral),
        *draft.notes,
        *_stage_notes(stage),
        *iter_closing_notes(stage, reason, event=EVENT),
        *_door_notes(seen, draft.changes, stage),
    ]
    return Plan(
        changes=tuple(draft.changes),
        stage=stage,
        stages=after,
        conflicts=tuple(draft.conflicts),
        notes=tuple(notes),
        news=tuple(note for note in notes if note.key not in told),
        told=frozenset(note.key for note in notes) | {key for key in told if key.startswith(EVENT)},
        base={
            **draft.base,
            **_write_base_stages(seen.stages, base_stages, stage),
            **write_deadlines(still_running(seen.deadlines, after.referral)),
        },
        reason=reason,
        revenue=pick_revenue(stage, theirs=seen.referral.get(VALUE_FIELD), ours=draft.left_with(VALUE_FIELD, seen)),
    )


@dataclass(slots=True)
class _Draft:
    """The fields of a plan in the making."""

    is_closed: bool
    is_shared: bool
    waits: bool
    """Whether the invitation has to be answered first."""
    changes: list[Change] = field(default_factory=list)
    conflicts: list[FieldConflict] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    base: dict[str, Value] = field(default_factory=dict)

    def add(self, row: FieldRow, base: object, seen: Seen) -> None:
        """Decide one field and note what follows."""
        if row.one_way:
            self._add_one_way(row, base, seen)
            return
        ours, theirs = seen.opportunity[row.field], seen.referral[row.field]
        whole = seen.whole.get(row.field, theirs)
        if whole in (ours, base):
            theirs = whole  # The CRM's column takes more than the mapping says.
        found = merge_field(base=base, partner_center=theirs, dataverse=ours)
        if found is Merge.AGREED:
            self.base[row.field] = ours if row.field not in seen.defaults else self._add_default(row, seen)
            return
        winner, rule = self._pick(row, found)
        if self.waits and winner is Side.DATAVERSE and row.direction is Direction.BOTH:
            self._wait(row, base, found)
            return
        hindrance = self._hindrance(row, winner, ours, theirs)
        if hindrance:
            self._hold(row, base, hindrance, value=ours)
            if found is Merge.CONFLICT and base is not UNKNOWN and row.direction is Direction.BOTH:
                self.conflicts.append(
                    FieldConflict(field=row.field, partner_center=theirs, dataverse=ours, winner=None)
                )
            return
        new, old = (ours, theirs) if winner is Side.DATAVERSE else (theirs, ours)
        if is_empty(new) and (base is UNKNOWN or row.direction is not Direction.BOTH):
            # At the first meeting nothing is emptied, whoever owns the field; a field that goes one way only fills.
            if base is not UNKNOWN:
                self.base[row.field] = base  # type: ignore[assignment]
            return
        # That Microsoft was invited is told by a note, once, whatever dies in between.
        is_told = row.kind is not Kind.ID and not (row.field == HELP_FIELD and winner is Side.DATAVERSE)
        self.changes.append(Change(side=winner.other, field=row.field, old=old, new=new, rule=rule, is_told=is_told))
        self.base[row.field] = new
        self._trace(row, found, base, ours=ours, theirs=whole if winner is Side.DATAVERSE else theirs, winner=winner)

    def _add_default(self, row: FieldRow, seen: Seen) -> Value:
        """Write a default where neither side says anything; return what both agree on then."""
        ours, new = seen.opportunity[row.field], seen.defaults[row.field]
        if not is_empty(ours) or not row.direction.allows(Side.PARTNER_CENTER):
            return ours
        for side in (side for side in Side if row.direction.allows(side)):
            self.changes.append(Change(side=side, field=row.field, old=None, new=new, rule="default"))
        return new if row.direction is Direction.BOTH else ours

    def left_with(self, field_name: str, seen: Seen) -> Value:
        """Return what the opportunity will say in a field when the plan has been applied."""
        new = (item.new for item in self.changes if (item.side, item.field) == (Side.DATAVERSE, field_name))
        return next(new, seen.opportunity.get(field_name))

    def keep_in_bounds(self, base: Mapping[str, Value], solution_count: int) -> None:
        """Take back what would leave the referral without a solution, or with too many."""
        excess = find_excess(self.changes, count=solution_count)
        if excess is None:
            return
        fields = {change.field for change in excess.changes}
        self.changes = [change for change in self.changes if change not in excess.changes]
        for name in fields:
            self.base.pop(name, None)
            self.base.update({name: base[name]} if name in base else {})
        self.conflicts = [
            replace(conflict, winner=None) if conflict.field in fields else conflict for conflict in self.conflicts
        ]
        told = tuple(f"conflict:{name}:" for name in fields)
        self.notes = [note for note in self.notes if not note.key.startswith(told)] + [excess.note]

    def _add_one_way(self, row: FieldRow, base: object, seen: Seen) -> None:
        """Decide a one-way door: whoever opens it opens it for good, and asking Microsoft for help does, too."""
        ours, theirs = seen.opportunity[row.field] is True, seen.referral[row.field] is True
        is_open = ours or theirs or self._sends_help(seen)
        if theirs and base is True and not ours:
            self._hold(row, base, "Partner Center never takes it back", value=ours)
            return
        if is_open and not theirs and self.waits:
            self._wait(row, base)
            return
        if is_open and not theirs and self.is_closed:
            self._hold(row, base, CLOSED, value=ours)
            return
        rule = "asking for help shows it" if is_open and not (ours or theirs) else "a one-way door"
        for side, is_now in ((Side.PARTNER_CENTER, theirs), (Side.DATAVERSE, ours)):
            if is_open and not is_now and row.direction.allows(side):
                self.changes.append(Change(side=side, field=row.field, old=False, new=True, rule=rule))
        self.base[row.field] = is_open

    def _sends_help(self, seen: Seen) -> bool:
        asked = not is_empty(seen.opportunity.get(HELP_FIELD)) and is_empty(seen.referral.get(HELP_FIELD))
        return asked and not self.waits and not self.is_closed

    def _wait(self, row: FieldRow, base: object, found: Merge = Merge.TO_PARTNER_CENTER) -> None:
        """Let an edit of the seller's wait until the invitation is answered."""
        if base is not UNKNOWN:
            self.base[row.field] = base  # type: ignore[assignment]
        # A solution is new at each first meeting of its own; a row of the CRM is an edit of the seller's all the same.
        # And where the sides say two different things, the seller was quicker than the record of what arrived.
        is_edit = base is not UNKNOWN or found is Merge.CONFLICT or find_identifier(row.field)
        if is_edit and all(note.key != WAITS.key for note in self.notes):
            self.notes.append(WAITS)

    @staticmethod
    def _pick(row: FieldRow, found: Merge) -> tuple[Side, str]:
        if row.direction is Direction.TO_DATAVERSE:
            return Side.PARTNER_CENTER, "follows Partner Center"
        if row.direction is Direction.TO_PARTNER_CENTER:
            return Side.DATAVERSE, "follows the CRM"
        winner = winner_of(found, owner=row.owner) or row.owner
        place = "the CRM" if winner is Side.DATAVERSE else "Partner Center"
        return winner, f"both moved, {place} owns it" if found is Merge.CONFLICT else f"moved in {place}"

    def _hindrance(self, row: FieldRow, winner: Side, ours: Value, theirs: Value) -> str:
        """Say why a value of the CRM cannot reach Partner Center; empty when it can."""
        if winner is Side.PARTNER_CENTER:
            return ""
        if self.is_closed:
            return CLOSED
        if row.frozen is Frozen.SENT and not is_empty(theirs):
            return "what was sent once is fixed in Partner Center"
        if row.frozen is Frozen.CREATED or (row.frozen is Frozen.SHARED and self.is_shared):
            return "Partner Center does not let it change any more"
        if row.required and (is_empty(ours) or _is_nought(ours)):
            return "Partner Center wants a value here, so its own was left as it is"
        return ""

    def _hold(self, row: FieldRow, base: object, hindrance: str, *, value: Value) -> None:
        if base is not UNKNOWN:
            self.base[row.field] = base  # type: ignore[assignment]
        # An id that cannot be written any more is nothing a seller can mend.
        if row.direction is Direction.BOTH:
            key = f"held:{row.field}:{fingerprint(value)}"
            self.notes.append(Note(key=key, text=f"{label(row.field)} was not sent: {hindrance}.", is_problem=True))

    def _trace(self, row: FieldRow, found: Merge, base: object, *, ours: Value, theirs: Value, winner: Side) -> None:
        """Keep and tell a value which is about to be overwritten, unless it is what both sides agreed on."""
        lost = theirs if winner is Side.DATAVERSE else ours
        if found is Merge.CONFLICT and row.direction is Direction.BOTH:
            why = CHANGED_ON_BOTH
        elif lost != base and not is_empty(lost):
            why = "was not the same on both sides"  # An id of another record, the end of a text that was cut.
        else:
            return
        conflict = FieldConflict(field=row.field, partner_center=theirs, dataverse=ours, winner=winner)
        self.conflicts.append(conflict)
        self.notes.append(conflict_note(conflict, why=why))


def conflict_note(conflict: FieldConflict, *, why: str = CHANGED_ON_BOTH) -> Note:
    """Return what the seller is told about a conflict which has a winner."""
    ours, theirs = conflict.dataverse, conflict.partner_center
    kept, lost, loser = (
        (ours, theirs, "Partner Center") if conflict.winner is Side.DATAVERSE else (theirs, ours, "the CRM")
    )
    return Note(
        key=f"conflict:{conflict.field}:{fingerprint(ours)}:{fingerprint(theirs)}",
        text=f"{label(conflict.field)} {why}: kept {show(kept)}, not {show(lost)} from {loser}.",
    )


def _is_nought(value: Value) -> bool:
    """Tell a deal value of 0: what a calculated column says before it is calculated (Microsoft: connector FAQ)."""
    return isinstance(value, Money) and value.amount == 0


def label(field_name: str) -> str:
    """Return a field's name as a person reads it at the start of a sentence."""
    identifier = find_identifier(field_name)
    if identifier:
        return f"Solution {identifier}"
    return field_name.replace("_", " ").capitalize().replace("Crm", "CRM").replace(" crm", " CRM")


def show(value: Value) -> str:
    """Return a value as a person reads it, cut to a length that fits into an audit line."""
    if is_empty(value):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = " ".join((", ".join(sorted(value)) if isinstance(value, frozenset) else str(value)).split())
    return f"“{text[:80]}…”" if len(text) > 80 else f"“{text}”"


def fingerprint(value: Value) -> str:
    """Return a short, stable mark of a value, from which the value cannot be read."""
    return hashlib.sha256(repr(snapshot_to_json({"": value})).encode()).hexdigest()[:12]


def _stage_notes(stage: StageDecision) -> Iterable[Note]:
    if stage.refused:
        yield Note(key=f"stage:{stage.rule}", text=stage.refused, is_problem=True)


def _door_notes(seen: Seen, changes: Sequence[Change], stage: StageDecision) -> Iterable[Note]:
    """Yield what is said about doors which close behind the deal."""
    sent = find_sent_note(changes, event=EVENT)
    early = find_early_win(seen.deadlines, moves_to=stage.move_referral_to, event=EVENT)
    return {note.key: note for note in (sent, early) if note}.values()


def _stages_after(now: StagePair, stage: StageDecision) -> StagePair:
    return StagePair(
        referral=stage.move_referral_to or now.referral, opportunity=stage.move_opportunity_to or now.opportunity
    )


def _write_base_stages(now: StagePair, base: StagePair | None, stage: StageDecision) -> dict[str, Value]:
    after = base if stage.refused else _stages_after(now, stage)
    if after is None:
        return {}
    return {BASE_REFERRAL_STAGE: after.referral.value, BASE_OPPORTUNITY_STAGE: after.opportunity.value}


def read_base_stages(base: Mapping[str, Value]) -> StagePair | None:
    """Return the stages on which both sides agreed last, None when they never did."""
    referral, opportunity = base.get(BASE_REFERRAL_STAGE), base.get(BASE_OPPORTUNITY_STAGE)
    if not isinstance(referral, str) or not isinstance(opportunity, str):
        return None
    return StagePair(referral=ReferralStage(referral), opportunity=OpportunityStage(opportunity))

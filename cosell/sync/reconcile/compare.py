"""Compares one pair field by field, by the planner of every sync, and says what is not in step. Nothing is written.

The etags are not asked whether the records moved: what differs is found although both look as we left them. Reconcile,
and whoever else has both sides of many pairs at hand, hands them in; what the CRM says of solutions lies ready in
`workspace.reads`, so that no call is made for a pair.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cosell.dataverse import Row
from cosell.domain.ids import Side
from cosell.domain.link import Link, LinkState
from cosell.domain.snapshot import Value
from cosell.partner_center import Referral
from cosell.sync.apply import is_mark_right
from cosell.sync.filling import plan_fill
from cosell.sync.leads.look import look_at_lead, look_at_stages
from cosell.sync.leads.pair import is_left_alone
from cosell.sync.leads.plan import plan_lead
from cosell.sync.leads.stages import LeadMove, decide_lead
from cosell.sync.look import document_of, look_at
from cosell.sync.pair import NO_REMARK, Remark, add_remark
from cosell.sync.plan import Note, Plan
from cosell.sync.planner import HELP_FIELD, STAGES, WAITS, Seen, plan_sync, read_base_stages
from cosell.sync.reconcile.finding import Cause, Difference, Finding, Kind
from cosell.sync.solutions.look import add_solutions, look_at_solutions
from cosell.sync.workspace import Workspace

MODIFIED = "modifiedon"
"""When a row of the CRM was written last, by whomever; read beside what every sync reads."""
STATUS = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the ledger knows of the records in hand: which of them wait in the inbox, and which were refused."""

    waiting: Collection[str] = frozenset()
    refused: Collection[str] = frozenset()


NOTHING_KNOWN = Known()


async def compare_pair(
    workspace: Workspace,
    link: Link,
    referral: Referral,
    row: Row,
    *,
    known: Known = NOTHING_KNOWN,
    remark: Remark = NO_REMARK,
) -> Finding | None:
    """Return what is not in step between a referral and its opportunity, None when all is."""
    look = await look_at_solutions(workspace, link, referral, is_asked=True)
    seen = add_remark(await look_at(workspace, referral, row), remark, workspace, link, row)
    seen = add_solutions(seen, look, link)
    plan = plan_sync(seen, base=link.base, told=link.told, rows=workspace.opportunity.fields)
    plan = await plan_fill(workspace, plan, seen, document_of(referral), row, told=link.told)
    is_told = is_mark_right(workspace, row) and not plan.news
    moved = _Moved(link=link, referral=referral, row=row, known=known)
    return judge_plan(plan, seen, moved, is_told=is_told)


async def compare_lead(
    workspace: Workspace, link: Link, referral: Referral, row: Row, *, known: Known = NOTHING_KNOWN
) -> Finding | None:
    """Return what is not in step between a referral and its lead, None when all is."""
    stages = look_at_stages(workspace, referral, row)
    decision = decide_lead(stages, base=read_base_stages(link.base))
    moved = _Moved(link=link, referral=referral, row=row, known=known)
    if decision.move is not LeadMove.STAY:
        cause = moved.find_cause(Side.PARTNER_CENTER if decision.move is LeadMove.FOLLOW else Side.DATAVERSE)
        return moved.finding(Kind.DRIFTED, cause, (Difference(field=STATUS, cause=cause, to=Side.DATAVERSE),))
    if is_left_alone(stages, decision):
        return None
    seen = await look_at_lead(workspace, referral, row)
    plan = plan_lead(seen, stages, decision, base=link.base, told=link.told, rows=workspace.mappings.lead.fields)
    return judge_plan(plan, seen, moved, is_told=not plan.news)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moved:
    """A pair as it was read, and which of its sides is not as we left it."""

    link: Link
    referral: Referral
    row: Row
    known: Known

    def is_left(self, side: Side) -> bool:
        """Tell whether a side has the etag which we left."""
        if side is Side.PARTNER_CENTER:
            return self.link.referral_etag == self.referral.etag
        ours = self.link.lead_etag if self.link.is_lead else self.link.opportunity_etag
        return ours == self.row.etag

    @property
    def ids(self) -> set[str]:
        """The ids of both records."""
        link = self.link
        return {str(item) for item in (link.referral_id, link.opportunity_id, link.lead_id) if item}

    def find_cause(self, to: Side, base: object = None) -> Cause:
        """Say why a side has not been written yet."""
        if self.ids & set(self.known.waiting):
            return Cause.ON_ITS_WAY
        if self.ids & set(self.known.refused):
            return Cause.REFUSED
        if self.link.state is LinkState.CREATING:
            return Cause.HALF_CREATED
        if base is _NEVER_AGREED:
            return Cause.MAPPING_CHANGED
        if self.is_left(to.other):
            return Cause.UNKNOWN
        return Cause.LOST_POLL if to is Side.PARTNER_CENTER else Cause.LOST_NOTIFICATION

    def find_since(self, differences: Collection[Difference]) -> datetime | None:
        """Return when the side moved that should have been followed: the earlier one when both did."""
        sides = {item.to.other for item in differences if item.to} or set(Side)
        moments = [moment for side in sides if not self.is_left(side) and (moment := self._moved_at(side))]
        return min(moments, default=None)

    def _moved_at(self, side: Side) -> datetime | None:
        return self.referral.updated_date_time if side is Side.PARTNER_CENTER else read_moment(self.row, MODIFIED)

    def finding(
        self, kind: Kind, cause: Cause, differences: tuple[Difference, ...] = (), *, is_healable: bool = True
    ) -> Finding:
        """Return what was found about this pair."""
        link = self.link
        return Finding(
            kind=kind,
            cause=cause,
            referral_id=link.referral_id,
            opportunity_id=link.opportunity_id,
            lead_id=link.lead_id if link.is_lead else None,
            link_id=link.link_id or None,
            differences=differences,
            since=self.find_since(differences),
            is_healable=is_healable,
        )


_NEVER_AGREED = object()


def judge_plan(plan: Plan, seen: Seen, moved: _Moved, *, is_told: bool) -> Finding | None:
    """Return what a plan says of a pair: what would be written, and what differs although nothing can be."""
    link = moved.link
    has_agreed = bool(link.base.keys() - set(STAGES))
    writes = tuple(
        Difference(field=change.field, cause=_cause_of(moved, change.field, change.side, has_agreed), to=change.side)
        for change in plan.changes
    )
    moves = ((Side.PARTNER_CENTER, plan.moves_referral_to), (Side.DATAVERSE, plan.moves_opportunity_to))
    writes += tuple(Difference(field=STATUS, cause=moved.find_cause(to), to=to) for to, stage in moves if stage)
    stands = _find_standing(plan, seen)
    if writes:
        first = writes[0].cause
        kind = Kind.HALF_CREATED if first is Cause.HALF_CREATED or _lacks_copy(writes, link) else Kind.DRIFTED
        return moved.finding(kind, first, writes + stands)
    if link.state is LinkState.CREATING:
        return moved.finding(Kind.HALF_CREATED, Cause.HALF_CREATED, stands)
    unrecorded = _find_unrecorded(plan, seen, link)
    if unrecorded or link.state is LinkState.BROKEN:
        cause = Cause.VANISHED if link.state is LinkState.BROKEN else Cause.UNKNOWN
        agreed = tuple(Difference(field=name, cause=cause) for name in unrecorded)
        return moved.finding(Kind.UNRECORDED, cause, agreed + stands)
    if not is_told:
        return moved.finding(Kind.UNTOLD, stands[0].cause if stands else Cause.UNKNOWN, stands)
    if stands:
        return moved.finding(Kind.DRIFTED, stands[0].cause, stands, is_healable=False)
    return None


def _cause_of(moved: _Moved, field: str, to: Side, has_agreed: bool) -> Cause:  # noqa: FBT001  private, one caller
    is_new = has_agreed and field not in moved.link.base and not field.startswith("solution:")
    return moved.find_cause(to, _NEVER_AGREED if is_new and field != HELP_FIELD else None)


def _lacks_copy(writes: Collection[Difference], link: Link) -> bool:
    """Tell whether Microsoft was to be asked for help, which our own referral has not led to."""
    asks = any(item.field == HELP_FIELD and item.to is Side.PARTNER_CENTER for item in writes)
    return asks and link.state is LinkState.LINKED


def _find_standing(plan: Plan, seen: Seen) -> tuple[Difference, ...]:
    """Return what differs and cannot be mended by us: the notes by which the seller was told say so."""
    is_closed = seen.stages.referral.is_terminal
    found: dict[str, Difference] = {}
    for note in plan.notes:
        named = _read_key(note)
        if named is not None:
            field, cause = named
            cause = Cause.EDITED_WHILE_CLOSED if cause is Cause.FIXED and is_closed else cause
            found.setdefault(field, Difference(field=field, cause=cause))
    return tuple(found.values())


def _read_key(note: Note) -> tuple[str, Cause] | None:
    """Return the field which a note is about and why it stands; the keys are made by planner and look."""
    if note.key == WAITS.key:
        return "what the seller changed", Cause.WAITS
    what, _, rest = note.key.partition(":")
    field = rest.rpartition(":")[0]
    match what:
        case "held" if field:
            return field, Cause.FIXED
        case "parked" if field:
            return field, Cause.NOT_UNDERSTOOD
        case "stage":
            return STATUS, Cause.FIXED
        case "solutions":
            return "solutions", Cause.NOT_UNDERSTOOD if rest.startswith("row:") else Cause.FIXED
    return None


def _find_unrecorded(plan: Plan, seen: Seen, link: Link) -> list[str]:
    """Return the fields on which both sides agree without the ledger knowing."""
    read = {name for name in seen.referral if name in seen.opportunity}
    names = [name for name in plan.base if name in read and name not in STAGES]
    fields = [name for name in names if _differs(plan.base, link.base, name)]
    return fields + ([STATUS] if any(_differs(plan.base, link.base, name) for name in STAGES) else [])


def _differs(one: Mapping[str, Value], other: Mapping[str, Value], name: str) -> bool:
    return (name in one) != (name in other) or one.get(name) != other.get(name)


def read_moment(row: Row, column: str) -> datetime | None:
    """Return a moment of a row, None when it was not read."""
    raw = row.values.get(column)
    return datetime.fromisoformat(str(raw)).astimezone(UTC) if raw else None

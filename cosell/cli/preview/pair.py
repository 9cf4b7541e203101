"""What a sync of a pair would do: read and planned as the sync does it, without a lease and without a write."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cosell.dataverse import Row
from cosell.domain.ids import OpportunityId, Side
from cosell.domain.link import Link, LinkState
from cosell.domain.snapshot import Snapshot
from cosell.errors import UnsafePlan
from cosell.mapping.values import strip_mark
from cosell.partner_center import Referral
from cosell.sync.apply import is_mark_right
from cosell.sync.audit import describe_plan
from cosell.sync.deal import check_deal
from cosell.sync.filling import plan_fill
from cosell.sync.gather import read_deal
from cosell.sync.invite import find_copy_note
from cosell.sync.look import document_of, look_at
from cosell.sync.pair import NO_REMARK, Remark, add_remark, is_echo
from cosell.sync.people import Place, plan_people
from cosell.sync.plan import Change, FieldConflict, Note, Plan
from cosell.sync.planner import HELP_FIELD, plan_sync
from cosell.sync.roster import read_people
from cosell.sync.solutions.look import add_solutions, look_at_solutions
from cosell.sync.stages import StagePair
from cosell.sync.telling import as_text, tell_seller
from cosell.sync.workspace import Workspace

SWITCHED_OFF = "Nothing: Sync with Partner Center is set to No."
MICROSOFTS_COPY = "Microsoft's copy of the deal, by which Microsoft is invited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would be done, before anything is.

    `summary` says it in a sentence. `created` are the records which would be made, `problems` what would keep that
    from happening, `told` the lines which the seller would find in the audit text. `stages` are both as they are now.
    """

    summary: str
    referral_id: str | None = None
    opportunity_id: str | None = None
    lead_id: str | None = None
    changes: tuple[Change, ...] = ()
    stages: StagePair | None = None
    created: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    conflicts: tuple[FieldConflict, ...] = ()
    told: tuple[str, ...] = ()
    said: Mapping[Side, Snapshot] = field(default_factory=dict)
    """What each side says now, in canonical values; a side which is not there yet is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Invitation:
    """What asking Microsoft for help would come to."""

    notes: tuple[Note, ...] = ()
    created: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


async def link_in_mind(workspace: Workspace, referral: Referral, opportunity_id: OpportunityId) -> Link:
    """Return the link which a sync would begin between the two; it is not stored."""
    known = (await workspace.ledger.links.find_by_opportunity_ids([opportunity_id])).get(opportunity_id)
    if known is not None:
        return replace(known, referral_id=known.referral_id or referral.id)
    return Link(link_id="", state=LinkState.CREATING, referral_id=referral.id, opportunity_id=opportunity_id)


async def preview_pair(workspace: Workspace, link: Link, *, remark: Remark = NO_REMARK) -> Preview:
    """Say what a sync of a pair would do."""
    row = await workspace.get_opportunity(link.opportunity_id) if link.opportunity_id else None
    referral = await workspace.get_referral(link.referral_id) if link.referral_id else None
    ids = Preview(summary="", referral_id=link.referral_id, opportunity_id=link.opportunity_id)
    if row is None:
        return replace(ids, summary="Nothing: the opportunity is gone from the CRM.")
    if referral is None:
        return replace(ids, summary="Nothing: the referral is gone from Partner Center, or this user may not see it.")
    if not workspace.is_switched_on(row):
        return replace(ids, summary=SWITCHED_OFF)
    is_as_left = is_echo(link, referral, row) and is_mark_right(workspace, row) and not remark.is_news(link)
    is_first = link.state is LinkState.CREATING
    seen = add_remark(await look_at(workspace, referral, row), remark, workspace, link, row)
    seen = add_solutions(seen, await look_at_solutions(workspace, link, referral, is_asked=True), link)
    ids = replace(ids, said={Side.PARTNER_CENTER: seen.referral, Side.DATAVERSE: seen.opportunity})
    plan = plan_sync(seen, base=link.base, told=link.told, rows=workspace.opportunity.fields)
    people = await read_people(workspace, link, row, seen=seen, plan=plan, is_asked=True)
    place = Place(document=document_of(referral), mapping=workspace.mappings.contact)
    plan = plan_people(plan, people, place, seen=seen, base=link.base)
    plan = await plan_fill(workspace, plan, seen, document_of(referral), row, told=link.told)
    if is_as_left and plan.is_empty:
        return replace(ids, summary="Nothing: both records are as the last sync left them.")
    invitation = _Invitation()
    if HELP_FIELD in plan.changes_on(Side.PARTNER_CENTER):
        invitation = await _preview_invitation(workspace, referral, row)
        plan = plan.with_notes(invitation.notes)
    changes = (*plan.changes, *_stage_changes(plan, seen.stages), *_mark_change(workspace, row, plan))
    return replace(
        ids,
        summary=_summarise(plan, changes, is_first=is_first),
        changes=changes,
        stages=seen.stages,
        created=invitation.created,
        problems=(*_find_danger(plan, row), *invitation.problems),
        notes=plan.notes,
        conflicts=plan.conflicts,
        told=tuple(describe_plan(plan, audit=as_text(row.values.get(workspace.opportunity.columns.audit)))),
    )


async def _preview_invitation(workspace: Workspace, referral: Referral, row: Row) -> _Invitation:
    """Look whether Microsoft takes part already, and else whether the deal is ready for an invitation."""
    copies = await workspace.partner_center.get_engagement(referral.engagement_id) if referral.engagement_id else []
    copy = next((copy for copy in copies if copy.is_microsofts_copy), None)
    if copy is not None:
        note = find_copy_note(copy)
        return _Invitation(notes=(note,) if note else ())
    problems = check_deal(await read_deal(workspace, row))
    return _Invitation(created=(MICROSOFTS_COPY,), problems=problems)


def _stage_changes(plan: Plan, now: StagePair) -> list[Change]:
    moved = (
        (Side.PARTNER_CENTER, now.referral, plan.moves_referral_to),
        (Side.DATAVERSE, now.opportunity, plan.moves_opportunity_to),
    )
    return [
        Change(side=side, field="status", old=old.value, new=new.value, rule=plan.stage.rule)
        for side, old, new in moved
        if new is not None
    ]


def _mark_change(workspace: Workspace, row: Row, plan: Plan) -> list[Change]:
    """Return the change of the name which is only one of the mark before it."""
    own = workspace.opportunity.columns
    new = tell_seller(workspace, row, plan, own).get(own.name)
    old = as_text(row.values.get(own.name))
    if not isinstance(new, str) or strip_mark(new) != strip_mark(old):
        return []  # The mark travels with a new name.
    return [Change(side=Side.DATAVERSE, field="mark", old=old, new=new, rule="tells the seller")]


def _find_danger(plan: Plan, row: Row) -> tuple[str, ...]:
    try:
        plan.raise_if_unsafe(f"opportunity {row.id}")
    except UnsafePlan as error:
        return (error.message,)
    return ()


def _summarise(plan: Plan, changes: tuple[Change, ...], *, is_first: bool) -> str:
    first = "The two would be linked. " if is_first else ""
    if not changes and not plan.news:
        return f"{first}Nothing would be written: both sides agree."
    counts = {side: sum(change.side is side for change in changes) for side in Side}
    return f"{first}{counts[Side.PARTNER_CENTER]} to Partner Center, {counts[Side.DATAVERSE]} to the CRM."

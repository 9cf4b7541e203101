"""What a sync of a lead would do: read, decided and planned as the sync does it, without a write."""

from collections.abc import Iterable
from dataclasses import replace

from cosell.cli.preview.newcomers import preview_new_opportunity
from cosell.cli.preview.pair import SWITCHED_OFF, Preview, link_in_mind, preview_pair
from cosell.domain.ids import LeadId, OpportunityId, Side
from cosell.domain.link import Link, LinkState
from cosell.domain.snapshot import is_empty
from cosell.domain.stages import LeadStage, ReferralStage
from cosell.errors import UnsafePlan
from cosell.mapping.fields import read_referral
from cosell.partner_center import Referral
from cosell.sync.arrive import CREATED_IN, find_rows
from cosell.sync.audit import describe_plan
from cosell.sync.filling import RULE, fill_in_arrival, find_fill
from cosell.sync.leads.arrive import find_lead_rows, refuse_lead
from cosell.sync.leads.look import get_lead, get_lead_codes, is_lead_switched_on, look_at_lead, look_at_stages
from cosell.sync.leads.pair import is_lead_echo, is_left_alone
from cosell.sync.leads.plan import plan_lead
from cosell.sync.leads.stages import LeadDecision, LeadMove, LeadSeen, decide_lead
from cosell.sync.look import document_of, stage_of_referral
from cosell.sync.plan import Change, Plan
from cosell.sync.planner import read_base_stages
from cosell.sync.telling import as_text
from cosell.sync.workspace import Workspace

LEAD = "a lead in the CRM"
OPPORTUNITY = "the opportunity which the lead becomes"
QUALIFYING = {
    LeadMove.QUALIFY: "The lead would be qualified, for it was accepted in Partner Center; its opportunity goes on.",
    LeadMove.FOLLOW: "The lead was qualified: its opportunity would be linked and go on with the referral.",
}


async def preview_lead(workspace: Workspace, referral: Referral, link: Link | None) -> Preview:
    """Say what a sync of a lead would do; `link` is what the ledger knows of it."""
    if link is None or link.lead_id is None:
        found = await find_lead_rows(workspace, [referral])
        if not found:
            return await _preview_newcomer(workspace, referral)
        known = link or Link(link_id="", state=LinkState.CREATING, referral_id=referral.id)
        link = replace(known, lead_id=LeadId(found[0][1].id))
    return await _preview_pair(workspace, referral, link)


async def _preview_newcomer(workspace: Workspace, referral: Referral) -> Preview:
    for _, row in await find_rows(workspace, [referral]):
        return await preview_pair(workspace, await link_in_mind(workspace, referral, OpportunityId(row.id)))
    stage, reason = stage_of_referral(referral), refuse_lead(workspace, referral)
    if reason:
        return Preview(summary=f"Nothing: {reason}.", referral_id=referral.id)
    if stage not in CREATED_IN:
        return Preview(summary=f"Nothing: no lead is made of a {stage} referral.", referral_id=referral.id)
    if stage is not ReferralStage.INVITED:
        return await preview_new_opportunity(workspace, referral)
    own = workspace.mappings.lead
    reading = read_referral(
        document_of(referral), own, codes=await get_lead_codes(workspace), link_template=workspace.link_template
    )
    allowed = {row.field for row in own.fields if row.direction.allows(Side.DATAVERSE)}
    arriving = await fill_in_arrival(workspace, own, reading.snapshot, document_of(referral))
    fields = {name: value for name, value in arriving.items() if name in allowed and not is_empty(value)}
    filled = await find_fill(workspace, own, document_of(referral), referral=reading.snapshot)
    new = [
        *(Change(side=Side.DATAVERSE, field=name, old=None, new=fields[name], rule="new lead") for name in fields),
        *(
            Change(side=Side.DATAVERSE, field=name, old=None, new=value, rule=RULE)
            for name, value in filled.values.items()
        ),
    ]
    return Preview(
        summary="A lead would be created.",
        referral_id=referral.id,
        created=(LEAD,),
        changes=tuple(new),
        problems=tuple(
            f"{name} would be left alone: {reason}." for name, reason in {**reading.parked, **filled.problems}.items()
        ),
        told=("Received from Partner Center.",),
        said={Side.PARTNER_CENTER: reading.snapshot},
    )


async def _preview_pair(workspace: Workspace, referral: Referral, link: Link) -> Preview:
    ids = Preview(summary="", referral_id=link.referral_id, lead_id=link.lead_id)
    row = await get_lead(workspace, link.lead_id) if link.lead_id else None
    if row is None:
        return replace(ids, summary="Nothing: the lead is gone from the CRM.")
    if not is_lead_switched_on(workspace, row):
        return replace(ids, summary=SWITCHED_OFF)
    if is_lead_echo(link, referral, row):
        return replace(ids, summary="Nothing: both records are as the last sync left them.")
    stages = look_at_stages(workspace, referral, row)
    decision = decide_lead(stages, base=read_base_stages(link.base))
    if decision.move in QUALIFYING:
        return replace(ids, summary=QUALIFYING[decision.move], created=(OPPORTUNITY,))
    if is_left_alone(stages, decision):
        return replace(ids, summary="Nothing would be written: the lead is closed.")
    seen = await look_at_lead(workspace, referral, row)
    ids = replace(ids, said={Side.PARTNER_CENTER: seen.referral, Side.DATAVERSE: seen.opportunity})
    plan = plan_lead(seen, stages, decision, base=link.base, told=link.told, rows=workspace.mappings.lead.fields)
    changes = (*plan.changes, *_stage_changes(stages, decision))
    counts = {side: sum(change.side is side for change in changes) for side in Side}
    return replace(
        ids,
        summary=f"{counts[Side.PARTNER_CENTER]} to Partner Center, {counts[Side.DATAVERSE]} to the CRM.",
        changes=changes,
        problems=_find_danger(plan, row.id),
        notes=plan.notes,
        conflicts=plan.conflicts,
        told=tuple(describe_plan(plan, audit=as_text(row.values.get(workspace.mappings.lead.columns.audit)))),
    )


def _stage_changes(stages: LeadSeen, decision: LeadDecision) -> Iterable[Change]:
    if decision.move_referral_to is not None:
        old, new = stages.referral.value, decision.move_referral_to.value
        yield Change(side=Side.PARTNER_CENTER, field="status", old=old, new=new, rule=decision.rule)
    if decision.move is LeadMove.DISQUALIFY:
        old, new = stages.lead.value, LeadStage.DISQUALIFIED.value
        yield Change(side=Side.DATAVERSE, field="status", old=old, new=new, rule=decision.rule)


def _find_danger(plan: Plan, lead_id: str) -> tuple[str, ...]:
    try:
        plan.raise_if_unsafe(f"lead {lead_id}")
    except UnsafePlan as error:
        return (error.message,)
    return ()

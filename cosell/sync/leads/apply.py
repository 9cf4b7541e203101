"""Carries out the plan of a lead: Partner Center first, then the CRM; what both agree on comes last.

As with opportunities, each write carries the etag that was read, and nothing is recorded which did not happen.
"""

from dataclasses import dataclass, replace

from cosell.dataverse import Row
from cosell.domain.ids import LeadId, Side
from cosell.domain.link import Link, LinkState
from cosell.domain.stages import LeadStage
from cosell.mapping.fields import to_columns, to_json_patch
from cosell.mapping.models import LeadMapping
from cosell.partner_center import Referral
from cosell.store import JournalEntry, Lease
from cosell.sync.apply import spell_stage
from cosell.sync.leads.look import get_lead_codes, select_lead
from cosell.sync.leads.stages import LeadDecision, LeadMove
from cosell.sync.look import document_of
from cosell.sync.outcome import Outcome, Result
from cosell.sync.plan import Plan
from cosell.sync.telling import conflicts_of, journal_of, names_of, tell_seller
from cosell.sync.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadPair:
    """A link with its referral and its lead as they were read."""

    link: Link
    referral: Referral
    row: Row


async def apply_lead_plan(
    workspace: Workspace, pair: LeadPair, plan: Plan, decision: LeadDecision, *, lease: Lease, run_id: str = ""
) -> Outcome:
    """Write what the plan says and record what both sides then agree on.

    Raises:
        StaleEtag: a record moved since it was read; read again and plan anew.
        RejectedError: a service refused; nothing was recorded.
    """
    conflicts = conflicts_of(plan, pair.link, found_at=workspace.clock())
    await workspace.ledger.conflicts.file(conflicts)
    referral = await _write_referral(workspace, pair, plan)
    row = await _write_lead(workspace, pair, plan, decision)
    agreed = replace(
        pair.link,
        state=LinkState.LINKED,
        referral_etag=referral.etag,
        lead_etag=row.etag,
        base=dict(plan.base),
        told=plan.told,
        synced_at=workspace.clock(),
    )
    journal = _journal_of(workspace, pair.link, plan, decision, run_id=run_id)
    await workspace.ledger.record_sync(agreed, lease=lease, journal=journal, conflicts=conflicts)
    wrote = referral is not pair.referral or row is not pair.row
    is_disqualified = decision.move is LeadMove.DISQUALIFY
    return Outcome(
        result=Result.WRITTEN if wrote else Result.IN_STEP,
        referral_id=pair.link.referral_id,
        lead_id=pair.link.lead_id,
        to_partner_center=names_of(plan, Side.PARTNER_CENTER, moved=bool(plan.moves_referral_to)),
        to_dataverse=names_of(plan, Side.DATAVERSE, moved=is_disqualified),
    )


async def _write_referral(workspace: Workspace, pair: LeadPair, plan: Plan) -> Referral:
    operations = to_json_patch(
        plan.changes_on(Side.PARTNER_CENTER), workspace.mappings.lead, document_of(pair.referral)
    )
    if plan.moves_referral_to:
        operations += spell_stage(plan.moves_referral_to)
    if not operations:
        return pair.referral
    referral = await workspace.partner_center.update_referral(
        pair.referral.id, operations, etag=pair.referral.etag or ""
    )
    workspace.reads.referrals[referral.id] = referral
    return referral


async def _write_lead(workspace: Workspace, pair: LeadPair, plan: Plan, decision: LeadDecision) -> Row:
    own = workspace.mappings.lead
    body = to_columns(plan.changes_on(Side.DATAVERSE), own, codes=await get_lead_codes(workspace))
    if decision.move is LeadMove.DISQUALIFY:
        body |= lead_status_columns(own, LeadStage.DISQUALIFIED)
    body |= tell_seller(workspace, pair.row, plan, workspace.mappings.lead.columns)
    if not body:
        return pair.row
    row = await workspace.dataverse.update(
        own.set, pair.row.id, body, etag=pair.row.etag, select=select_lead(workspace)
    )
    workspace.reads.leads[LeadId(row.id)] = row
    return row


def lead_status_columns(mapping: LeadMapping, stage: LeadStage) -> dict[str, object]:
    """Spell the state and status reason which the mapping writes for a stage."""
    status = next(row for row in mapping.statuses if row.stage is stage)
    return {mapping.columns.state: status.state, mapping.columns.status_reason: status.status_reason}


def _journal_of(
    workspace: Workspace, link: Link, plan: Plan, decision: LeadDecision, *, run_id: str
) -> list[JournalEntry]:
    now, run = workspace.clock(), run_id or None
    journal = journal_of(plan, link, at=now, run_id=run_id, sides=set(Side))
    moves = (
        (Side.PARTNER_CENTER, plan.moves_referral_to),
        (Side.DATAVERSE, LeadStage.DISQUALIFIED if decision.move is LeadMove.DISQUALIFY else None),
    )
    return journal + [
        JournalEntry(
            at=now,
            link_id=link.link_id,
            side=side,
            field="status",
            new=stage.value,
            rule=decision.rule,
            flow_run_id=run,
        )
        for side, stage in moves
        if stage is not None
    ]

"""Brings one lead in step, and makes the record of one that arrives: tasks a person may want to see and retry."""

from prefect.runtime import flow_run

from cosell.domain.ids import LeadId, ReferralId
from cosell.domain.stages import ReferralStage
from cosell.errors import Origin, RecordNotFound, RejectedError
from cosell.store import HintKind
from cosell.sync.arrive import CREATED_IN
from cosell.sync.leads.arrive import create_lead_or_opportunity, refuse_lead
from cosell.sync.leads.pair import sync_any_link
from cosell.sync.look import stage_of_referral
from cosell.sync.outcome import Outcome, Result
from cosell.sync.refusal import file_refusal
from tasks.policy import step
from tasks.workspace import get_workspace


@step(name="create-lead", run_name="create lead of {referral_id}", tags={"dataverse"})
async def create_lead(referral_id: str) -> Outcome:
    """Create the CRM's record of a lead: an opportunity when it is accepted already; a closed one is left alone."""
    workspace, wanted = get_workspace(), ReferralId(referral_id)
    try:
        referral = await workspace.get_referral(wanted)
        stage = stage_of_referral(referral) if referral else ReferralStage.UNKNOWN
        reason = refuse_lead(workspace, referral) if referral else ""
        if not reason and stage not in CREATED_IN:
            reason = f"no lead is made of a {stage} referral"
        if reason:
            return Outcome(result=Result.SKIPPED, referral_id=wanted, reason=reason)
        link = await create_lead_or_opportunity(workspace, wanted)
        return Outcome(
            result=Result.CREATED,
            referral_id=wanted,
            lead_id=link.lead_id if link.is_lead else None,
            opportunity_id=link.opportunity_id,
        )
    except RejectedError as error:
        await file_refusal(workspace, HintKind.REFERRAL, referral_id, error, flow=str(flow_run.flow_name))
        raise


@step(name="sync-lead", run_name="sync lead {lead_id}", tags={"sync"})
async def sync_lead(lead_id: str) -> Outcome:
    """Bring a lead and its referral in step, coming from the lead; a qualified one goes on as its opportunity."""
    workspace, wanted = get_workspace(), LeadId(lead_id)
    try:
        links = await workspace.ledger.links.find_by_lead_ids([wanted])
        if wanted not in links:
            raise RecordNotFound("No referral belongs to this lead.", origin=Origin(record=f"lead {lead_id}"))
        return await sync_any_link(workspace, links[wanted], run_id=str(flow_run.id or ""))
    except RejectedError as error:
        await file_refusal(workspace, HintKind.LEAD, lead_id, error, flow=str(flow_run.flow_name))
        raise

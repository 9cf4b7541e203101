"""Brings one record in step by hand: the roads of the flows, without Prefect; a refusal is filed and told as theirs."""

from dataclasses import replace

from cosell.domain.flows import FlowName
from cosell.domain.ids import OpportunityId, ReferralId
from cosell.errors import RejectedError
from cosell.partner_center import Referral
from cosell.store import HintKind
from cosell.sync.arrive import CREATED_IN, create_opportunity, find_links
from cosell.sync.leads.arrive import create_lead_or_opportunity, find_lead_links, refuse_lead
from cosell.sync.leads.pair import sync_any_link
from cosell.sync.look import stage_of_referral
from cosell.sync.microsoft import follow_microsofts_copy
from cosell.sync.outcome import Outcome, Result
from cosell.sync.pair import sync_link
from cosell.sync.refusal import file_refusal
from cosell.sync.share import share_opportunity
from cosell.sync.sort import Arrival, sort_referral
from cosell.sync.workspace import Workspace

BY_HAND = "cosell sync"
"""Stands for the flow in a dead letter, and for the run in the journal."""
GATES = {
    HintKind.REFERRAL: FlowName.PARTNER_CENTER_TO_DYNAMICS,
    HintKind.OPPORTUNITY: FlowName.OPPORTUNITIES_TO_PARTNER_CENTER,
}
"""The flow which takes the same record by hand: as long as it is not active, neither do we."""


async def sync_opportunity(workspace: Workspace, opportunity_id: OpportunityId) -> Outcome:
    """Bring an opportunity and its referral in step, creating the referral when there is none.

    Raises:
        RejectedError: it was refused; that is a dead letter now, and the seller was told.
        LeaseHeld: a flow has it in hand.
    """
    try:
        link = (await workspace.ledger.links.find_by_opportunity_ids([opportunity_id])).get(opportunity_id)
        if link is not None and link.referral_id is not None:
            return await sync_link(workspace, link, with_people=True, with_solutions=True, run_id=BY_HAND)
        return await share_opportunity(workspace, opportunity_id, run_id=BY_HAND)
    except RejectedError as error:
        await file_refusal(workspace, HintKind.OPPORTUNITY, opportunity_id, error, flow=BY_HAND)
        raise


async def sync_referral(workspace: Workspace, referral_id: ReferralId) -> Outcome:
    """Bring a referral and its opportunity or lead in step, creating that when there is none.

    Raises:
        RejectedError: it was refused; that is a dead letter now, and the seller was told.
        LeaseHeld: a flow has it in hand.
    """
    try:
        return await _sync_referral(workspace, referral_id)
    except RejectedError as error:
        await file_refusal(workspace, HintKind.REFERRAL, referral_id, error, flow=BY_HAND)
        raise


async def _sync_referral(workspace: Workspace, referral_id: ReferralId) -> Outcome:
    referral = await workspace.get_referral(referral_id)
    if referral is None:
        return await _sync_vanished(workspace, referral_id)
    match sort_referral(referral):
        case Arrival.LEAD:
            return await _sync_lead(workspace, referral)
        case Arrival.MICROSOFTS_COPY:
            return await follow_microsofts_copy(workspace, referral, run_id=BY_HAND)
        case Arrival.DEAL:
            return await _sync_deal(workspace, referral)


async def _sync_vanished(workspace: Workspace, referral_id: ReferralId) -> Outcome:
    """Report a referral which is gone, if we ever had it."""
    link = (await workspace.ledger.links.find_by_referral_ids([referral_id])).get(referral_id)
    if link is None or (link.opportunity_id is None and not link.is_lead):
        return _skip(referral_id, "not in Partner Center, or not visible to us")
    return await sync_any_link(workspace, link, with_solutions=True, run_id=BY_HAND)


async def _sync_lead(workspace: Workspace, referral: Referral) -> Outcome:
    link = (await find_lead_links(workspace, [referral])).get(referral.id)
    if link is not None:
        return await sync_any_link(workspace, link, with_solutions=True, run_id=BY_HAND)
    stage = stage_of_referral(referral)
    reason = refuse_lead(workspace, referral)
    if not reason and stage not in CREATED_IN:
        reason = f"no lead is made of a {stage} referral"
    if reason:
        return _skip(referral.id, reason)
    link = await create_lead_or_opportunity(workspace, referral.id)
    return replace(await sync_any_link(workspace, link, with_solutions=True, run_id=BY_HAND), result=Result.CREATED)


async def _sync_deal(workspace: Workspace, referral: Referral) -> Outcome:
    link = (await find_links(workspace, [referral])).get(referral.id)
    if link is not None:
        return await sync_link(workspace, link, with_people=True, with_solutions=True, run_id=BY_HAND)
    stage = stage_of_referral(referral)
    if stage not in CREATED_IN:
        return _skip(referral.id, f"no opportunity is made of a {stage} deal")
    link = await create_opportunity(workspace, referral.id)
    return replace(
        await sync_link(workspace, link, with_people=True, with_solutions=True, run_id=BY_HAND), result=Result.CREATED
    )


def _skip(referral_id: ReferralId, reason: str) -> Outcome:
    return Outcome(result=Result.SKIPPED, referral_id=referral_id, reason=reason)

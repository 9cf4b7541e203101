"""The road of one record, without Prefect around it: whoever comes with an id goes the way its flow would go.

A refusal is filed as a dead letter and told to the seller, as the flows do it, and raised.
"""

from dataclasses import dataclass, replace

from cosell.domain.ids import LeadId, OpportunityId, ReferralId
from cosell.domain.link import Link
from cosell.errors import Origin, RecordNotFound, RejectedError
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """Who goes: `flow` stands in dead letters, `run_id` in the journal; `with_people` reads those, too."""

    flow: str
    run_id: str
    with_people: bool = True


async def go_from_opportunity(workspace: Workspace, opportunity_id: OpportunityId, road: Road) -> Outcome:
    """Bring an opportunity and its referral in step, creating the referral when there is none.

    Raises:
        RejectedError: it was refused; that is a dead letter now, and the seller was told.
        LeaseHeld: a flow has it in hand.
    """
    try:
        link = (await workspace.ledger.links.find_by_opportunity_ids([opportunity_id])).get(opportunity_id)
        if link is not None and link.referral_id is not None:
            return await sync_link(
                workspace, link, with_people=road.with_people, with_solutions=True, run_id=road.run_id
            )
        return await share_opportunity(workspace, opportunity_id, run_id=road.run_id)
    except RejectedError as error:
        await file_refusal(workspace, HintKind.OPPORTUNITY, opportunity_id, error, flow=road.flow)
        raise


async def go_from_lead(workspace: Workspace, lead_id: LeadId, road: Road) -> Outcome:
    """Bring a lead and its referral in step.

    Raises:
        as `go_from_opportunity`.
    """
    try:
        link = (await workspace.ledger.links.find_by_lead_ids([lead_id])).get(lead_id)
        if link is None:
            raise RecordNotFound("No referral belongs to this lead.", origin=Origin(record=f"lead {lead_id}"))
        return await sync_any_link(workspace, link, run_id=road.run_id)
    except RejectedError as error:
        await file_refusal(workspace, HintKind.LEAD, lead_id, error, flow=road.flow)
        raise


async def go_from_referral(workspace: Workspace, referral_id: ReferralId, road: Road) -> Outcome:
    """Bring a referral and its opportunity or lead in step, creating that when there is none.

    Raises:
        as `go_from_opportunity`.
    """
    try:
        return await _go_from_referral(workspace, referral_id, road)
    except RejectedError as error:
        await file_refusal(workspace, HintKind.REFERRAL, referral_id, error, flow=road.flow)
        raise


async def _go_from_referral(workspace: Workspace, referral_id: ReferralId, road: Road) -> Outcome:
    referral = await workspace.get_referral(referral_id)
    if referral is None:
        return await _report_vanished(workspace, referral_id, road)
    match sort_referral(referral):
        case Arrival.LEAD:
            return await _sync_lead(workspace, referral, road)
        case Arrival.MICROSOFTS_COPY:
            return await follow_microsofts_copy(workspace, referral, run_id=road.run_id)
        case Arrival.DEAL:
            return await _sync_deal(workspace, referral, road)


async def _report_vanished(workspace: Workspace, referral_id: ReferralId, road: Road) -> Outcome:
    """Report a referral which is gone, if we ever had it."""
    link = (await workspace.ledger.links.find_by_referral_ids([referral_id])).get(referral_id)
    if link is None or (link.opportunity_id is None and not link.is_lead):
        return _skip(referral_id, "not in Partner Center, or not visible to us")
    return await sync_any_link(workspace, link, with_solutions=True, run_id=road.run_id)


async def _sync_lead(workspace: Workspace, referral: Referral, road: Road) -> Outcome:
    link = (await find_lead_links(workspace, [referral])).get(referral.id)
    if link is not None:
        return await sync_any_link(workspace, link, with_solutions=True, run_id=road.run_id)
    stage = stage_of_referral(referral)
    reason = refuse_lead(workspace, referral)
    if not reason and stage not in CREATED_IN:
        reason = f"no lead is made of a {stage} referral"
    if reason:
        return _skip(referral.id, reason)
    link = await create_lead_or_opportunity(workspace, referral.id)
    outcome = await sync_any_link(workspace, link, with_solutions=True, run_id=road.run_id)
    return replace(outcome, result=Result.CREATED)


async def _sync_deal(workspace: Workspace, referral: Referral, road: Road) -> Outcome:
    link = (await find_links(workspace, [referral])).get(referral.id)
    if link is not None:
        return await _sync_whole(workspace, link, road)
    stage = stage_of_referral(referral)
    if stage not in CREATED_IN:
        return _skip(referral.id, f"no opportunity is made of a {stage} deal")
    link = await create_opportunity(workspace, referral.id)
    return replace(await _sync_whole(workspace, link, road), result=Result.CREATED)


async def _sync_whole(workspace: Workspace, link: Link, road: Road) -> Outcome:
    return await sync_link(workspace, link, with_people=road.with_people, with_solutions=True, run_id=road.run_id)


def _skip(referral_id: ReferralId, reason: str) -> Outcome:
    return Outcome(result=Result.SKIPPED, referral_id=referral_id, reason=reason)

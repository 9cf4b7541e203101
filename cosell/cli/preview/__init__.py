"""What a sync of one record would do right now: reads both sides fresh and plans, but writes nothing anywhere.

It takes the same roads as the flows, up to the point where they write: a pair is planned by the same planner, and what
has no other side yet is described as it would be created.
"""

from cosell.cli.preview.leads import preview_lead
from cosell.cli.preview.newcomers import preview_new_opportunity, preview_new_referral
from cosell.cli.preview.pair import Preview, link_in_mind, preview_pair
from cosell.domain.ids import OpportunityId, ReferralId
from cosell.partner_center import Referral
from cosell.sync.arrive import find_rows
from cosell.sync.invite import find_copy_note
from cosell.sync.pair import Remark
from cosell.sync.sort import Arrival, sort_referral
from cosell.sync.workspace import Workspace

__all__ = ["Preview", "preview_opportunity", "preview_referral"]


async def preview_opportunity(workspace: Workspace, opportunity_id: OpportunityId) -> Preview:
    """Say what a sync of an opportunity would do.

    Raises:
        RecordNotFound: it is not in the CRM.
    """
    link = (await workspace.ledger.links.find_by_opportunity_ids([opportunity_id])).get(opportunity_id)
    if link is not None and link.referral_id is not None:
        return await preview_pair(workspace, link)
    return await preview_new_referral(workspace, opportunity_id)


async def preview_referral(workspace: Workspace, referral_id: ReferralId) -> Preview:
    """Say what a sync of a referral would do, be it ours, Microsoft's copy or a lead.

    Raises:
        RecordNotFound: it is not in Partner Center, or this user may not see it.
    """
    link = (await workspace.ledger.links.find_by_referral_ids([referral_id])).get(referral_id)
    if link is not None and link.opportunity_id is not None:
        return await preview_pair(workspace, link)
    referral = await workspace.partner_center.get_referral(referral_id)
    workspace.reads.referrals[referral_id] = referral
    match sort_referral(referral):
        case Arrival.LEAD:
            return await preview_lead(workspace, referral, link)
        case Arrival.MICROSOFTS_COPY:
            return await _preview_copy(workspace, referral)
    for _, row in await find_rows(workspace, [referral]):
        return await preview_pair(workspace, await link_in_mind(workspace, referral, OpportunityId(row.id)))
    return await preview_new_opportunity(workspace, referral)


async def _preview_copy(workspace: Workspace, copy: Referral) -> Preview:
    engagements = [copy.engagement_id] if copy.engagement_id else []
    found = await workspace.ledger.links.find_by_engagement_ids(engagements)
    for link in (link for same in found.values() for link in same if link.opportunity_id and link.referral_id):
        note = find_copy_note(copy)
        values = {"microsoft_crm_id": copy.microsoft_crm_id} if copy.microsoft_crm_id else {}
        return await preview_pair(workspace, link, remark=Remark(notes=(note,) if note else (), values=values))
    return Preview(
        summary="Nothing: this is Microsoft's copy, and no opportunity belongs to its engagement yet.",
        referral_id=copy.id,
    )

"""The two doors of the sync without Prefect around them: what a run does when it is told to look at a record."""

from cosell.domain.ids import LeadId, OpportunityId, ReferralId
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
from cosell.sync.refusal import file_refusal, tell_refusal
from cosell.sync.share import share_opportunity
from cosell.sync.sort import Arrival, sort_referral
from cosell.sync.workspace import Workspace
from tests.sync.fate import WRITES, Fate
from tests.sync.stand import Stand


async def look_at_opportunity(workspace: Workspace, opportunity_id: str, *, with_solutions: bool = False) -> Outcome:
    """Come from the CRM; a refusal is told to the seller and raised."""
    wanted = OpportunityId(opportunity_id)
    try:
        links = await workspace.ledger.links.find_by_opportunity_ids([wanted])
        if wanted in links and links[wanted].referral_id:
            return await sync_link(workspace, links[wanted], with_solutions=with_solutions)
        return await share_opportunity(workspace, wanted)
    except RejectedError as error:
        await tell_refusal(workspace, wanted, error)
        raise


async def look_at_referral(workspace: Workspace, referral_id: str) -> Outcome:
    """Come from Partner Center, by a referral of ours or by Microsoft's copy."""
    referral = await workspace.get_referral(ReferralId(referral_id))
    if referral is not None and sort_referral(referral) is Arrival.MICROSOFTS_COPY:
        return await follow_microsofts_copy(workspace, referral)
    if referral is not None and sort_referral(referral) is Arrival.LEAD:
        return await _look_at_lead_referral(workspace, referral)
    links = await find_links(workspace, [referral] if referral else [])
    known = await workspace.ledger.links.find_by_referral_ids([ReferralId(referral_id)])
    link = links.get(ReferralId(referral_id)) or known.get(ReferralId(referral_id))
    if link is None or link.opportunity_id is None:
        link = await create_opportunity(workspace, ReferralId(referral_id))
    return await sync_link(workspace, link)


async def _look_at_lead_referral(workspace: Workspace, referral: Referral) -> Outcome:
    link = (await find_lead_links(workspace, [referral])).get(referral.id)
    if link is None:
        stage = stage_of_referral(referral)
        reason = refuse_lead(workspace, referral) or ("" if stage in CREATED_IN else f"a {stage} lead")
        if reason:
            return Outcome(result=Result.SKIPPED, referral_id=referral.id, reason=reason)
        link = await create_lead_or_opportunity(workspace, referral.id)
    return await sync_any_link(workspace, link)


async def look_at_lead(workspace: Workspace, lead_id: str) -> Outcome:
    """Come from a lead in the CRM; a refusal is filed, told to the seller and raised."""
    wanted = LeadId(lead_id)
    try:
        links = await workspace.ledger.links.find_by_lead_ids([wanted])
        return await sync_any_link(workspace, links[wanted])
    except RejectedError as error:
        await file_refusal(workspace, HintKind.LEAD, lead_id, error, flow="a test")
        raise


async def assert_silence(stand: Stand) -> None:
    """Fail when another look at all records, from both doors, writes anything."""
    fate = Fate()
    referrals = [copy for item in await stand.referrals() for copy in await stand.copies(item["engagementId"])]
    async with stand.run(fate) as workspace:
        for row in await stand.opportunities():
            await look_at_opportunity(workspace, row["opportunityid"])
    async with stand.run(fate) as workspace:
        for row in await stand.leads():
            if row["cosell_referralid"]:
                await look_at_lead(workspace, row["leadid"])
    async with stand.run(fate) as workspace:
        for referral in referrals:
            await look_at_referral(workspace, referral["id"])
    assert fate.calls(*WRITES) == []

"""Follows Microsoft's copy of an engagement: its CRM id, and whether Microsoft accepted, declined or let it expire."""

from cosell.domain.stages import ReferralStage
from cosell.partner_center import Referral
from cosell.sync.look import stage_of_referral
from cosell.sync.outcome import Outcome, Result
from cosell.sync.pair import Remark, sync_link
from cosell.sync.plan import Note
from cosell.sync.planner import EVENT
from cosell.sync.workspace import Workspace

SAYS: dict[ReferralStage, str] = {
    ReferralStage.INVITED: "Microsoft was invited; it has 14 days to answer.",
    ReferralStage.ACTIVE: "Microsoft accepted the deal.",
    ReferralStage.WON: "Microsoft closed its side as won.",
    ReferralStage.LOST: "Microsoft closed its side as lost.",
    ReferralStage.DECLINED: "Microsoft declined the deal.",
    ReferralStage.EXPIRED: "Microsoft did not answer within 14 days; its invitation has expired.",
}


async def follow_microsofts_copy(workspace: Workspace, copy: Referral, *, run_id: str = "") -> Outcome:
    """Bring what Microsoft's copy says into the opportunity of its engagement; the copy itself is never written."""
    engagements = [copy.engagement_id] if copy.engagement_id else []
    found = await workspace.ledger.links.find_by_engagement_ids(engagements)
    links = [link for same in found.values() for link in same if link.opportunity_id and link.referral_id]
    link = next(iter(links), None)
    if link is None:
        return Outcome(
            result=Result.SKIPPED, referral_id=copy.id, reason="no opportunity belongs to this engagement yet"
        )
    stage = stage_of_referral(copy)
    text = SAYS.get(stage)
    note = Note(key=f"{EVENT}microsoft:{stage}", text=text) if text else None
    values = {"microsoft_crm_id": copy.microsoft_crm_id} if copy.microsoft_crm_id else {}
    return await sync_link(workspace, link, remark=Remark(notes=(note,) if note else (), values=values), run_id=run_id)

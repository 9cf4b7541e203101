"""Microsoft's copy of a deal: invited once when the seller asks for help, and what its status means to the seller."""

from cosell.dataverse import Row
from cosell.domain.ids import EngagementId
from cosell.domain.stages import ReferralStage
from cosell.errors import NotReady, Origin, RequestRejected
from cosell.partner_center import Referral
from cosell.store import Lease
from cosell.sync.deal import check_deal, spell_microsofts_copy
from cosell.sync.gather import read_deal
from cosell.sync.hold import keep_lease
from cosell.sync.look import stage_of_referral
from cosell.sync.plan import Note
from cosell.sync.planner import EVENT
from cosell.sync.sort import MICROSOFT
from cosell.sync.workspace import Workspace

SAYS: dict[ReferralStage, str] = {
    ReferralStage.INVITED: "Microsoft was invited; it has 14 days to answer.",
    ReferralStage.ACTIVE: "Microsoft accepted the deal.",
    ReferralStage.WON: "Microsoft closed its side as won.",
    ReferralStage.LOST: "Microsoft closed its side as lost.",
    ReferralStage.DECLINED: "Microsoft declined the deal.",
    ReferralStage.EXPIRED: "Microsoft did not answer within 14 days; its invitation has expired.",
}


def find_copy_note(copy: Referral) -> Note | None:
    """Return what the seller is told about Microsoft's copy, None when it says nothing new.

    Where Microsoft began the deal, that it takes part is none of it.
    """
    stage = stage_of_referral(copy)
    began_it = (copy.invite_context.invited_by.organization_id or "").lower() == MICROSOFT
    text = SAYS.get(stage)
    if text is None or (began_it and stage is ReferralStage.ACTIVE):
        return None
    return Note(key=f"{EVENT}microsoft:{stage}", text=text)


def wants_help(workspace: Workspace, row: Row) -> bool:
    """Tell whether the seller asks for Microsoft's help."""
    return workspace.mappings.choices.help.get(row.find_label(workspace.opportunity.columns.help) or "") is not None


async def ensure_microsofts_copy(workspace: Workspace, referral: Referral, row: Row, *, lease: Lease) -> Referral:
    """Return Microsoft's copy of our referral's engagement, created when Microsoft was not invited yet.

    Raises:
        NotReady: the deal lacks what an invitation needs; every problem at once.
        RetryableError: we could not look whether it is there already, so nothing was created.
    """
    if referral.engagement_id is None:
        raise RequestRejected("Partner Center gave no engagement.", origin=Origin(record=f"referral {referral.id}"))
    copy = await _find_copy(workspace, referral.engagement_id)
    if copy is not None:
        return copy
    deal = await read_deal(workspace, row)
    problems = check_deal(deal)
    if problems:
        raise NotReady(problems, origin=Origin(record=f"opportunity {deal.opportunity_id}"))
    await keep_lease(workspace, lease)
    body = spell_microsofts_copy(deal, workspace.mappings, engagement_id=referral.engagement_id)
    return await workspace.partner_center.create_referral(body)


async def _find_copy(workspace: Workspace, engagement_id: EngagementId) -> Referral | None:
    copies = await workspace.partner_center.get_engagement(engagement_id)
    return next((copy for copy in copies if copy.is_microsofts_copy), None)

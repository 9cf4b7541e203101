"""Follows Microsoft's copy of an engagement: its CRM id, and whether Microsoft accepted, declined or let it expire."""

from collections.abc import Collection

from cosell.domain.ids import ReferralId
from cosell.domain.snapshot import Value
from cosell.partner_center import Referral
from cosell.sync.deadlines import DeadlineKind
from cosell.sync.invite import find_copy_note, read_help, read_microsofts_deadline
from cosell.sync.outcome import NOT_THERE_YET, Outcome, Result
from cosell.sync.pair import Remark, sync_link
from cosell.sync.planner import HELP_FIELD
from cosell.sync.recent import read_recent
from cosell.sync.workspace import Workspace


async def follow_microsofts_copy(
    workspace: Workspace, copy: Referral, *, is_due: bool = False, run_id: str = ""
) -> Outcome:
    """Bring what Microsoft's copy says into the opportunity of its engagement; the copy itself is never written.

    With `is_due` even what is as we left it is looked at, because time has passed.
    """
    engagements = [copy.engagement_id] if copy.engagement_id else []
    found = await workspace.ledger.links.find_by_engagement_ids(engagements)
    links = [link for same in found.values() for link in same if link.opportunity_id and link.referral_id]
    link = next(iter(links), None)
    if link is None:
        reason = "no opportunity belongs to this engagement yet"
        return Outcome(result=Result.SKIPPED, referral_id=copy.id, reason=reason, cause=NOT_THERE_YET)
    note = find_copy_note(copy)
    values: dict[str, Value] = {}
    if copy.microsoft_crm_id:
        values["microsoft_crm_id"] = copy.microsoft_crm_id
    asked = read_help(workspace, copy)
    if asked:
        values[HELP_FIELD] = asked
    deadlines = {DeadlineKind.MICROSOFT: read_microsofts_deadline(copy)}
    remark = Remark(notes=(note,) if note else (), values=values, deadlines=deadlines, is_due=is_due)
    if not remark.is_news(link):
        return Outcome(result=Result.ECHO, referral_id=copy.id, opportunity_id=link.opportunity_id)
    return await sync_link(workspace, link, remark=remark, run_id=run_id)


async def read_deals_of_copies(workspace: Workspace, copy_ids: Collection[ReferralId]) -> None:
    """Read both sides of the deals of many copies in pages, as far as this run has read the copies.

    A referral which the listing shows as we left it is good enough: it is not what has moved.
    """
    copies = [copy for copy_id in copy_ids if (copy := workspace.reads.referrals.get(copy_id)) is not None]
    engagements = [copy.engagement_id for copy in copies if copy.engagement_id]
    found = await workspace.ledger.links.find_by_engagement_ids(engagements)
    links = [link for same in found.values() for link in same]
    own = [link.referral_id for link in links if link.referral_id]
    await read_recent(workspace, own, takes_as_left=True)
    await workspace.read_opportunities([link.opportunity_id for link in links if link.opportunity_id])

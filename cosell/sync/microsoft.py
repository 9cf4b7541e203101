"""Follows Microsoft's copy of an engagement: its CRM id, and whether Microsoft accepted, declined or let it expire."""

from cosell.domain.snapshot import Value
from cosell.partner_center import Referral
from cosell.sync.deadlines import DeadlineKind
from cosell.sync.invite import find_copy_note, read_help, read_microsofts_deadline
from cosell.sync.outcome import Outcome, Result
from cosell.sync.pair import Remark, sync_link
from cosell.sync.planner import HELP_FIELD
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
        return Outcome(
            result=Result.SKIPPED, referral_id=copy.id, reason="no opportunity belongs to this engagement yet"
        )
    note = find_copy_note(copy)
    values: dict[str, Value] = {}
    if copy.microsoft_crm_id:
        values["microsoft_crm_id"] = copy.microsoft_crm_id
    asked = read_help(workspace, copy)
    if asked:
        values[HELP_FIELD] = asked
    deadlines = {DeadlineKind.MICROSOFT: read_microsofts_deadline(copy)}
    remark = Remark(notes=(note,) if note else (), values=values, deadlines=deadlines, is_due=is_due)
    return await sync_link(workspace, link, remark=remark, run_id=run_id)

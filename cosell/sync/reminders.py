"""Tells what is due although nothing moved: found in the ledger alone, so that nothing is read while nothing is due."""

from dataclasses import replace

from cosell.domain.link import Link
from cosell.errors import RejectedError
from cosell.sync.deadlines import Deadline, DeadlineKind, find_next_reminder, read_deadlines
from cosell.sync.hold import LEASE_SECONDS
from cosell.sync.invite import find_microsofts_copy
from cosell.sync.microsoft import follow_microsofts_copy
from cosell.sync.outcome import Outcome, Result
from cosell.sync.pair import Remark, sync_link
from cosell.sync.workspace import Workspace

AT_MOST = 500
"""Pairs which one sweep looks at; what is left is due at the next one, too."""


async def find_due(workspace: Workspace) -> list[Link]:
    """Return the links of which something has to be told by now, the longest overdue first."""
    return await workspace.ledger.links.find_reminded(until=workspace.clock(), limit=AT_MOST)


async def remind(workspace: Workspace, link: Link, *, run_id: str = "") -> Outcome:
    """Look at a pair because time has passed, and note when to do so next.

    The look reads both sides fresh: whoever has answered meanwhile is not reminded, though the notification was lost.

    Raises:
        RetryableError: a service does not answer; it stays due.
        RejectedError: a service refused; the next reminder comes in its turn all the same.
    """
    due = {item.kind for item in read_deadlines(link.base) if _is_due(item, workspace)}
    outcome = Outcome(result=Result.IN_STEP, referral_id=link.referral_id, opportunity_id=link.opportunity_id)
    try:
        if DeadlineKind.MICROSOFT in due and link.engagement_id is not None:
            copy = await find_microsofts_copy(workspace, link.engagement_id)
            if copy is not None:
                outcome = await follow_microsofts_copy(workspace, copy, is_due=True, run_id=run_id)
        elif due - {DeadlineKind.WON}:
            outcome = await sync_link(workspace, link, remark=Remark(is_due=True), run_id=run_id)
    except RejectedError:
        await _wait_for_next(workspace, link)
        raise
    await _wait_for_next(workspace, link)
    return outcome


def _is_due(deadline: Deadline, workspace: Workspace) -> bool:
    """Tell whether a clock has come to a step; one that was told of already is only looked at once more."""
    return deadline.step(workspace.clock()) is not None


async def _wait_for_next(workspace: Workspace, link: Link) -> None:
    """Note the next reminder where the look has recorded nothing, as there was nothing to tell."""
    now = workspace.clock()
    async with workspace.ledger.leases.hold([f"link:{link.link_id}"], holder=workspace.holder, seconds=LEASE_SECONDS):
        known = await workspace.ledger.links.get(link.link_id)
        if known.remind_at is not None and known.remind_at <= now:
            next_at = find_next_reminder(read_deadlines(known.base), now=now)
            await workspace.ledger.links.save(replace(known, remind_at=next_at))

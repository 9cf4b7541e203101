"""Reads many referrals from the listing of those which moved last, so that a burst of notifications costs few calls."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from cosell.domain.ids import ReferralId
from cosell.domain.link import Link
from cosell.partner_center import Referral
from cosell.sync.workspace import Workspace

ALONE_AT_MOST = 10
"""So many are read one by one; the listing would cost as much or more."""
WORTH_A_PAGE = 5
"""So many single reads a page may take the place of: no more pages are read than that is worth in all."""
SAME_MOMENT = timedelta(seconds=2)
"""A referral written so long before the announced change, or less, was written by that very change."""


async def read_recent(
    workspace: Workspace, referral_ids: Collection[ReferralId], *, takes_as_left: bool = False
) -> None:
    """Read those of many referrals which moved lately, a hundred in a call; the others are left to whoever wants them.

    The order of the listing is documented, how fresh it is is not. A referral is taken from there when it is as young
    as the change which was announced, be it our own write. Where no time was announced, it is taken unless it stands
    there as we left it, and with `takes_as_left` even then. All others are read by themselves. What was announced
    stands no further down than its time; Microsoft's copies never stand there.
    """
    wanted = {referral_id for referral_id in referral_ids if referral_id not in workspace.reads.referrals}
    if len(wanted) <= ALONE_AT_MOST:
        return
    announced = _announced(workspace)
    times = [announced.get(referral_id) for referral_id in wanted]
    since = min((at for at in times if at is not None), default=None) if None not in times else None
    pages_left = len(wanted) // WORTH_A_PAGE
    async for page in workspace.partner_center.iter_referrals(order_by="updatedDateTime desc"):
        found = [referral for referral in page if referral.id in wanted]
        links = await workspace.ledger.links.find_by_referral_ids([referral.id for referral in found])
        workspace.reads.referrals |= {
            item.id: item
            for item in found
            if takes_as_left or _is_fresh(item, links.get(item.id), announced.get(item.id))
        }
        wanted -= {referral.id for referral in found}
        pages_left -= 1
        if not wanted or not pages_left or _ends_before(page, since):
            return


def _ends_before(page: Sequence[Referral], since: datetime | None) -> bool:
    last = page[-1].updated_date_time if page else None
    return since is not None and last is not None and last < since - SAME_MOMENT


def _announced(workspace: Workspace) -> dict[str, datetime | None]:
    """Return for when the changes were announced which this run has in hand; None where one of them does not say."""
    announced: dict[str, datetime | None] = {}
    for entry in workspace.claims:
        times = [entry.hint.changed_at, announced.get(entry.record_id, entry.hint.changed_at)]
        known = [at for at in times if at is not None]
        announced[entry.record_id] = max(known) if len(known) == len(times) else None
    return announced


def _is_fresh(listed: Referral, link: Link | None, announced_at: datetime | None) -> bool:
    """Tell whether the listing shows what was announced; where no time was, whether it shows something new at all."""
    if announced_at is not None and listed.updated_date_time is not None:
        return announced_at - listed.updated_date_time <= SAME_MOMENT
    return link is None or link.referral_etag != listed.etag

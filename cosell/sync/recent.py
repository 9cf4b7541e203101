"""Reads many referrals from the listing of those which moved last, so that a burst of notifications costs few calls."""

from collections.abc import Collection
from datetime import datetime, timedelta

from cosell.domain.ids import ReferralId
from cosell.domain.link import Link
from cosell.partner_center import Referral
from cosell.sync.workspace import Workspace

ALONE_AT_MOST = 10
"""So many are read one by one; the listing would cost as much or more."""
WORTH_A_PAGE = 5
"""A page which holds fewer of those we want is the last one: what is left has not moved lately."""
SAME_MOMENT = timedelta(seconds=2)
"""A change which is announced for so long after our own write, or less, is that write, when nothing else is there."""


async def read_recent(
    workspace: Workspace, referral_ids: Collection[ReferralId], *, takes_as_left: bool = False
) -> None:
    """Read those of many referrals which moved lately, a hundred in a call; the others are left to whoever wants them.

    The order of the listing is documented, how fresh it is is not: what stands in it as we left it is taken from there
    only when our own write is what was announced, or with `takes_as_left`. Else somebody says that it moved, and it is
    read by itself.
    """
    wanted = {referral_id for referral_id in referral_ids if referral_id not in workspace.reads.referrals}
    if len(wanted) <= ALONE_AT_MOST:
        return
    announced = _announced(workspace)
    async for page in workspace.partner_center.iter_referrals(order_by="updatedDateTime desc"):
        found = [referral for referral in page if referral.id in wanted]
        links = await workspace.ledger.links.find_by_referral_ids([referral.id for referral in found])
        workspace.reads.referrals |= {
            item.id: item
            for item in found
            if takes_as_left or _is_fresh(item, links.get(item.id), announced.get(item.id))
        }
        wanted -= {referral.id for referral in found}
        if len(found) < WORTH_A_PAGE or not wanted:
            return


def _announced(workspace: Workspace) -> dict[str, datetime | None]:
    """Return for when the changes were announced which this run has in hand; None where one of them does not say."""
    announced: dict[str, datetime | None] = {}
    for entry in workspace.claims:
        times = [entry.hint.changed_at, announced.get(entry.record_id, entry.hint.changed_at)]
        known = [at for at in times if at is not None]
        announced[entry.record_id] = max(known) if len(known) == len(times) else None
    return announced


def _is_fresh(listed: Referral, link: Link | None, announced_at: datetime | None) -> bool:
    if link is None or link.referral_etag != listed.etag:
        return True
    written_at = listed.updated_date_time
    return announced_at is not None and written_at is not None and announced_at - written_at <= SAME_MOMENT

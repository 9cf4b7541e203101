"""Reads many referrals from the listing of those which moved last, so that a burst of notifications costs few calls."""

from collections.abc import Collection

from cosell.domain.ids import ReferralId
from cosell.sync.workspace import Workspace

ALONE_AT_MOST = 10
"""So many are read one by one; the listing would cost as much or more."""
WORTH_A_PAGE = 5
"""A page which holds fewer of those we want is the last one: what is left has not moved lately."""


async def read_recent(workspace: Workspace, referral_ids: Collection[ReferralId]) -> None:
    """Read those of many referrals which moved lately, a hundred in a call; the others are left to whoever wants them.

    The order of the listing is documented, how fresh it is is not: what stands in it as we left it is not taken from
    there, for somebody says that it moved.
    """
    wanted = {referral_id for referral_id in referral_ids if referral_id not in workspace.reads.referrals}
    if len(wanted) <= ALONE_AT_MOST:
        return
    async for page in workspace.partner_center.iter_referrals(order_by="updatedDateTime desc"):
        found = [referral for referral in page if referral.id in wanted]
        links = await workspace.ledger.links.find_by_referral_ids([referral.id for referral in found])
        moved = [item for item in found if item.id not in links or links[item.id].referral_etag != item.etag]
        workspace.reads.referrals |= {referral.id: referral for referral in moved}
        wanted -= {referral.id for referral in found}
        if len(found) < WORTH_A_PAGE or not wanted:
            return

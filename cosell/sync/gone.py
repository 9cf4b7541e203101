"""Doubts that many records are gone at once: an empty side is more often a fault than a clean-up, so a person is asked.

A restored backup, a privilege that was taken away or a wrong address all look as if everything had been deleted.
"""

from collections.abc import Collection

from cosell.domain.flows import FlowName
from cosell.domain.link import LinkState
from cosell.errors import Origin, UnsafePlan
from cosell.sync.workspace import Workspace

GONE_AT_MOST = 100
"""So many linked records may be gone at once, however many links there are."""
DOUBTED_FROM = 5
"""Fewer than this are believed, unless the side is empty."""
SEVERAL = 2
"""From so many links on, a listing which is empty is no listing of one deal that went."""
SHARE = 10
"""More than one in so many links is doubted."""
ALARM = "gone:opportunities"
"""Where the ledger keeps that somebody was asked and has not answered yet."""
RECONCILE_ALARM = "gone:reconcile"
"""The same, where reconcile has asked: about either side."""
CONFIRMED = "confirmed"
"""Stands there in place of the question once a person has said that the referrals are really gone."""


def is_doubtful(gone_count: int, *, linked_count: int, is_side_empty: bool) -> bool:
    """Tell whether so many records are gone that a person has to say whether that is meant."""
    if is_side_empty:
        return gone_count > 0
    return gone_count > GONE_AT_MOST or (gone_count >= DOUBTED_FROM and gone_count * SHARE > linked_count)


async def check_gone(
    workspace: Workspace, missing: Collection[str], *, linked_count: int, is_side_empty: bool, confirmed: int
) -> None:
    """Pass when the linked opportunities which are missing may be believed to be gone.

    What is doubtful is verified by ids first: a row which can be read is not gone, whatever change tracking says.

    Raises:
        UnsafePlan: they are too many, and no person has confirmed as many.
    """
    meta = workspace.ledger.meta
    gone_count = len(missing)
    if is_doubtful(gone_count, linked_count=linked_count, is_side_empty=is_side_empty):
        own = workspace.opportunity
        found = await workspace.dataverse.get_many(own.set, sorted(missing), select=(own.id,))
        gone_count -= len(found)
    if gone_count > confirmed and is_doubtful(gone_count, linked_count=linked_count, is_side_empty=is_side_empty):
        await meta.save(ALARM, str(gone_count))
        raise UnsafePlan(
            f"{gone_count} of {linked_count} linked opportunities are gone from the CRM at once. Nothing was written, "
            "no link was broken. Look whether the CRM was restored or emptied, and whether our application user may "
            "still read the opportunities of the whole organization. If they were deleted on purpose, run "
            f"{FlowName.OPPORTUNITIES_TO_PARTNER_CENTER} once with confirmed_gone = {gone_count}",
            origin=Origin(service="Dataverse", record=own.set),
        )
    if await meta.find(ALARM):
        await meta.save(ALARM, "")


async def shows_no_referral(workspace: Workspace) -> bool:
    """Tell whether Partner Center lists no referral to us although several are linked: then none is believed gone.

    Unless a person has confirmed just that.
    """
    if await workspace.ledger.meta.find(RECONCILE_ALARM) == CONFIRMED:
        return False
    counts = await workspace.ledger.links.count_by_state()
    if counts.get(LinkState.LINKED, 0) < SEVERAL:
        return False
    async for page in workspace.partner_center.iter_referrals(order_by="createdDateTime desc", top=1):
        return not page
    return True


async def is_in_doubt(workspace: Workspace) -> bool:
    """Tell whether somebody was asked if so many records are really gone: until the answer no link is broken."""
    meta = workspace.ledger.meta
    return bool(await meta.find(ALARM)) or await meta.find(RECONCILE_ALARM) not in {None, "", CONFIRMED}

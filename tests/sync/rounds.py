"""Rounds of the flows without Prefect around them: what one poll finds is handled, refused or left, and settled.

A record which is refused is filed and told as the flows do it, and its hint is settled: only a new edit, a new
notification or a person brings it back.
"""

from cosell.domain.ids import OpportunityId
from cosell.errors import RejectedError
from cosell.store import FiledDeadLetter, HintKind
from cosell.sync.pair import sync_link
from cosell.sync.refusal import file_refusal
from cosell.sync.share import share_opportunity
from cosell.sync.watched import poll_deals
from cosell.sync.workspace import Workspace
from tests.sync.doors import look_at_referral
from tests.sync.fate import Fate
from tests.sync.stand import Stand

KINDS = [HintKind.OPPORTUNITY, HintKind.CONTACT]
QUIET_ROUND = 3
"""Calls of a round in which nothing moved: opportunities, accounts and contacts are each asked what is new."""


async def round_from_crm(stand: Stand) -> Fate:
    """Poll the CRM and handle what moved; return the calls of it all."""
    fate = Fate()
    async with stand.run(fate) as workspace:
        await poll_deals(workspace)
        entries = await workspace.ledger.inbox.claim(KINDS, limit=100, holder=workspace.holder, seconds=60)
        for entry in entries:
            await _handle_opportunity(workspace, OpportunityId(entry.record_id))
        await workspace.ledger.inbox.settle(entries)
    return fate


async def _handle_opportunity(workspace: Workspace, opportunity_id: OpportunityId) -> None:
    try:
        links = await workspace.ledger.links.find_by_opportunity_ids([opportunity_id])
        if opportunity_id in links and links[opportunity_id].referral_id:
            await sync_link(workspace, links[opportunity_id])
        else:
            await share_opportunity(workspace, opportunity_id)
    except RejectedError as error:
        await file_refusal(workspace, HintKind.OPPORTUNITY, opportunity_id, error, flow="a test")


async def notified(stand: Stand, referral_id: str) -> Fate:
    """Handle a notification of Partner Center's; return the calls."""
    fate = Fate()
    async with stand.run(fate) as workspace:
        try:
            await look_at_referral(workspace, referral_id)
        except RejectedError as error:
            await file_refusal(workspace, HintKind.REFERRAL, referral_id, error, flow="a test")
    return fate


async def dead_letters(stand: Stand) -> list[FiledDeadLetter]:
    """Return what waits for a person."""
    async with stand.ledger() as ledger:
        return list(await ledger.dead_letters.list_open())

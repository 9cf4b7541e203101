"""Brings pairs of a first load to their end, on the road which every sync takes: with Partner Center told the CRM id.

What the CRM says of a page is read in a few requests; then nothing is asked for a pair but the write which it needs.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from cosell.domain.ids import OpportunityId, ReferralId
from cosell.domain.link import Link
from cosell.errors import (
    AlreadyExists,
    ConfigurationError,
    ConflictError,
    RejectedError,
    RetryableError,
)
from cosell.partner_center import Referral
from cosell.store import BackfillItem, ItemState
from cosell.sync.arrive import create_opportunity
from cosell.sync.leads.arrive import create_lead_or_opportunity
from cosell.sync.leads.look import select_lead
from cosell.sync.leads.pair import sync_any_link
from cosell.sync.outcome import Outcome, Result
from cosell.sync.refusal import file_refusal
from cosell.sync.roster import contact_of, read_contacts, read_teams
from cosell.sync.solutions.read import read_solution_rows
from cosell.sync.sort import Arrival, sort_referral
from cosell.sync.workspace import Workspace

logger = logging.getLogger(__name__)

AT_ONCE = 8
FLOW = "backfill"
"""Stands for the flow in a dead letter."""


async def finish_pairs(
    workspace: Workspace, referrals: Sequence[Referral], items: Sequence[BackfillItem], *, run_id: str
) -> list[BackfillItem]:
    """Bring pairs in step whose records are both there; return what became of them. Their referrals are at hand."""
    workspace.reads.referrals |= {item.id: item for item in referrals}
    links = await workspace.ledger.links.find_by_referral_ids([item.id for item in referrals])
    await _read_crm(workspace, list(links.values()))

    async def finish(item: BackfillItem) -> Outcome:
        link = links.get(ReferralId(item.record_id))
        if link is None:
            return Outcome(result=Result.LATER, reason="its link is not there any more")
        return await sync_any_link(workspace, link, run_id=run_id)

    return await take_each(workspace, items, finish)


async def _read_crm(workspace: Workspace, links: Sequence[Link]) -> None:
    """Read the CRM's side of a page: opportunities, their solutions and people, and leads."""
    ids = [OpportunityId(link.opportunity_id) for link in links if link.opportunity_id]
    await workspace.read_opportunities(ids)
    await read_solution_rows(workspace, ids)
    rows = [row for row_id in ids if (row := workspace.reads.opportunities.get(row_id)) is not None]
    await read_teams(workspace, rows)
    await read_contacts(workspace, {contact for row in rows if (contact := contact_of(workspace, row)) is not None})
    lead_ids = [link.lead_id for link in links if link.is_lead and link.lead_id]
    if lead_ids:
        own = workspace.mappings.lead
        leads = await workspace.dataverse.get_many(own.set, lead_ids, select=select_lead(workspace))
        workspace.reads.leads |= {lead_id: leads[lead_id] for lead_id in lead_ids if lead_id in leads}


async def take_alone(
    workspace: Workspace, referrals: Sequence[Referral], items: Sequence[BackfillItem], *, run_id: str
) -> list[BackfillItem]:
    """Bring referrals into the CRM one by one: leads, and what was refused in a batch; return what became of them."""
    workspace.reads.referrals |= {item.id: item for item in referrals}
    kinds = {item.id: sort_referral(item) for item in referrals}

    async def take(item: BackfillItem) -> Outcome:
        referral_id = ReferralId(item.record_id)
        create = create_lead_or_opportunity if kinds[referral_id] is Arrival.LEAD else create_opportunity
        return await sync_any_link(workspace, await create(workspace, referral_id), run_id=run_id)

    return await take_each(workspace, items, take)


async def take_each(
    workspace: Workspace, items: Sequence[BackfillItem], take: Callable[[BackfillItem], Awaitable[Outcome]]
) -> list[BackfillItem]:
    """Take records side by side and return what became of each: a refused one is filed and holds up nobody.

    Raises:
        ConfigurationError: what went wrong is no record's fault; what was not taken yet waits.
    """
    slots = asyncio.Semaphore(AT_ONCE)
    stopped: list[ConfigurationError] = []

    async def one(item: BackfillItem) -> BackfillItem:
        async with slots:
            if not stopped:
                try:
                    return _settled(item, await take(item))
                except ConfigurationError as error:
                    stopped.append(error)
                except RejectedError as error:
                    await _file(workspace, item, error)
                    return replace(item, state=ItemState.REFUSED, reason=f"{type(error).__name__}: {error.message}")
                except AlreadyExists as error:
                    return replace(item, state=ItemState.REFUSED, reason=error.message)
                except (ConflictError, RetryableError) as error:
                    logger.info("later: %s %s: %s", item.kind, item.record_id, error)
            return item

    # Even a fault of our own waits until its neighbours are done.
    ends = await asyncio.gather(*(one(item) for item in items), return_exceptions=True)
    faults = [end for end in ends if isinstance(end, BaseException)]
    if stopped or faults:
        raise (stopped or faults)[0]
    return [end for end in ends if isinstance(end, BackfillItem)]


async def _file(workspace: Workspace, item: BackfillItem, error: RejectedError) -> None:
    try:
        await file_refusal(workspace, item.kind, item.record_id, error, flow=FLOW)
    except (RejectedError, RetryableError, ConflictError) as another:
        logger.warning("the seller of %s %s was not told: %s", item.kind, item.record_id, another)


def _settled(item: BackfillItem, outcome: Outcome) -> BackfillItem:
    match outcome.result:
        case Result.LATER:
            return item
        case Result.SKIPPED:
            return replace(item, state=ItemState.LEFT_OUT, reason=outcome.reason)
        case _:
            return replace(item, state=ItemState.DONE, reason="")

"""Reads what moved in the CRM, and the CRM's side of records which moved elsewhere."""

import hashlib
from collections.abc import Sequence

from cosell.dataverse import Row
from cosell.domain.ids import LeadId, OpportunityId, ReferralId
from cosell.errors import DeltaExpired
from cosell.store import Door, Hint, HintKind
from cosell.sync.arrive import find_links
from cosell.sync.leads.arrive import find_lead_links, ids_of
from cosell.sync.leads.look import is_lead_switched_on, read_leads, select_lead
from cosell.sync.solutions.look import must_read_rows, read_members
from cosell.sync.solutions.polls import poll_solution_rows
from cosell.sync.solutions.read import read_solution_rows
from cosell.sync.solutions.row import Spelling
from cosell.sync.sort import Arrival, sort_referral
from cosell.sync.watched import poll_deals
from cosell.sync.workspace import Workspace
from tasks.policy import step
from tasks.workspace import get_workspace


@step(name="poll-opportunities", run_name="poll opportunities", tags={"dataverse"})
async def poll_opportunities(confirmed_gone: int = 0) -> int:
    """Read what moved since the last poll in opportunities, accounts and contacts; hints for it go into the inbox.

    Raises:
        UnsafePlan: suspiciously many opportunities are gone at once; the other tables were read all the same.
    """
    return await poll_deals(get_workspace(), confirmed_gone=confirmed_gone)


@step(name="poll-leads", run_name="poll leads", tags={"dataverse"})
async def poll_leads() -> int:
    """Read what moved in the leads since the last poll and put a hint for each of ours into the inbox.

    Where the setting lets no leads arrive, none are looked for.
    """
    workspace = get_workspace()
    if workspace.variables.cosell_opportunities_only:
        return 0
    return await _poll(workspace, workspace.mappings.lead.set, select_lead(workspace))


@step(name="poll-solutions", run_name="poll Microsoft solutions", tags={"dataverse"})
async def poll_solutions() -> int:
    """Read which Microsoft solutions rows moved and put a hint for each of their opportunities into the inbox."""
    return await poll_solution_rows(get_workspace())


async def _poll(workspace: Workspace, set_: str, select: Sequence[str]) -> int:
    """One poll of change tracking; the hints and the new delta link are stored together or not at all."""
    select_hash = hashlib.sha256(",".join(select).encode()).hexdigest()[:16]
    known = await workspace.ledger.marks.find_delta_link(set_)
    link = known.link if known and known.select_hash == select_hash else None
    try:
        hints, delta_link = await _read_changes(workspace, set_, select, link=link)
    except DeltaExpired:
        hints, delta_link = await _read_changes(workspace, set_, select, link=None)
    added = await workspace.ledger.record_poll(set_, delta_link=delta_link, select_hash=select_hash, hints=hints)
    return added.accepted


async def _read_changes(
    workspace: Workspace, set_: str, select: Sequence[str], *, link: str | None
) -> tuple[list[Hint], str]:
    hints: list[Hint] = []
    delta_link = ""
    async for page in workspace.dataverse.delta(set_, select=select, link=link):
        hints += await _make_hints_of_leads(workspace, page.rows)
        hints += await _make_hints_of_deleted_leads(workspace, page.deleted_ids)
        delta_link = page.delta_link or delta_link
    return hints, delta_link


async def _make_hints_of_leads(workspace: Workspace, rows: Sequence[Row]) -> list[Hint]:
    """Only leads with a link matter, and only until they have become opportunities."""
    links = await workspace.ledger.links.find_by_lead_ids([LeadId(row.id) for row in rows])
    moved = []
    for row in rows:
        link = links.get(LeadId(row.id))
        if link is None or not link.is_lead or link.lead_etag == row.etag or not is_lead_switched_on(workspace, row):
            continue
        workspace.reads.leads[LeadId(row.id)] = row
        moved.append(Hint(door=Door.DATAVERSE, kind=HintKind.LEAD, record_id=row.id, etag=row.etag))
    return moved


async def _make_hints_of_deleted_leads(workspace: Workspace, deleted_ids: Sequence[str]) -> list[Hint]:
    links = await workspace.ledger.links.find_by_lead_ids([LeadId(row_id) for row_id in deleted_ids])
    ours = [row_id for row_id, link in links.items() if link.is_lead]
    return [Hint(door=Door.DATAVERSE, kind=HintKind.LEAD, record_id=row_id) for row_id in ours]


@step(name="get-dynamics-details", run_name="get details from Dynamics 365", tags={"dataverse"})
async def get_dynamics_details(
    referral_ids: list[str], opportunity_ids: list[str], lead_ids: list[str], *, with_solutions: bool = False
) -> dict[str, list[str]]:
    """Read the CRM's side of these records in pages; return which referrals have none yet, by what they are to us.

    With it come the rows of solutions where they have to be looked at, or of all opportunities that are named.
    """
    workspace = get_workspace()
    named = [OpportunityId(row_id) for row_id in opportunity_ids]
    await workspace.read_opportunities(named)
    await read_leads(workspace, [LeadId(row_id) for row_id in lead_ids])
    referrals = [await workspace.get_referral(ReferralId(referral_id)) for referral_id in referral_ids]
    present = [referral for referral in referrals if referral is not None]
    leads = [referral for referral in present if sort_referral(referral) is Arrival.LEAD]
    deals = [referral for referral in present if sort_referral(referral) is not Arrival.LEAD]
    links = await find_links(workspace, deals) | await find_lead_links(workspace, leads)
    of_leads, of_opportunities = ids_of(links.values())
    await workspace.read_opportunities(of_opportunities)
    await read_leads(workspace, of_leads)
    moved = [
        link.opportunity_id
        for referral in deals
        if (link := links.get(referral.id)) and link.opportunity_id
        if must_read_rows(link, read_members(referral, Spelling(link.base)))
    ]
    await read_solution_rows(workspace, [*(named if with_solutions else ()), *moved])
    return {
        kind.value: [referral.id for referral in those if referral.id not in links]
        for kind, those in ((Arrival.DEAL, deals), (Arrival.LEAD, leads))
    }

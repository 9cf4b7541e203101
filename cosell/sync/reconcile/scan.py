"""Brings all pairs past the comparing, a page of referrals at a time; only what is not in step is kept.

Pages on both sides, never a call per record: a page of Partner Center's listing, the opportunities of that page in one
request, their solutions in two. What a page does not show is found afterwards: links whose referral was not listed,
and opportunities which are switched on without one. Nothing is written.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from cosell.dataverse import Row
from cosell.domain.ids import LeadId, OpportunityId, ReferralId
from cosell.domain.link import Link, LinkState
from cosell.partner_center import Referral
from cosell.sync.leads.look import is_lead_switched_on, select_lead
from cosell.sync.reconcile.compare import MODIFIED, Known, compare_lead, compare_pair
from cosell.sync.reconcile.finding import Cause, Finding, Kind
from cosell.sync.reconcile.newcomers import Claims, find_twins, judge_newcomers
from cosell.sync.reconcile.unseen import find_unseen
from cosell.sync.solutions.read import read_solution_rows
from cosell.sync.sort import Arrival, sort_referral
from cosell.sync.workspace import Reads, Workspace

Tell = Callable[[int, int], None]
"""Told how many links are done, of how many."""

_VERSION = re.compile(r'W/"(\d+)"')


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a scan has counted; the alarms are judged by it."""

    linked: int = 0
    """Links which are not broken."""
    listed: int = 0
    """Referrals which Partner Center has shown."""
    compared: int = 0
    in_step: int = 0
    switched_off: int = 0
    rows: int = 0
    """Opportunities which the CRM has shown."""
    older: int = 0
    """Opportunities whose version is lower than the one we left: the CRM was taken back."""
    by_field: Counter[str] = field(default_factory=Counter)
    """In how many pairs each field would be written."""


@dataclass(slots=True, kw_only=True)
class Scan:
    """What a scan has found."""

    tally: Tally = field(default_factory=Tally)
    findings: list[Finding] = field(default_factory=list)

    def of(self, *kinds: Kind) -> list[Finding]:
        """Return the findings of these kinds."""
        return [item for item in self.findings if item.kind in kinds]


async def scan_all(workspace: Workspace, *, tell: Tell = lambda _done, _total: None) -> Scan:
    """Compare everything and return what is not in step.

    Raises:
        RetryableError: a service does not answer; nothing was written, and the next scan begins anew.
    """
    scan = Scan()
    counts = await workspace.ledger.links.count_by_state()
    scan.tally.linked = sum(count for state, count in counts.items() if state is not LinkState.BROKEN)
    refused = {item.letter.record_id for item in await workspace.ledger.dead_letters.list_open()}
    claims = Claims(activations=await workspace.ledger.activations.find_all())
    seen: set[ReferralId] = set()
    async for listed in _read_ahead(workspace.partner_center.iter_referrals(order_by="createdDateTime desc")):
        page = [item for item in listed if item.id not in seen]
        seen.update(item.id for item in page)
        scan.tally.listed += len(page)
        await _scan_page(workspace, page, scan, claims, refused)
        workspace.reads = Reads()  # A page is done; what it has read would only pile up.
        tell(min(scan.tally.compared, scan.tally.linked), scan.tally.linked)
    scan.findings += await find_unseen(workspace, seen, claims, refused)
    tell(scan.tally.linked, scan.tally.linked)
    return scan


async def _read_ahead(pages: AsyncIterator[list[Referral]]) -> AsyncIterator[list[Referral]]:
    """Yield pages while the next one is already on its way."""
    ahead = asyncio.ensure_future(anext(pages, None))
    try:
        while (page := await ahead) is not None:
            ahead = asyncio.ensure_future(anext(pages, None))
            yield page
    finally:
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)


async def _scan_page(
    workspace: Workspace, page: Sequence[Referral], scan: Scan, claims: Claims, refused: set[str]
) -> None:
    ours = [item for item in page if sort_referral(item) is not Arrival.MICROSOFTS_COPY]
    found = await workspace.ledger.links.find_by_referral_ids([item.id for item in ours])
    links = {key: link for key, link in found.items() if link.opportunity_id or link.lead_id}
    rows = await _read_rows(workspace, links.values())
    scan.tally.rows += len(rows)
    ids = [*(item.id for item in ours), *rows]
    known = Known(waiting=await workspace.ledger.inbox.find_records(ids), refused=refused)
    for referral in ours:
        link = links.get(referral.id)
        if link is not None:
            await _take_pair(workspace, link, referral, rows.get(_row_id(link)), scan, known)
    alone = [item for item in ours if item.id not in links]
    scan.findings += await judge_newcomers(workspace, alone, claims, known, half_done=found)
    scan.findings += await find_twins(workspace, [item for item in ours if item.id in links])


def _row_id(link: Link) -> str:
    return str((link.lead_id if link.is_lead else link.opportunity_id) or "")


async def _read_rows(workspace: Workspace, links: Iterable[Link]) -> dict[str, Row]:
    """Read the CRM's side of a page, solutions included, so that comparing has no call to make."""
    lead_ids = [LeadId(_row_id(link)) for link in links if link.is_lead]
    ids = [OpportunityId(_row_id(link)) for link in links if not link.is_lead]
    own, dataverse = workspace.opportunity, workspace.dataverse
    rows, leads, _ = await asyncio.gather(
        dataverse.get_many(own.set, ids, select=(*workspace.select, MODIFIED)),
        dataverse.get_many(workspace.mappings.lead.set, lead_ids, select=(*select_lead(workspace), MODIFIED)),
        read_solution_rows(workspace, ids),
    )
    return rows | leads


async def _take_pair(
    workspace: Workspace, link: Link, referral: Referral, row: Row | None, scan: Scan, known: Known
) -> None:
    tally = scan.tally
    tally.compared += 1
    if row is None:
        if link.state is not LinkState.BROKEN:
            scan.findings.append(_vanished(link))
        return
    tally.older += _is_older(row, link)
    is_on = is_lead_switched_on(workspace, row) if link.is_lead else workspace.is_switched_on(row)
    if not is_on:
        tally.switched_off += 1
        return
    compare = compare_lead if link.is_lead else compare_pair
    finding = await compare(workspace, link, referral, row, known=known)
    if finding is None:
        tally.in_step += 1
        return
    tally.by_field.update({item.field for item in finding.differences if item.to})
    scan.findings.append(finding)


def _vanished(link: Link) -> Finding:
    return Finding(
        kind=Kind.VANISHED_OPPORTUNITY,
        cause=Cause.VANISHED,
        referral_id=link.referral_id,
        opportunity_id=link.opportunity_id,
        lead_id=link.lead_id if link.is_lead else None,
        link_id=link.link_id,
    )


def _is_older(row: Row, link: Link) -> bool:
    """Tell whether a row has a lower version than the one we left; versions only ever rise in a CRM that lives on."""
    left = link.lead_etag if link.is_lead else link.opportunity_etag
    now, before = _VERSION.fullmatch(row.etag), _VERSION.fullmatch(left or "")
    return bool(now and before) and int(now[1]) < int(before[1])  # type: ignore[index]

"""What change tracking says of rows of solutions becomes hints to look at their opportunities.

Of a deleted row it tells nothing but the id, so the ledger knows to which opportunity each row belongs (Microsoft: Use
change tracking to synchronize data with external systems).
"""

import hashlib
from collections.abc import Iterable, Set
from dataclasses import dataclass, field

from cosell.dataverse import DeltaPage
from cosell.domain.ids import OpportunityId
from cosell.errors import DeltaExpired
from cosell.mapping.fields import lookup_column
from cosell.store import Door, Hint, HintKind, PolledRows
from cosell.sync.solutions.row import opportunity_of
from cosell.sync.workspace import Workspace


@dataclass(slots=True)
class _Found:
    """What one poll has read."""

    hints: list[Hint] = field(default_factory=list)
    delta_link: str = ""
    owners: dict[str, OpportunityId] = field(default_factory=dict)
    deleted_ids: set[str] = field(default_factory=set)


async def poll_solution_rows(workspace: Workspace) -> int:
    """Read which rows moved since the last poll; return how many hints are new.

    The hints, what is known of the rows and the new delta link are stored together or not at all.
    """
    own = workspace.mappings.solutions
    select = (own.id, lookup_column(own.opportunity.lower()))
    select_hash = hashlib.sha256(",".join(select).encode()).hexdigest()[:16]
    known = await workspace.ledger.marks.find_delta_link(own.set)
    link = known.link if known and known.select_hash == select_hash else None
    try:
        found = await _read_changes(workspace, select, link=link)
    except DeltaExpired:
        found = await _read_changes(workspace, select, link=None)
    added = await workspace.ledger.record_poll(
        own.set,
        delta_link=found.delta_link,
        select_hash=select_hash,
        hints=dict.fromkeys(found.hints),
        solution_rows=PolledRows(owners=found.owners, deleted_ids=frozenset(found.deleted_ids)),
    )
    return added.accepted


async def _read_changes(workspace: Workspace, select: tuple[str, ...], *, link: str | None) -> _Found:
    found = _Found()
    async for page in workspace.dataverse.delta(workspace.mappings.solutions.set, select=select, link=link):
        await _take_page(workspace, page, found)
        found.delta_link = page.delta_link or found.delta_link
    if link is None:
        # Read from the start, change tracking tells nothing of rows which went before.
        gone = await workspace.ledger.solution_rows.list_ids() - found.owners.keys() - found.deleted_ids
        await _take_gone_rows(workspace, gone, found)
    return found


async def _take_page(workspace: Workspace, page: DeltaPage, found: _Found) -> None:
    """Look at the opportunities of rows which moved; those which are as a sync left them are our own echo."""
    own = workspace.mappings.solutions
    known = await workspace.ledger.solution_rows.find(row.id for row in page.rows)
    owners: dict[OpportunityId, None] = {}
    for row in page.rows:
        before, owner = known.get(row.id), opportunity_of(row, own)
        if owner is not None:
            found.owners[row.id] = owner
        if before is not None and (before.opportunity_id, before.etag) == (owner, row.etag):
            continue
        # A row that was given to another opportunity is missing in the one it had.
        owners |= dict.fromkeys(item for item in (owner, before.opportunity_id if before else None) if item)
    found.hints += _make_hints(owners)
    orphans = {row.id for row in page.rows if row.id not in found.owners}
    await _take_gone_rows(workspace, {*page.deleted_ids, *orphans}, found)


async def _take_gone_rows(workspace: Workspace, row_ids: Set[str], found: _Found) -> None:
    """Look at the opportunities which have lost a row; only those with a link matter, no other was ever shared."""
    known = await workspace.ledger.solution_rows.find(row_ids)
    links = await workspace.ledger.links.find_by_opportunity_ids({row.opportunity_id for row in known.values()})
    found.hints += _make_hints(links)
    found.deleted_ids |= row_ids


def _make_hints(opportunity_ids: Iterable[OpportunityId]) -> list[Hint]:
    return [Hint(door=Door.DATAVERSE, kind=HintKind.SOLUTION, record_id=row_id) for row_id in opportunity_ids]

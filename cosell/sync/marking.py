"""Puts the marks before all names, or takes them away, when the setting for them has changed: in pages and batches.

No referral is read, and no record by itself. What a seller writes at the same moment is left to her: her save brings
the record to a look, which sets the mark.
"""

from dataclasses import replace

from cosell.dataverse import BatchOperation, Row
from cosell.domain.ids import OpportunityId
from cosell.domain.link import Link, LinkState
from cosell.errors import LeaseHeld
from cosell.mapping.values import strip_mark
from cosell.sync.apply import HAS_PROBLEM
from cosell.sync.audit import mark_name
from cosell.sync.hold import LEASE_SECONDS
from cosell.sync.telling import as_text
from cosell.sync.workspace import Workspace

LAST_SETTING = "marks before names"
"""Under this the ledger keeps the setting which all names follow."""
PAGE_SIZE = 100


async def sweep_marks(workspace: Workspace) -> int:
    """Set all marks anew when the setting is not the one of the last sweep; return how many names were written.

    A pair which another run has in hand is left out, and the sweep is done again by the next run.
    """
    wanted = "yes" if workspace.variables.show_check_mark else "no"
    last = await workspace.ledger.meta.find(LAST_SETTING)
    written, is_complete = 0, True
    if last not in {None, wanted}:
        async for page in workspace.ledger.links.iter_pages(page_size=PAGE_SIZE):
            links = [link for link in page if link.opportunity_id and link.state is LinkState.LINKED]
            try:
                written += await _mark_page(workspace, links)
            except LeaseHeld:
                is_complete = False
    if last != wanted and is_complete:
        await workspace.ledger.meta.save(LAST_SETTING, wanted)
    return written


async def _mark_page(workspace: Workspace, links: list[Link]) -> int:
    if not links:
        return 0
    keys = [f"link:{link.link_id}" for link in links]
    async with workspace.ledger.leases.hold(keys, holder=workspace.holder, seconds=LEASE_SECONDS):
        # Under the lease: another run may just have recorded one.
        known = await workspace.ledger.links.find_by_opportunity_ids(
            [link.opportunity_id for link in links if link.opportunity_id]
        )
        own = workspace.opportunity
        columns = (own.id, own.columns.name, own.columns.sync_switch)
        rows = await workspace.dataverse.get_many(own.set, list(known), select=columns)
        wrong = [
            (known[OpportunityId(row.id)], row, name)
            for row in rows.values()
            if (name := _find_name(workspace, row, known))
        ]
        return await _write_names(workspace, wrong)


def _find_name(workspace: Workspace, row: Row, known: dict[OpportunityId, Link]) -> str | None:
    """Return the name which an opportunity is to have, None when it has it."""
    raw = as_text(row.values.get(workspace.opportunity.columns.name))
    bare = strip_mark(raw)
    if bare is None or not workspace.is_switched_on(row):
        return None
    has_problem = HAS_PROBLEM in known[OpportunityId(row.id)].told
    name = mark_name(bare, has_problem=has_problem, show_check_mark=workspace.variables.show_check_mark)
    return name if name != raw else None


async def _write_names(workspace: Workspace, wrong: list[tuple[Link, Row, str]]) -> int:
    """Write names by one batch, each with the etag it was read with, and record what is ours."""
    if not wrong:
        return 0
    own = workspace.opportunity
    steps = [
        BatchOperation(
            method="PATCH",
            path=f"{own.set}({row.id})?$select={own.columns.name}",
            body={own.columns.name: name},
            headers={"If-Match": row.etag, "Prefer": "return=representation"},
        )
        for _, row, name in wrong
    ]
    results = await workspace.dataverse.batch(steps)
    done = [(link, row, result) for (link, row, _), result in zip(wrong, results, strict=True) if result.error is None]
    marked = [
        replace(link, opportunity_etag=str(result.answer.document["@odata.etag"]))
        for link, row, result in done
        # Only where nothing of the seller's waits: her edit has to be found by the next look.
        if link.opportunity_etag == row.etag and isinstance(result.answer.document, dict)
    ]
    await workspace.ledger.links.save_all(marked)
    for _, row, _ in done:
        workspace.reads.opportunities.pop(OpportunityId(row.id), None)
    return len(done)

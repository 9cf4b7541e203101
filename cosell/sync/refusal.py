"""Tells the seller why an opportunity is not in step: the ✖ before its name and a line in its audit text, once."""

from dataclasses import replace

from cosell.domain.ids import OpportunityId
from cosell.errors import ConflictError, RejectedError
from cosell.mapping.values import strip_mark
from cosell.sync.apply import as_text
from cosell.sync.audit import mark_name, write_audit
from cosell.sync.hold import LEASE_SECONDS
from cosell.sync.planner import fingerprint
from cosell.sync.workspace import Workspace

REFUSED = "refused:"
"""Begins the key of what was refused last."""


async def tell_refusal(workspace: Workspace, opportunity_id: OpportunityId, error: RejectedError) -> bool:
    """Write the error into the CRM unless the seller has been told of it already; return whether it was written."""
    link = await workspace.ledger.links.begin(opportunity_id=opportunity_id)
    async with workspace.ledger.leases.hold([f"link:{link.link_id}"], holder=workspace.holder, seconds=LEASE_SECONDS):
        return await _tell(workspace, opportunity_id, error)


async def _tell(workspace: Workspace, opportunity_id: OpportunityId, error: RejectedError) -> bool:
    link = await workspace.ledger.links.begin(opportunity_id=opportunity_id)
    key = f"{REFUSED}{type(error).__name__}:{fingerprint(error.message)}"
    row = await workspace.get_opportunity(opportunity_id, is_fresh=True)
    if key in link.told or row is None:
        return False
    own = workspace.opportunity.columns
    body: dict[str, object] = {
        own.audit: write_audit(
            as_text(row.values.get(own.audit)), [f"Not in step. {error.message}"], now=workspace.clock()
        )
    }
    name = strip_mark(as_text(row.values.get(own.name)))
    if name:
        body[own.name] = mark_name(name, has_problem=True, show_check_mark=workspace.variables.show_check_mark)
    try:
        row = await workspace.dataverse.update(
            workspace.opportunity.set, opportunity_id, body, etag=row.etag, select=workspace.select
        )
    except ConflictError:
        return False  # Somebody edits it right now; their save brings us back here.
    workspace.reads.opportunities[opportunity_id] = row
    # An earlier refusal is not news, and not so any more: should it come back, it is told again.
    told = frozenset([*(known for known in link.told if not known.startswith(REFUSED)), key])
    await workspace.ledger.links.save(replace(link, told=told, opportunity_etag=row.etag, referral_etag=None))
    return True

"""What becomes of a refused record: a dead letter, and the ✖ and a line in the audit text for its seller, once."""

from dataclasses import replace

from cosell.domain.ids import OpportunityId, ReferralId
from cosell.domain.link import Link, LinkState
from cosell.errors import ConflictError, RecordNotFound, RejectedError
from cosell.mapping.values import strip_mark
from cosell.store import DeadLetter, HintKind
from cosell.sync.apply import as_text
from cosell.sync.audit import mark_name, write_audit
from cosell.sync.hold import LEASE_SECONDS
from cosell.sync.planner import fingerprint
from cosell.sync.workspace import Workspace

REFUSED = "refused:"
"""Begins the key of what was refused last."""


async def file_refusal(
    workspace: Workspace, kind: HintKind, record_id: str, error: RejectedError, *, flow: str
) -> None:
    """Keep a refused record as a dead letter and tell its seller why; a link whose record is gone is broken.

    Args:
        workspace: where to work.
        kind: REFERRAL or OPPORTUNITY.
        record_id: its id.
        error: why it was refused.
        flow: what refused it.
    """
    letter = DeadLetter(
        kind=kind,
        record_id=record_id,
        flow=flow,
        cause=type(error).__name__,
        message=error.message,
        request_id=error.origin.request_id or None,
    )
    await workspace.ledger.dead_letters.add(letter)
    link = await _find_link(workspace, kind, record_id)
    if link and isinstance(error, RecordNotFound) and link.state is LinkState.LINKED:
        await workspace.ledger.links.save(replace(link, state=LinkState.BROKEN))
    opportunity_id = record_id if kind is HintKind.OPPORTUNITY else link.opportunity_id if link else None
    if opportunity_id:
        await tell_refusal(workspace, OpportunityId(opportunity_id), error)


async def _find_link(workspace: Workspace, kind: HintKind, record_id: str) -> Link | None:
    links = workspace.ledger.links
    if kind is HintKind.REFERRAL:
        return (await links.find_by_referral_ids([ReferralId(record_id)])).get(ReferralId(record_id))
    return (await links.find_by_opportunity_ids([OpportunityId(record_id)])).get(OpportunityId(record_id))


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

"""What becomes of a refused record: a dead letter, and the ✖ and a line in the audit text for its seller, once."""

from dataclasses import dataclass, replace

from cosell.dataverse import Row
from cosell.domain.ids import LeadId, OpportunityId, ReferralId
from cosell.domain.link import Link, LinkState
from cosell.errors import ConflictError, RecordNotFound, RejectedError
from cosell.mapping.values import strip_mark
from cosell.store import DeadLetter, HintKind
from cosell.sync.apply import HAS_PROBLEM
from cosell.sync.audit import mark_name, write_audit
from cosell.sync.gone import is_in_doubt, shows_no_referral
from cosell.sync.hold import LEASE_SECONDS
from cosell.sync.leads.look import get_lead, select_lead
from cosell.sync.planner import fingerprint
from cosell.sync.telling import as_text
from cosell.sync.workspace import Workspace

REFUSED = "refused:"
"""Begins the key of what was refused last."""


async def file_refusal(
    workspace: Workspace, kind: HintKind, record_id: str, error: RejectedError, *, flow: str
) -> None:
    """Keep a refused record as a dead letter and tell its seller why; a link whose record is gone is broken.

    Args:
        workspace: where to work.
        kind: REFERRAL, OPPORTUNITY or LEAD.
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
    if (
        link
        and link.state is LinkState.LINKED
        and isinstance(error, RecordNotFound)
        and await _is_gone(workspace, error)
    ):
        await workspace.ledger.links.save(replace(link, state=LinkState.BROKEN))
    if link and link.is_lead and link.lead_id:
        await tell_lead_refusal(workspace, link.lead_id, error)
        return
    opportunity_id = record_id if kind is HintKind.OPPORTUNITY else link.opportunity_id if link else None
    if opportunity_id:
        await tell_refusal(workspace, OpportunityId(opportunity_id), error)


async def _is_gone(workspace: Workspace, error: RecordNotFound) -> bool:
    """Tell whether a record that was not found may be believed to be gone."""
    if await is_in_doubt(workspace):
        return False
    return error.origin.service != "Partner Center" or not await shows_no_referral(workspace)


async def _find_link(workspace: Workspace, kind: HintKind, record_id: str) -> Link | None:
    links = workspace.ledger.links
    match kind:
        case HintKind.REFERRAL:
            return (await links.find_by_referral_ids([ReferralId(record_id)])).get(ReferralId(record_id))
        case HintKind.LEAD:
            return (await links.find_by_lead_ids([LeadId(record_id)])).get(LeadId(record_id))
        case _:
            return (await links.find_by_opportunity_ids([OpportunityId(record_id)])).get(OpportunityId(record_id))


async def tell_refusal(workspace: Workspace, opportunity_id: OpportunityId, error: RejectedError) -> bool:
    """Write the error into the CRM unless the seller has been told of it already; return whether it was written."""
    link = await workspace.ledger.links.begin(opportunity_id=opportunity_id)
    async with workspace.ledger.leases.hold([f"link:{link.link_id}"], holder=workspace.holder, seconds=LEASE_SECONDS):
        link = await workspace.ledger.links.begin(opportunity_id=opportunity_id)
        row = await workspace.get_opportunity(opportunity_id, is_fresh=True)
        own = workspace.opportunity
        place = _Place(set=own.set, name=own.columns.name, audit=own.columns.audit, select=workspace.select)
        told = await _tell(workspace, link, row, place, error)
        if told is None:
            return False
        workspace.reads.opportunities[opportunity_id] = told.row
        await workspace.ledger.links.save(replace(told.link, opportunity_etag=told.row.etag, referral_etag=None))
        return True


async def tell_lead_refusal(workspace: Workspace, lead_id: LeadId, error: RejectedError) -> bool:
    """Write the error into a lead unless its seller has been told of it already; return whether it was written."""
    link = await workspace.ledger.links.begin(lead_id=lead_id)
    async with workspace.ledger.leases.hold([f"link:{link.link_id}"], holder=workspace.holder, seconds=LEASE_SECONDS):
        link = await workspace.ledger.links.begin(lead_id=lead_id)
        row = await get_lead(workspace, lead_id, is_fresh=True)
        own = workspace.mappings.lead
        place = _Place(set=own.set, name=own.columns.name, audit=own.columns.audit, select=select_lead(workspace))
        told = await _tell(workspace, link, row, place, error)
        if told is None:
            return False
        workspace.reads.leads[lead_id] = told.row
        await workspace.ledger.links.save(replace(told.link, lead_etag=told.row.etag, referral_etag=None))
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a seller reads how it went: an opportunity's columns, or a lead's."""

    set: str
    name: str
    audit: str
    select: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """The record with the error in it, and the link which knows of that."""

    row: Row
    link: Link


async def _tell(workspace: Workspace, link: Link, row: Row | None, place: _Place, error: RejectedError) -> _Told | None:
    key = f"{REFUSED}{type(error).__name__}:{fingerprint(error.message)}"
    if key in link.told or row is None:
        return None
    audit = write_audit(as_text(row.values.get(place.audit)), [f"Not in step. {error.message}"], now=workspace.clock())
    body: dict[str, object] = {place.audit: audit}
    name = strip_mark(as_text(row.values.get(place.name)))
    if name:
        body[place.name] = mark_name(name, has_problem=True, show_check_mark=workspace.variables.show_check_mark)
    try:
        row = await workspace.dataverse.update(place.set, row.id, body, etag=row.etag, select=place.select)
    except ConflictError:
        return None  # Somebody edits it right now; their save brings us back here.
    # An earlier refusal is not news, and not so any more: should it come back, it is told again.
    told = frozenset([*(known for known in link.told if not known.startswith(REFUSED)), key, HAS_PROBLEM])
    return _Told(row=row, link=replace(link, told=told))

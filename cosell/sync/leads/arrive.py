"""Creates the lead of a referral which nobody has accepted yet: once, by the referral id, which is its alternate key.

A lead that was accepted before it ever arrived has no lead here: it begins as an opportunity, like any deal.
"""

import logging
from collections.abc import Iterable, Sequence

from cosell.dataverse import Row, UpsertMode
from cosell.domain.ids import LeadId, OpportunityId, ReferralId, Side, parse_guid
from cosell.domain.link import Link
from cosell.domain.snapshot import is_empty
from cosell.domain.stages import LeadStage, ReferralStage
from cosell.errors import AlreadyExists, Origin, RecordNotFound, RequestRejected
from cosell.mapping.fields import ORIGIN, lookup_column, read_referral, to_columns
from cosell.mapping.parties import read_first_contact, read_party_document, to_party_columns
from cosell.mapping.values import add_test_mark
from cosell.partner_center import Referral
from cosell.store import JournalEntry
from cosell.sync.arrive import create_opportunity, find_links
from cosell.sync.audit import mark_name, write_audit
from cosell.sync.customer import in_plain_letters
from cosell.sync.filling import fill_in_arrival, fill_new
from cosell.sync.hold import LEASE_SECONDS
from cosell.sync.leads.apply import lead_status_columns
from cosell.sync.leads.look import get_lead, get_lead_codes, select_lead
from cosell.sync.look import document_of, stage_of_referral
from cosell.sync.owner import bind_owner
from cosell.sync.references import find_rows_of, read_reference
from cosell.sync.sort import LeadKind, find_lead_kind
from cosell.sync.workspace import Workspace

logger = logging.getLogger(__name__)


def refuse_lead(workspace: Workspace, referral: Referral) -> str:
    """Say why a lead does not arrive by the settings; empty when it does."""
    if workspace.variables.cosell_opportunities_only:
        return "leads do not arrive, by the setting for co-sell opportunities only"
    if find_lead_kind(referral) is LeadKind.MARKETPLACE and not workspace.variables.marketplace_leads:
        return "leads of the marketplace do not arrive, by their setting"
    return ""


async def find_lead_links(workspace: Workspace, referrals: Sequence[Referral]) -> dict[ReferralId, Link]:
    """Return the link of each lead that has its record in the CRM, as a lead or as the opportunity it became.

    Three pages at most, never a call per record; a link which the ledger knows costs none.
    """
    known = await workspace.ledger.links.find_by_referral_ids([referral.id for referral in referrals])
    links = {item: link for item, link in known.items() if link.lead_id is not None or link.opportunity_id is not None}
    missing = [referral for referral in referrals if referral.id not in links]
    for referral, row in await find_lead_rows(workspace, missing):
        try:
            links[referral.id] = await _link(workspace, referral, row)
        except AlreadyExists as error:
            # It is raised again for this referral alone; its neighbours go on.
            logger.warning("left out: %s", error)
    alone = [referral for referral in missing if referral.id not in links]
    return links | await find_links(workspace, alone)


async def _link(workspace: Workspace, referral: Referral, row: Row) -> Link:
    return await workspace.ledger.links.begin(
        referral_id=referral.id, lead_id=LeadId(row.id), engagement_id=referral.engagement_id
    )


async def find_lead_rows(workspace: Workspace, referrals: Sequence[Referral]) -> list[tuple[Referral, Row]]:
    """Find leads by referral id, then by the CRM id that the referral carries."""
    own = workspace.mappings.lead
    found = await find_rows_of(workspace, referrals, own.set, own.columns.referral_id, select=select_lead(workspace))
    workspace.reads.leads |= {LeadId(row.id): row for _, row in found}
    return found


async def create_lead_or_opportunity(workspace: Workspace, referral_id: ReferralId) -> Link:
    """Create the CRM's record of a lead: a lead while nobody has accepted it, an opportunity when somebody has.

    Raises:
        LeaseHeld: another run has it in hand.
        RecordNotFound: the referral is gone.
        RequestRejected: it is closed; nothing is made of it.
        AlreadyExists: the lead which the referral names belongs to another one.
    """
    referral = await workspace.get_referral(referral_id)
    if referral is None:
        raise RecordNotFound(
            "The referral is not in Partner Center, or this user may not see it.",
            origin=Origin(service="Partner Center", record=f"referral {referral_id}"),
        )
    match stage_of_referral(referral):
        case ReferralStage.INVITED:
            return await _create_lead(workspace, referral)
        case ReferralStage.ACTIVE:
            return await create_opportunity(workspace, referral_id)
    raise RequestRejected(
        "The lead is closed in Partner Center; nothing is made of it.", origin=Origin(record=f"referral {referral_id}")
    )


async def _create_lead(workspace: Workspace, referral: Referral) -> Link:
    async with workspace.ledger.leases.hold(
        [f"referral:{referral.id}"], holder=workspace.holder, seconds=LEASE_SECONDS
    ):
        link = await workspace.ledger.links.begin(referral_id=referral.id)
        if link.lead_id is not None or link.opportunity_id is not None:
            return link
        # Once more, under the lease: a key settles who was first, but not for a lead which only the referral names.
        found = await find_lead_rows(workspace, [referral]) if read_reference(referral) else []
        row = found[0][1] if found else await _create_row(workspace, referral)
        workspace.reads.leads[LeadId(row.id)] = row
        link = await _link(workspace, referral, row)
        if not found:
            entry = JournalEntry(link_id=link.link_id, side=Side.DATAVERSE, rule="lead created from the referral")
            await workspace.ledger.journal.append([entry])
        return link


async def _create_row(workspace: Workspace, referral: Referral) -> Row:
    own, select = workspace.mappings.lead, select_lead(workspace)
    key = {own.columns.referral_id: referral.id}
    body = await _spell_lead(workspace, referral)
    try:
        made = await workspace.dataverse.upsert(own.set, key, body, select=select, mode=UpsertMode.CREATE_ONLY)
    except AlreadyExists:
        return await workspace.dataverse.get(own.set, key, select=select)
    return made.row


async def _spell_lead(workspace: Workspace, referral: Referral) -> dict[str, object]:
    own, codes, document = workspace.mappings.lead, await get_lead_codes(workspace), document_of(referral)
    reading = read_referral(document, own, codes=codes, link_template=workspace.link_template)
    fields = await fill_in_arrival(workspace, own, reading.snapshot, document)
    body = to_columns({name: value for name, value in fields.items() if not is_empty(value)}, own, codes=codes)
    body |= await fill_new(workspace, own, document, referral=reading.snapshot)
    customer, contact = own.as_party(own.customer), own.as_party(own.contact)
    party = in_plain_letters(read_party_document(document, customer))
    body |= to_party_columns(party, customer, await workspace.get_lookups(customer, wanted=party))
    person = read_first_contact(document, contact)
    if person is not None:
        body |= to_party_columns(in_plain_letters(person), contact)
    body[own.columns.status_reason] = lead_status_columns(own, LeadStage.OPEN)[own.columns.status_reason]
    body[own.columns.sync_switch] = True
    name = str(fields.get("name") or "Referral without a name")
    body[own.columns.name] = mark_name(
        str(add_test_mark(name)) if workspace.is_test else name,
        has_problem=bool(reading.parked),
        show_check_mark=workspace.variables.show_check_mark,
    )
    body[own.columns.audit] = write_audit(None, ["Received from Partner Center."], now=workspace.clock())
    return {**await bind_owner(workspace, own.assign, document), **body}


async def find_link_of_origin(workspace: Workspace, row: Row) -> Link | None:
    """Return the link of the lead from which an opportunity was made, None when it was made from none of ours.

    Such an opportunity is not shared as a deal of its own: it would be a second referral of the same deal.
    """
    origin = row.values.get(lookup_column(ORIGIN))
    if not origin:
        return None
    lead_id = LeadId(str(origin).lower())
    known = (await workspace.ledger.links.find_by_lead_ids([lead_id])).get(lead_id)
    if known is not None:
        return known
    lead = await get_lead(workspace, lead_id)
    referral_id = lead.values.get(workspace.mappings.lead.columns.referral_id) if lead else None
    if not referral_id:
        return None
    return await workspace.ledger.links.begin(referral_id=ReferralId(parse_guid(str(referral_id))), lead_id=lead_id)


def ids_of(links: Iterable[Link]) -> tuple[list[LeadId], list[OpportunityId]]:
    """Return which leads and which opportunities are the CRM's side of these links."""
    known = list(links)
    leads = [link.lead_id for link in known if link.is_lead and link.lead_id]
    return leads, [link.opportunity_id for link in known if link.opportunity_id]

"""Creates the opportunity of a referral which arrived, with its account and contact: one engagement, one opportunity.

The referral id is an alternate key of the opportunity, so that a second attempt finds what the first one made.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cosell.dataverse import Row, UpsertMode
from cosell.domain.ids import AccountId, ContactId, OpportunityId, ReferralId, parse_guid
from cosell.domain.link import Link
from cosell.domain.snapshot import is_empty
from cosell.errors import AlreadyExists, Origin, RecordNotFound
from cosell.mapping.fields import lookup_column, read_referral, to_columns
from cosell.mapping.parties import (
    Party,
    full_name,
    is_same_party,
    normalise,
    read_first_contact,
    read_party_columns,
    read_party_document,
    to_party_columns,
)
from cosell.partner_center import Referral
from cosell.sync.apply import find_status
from cosell.sync.audit import mark_name, write_audit
from cosell.sync.hold import LEASE_SECONDS
from cosell.sync.look import document_of, stage_of_referral
from cosell.sync.stages import EXPECTED
from cosell.sync.workspace import Workspace


async def find_links(workspace: Workspace, referrals: Sequence[Referral]) -> dict[ReferralId, Link]:
    """Return the link of each referral that has an opportunity: known to the ledger, or found in the CRM.

    An opportunity is found by its referral id, or by the CRM id which the referral carries. Two pages at most, never a
    call per record.
    """
    links = await workspace.ledger.links.find_by_referral_ids([referral.id for referral in referrals])
    links = {referral_id: link for referral_id, link in links.items() if link.opportunity_id is not None}
    missing = [referral for referral in referrals if referral.id not in links]
    for referral, row in await find_rows(workspace, missing):
        link = await workspace.ledger.links.begin(referral_id=referral.id, opportunity_id=OpportunityId(row.id))
        link = replace(link, opportunity_id=OpportunityId(row.id), engagement_id=referral.engagement_id)
        await workspace.ledger.links.save(link)
        links[referral.id] = link
    return links


async def find_rows(workspace: Workspace, referrals: Sequence[Referral]) -> list[tuple[Referral, Row]]:
    """Find opportunities by referral id, then by the CRM id that the referral carries."""
    if not referrals:
        return []
    column = workspace.opportunity.columns.referral_id
    rows: dict[str, Row] = {}
    by_reference = {reference: item.id for item in referrals if (reference := _reference(item))}
    ids = [referral.id for referral in referrals]
    for row in await workspace.dataverse.query_one_of(workspace.opportunity.set, column, ids, select=workspace.select):
        rows[str(row.values[column]).lower()] = row
    others = [reference for reference, referral_id in by_reference.items() if referral_id not in rows]
    named = await workspace.dataverse.get_many(workspace.opportunity.set, others, select=workspace.select)
    for row in named.values():
        # An opportunity which already belongs to another referral is not taken away from it.
        if not row.values.get(column):
            rows.setdefault(by_reference[row.id], row)
    workspace.reads.opportunities |= {OpportunityId(row.id): row for row in rows.values()}
    return [(referral, rows[referral.id]) for referral in referrals if referral.id in rows]


def _reference(referral: Referral) -> str | None:
    try:
        return parse_guid(referral.external_reference_id or "")
    except ValueError:
        return None


async def create_opportunity(workspace: Workspace, referral_id: ReferralId) -> Link:
    """Create the opportunity of a referral, with its account and contact when the CRM has none that match.

    Raises:
        LeaseHeld: another run has it in hand.
        RecordNotFound: the referral is gone.
    """
    async with workspace.ledger.leases.hold(
        [f"referral:{referral_id}"], holder=workspace.holder, seconds=LEASE_SECONDS
    ):
        referral = await workspace.get_referral(referral_id)
        if referral is None:
            raise RecordNotFound(
                "The referral is not in Partner Center, or this user may not see it.",
                origin=Origin(service="Partner Center", record=f"referral {referral_id}"),
            )
        link = await workspace.ledger.links.begin(referral_id=referral_id)
        if link.opportunity_id is not None:
            return link
        row = await _create_row(workspace, referral)
        workspace.reads.opportunities[OpportunityId(row.id)] = row
        link = replace(link, opportunity_id=OpportunityId(row.id), engagement_id=referral.engagement_id)
        await workspace.ledger.links.save(link)
        return link


async def _create_row(workspace: Workspace, referral: Referral) -> Row:
    own = workspace.opportunity
    body = await _spell_opportunity(workspace, referral)
    account_id, contact_id = await _find_or_create_customer(workspace, referral)
    if account_id:
        body[f"{own.columns.account}@odata.bind"] = f"/{workspace.mappings.account.set}({account_id})"
        body[f"{own.columns.customer}_account@odata.bind"] = f"/{workspace.mappings.account.set}({account_id})"
    if contact_id:
        body[f"{own.columns.contact}@odata.bind"] = f"/{workspace.mappings.contact.set}({contact_id})"
    key = {own.columns.referral_id: referral.id}
    try:
        made = await workspace.dataverse.upsert(
            own.set, key, body, select=workspace.select, mode=UpsertMode.CREATE_ONLY
        )
    except AlreadyExists:
        return await workspace.dataverse.get(own.set, key, select=workspace.select)
    return made.row


async def _spell_opportunity(workspace: Workspace, referral: Referral) -> dict[str, object]:
    own, currencies = workspace.opportunity, await workspace.get_currencies()
    reading = read_referral(document_of(referral), own, currencies=currencies, link_template=workspace.link_template)
    fields = {name: value for name, value in reading.snapshot.items() if name not in {"crm_id", "referral_id"}}
    body = to_columns(
        {name: value for name, value in fields.items() if not is_empty(value)}, own, currencies=currencies
    )
    stage = EXPECTED[stage_of_referral(referral)]
    body[own.columns.status_reason] = find_status(workspace, stage).status_reason
    body[own.columns.sync_switch] = True
    name = str(fields.get("name") or "Referral without a name")
    body[own.columns.name] = mark_name(
        name, has_problem=bool(reading.parked), show_check_mark=workspace.variables.show_check_mark
    )
    body[own.columns.audit] = write_audit(None, ["Received from Partner Center."], now=workspace.clock())
    return body


async def _find_or_create_customer(
    workspace: Workspace, referral: Referral
) -> tuple[AccountId | None, ContactId | None]:
    document = document_of(referral)
    customer = read_party_document(document, workspace.mappings.account)
    if not customer.get("name"):
        return None, None
    account_id = await find_account(workspace, customer)
    is_known = account_id is not None
    if account_id is None:
        mapping = workspace.mappings.account
        account_id = AccountId((await workspace.dataverse.create(mapping.set, to_party_columns(customer, mapping))).id)
    contact = read_first_contact(document, workspace.mappings.contact)
    if contact is None:
        return account_id, None
    contact_id = await find_contact(workspace, contact, account_id) if is_known else None
    return account_id, contact_id or await _create_contact(workspace, contact, account_id)


async def find_account(workspace: Workspace, customer: Party) -> AccountId | None:
    """Match by the criteria of the mapping; of several hits the one that was made first."""
    mapping = workspace.mappings.account
    name_column = next(row.dataverse for row in mapping.fields if row.field == "name")
    hits = await _query(workspace, mapping.set, mapping.fields, f"{name_column} eq {quote(customer.get('name'))}")
    same = [
        row for row in hits if is_same_party(read_party_columns(row.values, mapping), customer, fields=mapping.match)
    ]
    return AccountId(same[0].id) if same else None


async def find_contact(workspace: Workspace, contact: Party, account_id: AccountId) -> ContactId | None:
    """Match within the account, by e-mail first, then by full name; of several hits the one that was made first."""
    mapping = workspace.mappings.contact
    hits = await _query(workspace, mapping.set, mapping.fields, f"{lookup_column('parentcustomerid')} eq {account_id}")
    parties = [(row, read_party_columns(row.values, mapping)) for row in hits]
    by_email = [
        row for row, party in parties if contact.get("email") and is_same_party(party, contact, fields=("email",))
    ]
    by_name = [row for row, party in parties if normalise(full_name(party)) == normalise(full_name(contact))]
    hit = next(iter([*by_email, *by_name]), None)
    return ContactId(hit.id) if hit else None


async def _create_contact(workspace: Workspace, contact: Party, account_id: AccountId) -> ContactId:
    mapping = workspace.mappings.contact
    body = to_party_columns(contact, mapping)
    body["parentcustomerid_account@odata.bind"] = f"/{workspace.mappings.account.set}({account_id})"
    return ContactId((await workspace.dataverse.create(mapping.set, body)).id)


async def _query(workspace: Workspace, set_: str, fields: Iterable[object], filter_: str) -> list[Row]:
    columns = tuple(getattr(row, "dataverse", "") for row in fields)
    pages = workspace.dataverse.query(set_, select=columns, filter_=filter_, order_by="createdon asc")
    return [row async for page in pages for row in page]


def quote(text: str | None) -> str:
    """Return an OData string literal; quotes are doubled (Microsoft: Filter rows)."""
    return "'" + (text or "").replace("'", "''") + "'"

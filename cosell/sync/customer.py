"""Finds the customer of a referral in the CRM, and makes the account and the contact which are missing: each once."""

import hashlib
import html
from collections.abc import Mapping
from dataclasses import dataclass

from cosell.dataverse import Row
from cosell.domain.ids import AccountId, ContactId
from cosell.mapping.fields import lookup_column
from cosell.mapping.models import PartyMapping
from cosell.mapping.parties import (
    Party,
    full_name,
    is_same_party,
    normalise,
    party_select,
    read_first_contact,
    read_party_columns,
    read_party_document,
    to_party_columns,
)
from cosell.sync.contact import read_contact
from cosell.sync.filling import fill_new
from cosell.sync.hold import LEASE_SECONDS
from cosell.sync.workspace import Workspace

NAME = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """The CRM's rows for the customer of a referral, as far as the referral names one."""

    account_id: AccountId | None = None
    contact_id: ContactId | None = None


async def ensure_customer(workspace: Workspace, document: Mapping[str, object]) -> Customer:
    """Return account and contact of a referral's customer, each found or created.

    Neither has a key, so nobody else may look for the same customer until both are there: deals of one customer often
    arrive together.

    Raises:
        LeaseHeld: another run looks for the same customer.
    """
    mapping = workspace.mappings.account
    party = in_plain_letters(read_party_document(document, mapping))
    if not party.get(NAME):
        return Customer()
    key = f"customer:{fingerprint_of(party, mapping)}"
    async with (
        workspace.turn(key),
        workspace.ledger.leases.hold([key], holder=workspace.holder, seconds=LEASE_SECONDS),
    ):
        account_id = await find_account(workspace, party)
        is_known = account_id is not None
        if account_id is None:
            account_id = await _create_account(workspace, party, document)
        contact = read_first_contact(document, workspace.mappings.contact)
        if contact is None:
            return Customer(account_id=account_id)
        contact = in_plain_letters(contact)
        contact_id = await find_contact(workspace, contact, account_id) if is_known else None
        return Customer(
            account_id=account_id,
            contact_id=contact_id or await _create_contact(workspace, contact, account_id, document),
        )


def in_plain_letters(party: Party) -> dict[str, str | None]:
    """Return a party without HTML entities: Partner Center sends `&amp;` where somebody typed `&`."""
    return {field: html.unescape(text) if text else text for field, text in party.items()}


def fingerprint_of(party: Party, mapping: PartyMapping) -> str:
    """Return a mark which parties that match have in common, and from which nobody can be told."""
    words = "\n".join(normalise(party.get(field)) for field in mapping.match)
    return hashlib.sha256(words.encode()).hexdigest()[:16]


async def find_account(workspace: Workspace, party: Party) -> AccountId | None:
    """Match by the criteria of the mapping; of several hits the one that was made first."""
    mapping = workspace.mappings.account
    hits = await _query(workspace, mapping, account_filter(party, mapping))
    lookups = await workspace.get_lookups(mapping)
    known = [(row, read_party_columns(row.values, mapping, lookups)) for row in hits]
    same = [row for row, other in known if is_same_party(other, party, fields=mapping.match)]
    return AccountId(same[0].id) if same else None


def account_filter(party: Party, mapping: PartyMapping) -> str:
    """Return a filter for all accounts which may match; the CRM cannot compare as we do.

    It finds a name in any case, but not with other blanks in it; so it looks for the first word as well, where another
    criterion keeps the answer short.
    """
    columns = {row.field: row.dataverse for row in mapping.fields if row.lookup is None}
    name = party.get(NAME) or ""
    whole = f"{columns[NAME]} eq {quote(name)}"
    others = [
        f"{columns[field]} eq {quote(text)}"
        for field in mapping.match
        if field != NAME and field in columns and (text := party.get(field))
    ]
    if not others:
        return whole
    begins = f"startswith({columns[NAME]},{quote(name.split()[0])})"
    return f"{whole} or ({' and '.join([begins, *others])})"


async def find_contact(workspace: Workspace, contact: Party, account_id: AccountId) -> ContactId | None:
    """Match within the account, by e-mail first, then by full name; of several hits the one that was made first."""
    mapping = workspace.mappings.contact
    hits = await _query(workspace, mapping, f"{lookup_column('parentcustomerid')} eq {account_id}")
    parties = [(row, read_party_columns(row.values, mapping)) for row in hits]
    by_email = [
        row for row, party in parties if contact.get("email") and is_same_party(party, contact, fields=("email",))
    ]
    name = normalise(full_name(contact))
    by_name = [row for row, party in parties if name and normalise(full_name(party)) == name]
    hit = next(iter([*by_email, *by_name]), None)
    return _keep_contact(workspace, hit) if hit else None


async def _create_account(workspace: Workspace, party: Party, document: Mapping[str, object]) -> AccountId:
    body = await spell_account(workspace, party, document)
    return AccountId((await workspace.dataverse.create(workspace.mappings.account.set, body)).id)


async def spell_account(workspace: Workspace, party: Party, document: Mapping[str, object]) -> dict[str, object]:
    """Spell the account which is made of a referral's customer."""
    mapping = workspace.mappings.account
    body = to_party_columns(party, mapping, await workspace.get_lookups(mapping, wanted=party))
    return {**body, **await fill_new(workspace, mapping, document)}


async def _create_contact(
    workspace: Workspace, contact: Party, account_id: AccountId, document: Mapping[str, object]
) -> ContactId:
    body = await spell_contact(workspace, contact, account_id, document)
    return _keep_contact(workspace, await workspace.dataverse.create(workspace.mappings.contact.set, body))


async def spell_contact(
    workspace: Workspace, contact: Party, account_id: AccountId, document: Mapping[str, object]
) -> dict[str, object]:
    """Spell the contact of an account which is made of a referral's customer."""
    mapping = workspace.mappings.contact
    body = to_party_columns(contact, mapping) | await fill_new(workspace, mapping, document)
    return {**body, "parentcustomerid_account@odata.bind": f"/{workspace.mappings.account.set}({account_id})"}


def _keep_contact(workspace: Workspace, row: Row) -> ContactId:
    """Have the contact at hand for the first look at the pair."""
    contact_id = ContactId(row.id)
    workspace.reads.contacts[contact_id] = read_contact(row.values, workspace.mappings.contact)
    return contact_id


async def _query(workspace: Workspace, mapping: PartyMapping, filter_: str) -> list[Row]:
    columns = party_select(mapping)
    pages = workspace.dataverse.query(mapping.set, select=columns, filter_=filter_, order_by="createdon asc")
    return [row async for page in pages for row in page]


def quote(text: str | None) -> str:
    """Return an OData string literal; quotes are doubled (Microsoft: Filter rows)."""
    return "'" + (text or "").replace("'", "''") + "'"

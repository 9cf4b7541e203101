"""Finds the customers of many deals in a few requests, and lays out what is to be made for those which are missing.

The rules are those of `cosell.sync.customer`, which finds one at a time: accounts by the criteria of the mapping,
contacts within their account by e-mail, then by name; of several the one that was made first; each made once.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cosell.dataverse import BatchOperation, Row
from cosell.dataverse.operations import create_operation
from cosell.domain.ids import AccountId, ContactId
from cosell.mapping.fields import lookup_column
from cosell.mapping.models import Mappings
from cosell.mapping.parties import (
    Party,
    full_name,
    is_same_party,
    normalise,
    party_select,
    read_first_contact,
    read_party_columns,
    read_party_document,
)
from cosell.partner_center import Referral
from cosell.sync.customer import (
    NAME,
    Customer,
    account_filter,
    fingerprint_of,
    in_plain_letters,
    spell_account,
    spell_contact,
)
from cosell.sync.look import document_of
from cosell.sync.workspace import Workspace

PARENT = "parentcustomerid"
FILTER_AT_MOST = 6000
"""Characters of one filter: encoded, an address may have 32,768 (Microsoft: Query data using the Web API)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The customer whom a referral names; deals whose customers match have the same `key`."""

    key: str
    document: Mapping[str, object] = field(repr=False)
    account: Party = field(repr=False)
    contact: Party | None = field(repr=False)


def read_customer(referral: Referral, mappings: Mappings) -> Wanted | None:
    """Return the customer of a referral, None when it names none."""
    document = document_of(referral)
    account = in_plain_letters(read_party_document(document, mappings.account))
    if not account.get(NAME):
        return None
    contact = read_first_contact(document, mappings.contact)
    return Wanted(
        key=f"customer:{fingerprint_of(account, mappings.account)}",
        document=document,
        account=account,
        contact=in_plain_letters(contact) if contact is not None else None,
    )


@dataclass(slots=True)
class Customers:
    """Accounts by the key of their customer, and the contacts of each account, oldest first; grows by what is made."""

    workspace: Workspace
    accounts: dict[str, AccountId] = field(default_factory=dict)
    contacts: dict[AccountId, list[tuple[ContactId, Party]]] = field(default_factory=dict)

    async def place(self, wanted: Wanted | None) -> tuple[Customer, list[BatchOperation]]:
        """Return the rows of a customer, and what makes those which are missing."""
        if wanted is None:
            return Customer(), []
        operations: list[BatchOperation] = []
        account_id = self.accounts.get(wanted.key)
        if account_id is None:
            mapping = self.workspace.mappings.account
            account_id = self.accounts[wanted.key] = AccountId(str(uuid.uuid4()))
            body = await spell_account(self.workspace, wanted.account, wanted.document)
            operations.append(create_operation(mapping.set, account_id, body, select=(mapping.id,)))
        if wanted.contact is None:
            return Customer(account_id=account_id), operations
        contact_id = self._find_contact(account_id, wanted.contact)
        if contact_id is None:
            contact_id = ContactId(str(uuid.uuid4()))
            operations.append(await self._make_contact(contact_id, wanted.contact, account_id, wanted.document))
        return Customer(account_id=account_id, contact_id=contact_id), operations

    def _find_contact(self, account_id: AccountId, contact: Party) -> ContactId | None:
        known = self.contacts.get(account_id, [])
        name = normalise(full_name(contact))
        by_email = (
            row_id
            for row_id, party in known
            if contact.get("email") and is_same_party(party, contact, fields=("email",))
        )
        by_name = (row_id for row_id, party in known if name and normalise(full_name(party)) == name)
        return next(by_email, None) or next(by_name, None)

    async def _make_contact(
        self, contact_id: ContactId, contact: Party, account_id: AccountId, document: Mapping[str, object]
    ) -> BatchOperation:
        mapping = self.workspace.mappings.contact
        body = await spell_contact(self.workspace, contact, account_id, document)
        self.contacts.setdefault(account_id, []).append((contact_id, read_party_columns(body, mapping)))
        return create_operation(mapping.set, contact_id, body, select=(mapping.id,))


async def find_customers(workspace: Workspace, wanted: Iterable[Wanted]) -> Customers:
    """Return those accounts and contacts of many customers which the CRM has."""
    found, mapping = Customers(workspace), workspace.mappings.account
    unique, lookups = {item.key: item for item in wanted}, await workspace.get_lookups(mapping)
    for filter_ in _join_filters([account_filter(item.account, mapping) for item in unique.values()]):
        rows = await _query(workspace, mapping.set, party_select(mapping), filter_)
        read = [(row, read_party_columns(row.values, mapping, lookups)) for row in rows]
        for key, item in unique.items():
            same = (row for row, party in read if is_same_party(party, item.account, fields=mapping.match))
            if key not in found.accounts and (hit := next(same, None)) is not None:
                found.accounts[key] = AccountId(hit.id)
    await _find_contacts(workspace, found)
    return found


def _join_filters(filters: Sequence[str]) -> list[str]:
    """Return filters which find all that each of these finds, as few as an address takes."""
    joined: list[str] = []
    for one in filters:
        part = f"({one})"
        if joined and len(joined[-1]) + len(part) <= FILTER_AT_MOST:
            joined[-1] += f" or {part}"
        else:
            joined.append(part)
    return joined


async def _find_contacts(workspace: Workspace, found: Customers) -> None:
    mapping, parent = workspace.mappings.contact, lookup_column(PARENT)
    columns = (parent, "createdon", *party_select(mapping))
    rows = await workspace.dataverse.query_one_of(
        mapping.set, parent, sorted(set(found.accounts.values())), select=columns
    )
    for row in sorted(rows, key=lambda row: (str(row.values.get("createdon")), row.id)):
        account_id = AccountId(str(row.values.get(parent)).lower())
        party = read_party_columns(row.values, mapping)
        found.contacts.setdefault(account_id, []).append((ContactId(row.id), party))


async def _query(workspace: Workspace, set_: str, columns: Sequence[str], filter_: str) -> list[Row]:
    pages = workspace.dataverse.query(
        set_, select=tuple(columns), filter_=filter_, order_by="createdon asc", page_size=5000
    )
    return [row async for page in pages for row in page]

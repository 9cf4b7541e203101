"""The customer's contact as a field of the deal: what the CRM says, what the referral says, and how it is sent. Pure.

Partner Center takes another contact until Microsoft's sellers see the deal (Microsoft: Manage co-sell opportunities).
The ledger keeps only a fingerprint of the contact, from which nobody can be told.
"""

import html
from collections.abc import Mapping
from dataclasses import dataclass

from cosell.mapping.models import PartyMapping
from cosell.mapping.parties import (
    CUSTOMER_TEAM_POINTER,
    Party,
    full_name,
    read_first_contact,
    read_party_columns,
    to_party_document,
)
from cosell.mapping.values import find_pointer, shorten
from cosell.sync.planner import fingerprint

CONTACT_FIELD = "customer_contact"
BASE_CONTACT = "$contact"
"""The member of a base which holds the id of the contact that the opportunity named."""
NEEDS = ("first_name", "last_name", "email")
"""What Partner Center wants of a contact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact in one spelling, to compare both sides: plain letters, single blanks, the CRM's lengths."""

    party: Party

    @property
    def fingerprint(self) -> str:
        """A mark by which two contacts are compared; None and empty are the same."""
        return fingerprint(frozenset(f"{name}={text}" for name, text in self.party.items() if text))

    @property
    def is_complete(self) -> bool:
        """Whether Partner Center would take it."""
        return all(self.party.get(name) for name in NEEDS)

    @property
    def description(self) -> str:
        """The contact in words, for its seller."""
        others = (self.party.get("email"), self.party.get("phone"), self.party.get("title"))
        return ", ".join(part for part in (full_name(self.party), *others) if part)


def read_contact(columns: Mapping[str, object], mapping: PartyMapping) -> Contact:
    """Return a contact of the CRM."""
    return as_contact(read_party_columns(columns, mapping), mapping)


def find_contact_of(document: Mapping[str, object], mapping: PartyMapping) -> Contact | None:
    """Return the first contact which a referral names, None when it names nobody."""
    party = read_first_contact(document, mapping)
    return as_contact(party, mapping) if party is not None else None


def as_contact(party: Party, mapping: PartyMapping) -> Contact:
    """Return a party as the contact that it is."""
    lengths = {row.field: row.length for row in mapping.fields}
    plain = {name: " ".join(html.unescape(text or "").split()) for name, text in party.items()}
    return Contact(
        party={name: shorten(text, lengths[name]) if text and name in lengths else text for name, text in plain.items()}
    )


def put_first(document: Mapping[str, object], contact: Contact, mapping: PartyMapping) -> list[object]:
    """Return the referral's contacts with this one in the place of the first; the others stay as they came."""
    found = find_pointer(document, CUSTOMER_TEAM_POINTER)
    members = found if isinstance(found, list) else []
    first = find_contact_of(document, mapping)
    others, is_replaced = [], first is None
    for member in members:
        named = find_contact_of({"customerProfile": {"team": [member]}}, mapping)
        if not is_replaced and named is not None:
            is_replaced = True
            continue
        if named is None or _email(named.party) != _email(contact.party):
            others.append(member)
    spelled = {name: text or None for name, text in contact.party.items()}
    return [to_party_document(spelled, mapping), *others]


def _email(party: Party) -> str:
    return (party.get("email") or "").casefold()

"""The people and the customer of a deal: accounts and contacts on the CRM's side, customerProfile on the other."""

import html
import unicodedata
from collections.abc import Mapping

from cosell.mapping.codes import NO_LOOKUPS, Lookups
from cosell.mapping.fields import lookup_column
from cosell.mapping.models import CopiedField, PartyMapping
from cosell.mapping.values import find_pointer, read_text, shorten

Party = Mapping[str, str | None]
"""Our field names to text, as `mappings/account.yaml` and `mappings/contact.yaml` name them."""

CUSTOMER_TEAM_POINTER = "/customerProfile/team"


def read_party_columns(
    columns: Mapping[str, object], mapping: PartyMapping, lookups: Lookups = NO_LOOKUPS
) -> dict[str, str | None]:
    """Return an account or contact of the CRM by our field names."""
    return {row.field: _read_column(columns, row, lookups) for row in mapping.fields}


def _read_column(columns: Mapping[str, object], row: CopiedField, lookups: Lookups) -> str | None:
    if row.lookup is None:
        return read_text(columns.get(row.dataverse))
    book = lookups.get(row.dataverse)
    return book.read_text(columns.get(lookup_column(row.dataverse))) if book else None


def party_select(mapping: PartyMapping) -> tuple[str, ...]:
    """Return the columns of a party which are read, as they are asked for."""
    return tuple(dict.fromkeys(lookup_column(row.dataverse) if row.lookup else row.dataverse for row in mapping.fields))


def read_party_document(document: Mapping[str, object], mapping: PartyMapping) -> dict[str, str | None]:
    """Return a customer of a referral, or one member of its team, by our field names."""
    return {row.field: read_text(find_pointer(document, row.partner_center)) for row in mapping.fields}


def to_party_columns(party: Party, mapping: PartyMapping, lookups: Lookups = NO_LOOKUPS) -> dict[str, object]:
    """Spell a party as the body which creates its CRM row; what is empty is left out, what is too long is cut.

    A lookup to a row that is not there is left out, too.
    """
    body: dict[str, object] = {}
    for row in mapping.fields:
        text = party.get(row.field) or row.default
        if not text:
            continue
        if row.lookup is None:
            body[row.dataverse] = shorten(text, row.length)
        elif (book := lookups.get(row.dataverse)) and (row_id := book.find_id(text)):
            body |= book.spell(row_id)
    return body


def to_party_document(party: Party, mapping: PartyMapping) -> dict[str, object]:
    """Spell a party as a piece of a referral; a pointer's last part is the key, parts before it are objects."""
    document: dict[str, object] = {}
    for row in mapping.fields:
        *parents, key = row.partner_center.removeprefix("/").split("/")
        here = document
        for parent in parents:
            inner = here.setdefault(parent, {})
            here = inner if isinstance(inner, dict) else here
        here[key] = party.get(row.field)
    return document


def read_first_contact(document: Mapping[str, object], mapping: PartyMapping) -> dict[str, str | None] | None:
    """Return the referral's first customer contact by our field names, None when it names nobody."""
    members = find_pointer(document, CUSTOMER_TEAM_POINTER)
    for member in members if isinstance(members, list) else []:
        if isinstance(member, Mapping):
            party = read_party_document(member, mapping)
            if party.get("last_name") or party.get("email"):
                return party
    return None


def normalise(text: str | None) -> str:
    """Return text for matching: no case, no accents, single spaces, no HTML entities (Partner Center sends `&amp;`)."""
    plain = unicodedata.normalize("NFKD", html.unescape(text or ""))
    return " ".join("".join(letter for letter in plain if not unicodedata.combining(letter)).casefold().split())


def is_same_party(left: Party, right: Party, *, fields: tuple[str, ...]) -> bool:
    """Tell whether two parties agree in all of `fields`, normalised.

    Empty fields agree with each other, but parties of which nothing is known are not the same.
    """
    pairs = [(normalise(left.get(name)), normalise(right.get(name))) for name in fields]
    return any(ours for ours, _ in pairs) and all(ours == theirs for ours, theirs in pairs)


def full_name(party: Party) -> str:
    """Return first and last name with one space."""
    return " ".join(part for part in (party.get("first_name"), party.get("last_name")) if part)

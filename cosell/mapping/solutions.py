"""A Microsoft solution between wire and snapshot: a member of the referral's list, a row with its catalogue row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from cosell.domain.solution import SolutionTerms
from cosell.mapping.codes import CURRENCY_SET
from cosell.mapping.models import Catalogue, SolutionsMapping
from cosell.mapping.values import find_pointer, read_decimal, read_text, shorten

IDENTIFIER_LENGTH = 100
TYPE_LENGTH = 100
NAME_LENGTH = 200
"""What the columns of the catalogue and of the rows take."""
CATEGORY = "category"
"""A member of this type is a word of the taxonomy for profiles, no solution of a catalogue (Microsoft: Referral
resources)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A solution of a deal, with its identifier in Partner Center (like `SOL-12345-ABC` or a GUID)."""

    identifier: str
    name: str | None = None
    type: str | None = None
    publisher: str | None = None
    terms: SolutionTerms = field(default_factory=SolutionTerms)


def read_terms(quantity: object, price: object) -> SolutionTerms:
    """Return quantity and price.

    Raises:
        ValueError: one of them is nothing that both sides can hold.
    """
    return SolutionTerms(quantity=read_decimal(quantity), price=read_decimal(price))


def find_member_id(member: Mapping[str, object]) -> str | None:
    """Return the identifier of a member of the referral's list; None when it is no solution of a catalogue.

    Types other than `Name` come with real solutions, too: `None` was seen, and no type at all.
    """
    if (read_text(find_pointer(member, "/type")) or "").lower() == CATEGORY:
        return None
    return read_text(find_pointer(member, "/id"))


def read_member(member: Mapping[str, object], *, currency: str | None) -> Solution:
    """Return a member of the referral's list, whose deal is in `currency`.

    Raises:
        ValueError: quantity or price cannot be held by both sides.
    """
    identifier = find_member_id(member) or ""
    if len(identifier) > IDENTIFIER_LENGTH:
        raise ValueError("its identifier is longer than the catalogue's column")
    terms = read_terms(find_pointer(member, "/quantity"), find_pointer(member, "/price"))
    own = read_text(find_pointer(member, "/currency"))
    if terms.price and own and currency and own.upper() != currency.upper():
        raise ValueError("its price is in another currency than the deal")
    return Solution(
        identifier=identifier,
        name=read_text(find_pointer(member, "/name")),
        type=read_text(find_pointer(member, "/solutionType")),
        publisher=read_text(find_pointer(member, "/publisherName")),
        terms=terms,
    )


def spell_member(solution: Solution, *, currency: str | None) -> dict[str, object]:
    """Spell a new member of the referral's list; a price travels with the deal's currency."""
    member: dict[str, object] = {
        "id": solution.identifier,
        "name": solution.name,
        "type": "Name",
        "publisherName": solution.publisher,
        "solutionType": solution.type,
    }
    return {**member, **{name: value for name, value in spell_terms(solution.terms, currency).items() if value}}


def spell_terms(terms: SolutionTerms, currency: str | None) -> dict[str, object]:
    """Spell quantity and price as members of the referral's list; nothing is null."""
    priced: dict[str, object] = {"currency": currency} if terms.price and currency else {}
    return {"quantity": _plain(terms.quantity), "price": terms.price, **priced}


def to_row_columns(terms: SolutionTerms, mapping: SolutionsMapping, *, currency_id: str | None) -> dict[str, object]:
    """Spell quantity and price as columns of a row; a price travels with the deal's currency."""
    body: dict[str, object] = {mapping.quantity: _plain(terms.quantity), mapping.price: terms.price}
    if terms.price and mapping.currency and currency_id:
        body[f"{mapping.currency}@odata.bind"] = f"/{CURRENCY_SET}({currency_id})"
    return body


def to_catalogue_columns(solution: Solution, catalogue: Catalogue) -> dict[str, object]:
    """Spell a new row of the catalogue, but for its key."""
    body: dict[str, object] = {catalogue.name: shorten(solution.name or solution.identifier, NAME_LENGTH)}
    if solution.type:
        body[catalogue.type] = shorten(solution.type, TYPE_LENGTH)
    if solution.publisher:
        body[catalogue.publisher] = shorten(solution.publisher, NAME_LENGTH)
    return body


def _plain(quantity: Decimal | None) -> int | None:
    return None if quantity is None else int(quantity)

"""What people type on either side, in both spellings, and how it is read back: written down here once more.

Nothing of the product says what is right here; the spellings are those which the mapping promises to people.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from tests.sync.stand import Document

DAY_ONE = date(2031, 1, 1)
SALES_STAGES = {0: "20", 1: "40", 2: "60", 3: "80"}
INTENTS = {273_100_000: "Yes", 273_100_001: "No", 273_100_002: "HaveNotDecided"}
VISIBILITY_POINTER = "/consent/consentToShareReferralWithMicrosoftSellers"
_MARK = re.compile(r"^[✔✖] ")


class Where(StrEnum):
    """A side, as people name it."""

    CRM = "CRM"
    PORTAL = "Partner Center"

    @property
    def other(self) -> "Where":
        """The side across."""
        return Where.PORTAL if self is Where.CRM else Where.CRM


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field which people edit: its place on both sides, and the number-th value as each side spells it."""

    column: str
    pointer: str
    in_crm: Callable[[int], object]
    in_portal: Callable[[int], object]
    from_crm: Callable[[object], str]
    from_portal: Callable[[object], str]
    is_required: bool = True
    """Whether Partner Center wants a value: emptied in the CRM, it stays there."""


def _text(words: str) -> Callable[[int], object]:
    return lambda number: f"{words} {number}"


def _plain(value: object) -> str:
    return "" if value is None else str(value)


def _amount(value: object) -> str:
    return "" if value is None else f"{float(str(value)):.2f}"


def _day(number: int) -> str:
    return (DAY_ONE + timedelta(days=number)).isoformat()


def _nth(table: dict[int, str], number: int) -> int:
    return sorted(table)[number % len(table)]


def _intent_of(value: object) -> str:
    said = [item.get("id") for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    return str(said[0]) if said else ""


FIELDS: dict[str, Field] = {
    "name": Field(
        column="name",
        pointer="/name",
        in_crm=_text("Deal"),
        in_portal=_text("Deal"),
        from_crm=lambda value: _MARK.sub("", _plain(value)),
        from_portal=_plain,
    ),
    "deal_value": Field(
        column="estimatedvalue",
        pointer="/details/dealValue",
        in_crm=lambda number: 1000 + number,
        in_portal=lambda number: 1000 + number,
        from_crm=_amount,
        from_portal=_amount,
    ),
    "closing_date": Field(
        column="estimatedclosedate",
        pointer="/details/closingDateTime",
        in_crm=_day,
        in_portal=lambda number: f"{_day(number)}T00:00:00Z",
        from_crm=lambda value: _plain(value)[:10],
        from_portal=lambda value: _plain(value)[:10],
    ),
    "notes": Field(
        column="description",
        pointer="/details/notes",
        in_crm=_text("Notes"),
        in_portal=_text("Notes"),
        from_crm=_plain,
        from_portal=_plain,
    ),
    "campaign": Field(
        column="cosell_campaignid",
        pointer="/campaignId",
        in_crm=_text("campaign"),
        in_portal=_text("campaign"),
        from_crm=_plain,
        from_portal=_plain,
        is_required=False,
    ),
    "sales_stage": Field(
        column="salesstage",
        pointer="/salesStage",
        in_crm=lambda number: _nth(SALES_STAGES, number),
        in_portal=lambda number: SALES_STAGES[_nth(SALES_STAGES, number)],
        from_crm=lambda value: SALES_STAGES.get(value, "") if isinstance(value, int) else "",
        from_portal=_plain,
        is_required=False,
    ),
    "purchase_intent": Field(
        column="cosell_purchaseintent",
        pointer="/details/requirements/additionalRequirements/attributes",
        in_crm=lambda number: _nth(INTENTS, number),
        in_portal=lambda number: [{"type": "CustomerMarketplaceIntent", "id": INTENTS[_nth(INTENTS, number)]}],
        from_crm=lambda value: INTENTS.get(value, "") if isinstance(value, int) else "",
        from_portal=_intent_of,
    ),
}


def read_side(name: str, where: Where, document: Document) -> str:
    """Return what a side says in a field, in words which are the same for both sides."""
    item = FIELDS[name]
    if where is Where.CRM:
        return item.from_crm(document.get(item.column))
    here: object = document
    for part in item.pointer[1:].split("/"):
        here = here.get(part) if isinstance(here, dict) else None
    return item.from_portal(here)

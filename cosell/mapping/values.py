"""Canonical values: what both services say in different spellings becomes one value that can be compared.

Each `read_` function takes what came over the wire and returns the canonical value; it raises ValueError for what no
page of either service allows, so that the field can be parked and the rest goes on.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from cosell.domain.money import Money
from cosell.domain.snapshot import Value
from cosell.mapping.models import Kind

CHECK_MARK = "✔"
CROSS_MARK = "✖"
_MARKS = (CHECK_MARK, CROSS_MARK, "✓", "✗")
ELLIPSIS = "…"


def read_text(raw: object) -> str | None:
    """Return text without the blanks around it; nothing, blanks and "" are all None."""
    return (str(raw).strip() or None) if raw is not None else None


def read_memo(raw: object) -> str | None:
    """Return text of several lines with plain line feeds; the two services differ in line ends."""
    text = read_text(raw)
    return text.replace("\r\n", "\n").replace("\r", "\n") if text else None


def read_date(raw: object) -> date | None:
    """Return the day of a date or of a moment in UTC (closing dates travel as midnight UTC)."""
    text = read_text(raw)
    return date.fromisoformat(text[:10]) if text else None


def read_decimal(raw: object) -> Decimal | None:
    """Return a number that may arrive as a number or as text."""
    text = read_text(raw)
    if text is None:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not number.is_finite():
        raise ValueError("not a number")
    return number


def read_money(amount: object, currency: object) -> Money | None:
    """Return a deal value, None when there is no amount; an amount without a currency is refused."""
    number, code = read_decimal(amount), read_text(currency)
    if number is None:
        return None
    if code is None:
        raise ValueError("an amount without a currency")
    return Money(amount=number, currency=code)


def read_value(kind: Kind, raw: object) -> Value:
    """Return the canonical value of any kind but money, which takes two."""
    match kind:
        case Kind.MEMO:
            return read_memo(raw)
        case Kind.DATE:
            return read_date(raw)
        case Kind.ID:
            text = read_text(raw)
            return text.lower() if text else None
        case _:
            return read_text(raw)


def shorten(text: str, length: int) -> str:
    """Return text that fits into `length` characters; what was cut is marked at the end."""
    return text if len(text) <= length else text[: length - 1].rstrip() + ELLIPSIS


def strip_mark(name: str | None) -> str | None:
    """Return an opportunity's name without the marks we put before it."""
    text = (name or "").lstrip()
    while text[:1] in _MARKS and text:
        text = text[1:].lstrip()
    return text or None


def find_pointer(document: Mapping[str, object], pointer: str) -> object:
    """Return what a JSON pointer leads to, None when nothing is there; keys are found in any case.

    Microsoft's pages print the referral's keys both in camelCase and in PascalCase.
    """
    here: object = document
    for part in pointer.removeprefix("/").split("/"):
        if isinstance(here, Mapping):
            here = here[part] if part in here else _find_key(here, part)
        elif isinstance(here, (list, tuple)) and part.isdigit() and int(part) < len(here):
            here = here[int(part)]
        else:
            return None
    return here


def _find_key(document: Mapping[str, object], part: str) -> object:
    return next((value for key, value in document.items() if key.lower() == part.lower()), None)

"""Canonical values: what both services say in different spellings becomes one value that can be compared.

Each `read_` function takes what came over the wire and returns the canonical value; it raises ValueError for what no
page of either service allows, so that the field can be parked and the rest goes on.
"""

import html
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from cosell.domain.money import Money
from cosell.domain.snapshot import Value
from cosell.mapping.models import Kind

CHECK_MARK = "✔"
CROSS_MARK = "✖"
_MARKS = (CHECK_MARK, CROSS_MARK, "✓", "✗")
TEST_MARK = "[TEST]"
"""Stands before the names of what test mode has created, on either side; it never travels."""
_VARIATION_SELECTORS = "\ufe0e\ufe0f"
"""May follow a mark that a person typed or pasted: they choose between text and emoji, and cannot be seen."""
ELLIPSIS = "…"
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})([T ].*)?", re.DOTALL)
_NOT_SET = date(1, 1, 1)
"""What a .NET service sends for a day that nobody has set."""
_FIRST_DATE = date(1753, 1, 1)
"""Microsoft: Behavior and format of the date and time column."""


def read_text(raw: object) -> str | None:
    """Return text without the blanks around it; nothing, blanks and "" are all None."""
    return (str(raw).strip() or None) if raw is not None else None


def read_flag(raw: object) -> bool:
    """Return yes or no; nothing is no, as both services mean it."""
    if isinstance(raw, bool):
        return raw
    text = (read_text(raw) or "false").casefold()
    if text not in {"true", "false"}:
        raise ValueError("neither yes nor no")
    return text == "true"


def read_memo(raw: object) -> str | None:
    """Return text of several lines with plain line feeds; the two services differ in line ends."""
    text = read_text(raw)
    return html.unescape(text).replace("\r\n", "\n").replace("\r", "\n").strip() or None if text else None


def read_date(raw: object) -> date | None:
    """Return the day of a date or of a moment in UTC (closing dates travel as midnight UTC)."""
    text = read_text(raw)
    if text is None:
        return None
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError("not a date")
    day = date.fromisoformat(found[1])
    if day == _NOT_SET:
        return None
    if day < _FIRST_DATE:
        raise ValueError("a date before 1753, which the CRM does not take")
    return day


def read_decimal(raw: object) -> Decimal | None:
    """Return a number that may arrive as a number or as text."""
    text = read_text(raw)
    if text is None:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not number.is_finite() or "_" in text:
        raise ValueError("not a number")
    return number


def read_money(amount: object, currency: object) -> Money | None:
    """Return a deal value, None when there is no amount; an amount without a currency is refused, but for nought."""
    number, code = read_decimal(amount), read_text(currency)
    if number is None or (code is None and number == 0):
        return None
    if code is None:
        raise ValueError("an amount without a currency")
    return Money(amount=number, currency=code)


def read_value(kind: Kind, raw: object) -> Value:
    """Return the canonical value of any kind but money, which takes two, and choice, which takes its codes."""
    if isinstance(raw, (Mapping, list)):
        raise ValueError("not a single value")  # noqa: TRY004  like all that cannot be read
    match kind:
        case Kind.MEMO:
            return read_memo(raw)
        case Kind.DATE:
            return read_date(raw)
        case Kind.ID:
            text = read_text(raw)
            return text.lower() if text else None
        case Kind.FLAG:
            return read_flag(raw)
        case _:
            # Partner Center sends `&amp;` where somebody typed `&`; unescaped on both sides, it never flaps.
            text = read_text(raw)
            return html.unescape(text).strip() or None if text else None


def shorten(text: str, length: int) -> str:
    """Return text that fits into `length` characters; what was cut is marked at the end."""
    return text if text_length(text) <= length else cut(text, length - 1).rstrip() + ELLIPSIS


def text_length(text: str) -> int:
    """Return how long the CRM finds a text: it counts in UTF-16, where an emoji is two (Microsoft: String.Length)."""
    return len(text) + sum(letter > "\uffff" for letter in text)


def cut(text: str, length: int) -> str:
    """Return as many of the first characters as the CRM counts within `length`."""
    used = 0
    for position, letter in enumerate(text):
        used += text_length(letter)
        if used > length:
            return text[:position]
    return text


def add_test_mark(name: Value) -> Value:
    """Return a name as it is created in test mode; one that is empty stays so."""
    return f"{TEST_MARK} {name}" if isinstance(name, str) and not has_test_mark(name) else name


def has_test_mark(name: object) -> bool:
    """Tell whether a name, as it stands on either side, says that it was created in test mode."""
    return isinstance(name, str) and (strip_mark(name) or "").startswith(TEST_MARK)


def keep_test_mark(name: Value, *, before: object) -> Value:
    """Return a new name with the mark which the present one carries."""
    return add_test_mark(name) if has_test_mark(before) else name


def strip_all_marks(name: str | None) -> str | None:
    """Return a name as both sides share it: without ✔, ✖ and the mark of test mode."""
    text = strip_mark(name)
    while text is not None and text.startswith(TEST_MARK):
        text = strip_mark(text.removeprefix(TEST_MARK))
    return text


def strip_mark(name: str | None) -> str | None:
    """Return an opportunity's name without the marks we put before it."""
    text = (name or "").lstrip()
    while text.startswith(_MARKS):
        text = text[1:].lstrip(_VARIATION_SELECTORS).lstrip()
    return text or None


def find_pointer(document: Mapping[str, object], pointer: str) -> object:
    """Return what a JSON pointer leads to, None when nothing is there; keys are found in any case.

    Microsoft's pages print the referral's keys both in camelCase and in PascalCase. A type in brackets at the end means
    the `id` of the list's member of that type.
    """
    here: object = document
    path, _, type_ = pointer.removesuffix("]").partition("[")
    for part in path.removeprefix("/").split("/"):
        if isinstance(here, Mapping):
            here = here[part] if part in here else _find_key(here, part)
        elif isinstance(here, (list, tuple)) and part.isdigit() and int(part) < len(here):
            here = here[int(part)]
        else:
            return None
    return _find_typed(here, type_) if type_ else here


def _find_typed(members: object, type_: str) -> object:
    for member in members if isinstance(members, list) else []:
        if isinstance(member, Mapping) and str(_find_key(member, "type")).lower() == type_.lower():
            return _find_key(member, "id")
    return None


def _find_key(document: Mapping[str, object], part: str) -> object:
    return next((value for key, value in document.items() if key.lower() == part.lower()), None)

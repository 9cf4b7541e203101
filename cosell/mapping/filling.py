"""Columns which the sync fills by itself: what stands in them, how it is written, and if it stands there. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from cosell.domain.snapshot import Value
from cosell.mapping.codes import Lookups
from cosell.mapping.expressions import TODAY, ExpressionFailed, evaluate
from cosell.mapping.fields import lookup_column
from cosell.mapping.models import FillKind, FillRow
from cosell.mapping.rows import read_filled
from cosell.mapping.scope import Scope
from cosell.mapping.values import read_date, read_decimal, read_flag, read_memo, read_text


@dataclass(frozen=True, slots=True, kw_only=True)
class FillCodes:
    """What the CRM's numbers and ids in filled columns mean, by column."""

    options: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    lookups: Lookups = field(default_factory=dict)


NO_CODES = FillCodes()


@dataclass(slots=True, kw_only=True)
class Filling:
    """Values by column, the body which writes them, and what could not be filled: column to plain reason."""

    values: dict[str, Value] = field(default_factory=dict)
    body: dict[str, object] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def fill(
    rows: Iterable[FillRow], scope: Scope, *, codes: FillCodes = NO_CODES, present: Mapping[str, object] | None = None
) -> Filling:
    """Return what is to be written into the columns of these rows.

    `present` is the row as it was read: what says the same already is left out. An expression that comes to nothing
    writes nothing, so no column is ever emptied.
    """
    filling = Filling()
    for row in rows:
        try:
            value = compute(row, scope)
            if value is None or (present is not None and _says(row, present, codes) == _canonical(row, value, codes)):
                continue
            filling.body |= _spell(row, value, codes)
        except ValueError as error:
            filling.problems[row.dataverse] = str(error)
            continue
        filling.values[row.dataverse] = value
    return filling


def compute(row: FillRow, scope: Scope) -> Value:
    """Return what stands in a column, in canonical values.

    Raises:
        ValueError: its expression cannot be computed, or comes to another kind than the column's.
    """
    today = scope[TODAY]
    if not isinstance(today, date):
        raise ExpressionFailed("nobody says what day it is")
    raw = row.value if row.expression is None else evaluate(row.expression, scope)
    return read_filled(row.kind, raw, today=date(today.year, today.month, today.day))


def is_empty_in(row: FillRow, present: Mapping[str, object]) -> bool:
    """Tell whether nothing stands in a column of a row that was read."""
    return present.get(lookup_column(row.dataverse) if row.lookup else row.dataverse) in {None, ""}


def _spell(row: FillRow, value: Value, codes: FillCodes) -> dict[str, object]:
    if row.kind is FillKind.LOOKUP:
        return codes.lookups[row.dataverse].spell(str(_canonical(row, value, codes)))
    if row.kind is FillKind.CHOICE:
        return {row.dataverse: _canonical(row, value, codes)}
    return {row.dataverse: value.isoformat() if isinstance(value, date) else value}


def _canonical(row: FillRow, value: Value, codes: FillCodes) -> object:
    """Return a value as it is compared: options by number, lookups by id."""
    if row.kind is FillKind.CHOICE:
        options = {label.strip().casefold(): number for label, number in codes.options.get(row.dataverse, {}).items()}
        number = options.get(str(value).strip().casefold())
        if number is None:
            raise ValueError("the CRM's choice has no such option")
        return number
    if row.kind is FillKind.LOOKUP:
        book = codes.lookups.get(row.dataverse)
        row_id = book.find_id(str(value)) if book else None
        if row_id is None:
            raise ValueError("the lookup leads to no such row")
        return row_id
    return _read(row.kind, value.isoformat() if isinstance(value, date) else value)


def _says(row: FillRow, present: Mapping[str, object], codes: FillCodes) -> object:
    """Return what stands in a column, as it is compared."""
    del codes
    if row.kind is FillKind.LOOKUP:
        return str(present.get(lookup_column(row.dataverse)) or "").lower()
    raw = present.get(row.dataverse)
    if row.kind is FillKind.CHOICE:
        return raw
    try:
        return _read(row.kind, raw)
    except ValueError:
        return None


def _read(kind: FillKind, raw: object) -> object:
    match kind:
        case FillKind.NUMBER | FillKind.MONEY:
            return read_decimal(raw)
        case FillKind.FLAG:
            return read_flag(raw)
        case FillKind.DATE:
            return read_date(raw)
        case FillKind.MEMO:
            return read_memo(raw)
        case _:
            return read_text(raw)

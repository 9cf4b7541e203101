"""Between the wire and the snapshot: reads the shared fields of either side, and spells changes for either side."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from cosell.domain.ids import Side
from cosell.domain.money import Money
from cosell.domain.snapshot import Value, is_empty
from cosell.domain.stages import OpportunityStage
from cosell.mapping.codes import CURRENCY_SET, Codes
from cosell.mapping.models import (
    HELP,
    REFERRAL_LINK,
    STATES,
    CurrencyKind,
    DealMapping,
    FieldRow,
    Kind,
    LeadMapping,
    OpportunityMapping,
)
from cosell.mapping.rows import read_default
from cosell.mapping.values import find_pointer, keep_test_mark, read_money, read_value, shorten, strip_all_marks

CURRENCY_POINTER = "/details/currency"
ORIGIN = "originatingleadid"
"""The lead from which an opportunity was made (Microsoft: Opportunity table)."""
CREATOR = "createdby"
"""Who made a row (Microsoft: Opportunity table)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read from one side: the fields, and those that could not be understood (field to plain reason).

    `whole` holds texts which are longer than the CRM's column and stand in the snapshot as they are cut.
    """

    snapshot: dict[str, Value] = field(default_factory=dict)
    whole: dict[str, Value] = field(default_factory=dict)
    parked: dict[str, str] = field(default_factory=dict)


def read_referral(document: Mapping[str, object], mapping: DealMapping, *, codes: Codes, link_template: str) -> Reading:
    """Return the shared fields of a referral, in canonical values; what stands in another copy is left out."""
    reading = Reading()
    for row in mapping.fields:
        if row.partner_center == HELP or (row.kind is Kind.CHOICE and row.dataverse not in codes.choices):
            continue
        try:
            value = _read_referral_field(document, row, codes, link_template)
        except ValueError as error:
            reading.parked[row.field] = f"the referral's value is not understood: {error}"
            continue
        missing = _find_missing_code(value, row, mapping, codes)
        if missing:
            reading.parked[row.field] = missing
            continue
        if row.dataverse == mapping.columns.name and isinstance(value, str):
            value = strip_all_marks(value)
        if row.length and isinstance(value, str) and (fitting := shorten(value, row.length)) != value:
            reading.whole[row.field] = value
            value = fitting
        reading.snapshot[row.field] = value
    return reading


def _read_referral_field(document: Mapping[str, object], row: FieldRow, codes: Codes, link_template: str) -> Value:
    if row.partner_center == REFERRAL_LINK:
        referral_id = read_value(Kind.ID, find_pointer(document, "/id"))
        return link_template.replace("{id}", referral_id) if isinstance(referral_id, str) else None
    raw = find_pointer(document, row.partner_center)
    if row.kind is Kind.MONEY:
        return read_money(raw, find_pointer(document, CURRENCY_POINTER))
    if row.kind is Kind.CHOICE:
        return codes.choices[row.dataverse].read_code(raw)
    return _read_code(read_value(row.kind, raw), row)


def _read_code(value: Value, row: FieldRow) -> Value:
    """Return Partner Center's text in the one spelling which is written; a text which `values` lacks is its own."""
    if row.values is None or not isinstance(value, str):
        return value
    wanted = value.casefold()
    return next((codes[0] for codes in row.values.values() if wanted in {code.casefold() for code in codes}), value)


def _read_label(value: Value, row: FieldRow) -> Value:
    """Return the CRM's text as Partner Center spells it; a text which `values` lacks travels as it is."""
    if row.values is None or not isinstance(value, str):
        return value
    wanted = value.casefold()
    code = next((codes[0] for label, codes in row.values.items() if label.strip().casefold() == wanted), None)
    return _read_code(value, row) if code is None else code


def to_label(value: str, row: FieldRow) -> str:
    """Return Partner Center's text as the CRM spells it: the first label whose code it is."""
    labels = (label for label, codes in (row.values or {}).items() if codes[0] == value)
    return next(labels, value)


def _find_missing_code(value: Value, row: FieldRow, mapping: DealMapping, codes: Codes) -> str:
    """Say which code of a referral the CRM has nothing for; empty when all is there."""
    if isinstance(value, Money) and codes.find_currency(mapping.currency_kind, value.currency) is None:
        return f"the CRM has no currency {value.currency}"
    if row.kind is Kind.CHOICE and isinstance(value, str) and codes.choices[row.dataverse].find_number(value) is None:
        return f"the CRM's choice has no option for {value}"
    return ""


def read_opportunity(columns: Mapping[str, object], mapping: DealMapping, *, codes: Codes) -> Reading:
    """Return the shared fields of an opportunity, in canonical values; columns that were not read are left out."""
    reading = Reading()
    for row in mapping.fields:
        if row.dataverse not in columns or (row.kind is Kind.MONEY and currency_column(mapping) not in columns):
            continue
        if row.kind is Kind.CHOICE and row.dataverse not in codes.choices:
            continue
        try:
            value = _read_column(columns, row, mapping, codes)
        except ValueError as error:
            reading.parked[row.field] = f"the {mapping.table}'s value is not understood: {error}"
            continue
        reading.snapshot[row.field] = (
            strip_all_marks(str(value)) if row.dataverse == mapping.columns.name and value else value
        )
    return reading


def _read_column(columns: Mapping[str, object], row: FieldRow, mapping: DealMapping, codes: Codes) -> Value:
    raw = columns[row.dataverse]
    if row.kind is Kind.MONEY:
        if row.when_won and columns.get(mapping.columns.state) == STATES[OpportunityStage.WON]:
            raw = columns.get(row.when_won) or raw
        return read_money(raw, codes.read_currency(mapping.currency_kind, columns[currency_column(mapping)]))
    if row.kind is Kind.CHOICE:
        return codes.choices[row.dataverse].read_number(raw)
    return _read_label(read_value(row.kind, raw), row)


def currency_column(mapping: DealMapping) -> str:
    """Return how the column is read which holds the currency."""
    name = mapping.columns.currency
    return lookup_column(name) if mapping.currency_kind is CurrencyKind.LOOKUP else name


def lookup_column(column: str) -> str:
    """Return how a lookup column is read (Microsoft: Lookup properties)."""
    return f"_{column}_value"


def select_columns(mapping: OpportunityMapping) -> tuple[str, ...]:
    """Return the columns of an opportunity which the sync reads, each once."""
    own = mapping.columns
    plain = [row.dataverse for row in mapping.fields]
    plain += [row.when_won for row in mapping.fields if row.when_won]
    plain += [own.sync_switch, own.audit, own.state, own.status_reason, currency_column(mapping)]
    plain += [lookup_column(row.dataverse) if row.lookup else row.dataverse for row in mapping.fill]
    lookups = [lookup_column(name) for name in (own.account, own.contact, own.customer, own.owner, ORIGIN, CREATOR)]
    return tuple(dict.fromkeys([mapping.id, own.name, *plain, *lookups, "createdon"]))


def select_lead_columns(mapping: LeadMapping) -> tuple[str, ...]:
    """Return the columns of a lead which the sync reads, each once."""
    own = mapping.columns
    plain = [row.dataverse for row in mapping.fields]
    plain += [own.sync_switch, own.referral_id, own.audit, own.state, own.status_reason]
    lookups = [lookup_column(name) for name in (own.currency, own.opportunity)]
    return tuple(dict.fromkeys([mapping.id, own.name, *plain, *lookups]))


def to_columns(changes: Mapping[str, Value], mapping: DealMapping, *, codes: Codes) -> dict[str, object]:
    """Spell changed fields as the body of a Dataverse write. A currency travels with its amount."""
    body: dict[str, object] = {}
    for row in mapping.fields:
        if row.field not in changes:
            continue
        value = changes[row.field]
        if isinstance(value, Money):
            body[row.dataverse] = value.amount
            body |= _spell_currency(value.currency, mapping, codes)
        elif isinstance(value, str) and row.kind is Kind.CHOICE:
            body[row.dataverse] = codes.choices[row.dataverse].find_number(value)
        elif isinstance(value, str) and (row.length or row.values):
            text = to_label(value, row)
            body[row.dataverse] = shorten(text, row.length) if row.length else text
        else:
            body[row.dataverse] = value.isoformat() if isinstance(value, date) else value
    return body


def _spell_currency(code: str, mapping: DealMapping, codes: Codes) -> dict[str, object]:
    name, held = mapping.columns.currency, codes.find_currency(mapping.currency_kind, code)
    if mapping.currency_kind is CurrencyKind.LOOKUP:
        return {f"{name}@odata.bind": f"/{CURRENCY_SET}({held})"}
    return {name: held}


def to_json_patch(
    changes: Mapping[str, Value], mapping: DealMapping, document: Mapping[str, object]
) -> list[dict[str, object]]:
    """Spell changed fields as the JSON Patch of a referral (only `replace`: Microsoft, Update a referral).

    `document` is the referral as it was read: a member of a list is written with all its neighbours. What stands in
    Microsoft's copy is no part of it.
    """
    operations: list[dict[str, object]] = []
    lists: dict[str, list[object]] = {}
    for row in mapping.fields:
        if row.field not in changes or row.partner_center == HELP:
            continue
        value = changes[row.field]
        path, _, type_ = row.partner_center.removesuffix("]").partition("[")
        if type_:
            lists[path] = _put_typed(lists.get(path, find_pointer(document, path)), type_, value)
        elif isinstance(value, Money):
            operations += [_replace(path, value.amount), _replace(CURRENCY_POINTER, value.currency)]
        else:
            if row.dataverse == mapping.columns.name:
                value = keep_test_mark(value, before=find_pointer(document, path))
            operations.append(_replace(path, to_wire(value)))
    return operations + [_replace(path, members) for path, members in lists.items()]


def _put_typed(members: object, type_: str, value: Value) -> list[object]:
    """Return a list's members with the one of a type replaced, or taken out when the value is empty."""
    others = [
        member
        for member in (members if isinstance(members, list) else [])
        if not (isinstance(member, Mapping) and str(member.get("type")).lower() == type_.lower())
    ]
    return [*others, {"type": type_, "id": to_wire(value)}] if value is not None else others


def to_wire(value: Value) -> object:
    """Spell a canonical value as Partner Center does: dates are midnight UTC."""
    return f"{value.isoformat()}T00:00:00Z" if isinstance(value, date) else value


def _replace(pointer: str, value: object) -> dict[str, object]:
    return {"op": "replace", "path": pointer, "value": value}


def fill_defaults(
    snapshot: Mapping[str, Value], rows: Iterable[FieldRow], side: Side, *, today: date
) -> dict[str, Value]:
    """Return what is written on `side` when its record is made: what the other side says, else the defaults."""
    filled = dict(snapshot)
    for row in rows:
        if row.default is not None and row.direction.allows(side) and is_empty(snapshot.get(row.field)):
            filled[row.field] = read_default(row.kind, row.default, today=today)
    return filled

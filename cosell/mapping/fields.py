"""Between the wire and the snapshot: reads the shared fields of either side, and spells changes for either side."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from cosell.domain.money import Money
from cosell.domain.snapshot import Value
from cosell.mapping.models import FieldRow, Kind, OpportunityMapping
from cosell.mapping.values import find_pointer, read_money, read_value, shorten, strip_mark

CURRENCY_POINTER = "/details/currency"
CURRENCY_SET = "transactioncurrencies"


@dataclass(frozen=True, slots=True)
class Currencies:
    """The CRM's currencies: row id to ISO 4217 code, and back."""

    codes: Mapping[str, str]

    def find_id(self, code: str) -> str | None:
        """Return the row id of a currency, None when the CRM has none of that code."""
        return next((row_id for row_id, known in self.codes.items() if known == code), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read from one side: the fields, and those that could not be understood (field to plain reason).

    `whole` holds texts which are longer than the CRM's column and stand in the snapshot as they are cut.
    """

    snapshot: dict[str, Value] = field(default_factory=dict)
    whole: dict[str, Value] = field(default_factory=dict)
    parked: dict[str, str] = field(default_factory=dict)


def read_referral(
    document: Mapping[str, object], mapping: OpportunityMapping, *, currencies: Currencies, link_template: str
) -> Reading:
    """Return the shared fields of a referral, in canonical values."""
    reading = Reading()
    for row in mapping.fields:
        try:
            value = _read_referral_field(document, row, link_template)
        except ValueError as error:
            reading.parked[row.field] = f"the referral's value is not understood: {error}"
            continue
        if isinstance(value, Money) and currencies.find_id(value.currency) is None:
            reading.parked[row.field] = f"the CRM has no currency {value.currency}"
            continue
        if row.dataverse == mapping.columns.name and isinstance(value, str):
            value = strip_mark(value)
        if row.length and isinstance(value, str) and (fitting := shorten(value, row.length)) != value:
            reading.whole[row.field] = value
            value = fitting
        reading.snapshot[row.field] = value
    return reading


def _read_referral_field(document: Mapping[str, object], row: FieldRow, link_template: str) -> Value:
    if row.partner_center == "$referral_link":
        referral_id = read_value(Kind.ID, find_pointer(document, "/id"))
        return link_template.replace("{id}", referral_id) if isinstance(referral_id, str) else None
    raw = find_pointer(document, row.partner_center)
    if row.kind is Kind.MONEY:
        return read_money(raw, find_pointer(document, CURRENCY_POINTER))
    return read_value(row.kind, raw)


def read_opportunity(columns: Mapping[str, object], mapping: OpportunityMapping, *, currencies: Currencies) -> Reading:
    """Return the shared fields of an opportunity, in canonical values; columns that were not read are left out."""
    reading = Reading()
    currency_column = lookup_column(mapping.columns.currency)
    currency_id = str(columns.get(currency_column) or "")
    for row in mapping.fields:
        if row.dataverse not in columns or (row.kind is Kind.MONEY and currency_column not in columns):
            continue
        raw = columns[row.dataverse]
        try:
            if row.kind is Kind.MONEY:
                value: Value = read_money(raw, currencies.codes.get(currency_id))
            else:
                value = read_value(row.kind, raw)
        except ValueError as error:
            reading.parked[row.field] = f"the opportunity's value is not understood: {error}"
            continue
        reading.snapshot[row.field] = (
            strip_mark(str(value)) if row.dataverse == mapping.columns.name and value else value
        )
    return reading


def lookup_column(column: str) -> str:
    """Return how a lookup column is read (Microsoft: Lookup properties)."""
    return f"_{column}_value"


def select_columns(mapping: OpportunityMapping) -> tuple[str, ...]:
    """Return the columns of an opportunity which the sync reads, each once."""
    own = mapping.columns
    plain = [row.dataverse for row in mapping.fields]
    plain += [own.sync_switch, own.audit, own.help, own.visible, own.purchase_intent, own.state, own.status_reason]
    lookups = [lookup_column(name) for name in (own.account, own.contact, own.customer, own.currency, own.owner)]
    return tuple(dict.fromkeys([mapping.id, own.name, *plain, *lookups, "createdon"]))


def to_columns(
    changes: Mapping[str, Value], mapping: OpportunityMapping, *, currencies: Currencies
) -> dict[str, object]:
    """Spell changed fields as the body of a Dataverse write. A currency travels with its amount."""
    body: dict[str, object] = {}
    for row in mapping.fields:
        if row.field not in changes:
            continue
        value = changes[row.field]
        if isinstance(value, Money):
            body[row.dataverse] = value.amount
            body[f"{mapping.columns.currency}@odata.bind"] = f"/{CURRENCY_SET}({currencies.find_id(value.currency)})"
        elif isinstance(value, str) and row.length:
            body[row.dataverse] = shorten(value, row.length)
        else:
            body[row.dataverse] = value.isoformat() if isinstance(value, date) else value
    return body


def to_json_patch(changes: Mapping[str, Value], mapping: OpportunityMapping) -> list[dict[str, object]]:
    """Spell changed fields as the JSON Patch of a referral (only `replace`: Microsoft, Update a referral)."""
    operations: list[dict[str, object]] = []
    for row in mapping.fields:
        if row.field not in changes:
            continue
        value = changes[row.field]
        if isinstance(value, Money):
            operations += [_replace(row.partner_center, value.amount), _replace(CURRENCY_POINTER, value.currency)]
        else:
            operations.append(_replace(row.partner_center, to_wire(value)))
    return operations


def to_wire(value: Value) -> object:
    """Spell a canonical value as Partner Center does: dates are midnight UTC."""
    return f"{value.isoformat()}T00:00:00Z" if isinstance(value, date) else value


def _replace(pointer: str, value: object) -> dict[str, object]:
    return {"op": "replace", "path": pointer, "value": value}

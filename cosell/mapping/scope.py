"""What expressions of the mapping may speak of: the values of a record by our names, in plain kinds. Pure."""

from collections.abc import Mapping
from datetime import date

from cosell.domain.money import Money
from cosell.domain.snapshot import Snapshot, Value
from cosell.mapping.expressions import OF_PARTNER_CENTER, TODAY, Day, ExpressionFailed, evaluate
from cosell.mapping.models import FieldRow, Mappings
from cosell.mapping.parties import read_first_contact, read_party_document
from cosell.mapping.values import find_pointer, read_text

Scope = Mapping[str, object]


def make_scope(
    mappings: Mappings,
    *,
    today: date,
    document: Mapping[str, object] | None = None,
    referral: Snapshot | None = None,
    opportunity: Snapshot | None = None,
) -> Scope:
    """Return what an expression sees of one record; a side which is not there yet says nothing at all."""
    document = document or {}
    own = {name: read_text(find_pointer(document, pointer)) for name, pointer in OF_PARTNER_CENTER.items()}
    return {
        "referral": {**_plain(referral or {}), **own},
        "opportunity": _plain(opportunity or {}),
        "customer": dict(read_party_document(document, mappings.account)),
        "contact": dict(read_first_contact(document, mappings.contact) or {}),
        TODAY: Day.of(today),
    }


def _plain(snapshot: Snapshot) -> dict[str, object]:
    plain = {name: _to_plain(value) for name, value in snapshot.items()}
    money = (value for value in snapshot.values() if isinstance(value, Money))
    return {**plain, "currency": next((value.currency for value in money), None)}


def _to_plain(value: Value) -> object:
    match value:
        case Money():
            return value.amount
        case date():
            return Day.of(value)
    return value


def travels(row: FieldRow, scope: Scope) -> bool:
    """Tell whether a field's condition lets it travel; one that cannot be computed does not."""
    if row.condition is None:
        return True
    try:
        return bool(evaluate(row.condition, scope))
    except ExpressionFailed:
        return False


def leave_out(snapshot: Snapshot, rows: tuple[FieldRow, ...], scope: Scope) -> dict[str, Value]:
    """Return a snapshot without the fields whose condition does not hold."""
    left_out = {row.field for row in rows if not travels(row, scope)}
    return {name: value for name, value in snapshot.items() if name not in left_out}

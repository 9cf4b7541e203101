"""Tries the expressions of a mapping on made-up records, so that a wrong one is found before a deal meets it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from cosell.domain.money import Money
from cosell.domain.snapshot import Snapshot, Value
from cosell.mapping.expressions import OF_PARTNER_CENTER, evaluate
from cosell.mapping.filling import compute
from cosell.mapping.models import FillRow, Kind, Mappings
from cosell.mapping.scope import Scope, make_scope

SOME_DAY = date(2030, 1, 15)
SAMPLES: dict[Kind, Value] = {
    Kind.TEXT: "Some text",
    Kind.MEMO: "Some text",
    Kind.MONEY: Money(amount=Decimal(1000), currency="EUR"),
    Kind.DATE: SOME_DAY,
    Kind.ID: "11111111-2222-4333-8444-555555555555",
    Kind.CHOICE: "Some",
    Kind.FLAG: True,
}
"""A value of each kind, as an expression sees it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An expression which fails: always, or only where the record says nothing."""

    table: str
    row: str
    problem: str
    is_certain: bool


def try_expressions(mappings: Mappings) -> Iterator[Trouble]:
    """Yield the expressions which fail on a record that says everything, and on one that says nothing."""
    full, empty = _full(mappings), make_scope(mappings, today=SOME_DAY)
    for deal in (mappings.opportunity, mappings.lead):
        for row in deal.fields:
            if row.condition is not None:
                yield from _try(deal.table, row.field, row.condition, full, empty)
    for table in (mappings.opportunity, mappings.lead, mappings.account, mappings.contact):
        for item in table.fill:
            if item.expression is not None:
                yield from _try(table.table, item.dataverse, item, full, empty)


def _try(table: str, name: str, item: str | FillRow, full: Scope, empty: Scope) -> Iterator[Trouble]:
    for scope, is_certain in ((full, True), (empty, False)):
        try:
            if isinstance(item, str):
                evaluate(item, scope)
            else:
                compute(item, scope)
        except ValueError as error:
            when = "" if is_certain else "where the record says nothing, "
            yield Trouble(table=table, row=name, problem=f"{when}{error}", is_certain=is_certain)
            return


def _full(mappings: Mappings) -> Scope:
    """Return a record of which every name says something."""
    rows = (*mappings.lead.fields, *mappings.opportunity.fields)
    said: Snapshot = {row.field: SAMPLES[row.kind] for row in rows}
    scope = make_scope(mappings, today=SOME_DAY, referral=said, opportunity=said)
    return {
        **scope,
        "referral": {**_as_dict(scope["referral"]), **dict.fromkeys(OF_PARTNER_CENTER, "Some")},
        "customer": {row.field: "Some text" for row in mappings.account.fields},
        "contact": {row.field: "Some text" for row in mappings.contact.fields},
    }


def _as_dict(record: object) -> dict[str, object]:
    return dict(record) if isinstance(record, dict) else {}

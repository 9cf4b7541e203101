"""Hold the mapping against the CRM as it is: the one rule behind the activation of flow 3 and `cosell crm check`. Pure.

A mapping may name anybody's columns, ours or those of another connector; what counts is that the column is there, is of
a type which can hold the field, is long enough, and can be written where the sync writes it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cosell.dataverse import Table
from cosell.dataverse.fit import Fault, find_faults
from cosell.dataverse.schema import AlternateKey, Column
from cosell.domain.ids import Side
from cosell.mapping.models import (
    Choices,
    CopiedField,
    DealMapping,
    FieldRow,
    FillKind,
    FillRow,
    Kind,
    Mappings,
    PartyMapping,
    SolutionsMapping,
    StatusRow,
)
from cosell.mapping.statuses import StatusBook
from cosell.mapping.values import text_length

TEXT = frozenset({"StringType", "MemoType"})
TYPES: dict[Kind, frozenset[str]] = {
    Kind.TEXT: TEXT,
    Kind.MEMO: TEXT,
    Kind.MONEY: frozenset({"MoneyType"}),
    Kind.DATE: frozenset({"DateTimeType"}),
    Kind.ID: frozenset({"StringType", "UniqueidentifierType"}),
    Kind.CHOICE: frozenset({"PicklistType"}),
    Kind.FLAG: frozenset({"BooleanType"}),
}
"""Which types of column can hold a kind of field (Microsoft: Column definitions)."""
NUMBER = frozenset({"IntegerType", "DecimalType", "DoubleType", "MoneyType"})
LOOKUP = frozenset({"LookupType"})
FILL_TYPES: dict[FillKind, frozenset[str]] = {
    FillKind.TEXT: TEXT,
    FillKind.MEMO: TEXT,
    FillKind.NUMBER: frozenset({"IntegerType", "DecimalType", "DoubleType", "BigIntType"}),
    FillKind.MONEY: frozenset({"MoneyType"}),
    FillKind.FLAG: frozenset({"BooleanType"}),
    FillKind.DATE: frozenset({"DateTimeType"}),
    FillKind.CHOICE: frozenset({"PicklistType"}),
    FillKind.LOOKUP: LOOKUP,
}
"""Which types of column can hold what the sync fills in by itself."""
ANY: frozenset[str] = frozenset()
KEPT_COLUMNS: dict[str, frozenset[str]] = {
    "name": frozenset({"StringType"}),
    "sync_switch": frozenset({"BooleanType"}),
    "referral_id": frozenset({"StringType"}),
    "audit": TEXT,
    "currency": frozenset({"LookupType", "StringType", "PicklistType"}),
}
"""The types of the columns which the sync itself keeps; it writes all of them."""


FILLED_BY_THE_CRM = frozenset(
    {"UniqueidentifierType", "OwnerType", "StateType", "StatusType", "BooleanType", "EntityNameType", "VirtualType"}
)
"""Types of columns which get a value by themselves when a row is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """One thing that does not fit, as part of a sentence; names only."""

    fault: Fault
    table: str
    column: str = ""
    problem: str

    def __str__(self) -> str:
        """Say what does not fit."""
        place = f"column {self.table}.{self.column}" if self.column else f"table {self.table}"
        return f"{place} {self.problem}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedColumn:
    """What the sync needs of a column; no `types` means any, `options` are the labels which it has to have."""

    name: str
    types: frozenset[str] = ANY
    length: int | None = None
    is_written: bool = False
    options: tuple[str, ...] = ()


def mapped_columns(mappings: Mappings) -> dict[str, tuple[MappedColumn, ...]]:
    """Return the columns which the mappings name, by table; the variables have to be filled in."""
    solutions, lead = mappings.solutions, mappings.lead
    return {
        mappings.opportunity.table: (
            *_of_deal(mappings.opportunity, mappings.choices),
            *_of_fill(mappings.opportunity.fill),
        ),
        lead.table: (
            *_of_deal(lead, mappings.choices),
            *_of_party(lead.as_party(lead.customer)),
            *_of_party(lead.as_party(lead.contact)),
            *_of_fill(lead.fill),
        ),
        mappings.account.table: tuple(_of_party(mappings.account)),
        mappings.contact.table: tuple(_of_party(mappings.contact)),
        solutions.table: _of_solutions(solutions),
        solutions.catalogue.table: (
            MappedColumn(name=solutions.catalogue.name, types=TEXT, is_written=True),
            MappedColumn(name=solutions.catalogue.identifier, types=frozenset({"StringType"}), is_written=True),
            MappedColumn(name=solutions.catalogue.type, types=TEXT, is_written=True),
            MappedColumn(name=solutions.catalogue.publisher, types=TEXT, is_written=True),
        ),
    }


def mapped_keys(mappings: Mappings) -> dict[str, str]:
    """Return the columns which have to be alternate keys, by table."""
    catalogue = mappings.solutions.catalogue
    deals = {mapping.table: mapping.columns.referral_id for mapping in (mappings.opportunity, mappings.lead)}
    return {**deals, catalogue.table: catalogue.identifier}


def find_misfits(name: str, table: Table | None, columns: tuple[MappedColumn, ...]) -> list[Misfit]:
    """Return all that does not fit in one table; None when there is no such table."""
    if table is None:
        return [Misfit(fault=Fault.NO_TABLE, table=name, problem="is missing")]
    return [misfit for column in columns for misfit in _iter_misfits(name, column, table.columns.get(column.name))]


def find_status_misfits(table: Table, rows: tuple[StatusRow, ...]) -> list[Misfit]:
    """Return the status reasons which statuses.yaml names and the CRM does not have."""
    book = StatusBook(rows=rows, known=table.status_reasons)
    there = {(item.state, item.value) for item in table.status_reasons}
    missing = [row for row in rows if (row.state, book.find_number(row)) not in there]
    problem = "has no status reason {} in state {}, which statuses.yaml names for {}"
    return [
        Misfit(fault=Fault.NO_OPTION, table=table.name, problem=problem.format(row.name, row.state, row.stage))
        for row in missing
    ]


def find_targets(mappings: Mappings, tables: Mapping[str, Table | None]) -> list[str]:
    """Return the tables to which lookups lead whose rows are read."""
    pairs = [(tables.get(name), column) for name, column, _ in looked_up_columns(mappings)]
    led_to = (lookup.target for table, column in pairs if table is not None for lookup in table.find_lookups(column))
    return list(dict.fromkeys(led_to))


def find_lookup_misfits(
    mappings: Mappings, tables: Mapping[str, Table | None], targets: Mapping[str, Table | None]
) -> list[Misfit]:
    """Return the lookups whose rows are to be read, but which lead to no single table, or to one without the column."""
    misfits: list[Misfit] = []
    for name, column, key in looked_up_columns(mappings):
        table = tables.get(name)
        if table is None or column not in table.columns:
            continue  # That is told of the column itself.
        led_to = [lookup.target for lookup in table.find_lookups(column)]
        if len(led_to) == 1:
            misfits += find_misfits(led_to[0], targets.get(led_to[0]), (MappedColumn(name=key, types=TEXT),))
        else:
            problem = f"leads to {', '.join(led_to) or 'no table'}; wanted is a lookup to one table"
            misfits.append(Misfit(fault=Fault.TYPE, table=name, column=column, problem=problem))
    return misfits


def find_key(table: Table, column: str) -> AlternateKey | None:
    """Return the alternate key over just this column, None when it is none."""
    return next((key for key in table.keys if key.columns == (column,)), None)


def filled_columns(mappings: Mappings) -> dict[str, frozenset[str]]:
    """Return the columns which get a value when the sync makes a row, by table."""
    own = mappings.opportunity.columns
    filled = {
        name: {column.name for column in columns if column.is_written}
        for name, columns in mapped_columns(mappings).items()
    }
    filled[mappings.opportunity.table] |= {own.account, own.contact, own.customer, own.status_reason}
    filled[mappings.contact.table].add("parentcustomerid")
    return {name: frozenset(columns) for name, columns in filled.items()}


def find_unfilled(table: Table, filled: frozenset[str]) -> list[Column]:
    """Return the columns in which the CRM wants a value, but which nothing fills when a row is made."""
    return [
        column
        for column in table.columns.values()
        if column.required != "None"
        and column.is_for_create
        and column.kind not in FILLED_BY_THE_CRM
        and not (column.required == "SystemRequired" and column.kind == "PicklistType")
        and column.name not in filled
    ]


def _iter_misfits(table: str, wanted: MappedColumn, found: Column | None) -> Iterator[Misfit]:
    if found is None:
        yield Misfit(fault=Fault.NO_COLUMN, table=table, column=wanted.name, problem="is missing")
        return
    for fault, problem in find_faults(
        found, types=wanted.types, length=wanted.length, is_written=wanted.is_written, options=wanted.options
    ):
        yield Misfit(fault=fault, table=table, column=wanted.name, problem=problem)


def _of_deal(mapping: DealMapping, choices: Choices) -> Iterator[MappedColumn]:
    rows = {row.dataverse: _of_field(row, choices) for row in mapping.fields}
    yield from rows.values()
    yield from (MappedColumn(name=row.when_won, types=TYPES[row.kind]) for row in mapping.fields if row.when_won)
    for name, column in mapping.columns.model_dump().items():
        if column not in rows:
            types = KEPT_COLUMNS.get(name, ANY)
            yield MappedColumn(name=column, types=types, is_written=name in KEPT_COLUMNS)


def _of_field(row: FieldRow, choices: Choices) -> MappedColumn:
    is_written = row.direction.allows(Side.DATAVERSE)
    return MappedColumn(
        name=row.dataverse,
        types=TYPES[row.kind],
        length=row.length if is_written else None,
        is_written=is_written,
        options=tuple(choices[row.choices]) if row.choices else (),
    )


def _of_party(mapping: PartyMapping) -> Iterator[MappedColumn]:
    for row in mapping.fields:
        if row.lookup is None:
            yield MappedColumn(name=row.dataverse, types=TEXT, length=row.length, is_written=True)
        else:
            yield MappedColumn(name=row.dataverse, types=LOOKUP, is_written=True)
    yield from _of_fill(mapping.fill)


def _of_fill(rows: tuple[FillRow, ...]) -> Iterator[MappedColumn]:
    for row in rows:
        text = str(row.value) if isinstance(row.value, str) else ""
        yield MappedColumn(
            name=row.dataverse,
            types=FILL_TYPES[row.kind],
            length=text_length(text) if row.kind in {FillKind.TEXT, FillKind.MEMO} and text else None,
            is_written=True,
            options=(text,) if row.kind is FillKind.CHOICE and text else (),
        )


def looked_up_columns(mappings: Mappings) -> list[tuple[str, str, str]]:
    """Return the lookups whose rows are read: the table, the lookup, and the column of the table it leads to."""
    lead = mappings.lead
    tables: tuple[tuple[str, tuple[CopiedField | FillRow, ...]], ...] = (
        (mappings.opportunity.table, mappings.opportunity.fill),
        (lead.table, (*lead.customer, *lead.contact, *lead.fill)),
        (mappings.account.table, (*mappings.account.fields, *mappings.account.fill)),
        (mappings.contact.table, mappings.contact.fill),
    )
    return [(table, row.dataverse, row.lookup) for table, rows in tables for row in rows if row.lookup is not None]


def _of_solutions(mapping: SolutionsMapping) -> tuple[MappedColumn, ...]:
    return (
        MappedColumn(name=mapping.name, types=TEXT, is_written=True),
        MappedColumn(name=mapping.quantity, types=NUMBER, is_written=True),
        MappedColumn(name=mapping.price, types=NUMBER, is_written=True),
        MappedColumn(name=mapping.opportunity.lower(), types=LOOKUP, is_written=True),
        MappedColumn(name=mapping.detail.lower(), types=LOOKUP, is_written=True),
        *([MappedColumn(name=mapping.currency, types=LOOKUP, is_written=True)] if mapping.currency else []),
    )

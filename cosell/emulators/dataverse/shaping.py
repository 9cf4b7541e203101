"""Turn rows into the JSON of replies: etag, columns, annotations before their values, expanded rows."""

from collections.abc import Callable

from cosell.emulators.dataverse.http import Call
from cosell.emulators.dataverse.metadata import Column, Schema, Table
from cosell.emulators.dataverse.query_options import Expansion
from cosell.emulators.dataverse.relations import Relations, lookup_target
from cosell.emulators.dataverse.rows import Data, Row, RowStore
from cosell.emulators.dataverse.values import formatted

FORMATTED = "OData.Community.Display.V1.FormattedValue"
TARGET_TABLE = "Microsoft.Dynamics.CRM.lookuplogicalname"
NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"
Expander = Callable[[Row, Expansion, Call], dict[str, object]]


class Shaper:
    """Shape the rows of one request; names of looked-up rows are read once."""

    def __init__(self, schema: Schema, rows: RowStore, relations: Relations, call: Call) -> None:
        self._schema = schema
        self._rows = rows
        self._relations = relations
        self._names: dict[tuple[str, str], str | None] = {}
        self._currencies: dict[str, tuple[str, int]] = {}
        self._formatted = call.prefer.wants(FORMATTED)
        self._target_table = call.prefer.wants(TARGET_TABLE)
        self._navigation = call.prefer.wants(NAVIGATION)
        self._annotates = self._formatted or self._target_table or self._navigation

    def shape(self, row: Row, columns: list[Column]) -> dict[str, object]:
        """Return a row's columns as JSON."""
        out: dict[str, object] = {"@odata.etag": row.etag}
        table = self._schema.tables[row.table]
        for column in columns:
            value = self.value(row, column)
            if self._annotates and value is not None:
                self._annotate(out, table, row.data, column, value)
            out[column.property_name] = value
        return out

    def value(self, row: Row, column: Column) -> object:
        """Return one column's value as it stands in JSON."""
        if column.is_primary_id:
            return row.id
        if column.kind == "BigInt":
            return row.version if column.logical == "versionnumber" else row.data.get(column.logical)
        return row.data.get(column.logical)

    def display(self, row: Row, column: Column, value: object) -> str | None:
        """Return the value as people see it."""
        if column.kind == "Money":
            symbol, precision = self._currency(row.data)
            return formatted(column, value, symbol, precision)
        return formatted(column, value)

    def _annotate(self, out: dict[str, object], table: Table, data: Data, column: Column, value: object) -> None:
        name = column.property_name
        if column.is_lookup:
            target = lookup_target(column, data)
            shown = self.name_of(target, str(value)) if self._formatted else None
            if shown is not None:
                out[f"{name}@{FORMATTED}"] = shown
            nav_name = self._schema.nav_name(table.logical, column.logical, target)
            if self._navigation and nav_name and column.logical != "owningbusinessunit":
                out[f"{name}@{NAVIGATION}"] = nav_name
            if self._target_table:
                out[f"{name}@{TARGET_TABLE}"] = target
        elif self._formatted:
            symbol, precision = self._currency(data) if column.kind == "Money" else ("", 2)
            shown = formatted(column, value, symbol, precision)
            if shown is not None:
                out[f"{name}@{FORMATTED}"] = shown

    def name_of(self, table: str, row_id: str) -> str | None:
        """Return the primary name of a row."""
        key = (table, row_id)
        if key not in self._names:
            row = self._rows.get(table, row_id)
            name = row.data.get(self._schema.tables[table].primary_name) if row else None
            self._names[key] = None if name is None else str(name)
        return self._names[key]

    def _currency(self, data: Data) -> tuple[str, int]:
        currency_id = str(data.get("transactioncurrencyid") or "")
        if currency_id not in self._currencies:
            row = self._rows.get("transactioncurrency", currency_id)
            symbol = str(row.data.get("currencysymbol", "$")) if row else "$"
            precision = int(row.data.get("currencyprecision", 2)) if row else 2  # type: ignore[call-overload]
            self._currencies[currency_id] = (symbol, precision)
        return self._currencies[currency_id]

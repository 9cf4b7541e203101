"""Keep what installers did to the schema: each change is applied to memory and written down, and replayed at start."""

import json
from collections.abc import Callable, Mapping

from cosell.emulators.dataverse.definition_bodies import (
    column_of,
    key_of,
    label_text,
    managed_value,
    option_set_of,
    relationship_of,
    table_of,
)
from cosell.emulators.dataverse.metadata import Column, ManyToMany, Option, Schema
from cosell.emulators.dataverse.tables import standard_schema
from cosell.emulators.dataverse.tables.columns import (
    Field,
    base_twin,
    decimal,
    lookup,
    read_only,
    relationships_of,
    to,
)
from cosell.emulators.world import Store

Arguments = Mapping[str, object]


class SchemaLog:
    """Change the schema for good."""

    def __init__(self, store: Store, schema: Schema) -> None:
        self._store = store
        self._schema = schema
        store.execute(
            "CREATE TABLE IF NOT EXISTS dv_definitions (seq INTEGER PRIMARY KEY, operation TEXT, arguments TEXT)"
        )

    def change(self, operation: str, arguments: Arguments) -> None:
        """Apply a change and write it down."""
        apply(self._schema, operation, arguments)
        self._store.execute(
            "INSERT INTO dv_definitions (operation, arguments) VALUES (?, ?)",
            (operation, json.dumps(arguments, default=str)),
        )

    def clear(self) -> None:
        """Forget all changes: only the standard tables are left."""
        self._store.execute("DELETE FROM dv_definitions")
        self.reload()

    def reload(self) -> None:
        """Rebuild the schema from the standard tables and the log, in place."""
        fresh = standard_schema()
        found = self._store.execute("SELECT operation, arguments FROM dv_definitions ORDER BY seq").fetchall()
        for one in found:
            apply(fresh, one["operation"], json.loads(one["arguments"]))
        self._schema.tables = fresh.tables
        self._schema.relationships = fresh.relationships
        self._schema.many_to_many = fresh.many_to_many
        self._schema.option_sets = fresh.option_sets
        self._schema.touch()


def apply(schema: Schema, operation: str, arguments: Arguments) -> None:
    """Carry out one change on a schema."""
    OPERATIONS[operation](schema, arguments)
    version = arguments.get("version")
    table = schema.tables.get(str(arguments.get("table", "")))
    if table is not None and isinstance(version, int):
        table.schema_version = version
    schema.touch()


def _body(arguments: Arguments) -> dict[str, object]:
    body = arguments["body"]
    return body if isinstance(body, dict) else {}


def _text(arguments: Arguments, name: str) -> str:
    return str(arguments[name])


def _create_table(schema: Schema, arguments: Arguments) -> None:
    code = arguments["code"]
    table = table_of(
        _body(arguments),
        schema,
        metadata_id=_text(arguments, "metadata_id"),
        primary_column_id=_text(arguments, "primary_column_id"),
        code=code if isinstance(code, int) else 0,
    )
    for column in table.columns.values():
        column.metadata_id = (
            column.metadata_id or f"{_text(arguments, 'metadata_id')[:-12]}{abs(_hash(column.logical)):012x}"
        )
    schema.tables[table.logical] = table


def _hash(text: str) -> int:
    return int.from_bytes(text.encode()[:64], "big") % (16**12)


def _update_table(schema: Schema, arguments: Arguments) -> None:
    table, body = schema.tables[_text(arguments, "table")], _body(arguments)
    if "ChangeTrackingEnabled" in body:
        table.change_tracking = bool(body["ChangeTrackingEnabled"])
    if "IsOptimisticConcurrencyEnabled" in body:
        table.optimistic = bool(managed_value(body["IsOptimisticConcurrencyEnabled"], default=True))
    table.label = label_text(body.get("DisplayName")) or table.label
    table.collection_label = label_text(body.get("DisplayCollectionName")) or table.collection_label
    table.description = label_text(body.get("Description")) or table.description
    table.has_notes = table.has_notes or bool(body.get("HasNotes"))
    table.has_activities = table.has_activities or bool(body.get("HasActivities"))


def _delete_table(schema: Schema, arguments: Arguments) -> None:
    name = _text(arguments, "table")
    del schema.tables[name]
    schema.relationships = [r for r in schema.relationships if name not in {r.referenced, r.referencing}]
    schema.many_to_many = [r for r in schema.many_to_many if name not in {r.first, r.second}]


def _create_column(schema: Schema, arguments: Arguments) -> None:
    table = schema.tables[_text(arguments, "table")]
    made = column_of(_body(arguments), schema, table=table.logical, metadata_id=_text(arguments, "metadata_id"))
    table.columns[made.logical] = made
    if made.kind == "Money":
        _add_money_columns(schema, table.logical, made)


def _add_money_columns(schema: Schema, table_name: str, amount: Column) -> None:
    """Add the base twin, and with a table's first amount the currency and its rate."""
    table = schema.tables[table_name]
    twin = base_twin(amount)
    table.columns[twin.logical] = twin
    extra: list[Field] = []
    if "transactioncurrencyid" not in table.columns:
        extra.append(lookup("TransactionCurrencyId", to("transactioncurrency", f"TransactionCurrency_{table_name}")))
    if "exchangerate" not in table.columns:
        extra.append(read_only(decimal("ExchangeRate", 12, 1e-12, 1e11)))
    table.columns.update({one.column.logical: one.column for one in extra})
    schema.relationships += relationships_of(table_name, extra)


def _update_column(schema: Schema, arguments: Arguments) -> None:
    table = schema.tables[_text(arguments, "table")]
    column, body = table.columns[_text(arguments, "column")], _body(arguments)
    column.label = label_text(body.get("DisplayName")) or column.label
    column.description = label_text(body.get("Description")) or column.description
    column.required = str(managed_value(body.get("RequiredLevel"), column.required))
    length = body.get("MaxLength")
    if isinstance(length, int):
        column.max_length = length


def _delete_column(schema: Schema, arguments: Arguments) -> None:
    table, name = schema.tables[_text(arguments, "table")], _text(arguments, "column")
    for doomed in (name, f"{name}_base"):
        table.columns.pop(doomed, None)
    schema.relationships = [r for r in schema.relationships if (r.referencing, r.column) != (table.logical, name)]


def _create_relationship(schema: Schema, arguments: Arguments) -> None:
    body = _body(arguments)
    made = relationship_of(body, metadata_id=_text(arguments, "metadata_id"))
    given = body["Lookup"]
    lookup_body = given if isinstance(given, dict) else {}
    table = schema.tables[made.referencing]
    existing = table.columns.get(made.column)
    if existing is None:
        column = column_of(
            {**lookup_body, "@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata"},
            schema,
            table=table.logical,
            metadata_id=_text(arguments, "column_id"),
        )
        column.targets = (made.referenced,)
        table.columns[column.logical] = column
    else:
        # One more target for a lookup that leads to several tables: each target has its own navigation property.
        existing.targets = (*existing.targets, made.referenced)
    if arguments.get("polymorphic"):
        made.nav_single = f"{made.nav_single}_{made.referenced}"
    schema.relationships.append(made)


def _create_many_to_many(schema: Schema, arguments: Arguments) -> None:
    body = _body(arguments)
    name = str(body.get("SchemaName") or "")
    first, second = str(body.get("Entity1LogicalName") or ""), str(body.get("Entity2LogicalName") or "")
    schema.many_to_many.append(
        ManyToMany(
            schema=name,
            first=first,
            second=second,
            first_nav=str(body.get("Entity1NavigationPropertyName") or name),
            second_nav=str(body.get("Entity2NavigationPropertyName") or name),
            intersect=str(body.get("IntersectEntityName") or name.lower()),
            is_custom=True,
            metadata_id=_text(arguments, "metadata_id"),
        )
    )


def _delete_relationship(schema: Schema, arguments: Arguments) -> None:
    name = _text(arguments, "relationship")
    for doomed in [r for r in schema.relationships if r.schema == name]:
        schema.tables[doomed.referencing].columns.pop(doomed.column, None)
    schema.relationships = [r for r in schema.relationships if r.schema != name]
    schema.many_to_many = [r for r in schema.many_to_many if r.schema != name]


def _create_key(schema: Schema, arguments: Arguments) -> None:
    active_at = arguments["active_at"]
    made = key_of(
        _body(arguments),
        metadata_id=_text(arguments, "metadata_id"),
        active_at=float(active_at) if isinstance(active_at, int | float) else 0.0,
    )
    made.failed = bool(arguments.get("failed"))
    schema.tables[_text(arguments, "table")].keys.append(made)


def _delete_key(schema: Schema, arguments: Arguments) -> None:
    table, name = schema.tables[_text(arguments, "table")], _text(arguments, "key")
    table.keys = [key for key in table.keys if key.logical != name]


def _reactivate_key(schema: Schema, arguments: Arguments) -> None:
    for key in schema.tables[_text(arguments, "table")].keys:
        if key.logical == arguments["key"]:
            key.failed = bool(arguments.get("failed"))


def _create_option_set(schema: Schema, arguments: Arguments) -> None:
    body = _body(arguments)
    made = option_set_of(body, name=str(body.get("Name") or ""))
    made.is_global, made.metadata_id = True, _text(arguments, "metadata_id")
    schema.option_sets[made.name] = made


def _delete_option_set(schema: Schema, arguments: Arguments) -> None:
    schema.option_sets.pop(_text(arguments, "name"), None)


def _set_options(schema: Schema, arguments: Arguments) -> None:
    if arguments.get("name"):
        target = schema.option_sets[_text(arguments, "name")]
    else:
        found = schema.tables[_text(arguments, "table")].columns[_text(arguments, "column")].options
        if found is None:
            return
        target = found
    options = arguments["options"]
    if isinstance(options, list):
        target.options[:] = [Option(one["value"], one["label"], one.get("state")) for one in options]


OPERATIONS: dict[str, Callable[[Schema, Arguments], None]] = {
    "create_table": _create_table,
    "update_table": _update_table,
    "delete_table": _delete_table,
    "create_column": _create_column,
    "update_column": _update_column,
    "delete_column": _delete_column,
    "create_relationship": _create_relationship,
    "create_many_to_many": _create_many_to_many,
    "delete_relationship": _delete_relationship,
    "create_key": _create_key,
    "delete_key": _delete_key,
    "reactivate_key": _reactivate_key,
    "create_option_set": _create_option_set,
    "delete_option_set": _delete_option_set,
    "set_options": _set_options,
}

"""Read the metadata API's JSON bodies into tables, columns, choices, keys and relationships."""

from collections.abc import Mapping

from cosell.emulators.dataverse.errors import bad_payload, business
from cosell.emulators.dataverse.metadata import Column, Key, Option, OptionSet, Relationship, Schema, Table
from cosell.emulators.dataverse.tables.columns import Field, relationships_of, states, system_fields

Body = Mapping[str, object]
TYPE_PREFIX = "Microsoft.Dynamics.CRM."
KINDS = {
    "StringAttributeMetadata": "String",
    "MemoAttributeMetadata": "Memo",
    "BooleanAttributeMetadata": "Boolean",
    "PicklistAttributeMetadata": "Picklist",
    "MultiSelectPicklistAttributeMetadata": "MultiSelectPicklist",
    "MoneyAttributeMetadata": "Money",
    "DateTimeAttributeMetadata": "DateTime",
    "IntegerAttributeMetadata": "Integer",
    "BigIntAttributeMetadata": "BigInt",
    "DecimalAttributeMetadata": "Decimal",
    "DoubleAttributeMetadata": "Double",
    "LookupAttributeMetadata": "Lookup",
    "UniqueIdentifierAttributeMetadata": "Uniqueidentifier",
}
BOUNDS: dict[str, tuple[float, float]] = {
    "Integer": (-2147483648, 2147483647),
    "Money": (-922337203685477, 922337203685477),
    "Decimal": (-1e11, 1e11),
    "Double": (-1e11, 1e11),
}
LONGEST = {"String": 4000, "Memo": 1_048_576}
FIRST_CUSTOM_CODE = 10_000


def type_name(body: Body) -> str:
    """Return the body's `@odata.type` without its namespace; CreateEntities puts `Complex` before the same types."""
    return str(body.get("@odata.type", "")).removeprefix("#").removeprefix(TYPE_PREFIX).removeprefix("Complex")


def label_text(value: object) -> str:
    """Return the English text of a Label."""
    if not isinstance(value, dict):
        return ""
    labels = value.get("LocalizedLabels") or []
    user = value.get("UserLocalizedLabel")
    for label in [*labels, user]:
        if isinstance(label, dict) and label.get("LanguageCode", 1033) == 1033:
            return str(label.get("Label") or "")
    return ""


def managed_value(value: object, default: object = None) -> object:
    """Return the value of a managed property, or a plain value."""
    return value.get("Value", default) if isinstance(value, dict) else default if value is None else value


def option_set_of(body: Body, *, name: str) -> OptionSet:
    """Read an OptionSetMetadata or BooleanOptionSetMetadata."""
    if "TrueOption" in body or "FalseOption" in body:
        pair = [(0, body.get("FalseOption"), "No"), (1, body.get("TrueOption"), "Yes")]
        return OptionSet(name, [_boolean_option(value, one, default) for value, one, default in pair])
    given = body.get("Options")
    options = [_option(one, at) for at, one in enumerate(given if isinstance(given, list) else [])]
    return OptionSet(
        name=str(body.get("Name") or name),
        options=options,
        is_global=bool(body.get("IsGlobal")),
        label=label_text(body.get("DisplayName")),
    )


def _boolean_option(value: int, body: object, default: str) -> Option:
    label = label_text(body.get("Label")) if isinstance(body, dict) else ""
    return Option(value, label or default)


def _option(body: object, at: int) -> Option:
    if not isinstance(body, dict):
        raise bad_payload("GlobalOptionSetDefinitions", "An option must be an object.")
    value = body.get("Value")
    state = body.get("State")
    return Option(
        int(value) if isinstance(value, int) else 100_000_000 + at,
        label_text(body.get("Label")),
        state=state if isinstance(state, int) else None,
    )


def column_of(body: Body, schema: Schema, *, table: str, metadata_id: str) -> Column:
    """Read an AttributeMetadata."""
    kind = KINDS.get(type_name(body))
    if kind is None:
        raise bad_payload("Attributes", f"The type '{body.get('@odata.type')}' is not a known attribute type.")
    schema_name = str(body.get("SchemaName") or "")
    made = Column(logical=schema_name.lower(), schema=schema_name, kind=kind, metadata_id=metadata_id, is_custom=True)
    made.label = label_text(body.get("DisplayName")) or schema_name
    made.description = label_text(body.get("Description"))
    made.required = str(managed_value(body.get("RequiredLevel"), "None"))
    made.is_primary_name = bool(body.get("IsPrimaryName"))
    made.default = _default(kind, body)
    _size(made, body)
    _options(made, body, schema, table)
    return made


def _default(kind: str, body: Body) -> object:
    if kind == "Boolean":
        return bool(body.get("DefaultValue"))
    value = body.get("DefaultFormValue")
    return value if isinstance(value, int) and value != -1 and kind == "Picklist" else None


def _size(made: Column, body: Body) -> None:
    low, high = BOUNDS.get(made.kind, (None, None))
    made.minimum = _number(body.get("MinValue"), low)
    made.maximum = _number(body.get("MaxValue"), high)
    made.precision = int(_number(body.get("Precision"), 2) or 0)
    made.format = str(managed_value(body.get("FormatName"), body.get("Format") or ""))
    if made.kind in LONGEST:
        given = body.get("MaxLength")
        made.max_length = given if isinstance(given, int) else 100 if made.kind == "String" else 2000
        if not 1 <= made.max_length <= LONGEST[made.kind]:
            raise business(
                "0x80044189", f"The MaxLength of '{made.schema}' must be between 1 and {LONGEST[made.kind]}."
            )
        made.format = made.format or ("Text" if made.kind == "String" else "TextArea")
    if made.kind == "DateTime":
        made.format = made.format or "DateAndTime"
        made.behavior = str(managed_value(body.get("DateTimeBehavior"), "UserLocal"))


def _number(value: object, default: float | None) -> float | None:
    if isinstance(value, bool) or value is None:
        return default
    return float(str(value))


def _options(made: Column, body: Body, schema: Schema, table: str) -> None:
    given, bound = body.get("OptionSet"), body.get("GlobalOptionSet@odata.bind")
    if isinstance(bound, str):
        made.options = _global_option_set(schema, bound)
    elif isinstance(given, dict) and given.get("IsGlobal") and given.get("Name") in schema.option_sets:
        made.options = schema.option_sets[str(given["Name"])]
    elif isinstance(given, dict):
        made.options = option_set_of(given, name=f"{table}_{made.logical}")
    elif made.kind == "Boolean":
        made.options = OptionSet(f"{table}_{made.logical}", [Option(0, "No"), Option(1, "Yes")])
    elif made.kind in {"Picklist", "MultiSelectPicklist"}:
        raise business("0x80048403", f"The attribute '{made.schema}' needs an OptionSet.")


def _global_option_set(schema: Schema, bound: str) -> OptionSet:
    inside = bound.partition("(")[2].rstrip(")")
    name = inside.partition("=")[2].strip("'") if "=" in inside else ""
    for option_set in schema.option_sets.values():
        if option_set.name == name or option_set.metadata_id == inside.lower():
            return option_set
    raise business("0x80044346", f"An optionset with the key {inside} does not exist.", status=404)


def table_of(body: Body, schema: Schema, *, metadata_id: str, primary_column_id: str, code: int) -> Table:
    """Read an EntityMetadata of a new table, with its primary name column."""
    schema_name = str(body.get("SchemaName") or "")
    logical = schema_name.lower()
    ownership = str(body.get("OwnershipType") or "UserOwned")
    given = body.get("Attributes")
    columns = [
        column_of(one, schema, table=logical, metadata_id=primary_column_id if one.get("IsPrimaryName") else "")
        for one in (given if isinstance(given, list) else [])
    ]
    named = next((column for column in columns if column.is_primary_name), None)
    if named is None or named.kind != "String":
        raise business("0x80044363", "The entity needs a primary name attribute: a String with IsPrimaryName true.")
    primary = Column(
        logical=f"{logical}id", schema=f"{schema_name}Id", kind="Uniqueidentifier", is_primary_id=True, can_update=False
    )
    fields = [Field(primary), *(Field(one) for one in columns), *system_fields(ownership, logical), *states(ACTIVE)]
    schema.relationships += relationships_of(logical, fields)
    return Table(
        logical=logical,
        schema=schema_name,
        set_name=str(body.get("EntitySetName") or plural(logical)),
        code=code,
        primary_id=primary.logical,
        primary_name=named.logical,
        columns={one.column.logical: one.column for one in fields},
        label=label_text(body.get("DisplayName")) or schema_name,
        collection_label=label_text(body.get("DisplayCollectionName")) or schema_name,
        description=label_text(body.get("Description")),
        ownership=ownership,
        change_tracking=bool(body.get("ChangeTrackingEnabled")),
        is_custom=True,
        is_activity=bool(body.get("IsActivity")),
        has_notes=bool(body.get("HasNotes")),
        has_activities=bool(body.get("HasActivities")),
        metadata_id=metadata_id,
    )


ACTIVE = {0: ("Active", 1, {1: "Active"}), 1: ("Inactive", 2, {2: "Inactive"})}


def plural(logical: str) -> str:
    """Return the entity set name the service makes of a logical name."""
    if logical.endswith("y") and logical[-2:-1] not in "aeiou":
        return f"{logical[:-1]}ies"
    if logical.endswith(("s", "x", "z", "ch", "sh")):
        return f"{logical}es"
    return f"{logical}s"


def relationship_of(body: Body, *, metadata_id: str) -> Relationship:
    """Read a OneToManyRelationshipMetadata."""
    lookup = body.get("Lookup")
    lookup_schema = str(lookup.get("SchemaName") or "") if isinstance(lookup, dict) else ""
    cascade = body.get("CascadeConfiguration")
    schema_name = str(body.get("SchemaName") or "")
    return Relationship(
        schema=schema_name,
        referenced=str(body.get("ReferencedEntity") or ""),
        referencing=str(body.get("ReferencingEntity") or ""),
        column=lookup_schema.lower(),
        nav_single=lookup_schema,
        nav_many=str(body.get("ReferencedEntityNavigationPropertyName") or schema_name),
        on_delete=str(cascade.get("Delete") or "RemoveLink") if isinstance(cascade, dict) else "RemoveLink",
        is_custom=True,
        metadata_id=metadata_id,
    )


def key_of(body: Body, *, metadata_id: str, active_at: float) -> Key:
    """Read an EntityKeyMetadata."""
    schema_name = str(body.get("SchemaName") or "")
    columns = body.get("KeyAttributes")
    return Key(
        logical=schema_name.lower(),
        schema=schema_name,
        columns=tuple(str(one) for one in columns) if isinstance(columns, list) else (),
        label=label_text(body.get("DisplayName")) or schema_name,
        metadata_id=metadata_id,
        active_at=active_at,
    )

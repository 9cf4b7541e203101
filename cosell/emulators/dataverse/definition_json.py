"""Write tables, columns, choices, keys and relationships as the metadata API shows them."""

from collections.abc import Callable

from cosell.emulators.dataverse.metadata import (
    Column,
    Key,
    ManyToMany,
    Option,
    OptionSet,
    Relationship,
    Schema,
    Table,
    stable_id,
)

Json = dict[str, object]
TYPE = "#Microsoft.Dynamics.CRM."
OPTION_KINDS = frozenset({"Boolean", "Picklist", "MultiSelectPicklist", "State", "Status"})
TYPE_CODES = {"MultiSelectPicklist": "Virtual"}
ENGLISH = 1033


def label(text: str, *place: str) -> Json:
    """Return a Label in English."""
    if not text:
        return {"LocalizedLabels": [], "UserLocalizedLabel": None}
    localized: Json = {
        "Label": text,
        "LanguageCode": ENGLISH,
        "IsManaged": False,
        "MetadataId": stable_id("label", *place),
        "HasChanged": None,
    }
    return {"LocalizedLabels": [localized], "UserLocalizedLabel": dict(localized)}


def managed(name: str, *, value: object = True) -> Json:
    """Return a managed property which may be changed."""
    return {"Value": value, "CanBeChanged": True, "ManagedPropertyLogicalName": name}


def table_json(table: Table) -> Json:
    """Return an EntityMetadata without its collections."""
    return {
        "MetadataId": table.metadata_id,
        "LogicalName": table.logical,
        "SchemaName": table.schema,
        "EntitySetName": table.set_name,
        "LogicalCollectionName": table.set_name,
        "CollectionSchemaName": table.set_name,
        "ObjectTypeCode": table.code,
        "PrimaryIdAttribute": table.primary_id,
        "PrimaryNameAttribute": table.primary_name,
        "DisplayName": label(table.label, table.logical, "name"),
        "DisplayCollectionName": label(table.collection_label, table.logical, "collection"),
        "Description": label(table.description, table.logical, "description"),
        "OwnershipType": table.ownership,
        "IsActivity": table.is_activity,
        "IsActivityParty": False,
        "IsCustomEntity": table.is_custom,
        "IsManaged": False,
        "IsIntersect": False,
        "IsPrivate": False,
        "IsLogicalEntity": False,
        "IsValidForAdvancedFind": True,
        "HasActivities": table.has_activities,
        "HasNotes": table.has_notes,
        "TableType": "Standard",
        "DataProviderId": None,
        "ChangeTrackingEnabled": table.change_tracking,
        "IsOptimisticConcurrencyEnabled": table.optimistic,
        "CanBeInManyToMany": managed("canbeinmanytomany"),
        "CanBePrimaryEntityInRelationship": managed("canbeprimaryentityinrelationship"),
        "CanChangeTrackingBeEnabled": managed("canchangetrackingbeenabled"),
        "CanCreateAttributes": managed("cancreateattributes"),
        "IsAuditEnabled": managed("canmodifyauditsettings", value=False),
        "IsCustomizable": managed("iscustomizable"),
        "IsDuplicateDetectionEnabled": managed("canmodifyduplicatedetectionsettings", value=False),
        "IsRenameable": managed("isrenameable"),
        "HasChanged": None,
        "IntroducedVersion": "1.0",
        "CreatedOn": "2024-01-01T00:00:00Z",
        "ModifiedOn": "2024-01-01T00:00:00Z",
    }


def column_type(column: Column) -> str:
    """Return a column's metadata type."""
    kind = {"Customer": "Lookup", "Owner": "Lookup", "Uniqueidentifier": "UniqueIdentifier"}.get(
        column.kind, column.kind
    )
    return f"{kind}AttributeMetadata"


def base_column_json(table: Table, column: Column) -> Json:
    """Return what every AttributeMetadata has."""
    is_base = column.logical.endswith("_base") and column.kind == "Money"
    return {
        "MetadataId": column.metadata_id or stable_id("column", table.logical, column.logical),
        "LogicalName": column.logical,
        "SchemaName": column.schema,
        "EntityLogicalName": table.logical,
        "AttributeOf": None,
        "AttributeType": TYPE_CODES.get(column.kind, column.kind),
        "AttributeTypeName": {"Value": f"{column.kind}Type"},
        "ColumnNumber": list(table.columns).index(column.logical) + 1,
        "DisplayName": label(column.label, table.logical, column.logical, "name"),
        "Description": label(column.description, table.logical, column.logical, "description"),
        "RequiredLevel": managed("canmodifyrequirementlevelsettings", value=column.required),
        "IsCustomAttribute": column.is_custom,
        "IsManaged": False,
        "IsPrimaryId": column.is_primary_id,
        "IsPrimaryName": column.is_primary_name,
        "IsLogical": is_base,
        "IsSecured": False,
        "IsFilterable": True,
        "IsSearchable": False,
        "IsRetrievable": True,
        "IsValidODataAttribute": True,
        "IsValidForCreate": column.can_create,
        "IsValidForRead": column.can_read,
        "IsValidForUpdate": column.can_update,
        "IsValidForAdvancedFind": managed("canmodifysearchsettings"),
        "IsAuditEnabled": managed("canmodifyauditsettings"),
        "IsCustomizable": managed("iscustomizable"),
        "IsRenameable": managed("isrenameable"),
        "SourceType": 0,
        "DeprecatedVersion": None,
        "IntroducedVersion": "1.0",
        "HasChanged": None,
        "CreatedOn": "2024-01-01T00:00:00Z",
        "ModifiedOn": "2024-01-01T00:00:00Z",
    }


BASE_COLUMN_NAMES = frozenset(
    base_column_json(
        Table("t", "t", "ts", 0, "tid", "n", {"c": Column("c", "c", "String")}), Column("c", "c", "String")
    )
)


def column_json(table: Table, column: Column) -> Json:
    """Return an AttributeMetadata of its own type, without what must be expanded."""
    return {"@odata.type": TYPE + column_type(column)} | base_column_json(table, column) | _special(column)


def _special(column: Column) -> Json:
    if column.kind in {"Picklist", "MultiSelectPicklist", "State", "Status"}:
        return {"DefaultFormValue": -1 if column.default is None else column.default, "ParentPicklistLogicalName": None}
    if column.is_lookup:
        return {"Targets": list(column.targets), "Format": "None"}
    maker = SPECIAL.get(column.kind)
    return maker(column) if maker else {}


def _textual(column: Column) -> Json:
    text: Json = {"MaxLength": column.max_length, "ImeMode": "Auto", "IsLocalizable": False}
    if column.kind == "Memo":
        return text | {"Format": "TextArea", "FormatName": {"Value": "TextArea"}}
    return text | {
        "Format": column.format,
        "FormatName": {"Value": column.format},
        "DatabaseLength": column.max_length,
    }


def _date(column: Column) -> Json:
    return {
        "Format": column.format,
        "ImeMode": "Inactive",
        "DateTimeBehavior": {"Value": column.behavior},
        "CanChangeDateTimeBehavior": managed("canchangedatetimebehavior", value=False),
    }


def _boolean(column: Column) -> Json:
    return {"DefaultValue": bool(column.default), "FormulaDefinition": None}


def _numeric(column: Column) -> Json:
    low, high = column.minimum, column.maximum
    if column.kind in {"Integer", "BigInt"}:
        whole = [None if bound is None else int(bound) for bound in (low, high)]
        return {"MinValue": whole[0], "MaxValue": whole[1], "Format": "None"}
    numeric: Json = {"MinValue": low, "MaxValue": high, "Precision": column.precision, "ImeMode": "Disabled"}
    if column.kind == "Money":
        is_base = column.logical.endswith("_base")
        numeric |= {"PrecisionSource": 2, "IsBaseCurrency": is_base}
        numeric["CalculationOf"] = column.logical.removesuffix("_base") if is_base else None
    return numeric


SPECIAL: dict[str, Callable[[Column], Json]] = {
    "String": _textual,
    "Memo": _textual,
    "EntityName": _textual,
    "Integer": _numeric,
    "BigInt": _numeric,
    "Decimal": _numeric,
    "Double": _numeric,
    "Money": _numeric,
    "DateTime": _date,
    "Boolean": _boolean,
}


def option_json(option: Option, kind: str, *place: str) -> Json:
    """Return an OptionMetadata."""
    found: Json = {
        "Value": option.value,
        "Color": None,
        "IsManaged": False,
        "ExternalValue": "",
        "ParentValues": [],
        "Label": label(option.label, *place, str(option.value)),
        "Description": label("", *place),
        "MetadataId": None,
        "HasChanged": None,
    }
    if kind == "Status":
        found = {"@odata.type": f"{TYPE}StatusOptionMetadata", **found, "State": option.state, "TransitionData": None}
    if kind == "State":
        found = {
            "@odata.type": f"{TYPE}StateOptionMetadata",
            **found,
            "DefaultStatus": option.default_status,
            "InvariantName": option.label,
        }
    return found


def option_set_json(option_set: OptionSet, kind: str = "Picklist") -> Json:
    """Return an OptionSetMetadata, or the one of a yes/no column."""
    place = ("options", option_set.name)
    head: Json = {
        "MetadataId": option_set.metadata_id or stable_id(*place),
        "Name": option_set.name,
        "IsCustomOptionSet": option_set.is_global,
        "IsGlobal": option_set.is_global,
        "IsManaged": False,
        "OptionSetType": {"MultiSelectPicklist": "Picklist"}.get(kind, kind),
        "DisplayName": label(option_set.label, *place, "name"),
        "Description": label("", *place),
        "IsCustomizable": managed("iscustomizable"),
        "HasChanged": None,
        "IntroducedVersion": "1.0",
    }
    if kind == "Boolean":
        return head | {
            "TrueOption": option_json(option_set.options[1], kind, *place),
            "FalseOption": option_json(option_set.options[0], kind, *place),
        }
    return head | {"Options": [option_json(option, kind, *place) for option in option_set.options]}


def key_json(table: Table, key: Key, now: float) -> Json:
    """Return an EntityKeyMetadata."""
    return {
        "MetadataId": key.metadata_id,
        "LogicalName": key.logical,
        "SchemaName": key.schema,
        "EntityLogicalName": table.logical,
        "KeyAttributes": list(key.columns),
        "DisplayName": label(key.label, table.logical, key.logical),
        "EntityKeyIndexStatus": key.status(now),
        "AsyncJob": None,
        "IsManaged": False,
        "IsCustomizable": managed("iscustomizable"),
        "IntroducedVersion": "1.0",
        "HasChanged": None,
    }


def relationship_json(schema: Schema, relationship: Relationship) -> Json:
    """Return a OneToManyRelationshipMetadata."""
    referenced = schema.tables.get(relationship.referenced)
    cascade = {"Assign": "NoCascade", "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade"}
    cascade |= {"Unshare": "NoCascade", "RollupView": "NoCascade", "Archive": "NoCascade"}
    return {
        "@odata.type": f"{TYPE}OneToManyRelationshipMetadata",
        "MetadataId": relationship.metadata_id,
        "SchemaName": relationship.schema,
        "RelationshipType": "OneToManyRelationship",
        "ReferencedEntity": relationship.referenced,
        "ReferencedAttribute": referenced.primary_id if referenced else "",
        "ReferencingEntity": relationship.referencing,
        "ReferencingAttribute": relationship.column,
        "ReferencedEntityNavigationPropertyName": relationship.nav_many,
        "ReferencingEntityNavigationPropertyName": relationship.nav_single,
        "CascadeConfiguration": {"Delete": relationship.on_delete, **cascade},
        "AssociatedMenuConfiguration": {"Behavior": "UseCollectionName", "Group": "Details", "Order": 10000},
        "IsCustomRelationship": relationship.is_custom,
        "IsManaged": False,
        "IsHierarchical": False,
        "IsValidForAdvancedFind": True,
        "IsCustomizable": managed("iscustomizable"),
        "SecurityTypes": "Append",
        "HasChanged": None,
    }


def many_to_many_json(relationship: ManyToMany) -> Json:
    """Return a ManyToManyRelationshipMetadata."""
    return {
        "@odata.type": f"{TYPE}ManyToManyRelationshipMetadata",
        "MetadataId": relationship.metadata_id,
        "SchemaName": relationship.schema,
        "RelationshipType": "ManyToManyRelationship",
        "Entity1LogicalName": relationship.first,
        "Entity2LogicalName": relationship.second,
        "Entity1NavigationPropertyName": relationship.first_nav,
        "Entity2NavigationPropertyName": relationship.second_nav,
        "IntersectEntityName": relationship.intersect,
        "IsCustomRelationship": relationship.is_custom,
        "IsManaged": False,
        "HasChanged": None,
    }

"""The bodies which the metadata API wants for tables, columns, lookups and keys. Pure.

(Microsoft: Create and update table definitions, column definitions and relationships using the Web API.)
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cosell.dataverse.wanted import ColumnKind, WantedColumn, WantedKey, WantedLookup, WantedTable

Body = dict[str, object]
_TYPE = "Microsoft.Dynamics.CRM."
_OPTIONS_PER_PREFIX = 10_000
_PLAIN: Mapping[ColumnKind, tuple[str, Body]] = {
    ColumnKind.TEXT: ("String", {"FormatName": {"Value": "Text"}}),
    ColumnKind.URL: ("String", {"FormatName": {"Value": "Url"}}),
    ColumnKind.MEMO: ("Memo", {"Format": "TextArea"}),
    ColumnKind.WHOLE: ("Integer", {"MinValue": 0, "MaxValue": 1_000_000, "Format": "None"}),
    # The currency of the row says how many decimals an amount has.
    ColumnKind.MONEY: ("Money", {"PrecisionSource": 2, "Precision": 2}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodies:
    """Made for one CRM: `language` is the code of its base language, in which every label has to be there.

    Option values begin with the publisher's `option_prefix`.
    """

    language: int
    option_prefix: int

    def table(self, table: WantedTable) -> Body:
        """Return a table with its name column; change tracking is on from the start."""
        return {
            "@odata.type": f"{_TYPE}EntityMetadata",
            "SchemaName": table.schema_name,
            "DisplayName": self._label(table.label),
            "DisplayCollectionName": self._label(table.plural),
            "Description": self._label(table.description),
            "OwnershipType": "UserOwned",
            "IsActivity": False,
            "HasActivities": False,
            "HasNotes": False,
            "ChangeTrackingEnabled": True,
            "Attributes": [self.column(table.name_column) | {"IsPrimaryName": True}],
        }

    def column(self, column: WantedColumn) -> Body:
        """Return a column."""
        kind, more = self._special(column)
        return self._head(kind, column.schema_name, column.label, column.description) | more

    def lookup(self, lookup: WantedLookup) -> Body:
        """Return the relationship which makes a lookup."""
        cascade = dict.fromkeys(("Assign", "Merge", "Reparent", "Share", "Unshare"), "NoCascade")
        return {
            "@odata.type": f"{_TYPE}OneToManyRelationshipMetadata",
            "SchemaName": lookup.relationship,
            "ReferencedEntity": lookup.target,
            "ReferencedAttribute": f"{lookup.target}id",
            "ReferencingEntity": lookup.table,
            "CascadeConfiguration": {**cascade, "Delete": lookup.on_delete},
            "AssociatedMenuConfiguration": {"Behavior": "UseCollectionName", "Group": "Details", "Order": 10000},
            "Lookup": self._head("Lookup", lookup.schema_name, lookup.label, lookup.description),
        }

    def key(self, key: WantedKey) -> Body:
        """Return an alternate key."""
        return {
            "@odata.type": f"{_TYPE}EntityKeyMetadata",
            "SchemaName": key.schema_name,
            "DisplayName": self._label(key.label),
            "KeyAttributes": [key.column],
        }

    def _special(self, column: WantedColumn) -> tuple[str, Body]:
        """Return the word for the type of a column, and what only this type has."""
        if column.kind is ColumnKind.CHOICE:
            return "Picklist", {"OptionSet": self._choice(column.options)}
        if column.kind is ColumnKind.YES_NO:
            return "Boolean", {"DefaultValue": False, "OptionSet": self._yes_no()}
        kind, more = _PLAIN[column.kind]
        return kind, more | ({"MaxLength": column.length} if column.length else {})

    def _head(self, kind: str, schema_name: str, label: str, description: str) -> Body:
        return {
            "@odata.type": f"{_TYPE}{kind}AttributeMetadata",
            "AttributeType": kind,
            "AttributeTypeName": {"Value": f"{kind}Type"},
            "SchemaName": schema_name,
            "DisplayName": self._label(label),
            "Description": self._label(description),
            "RequiredLevel": {
                "Value": "None",
                "CanBeChanged": True,
                "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings",
            },
        }

    def _choice(self, labels: tuple[str, ...]) -> Body:
        first = self.option_prefix * _OPTIONS_PER_PREFIX
        options = [{"Value": first + place, "Label": self._label(label)} for place, label in enumerate(labels)]
        return {
            "@odata.type": f"{_TYPE}OptionSetMetadata",
            "IsGlobal": False,
            "OptionSetType": "Picklist",
            "Options": options,
        }

    def _yes_no(self) -> Body:
        return {
            "@odata.type": f"{_TYPE}BooleanOptionSetMetadata",
            "OptionSetType": "Boolean",
            "TrueOption": {"Value": 1, "Label": self._label("Yes")},
            "FalseOption": {"Value": 0, "Label": self._label("No")},
        }

    def _label(self, text: str) -> Body:
        localized = {"@odata.type": f"{_TYPE}LocalizedLabel", "Label": text, "LanguageCode": self.language}
        return {"@odata.type": f"{_TYPE}Label", "LocalizedLabels": [localized]}


def tracking_body(definition: Mapping[str, object]) -> Body:
    """Return a whole definition as it was read, with change tracking on: an update replaces the definition."""
    kept = {name: value for name, value in definition.items() if name not in {"@odata.context", "Privileges"}}
    return kept | {"@odata.type": f"{_TYPE}EntityMetadata", "ChangeTrackingEnabled": True}

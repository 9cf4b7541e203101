"""Tables and columns by what people read, for those whose logical names nobody has published.

(Microsoft: Query table definitions using the Web API.) Definitions cannot be filtered by label, so all are listed, in
one call, and picked here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cosell.dataverse.reading import read_list, read_object
from cosell.http.links import query_string
from cosell.http.transport import ServiceClient

_STRONG = {"Consistency": "Strong"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLabel:
    """A table that somebody has added: its logical name, and what people read."""

    name: str
    label: str
    plural: str


async def list_custom_tables(service: ServiceClient) -> tuple[TableLabel, ...]:
    """Return the tables which solutions have added to the CRM, in one call."""
    select = "LogicalName,DisplayName,DisplayCollectionName,IsCustomEntity"
    path = "EntityDefinitions" + query_string({"$select": select})
    answer = await service.request("GET", path, headers=_STRONG, record="tables")
    return tuple(
        TableLabel(
            name=str(item["LogicalName"]),
            label=label_of(item.get("DisplayName")),
            plural=label_of(item.get("DisplayCollectionName")),
        )
        for item in read_list(read_object(answer, record="tables"))
        if item.get("IsCustomEntity") is True
    )


async def get_column_labels(service: ServiceClient, table: str) -> dict[str, str]:
    """Return what people read above the columns of a table, by logical name, in one call."""
    path = f"EntityDefinitions(LogicalName='{table}')/Attributes" + query_string({"$select": "LogicalName,DisplayName"})
    answer = await service.request("GET", path, headers=_STRONG, record=f"table {table}")
    items = read_list(read_object(answer, record=f"table {table}"))
    return {str(item["LogicalName"]): label_of(item.get("DisplayName")) for item in items}


def label_of(given: object) -> str:
    """Return a label in the language of our user, or in the first one that there is."""
    if not isinstance(given, Mapping):
        return ""
    shown = given.get("UserLocalizedLabel")
    if not isinstance(shown, Mapping):
        others = given.get("LocalizedLabels")
        shown = others[0] if isinstance(others, list) and others else {}
    return str(shown.get("Label") or "") if isinstance(shown, Mapping) else ""

"""Finds the connector's two solutions tables in the CRM by what people read, or by the names which somebody gives.

Their logical names are published nowhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cosell.dataverse import DataverseClient, Table
from cosell.errors import Origin, SchemaMissing
from cosell.mapping.connector import PREFIX, ConnectorTables
from cosell.mapping.models import Mappings

SOLUTIONS = ("microsoft solutions", "microsoft solution", "microsoft partner center solutions")
DETAILS = ("microsoft solution details", "microsoft solution detail")
QUANTITY, PRICE = ("quantity",), ("price",)
"""What people read above tables and columns, in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTables:
    """Logical names which somebody gave, where the tables are not found by themselves."""

    solutions: str | None = None
    details: str | None = None


BY_LABEL = NamedTables()


async def find_tables(
    dataverse: DataverseClient, mappings: Mappings, named: NamedTables = BY_LABEL
) -> ConnectorTables | None:
    """Return the connector's solutions tables; None when the CRM has none that look like them and none were named.

    Raises:
        SchemaMissing: a table that was named is not there, or is not one of solutions.
    """
    child, detail = named.solutions, named.details
    if child is None or detail is None:
        own = {mappings.solutions.table, mappings.solutions.catalogue.table}
        found = [item for item in await dataverse.list_custom_tables() if item.name not in own]
        # The connector's own prefix first; whoever copied its tables may have used another.
        found.sort(key=lambda item: (not item.name.startswith(PREFIX), item.name))
        labels = {item.name: (item.label, item.plural) for item in found}
        child, detail = child or _find_named(labels, SOLUTIONS), detail or _find_named(labels, DETAILS)
    if child is None or detail is None:
        return None
    return await _read_tables(dataverse, mappings, child, detail)


def _find_named(labels: Mapping[str, Sequence[str]], wanted: Sequence[str]) -> str | None:
    return next((name for name, said in labels.items() if {text.strip().lower() for text in said} & set(wanted)), None)


async def _read_tables(dataverse: DataverseClient, mappings: Mappings, child: str, detail: str) -> ConnectorTables:
    solutions, details = await dataverse.get_table(child), await dataverse.get_table(detail)
    child_labels, detail_labels = await dataverse.get_column_labels(child), await dataverse.get_column_labels(detail)
    headings = mappings.solutions.catalogue.headings
    identifier = _find_column(details, detail_labels, headings.identifier)
    to_opportunity = _find_lookup(solutions, mappings.opportunity.table)
    to_detail = _find_lookup(solutions, detail)
    if identifier is None or to_opportunity is None or to_detail is None:
        raise SchemaMissing(
            f"{child} and {detail} are not the connector's solutions tables: wanted are lookups of the first to "
            f"{mappings.opportunity.table} and to the second, and in the second a column labelled "
            f"“{headings.identifier[0]}”. Name them by --solutions-table and --details-table.",
            origin=Origin(service="Dataverse", record=child),
        )
    dataverse.learn_id_columns({solutions.set_name: solutions.id_column, details.set_name: details.id_column})
    return ConnectorTables(
        table=child,
        set=solutions.set_name,
        id=solutions.id_column,
        opportunity=to_opportunity,
        detail=to_detail,
        name=solutions.name_column,
        quantity=_find_column(solutions, child_labels, QUANTITY),
        price=_find_column(solutions, child_labels, PRICE),
        catalogue_table=detail,
        catalogue_set=details.set_name,
        catalogue_id=details.id_column,
        catalogue_name=details.name_column,
        identifier=identifier,
        type=_find_column(details, detail_labels, headings.type),
        publisher=_find_column(details, detail_labels, headings.publisher),
    )


def _find_column(table: Table, labels: Mapping[str, str], wanted: Sequence[str]) -> str | None:
    known = {text.lower() for text in wanted}
    named = (name for name, label in labels.items() if label.strip().lower() in known and name != table.name_column)
    return next((name for name in named if name in table.columns and table.columns[name].is_for_update), None)


def _find_lookup(table: Table, target: str) -> str | None:
    return next((lookup.navigation for lookup in table.lookups if lookup.target == target), None)

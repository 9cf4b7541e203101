"""`$metadata`: the service's own description in CSDL, for clients that generate code or check types from it."""

from xml.sax.saxutils import quoteattr

from cosell.emulators.dataverse.metadata import Schema, Table
from cosell.emulators.dataverse.values import edm_type

HEAD = (
    '<?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="4.0" '
    'xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
    '<Schema Namespace="Microsoft.Dynamics.CRM" Alias="mscrm" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
)
TAIL = "</Schema></edmx:DataServices></edmx:Edmx>"
BASE = '<EntityType Name="crmbaseentity" Abstract="true"></EntityType>'


def describe(schema: Schema) -> bytes:
    """Return the CSDL document of a schema."""
    tables = sorted(schema.tables.values(), key=lambda table: table.logical)
    types = "".join(_entity_type(schema, table) for table in tables)
    sets = "".join(_entity_set(schema, table) for table in tables)
    container = f'<EntityContainer Name="System">{sets}</EntityContainer>'
    return (HEAD + BASE + types + container + TAIL).encode()


def _entity_type(schema: Schema, table: Table) -> str:
    parts = [
        f'<EntityType Name={quoteattr(table.logical)} BaseType="mscrm.crmbaseentity">',
        f"<Key><PropertyRef Name={quoteattr(table.primary_id)} /></Key>",
    ]
    for column in table.columns.values():
        if not column.can_read:
            continue
        nullable = ' Nullable="false"' if column.is_primary_id else ""
        parts.append(f'<Property Name={quoteattr(column.property_name)} Type="{edm_type(column)}"{nullable} />')
    for navigation in schema.navigation(table.logical).values():
        target = "principal" if navigation.is_owner else navigation.target
        kind = f"Collection(mscrm.{target})" if navigation.is_collection else f"mscrm.{target}"
        parts.append(f"<NavigationProperty Name={quoteattr(navigation.name)} Type={quoteattr(kind)} />")
    parts.append("</EntityType>")
    return "".join(parts)


def _entity_set(schema: Schema, table: Table) -> str:
    bindings = "".join(
        f"<NavigationPropertyBinding Path={quoteattr(navigation.name)} "
        f"Target={quoteattr(schema.tables[navigation.target].set_name)} />"
        for navigation in schema.navigation(table.logical).values()
    )
    kind = quoteattr(f"Microsoft.Dynamics.CRM.{table.logical}")
    return f"<EntitySet Name={quoteattr(table.set_name)} EntityType={kind}>{bindings}</EntitySet>"

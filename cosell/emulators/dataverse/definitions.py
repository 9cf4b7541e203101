"""GET on the metadata API: EntityDefinitions with attributes, keys and relationships, and the global choices."""

from collections.abc import Callable, Iterable

from cosell.emulators.dataverse.definition_filter import metadata_test
from cosell.emulators.dataverse.definition_json import (
    BASE_COLUMN_NAMES,
    OPTION_KINDS,
    TYPE,
    Json,
    column_json,
    column_type,
    key_json,
    many_to_many_json,
    option_set_json,
    relationship_json,
    table_json,
)
from cosell.emulators.dataverse.environment import Environment
from cosell.emulators.dataverse.errors import business, unknown_property, unknown_segment
from cosell.emulators.dataverse.http import Call, Reply, split_outside
from cosell.emulators.dataverse.metadata import Column, Schema, Table
from cosell.emulators.dataverse.paths import Segment, parse_key
from cosell.emulators.dataverse.privileges import privileges_json

CAST = "Microsoft.Dynamics.CRM."
DEFINITION_SETS = frozenset({"EntityDefinitions", "RelationshipDefinitions", "GlobalOptionSetDefinitions"})
TABLE_COLLECTIONS = (
    "Attributes",
    "Keys",
    "OneToManyRelationships",
    "ManyToOneRelationships",
    "ManyToManyRelationships",
)


class DefinitionReader:
    """Read the metadata of one request."""

    def __init__(self, env: Environment, call: Call, schema: Schema | None = None) -> None:
        self._env = env
        self._call = call
        self._schema = schema or env.schema
        self._now = env.now().timestamp()

    def read(self, segments: list[Segment]) -> Reply:
        """Answer a path that begins with one of the metadata sets."""
        head, rest = segments[0], segments[1:]
        if head.name == "EntityDefinitions":
            return self._tables(head, rest)
        if head.name == "GlobalOptionSetDefinitions":
            sets = [self._global(one.name) for one in self._schema.option_sets.values()]
            return self._of(sets, head, rest, "Name", "OptionSetMetadata")
        relationships = [
            *(relationship_json(self._schema, one) for one in self._schema.relationships),
            *(many_to_many_json(one) for one in self._schema.many_to_many),
        ]
        return self._of(relationships, head, rest, "SchemaName", "RelationshipMetadataBase")

    def table(self, segment: Segment) -> Table:
        """Return the table a segment names by LogicalName or MetadataId."""
        name, value = named_key(segment)
        for table in self._schema.tables.values():
            if (name == "LogicalName" and table.logical == value) or table.metadata_id == value:
                return table
        raise business(
            "0x80060888" if name == "?" else "0x80040217", f"Could not find an entity with name {value}.", status=404
        )

    def column(self, table: Table, segment: Segment) -> Column:
        """Return the column a segment names by LogicalName or MetadataId."""
        name, value = named_key(segment)
        for column in table.columns.values():
            if (name == "LogicalName" and column.logical == value) or column.metadata_id == value:
                return column
        message = f"Could not find an attribute with specified name {value} for entity {table.logical}."
        raise business("0x80040217", message, status=404)

    def _tables(self, head: Segment, rest: list[Segment]) -> Reply:
        if head.inside is None:
            tables = sorted(self._schema.tables.values(), key=lambda table: table.logical)
            found = [self._with_collections(table) for table in tables]
            return self._many(found, "EntityDefinitions", "EntityMetadata", dict.fromkeys(TABLE_COLLECTIONS))
        table = self.table(head)
        if not rest:
            return self._one(self._with_collections(table), "EntityDefinitions", "EntityMetadata", TABLE_COLLECTIONS)
        if rest[0].name == "Attributes":
            return self._attributes(table, rest)
        collection = self._collection(table, rest[0].name)
        place = f"EntityDefinitions('{table.metadata_id}')/{rest[0].name}"
        if rest[0].inside is not None:
            found = [one for one in collection if named_key(rest[0])[1] in {one.get("LogicalName"), one["MetadataId"]}]
            if not found:
                raise business("0x80040217", f"The {rest[0].name} entry does not exist.", status=404)
            return self._one(found[0], place, rest[0].name, ())
        return self._many(collection, place, rest[0].name, {})

    def _with_collections(self, table: Table) -> Json:
        """Return a table with the collections that `$expand` may show."""
        found = table_json(table) | {"Privileges": privileges_json(table)}
        expand = self._call.option("$expand") or ""
        for name in TABLE_COLLECTIONS:
            if name in expand:
                found[name] = self._collection(table, name)
        return found

    def _collection(self, table: Table, name: str) -> list[Json]:
        makers: dict[str, Callable[[], Iterable[Json]]] = {
            "Attributes": lambda: (self._full_column(table, one) for one in table.columns.values()),
            "Keys": lambda: (key_json(table, key, self._now) for key in table.keys),
            "OneToManyRelationships": lambda: (
                relationship_json(self._schema, one) for one in self._schema.referencing(table.logical)
            ),
            "ManyToOneRelationships": lambda: (
                relationship_json(self._schema, one)
                for one in self._schema.relationships
                if one.referencing == table.logical
            ),
            "ManyToManyRelationships": lambda: (
                many_to_many_json(one) for one in self._schema.many_to_many if table.logical in {one.first, one.second}
            ),
        }
        if name not in makers:
            raise unknown_segment(name)
        return list(makers[name]())

    def _attributes(self, table: Table, rest: list[Segment]) -> Reply:
        place = f"EntityDefinitions('{table.metadata_id}')/Attributes"
        casts = [segment for segment in rest if segment.name.startswith(CAST)]
        cast = casts[0].name.removeprefix(CAST) if casts else None
        others = [segment for segment in rest[1:] if segment not in casts]
        if rest[0].inside is None and not (casts and casts[0].inside is not None):
            columns = [one for one in table.columns.values() if cast in {None, column_type(one)}]
            found = [self._full_column(table, one) for one in columns]
            shown = place + (f"/{CAST}{cast}" if cast else "")
            return self._many(
                found, shown, cast or "AttributeMetadata", dict.fromkeys(("OptionSet", "GlobalOptionSet"))
            )
        column = self.column(table, rest[0] if rest[0].inside is not None else casts[0])
        if cast not in {None, column_type(column)}:
            raise business("0x80040217", f"The attribute '{column.logical}' is not of the type {cast}.", status=404)
        if others and others[0].name in {"OptionSet", "GlobalOptionSet"}:
            body = self._full_column(table, column).get(others[0].name)
            if not isinstance(body, dict):
                raise unknown_segment(others[0].name)
            return self._one(body, f"{place}/{others[0].name}", "OptionSetMetadata", ())
        if others:
            raise unknown_segment(others[0].name)
        kind = cast or "AttributeMetadata"
        return self._one(self._full_column(table, column), place, kind, ("OptionSet", "GlobalOptionSet"))

    def _full_column(self, table: Table, column: Column) -> Json:
        found = column_json(table, column)
        if column.kind in OPTION_KINDS and column.options is not None:
            body = option_set_json(column.options, column.kind)
            found["OptionSet"] = body
            found["GlobalOptionSet"] = dict(body) if column.options.is_global else None
        return found

    def _global(self, name: str) -> Json:
        return {"@odata.type": f"{TYPE}OptionSetMetadata"} | option_set_json(self._schema.option_sets[name])

    def _of(self, bodies: list[Json], head: Segment, rest: list[Segment], key: str, kind: str) -> Reply:
        casts = [segment for segment in rest if segment.name.startswith(CAST)]
        if casts:
            wanted = casts[0].name.removeprefix(CAST)
            bodies = [one for one in bodies if one.get("@odata.type") == TYPE + wanted]
            kind = wanted
        if head.inside is None:
            return self._many(bodies, head.name, kind, {})
        _, value = named_key(head)
        found = [one for one in bodies if value in {one.get(key), one["MetadataId"]}]
        if not found:
            raise business("0x80040217", f"Could not find an item of {head.name} with the key {value}.", status=404)
        return self._one(found[0], head.name, kind, ())

    def _many(self, bodies: list[Json], place: str, kind: str, collections: dict[str, None]) -> Reply:
        text = self._call.option("$filter")
        if text:
            bodies = list(filter(metadata_test(text), bodies))
        names = self._names(kind)
        value = [self._shaped(one, names, tuple(collections), kind) for one in bodies]
        shown = f"({','.join(names)})" if names else ""
        reply: Json = {"@odata.context": f"{self._call.root}$metadata#{place}{shown}"}
        if self._call.option("$count") == "true":
            reply["@odata.count"] = len(value)
        return Reply(200, reply | {"value": value})

    def _one(self, body: Json, place: str, kind: str, collections: tuple[str, ...]) -> Reply:
        names = self._names(kind)
        shown = f"({','.join(names)})" if names else ""
        reply: Json = {"@odata.context": f"{self._call.root}$metadata#{place}{shown}/$entity"}
        return Reply(200, reply | self._shaped(body, names, collections, kind))

    def _names(self, kind: str) -> list[str]:
        text = self._call.option("$select")
        names = [name.strip() for name in text.split(",") if name.strip()] if text else []
        if kind == "AttributeMetadata":
            for name in names:
                if name not in BASE_COLUMN_NAMES:
                    raise unknown_property(name, kind)
        return names

    def _shaped(self, body: Json, names: list[str], collections: tuple[str, ...], kind: str) -> Json:
        for name in names:
            if name not in body and kind != "RelationshipMetadataBase":
                raise unknown_property(name, kind)
        keep = {*names, "MetadataId"} if names else set(body) - set(collections)
        base_only = kind == "AttributeMetadata" and not names
        out = {k: v for k, v in body.items() if k in keep and not (base_only and k in collections)}
        if kind in {"AttributeMetadata", "RelationshipMetadataBase", "OptionSetMetadata"} and "@odata.type" in body:
            out = {"@odata.type": body["@odata.type"]} | out
        elif kind not in TABLE_COLLECTIONS:
            out.pop("@odata.type", None)
        return out | self._expanded(body, collections)

    def _expanded(self, body: Json, collections: tuple[str, ...]) -> Json:
        out: Json = {}
        for part in split_outside(self._call.option("$expand") or "", ","):
            name, _, inside = part.strip().partition("(")
            if not name:
                continue
            if name not in collections:
                raise unknown_property(name, "EntityMetadata")
            value = body.get(name)
            wanted = self._inner_select(inside.rstrip(")"))
            out[name] = _narrow(value, wanted) if wanted else value
        return out

    def _inner_select(self, text: str) -> set[str]:
        for option in split_outside(text, ";"):
            name, _, value = option.partition("=")
            if name == "$select":
                return {one.strip() for one in value.split(",")} | {"MetadataId", "@odata.type"}
        return set()


def _narrow(value: object, wanted: set[str]) -> object:
    if isinstance(value, list):
        return [_narrow(one, wanted) for one in value]
    if isinstance(value, dict):
        return {name: one for name, one in value.items() if name in wanted}
    return value


def named_key(segment: Segment) -> tuple[str, str]:
    """Return name and value of a metadata key; a bare GUID is a MetadataId."""
    key = parse_key(segment.inside or "")
    if key.row_id is not None:
        return "MetadataId", key.row_id
    name, literal = key.values[0]
    return name, literal.text

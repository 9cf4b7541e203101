"""POST, PUT and DELETE on the metadata API: what an installer does, refused where the service refuses it."""

import uuid
from collections.abc import Callable, Mapping

from cosell.emulators.dataverse.definition_bodies import FIRST_CUSTOM_CODE, KINDS, plural, type_name
from cosell.emulators.dataverse.definitions import DefinitionReader, named_key
from cosell.emulators.dataverse.environment import Environment
from cosell.emulators.dataverse.errors import (
    DataverseError,
    bad_payload,
    business,
    unknown_segment,
)
from cosell.emulators.dataverse.http import Call, Reply, read_json
from cosell.emulators.dataverse.metadata import Column, ManyToMany, Relationship, Table
from cosell.emulators.dataverse.paths import Segment
from cosell.emulators.dataverse.privileges import add_privileges
from cosell.emulators.dataverse.schema_log import SchemaLog
from cosell.emulators.dataverse.solutions import add_component, check_prefix

Body = Mapping[str, object]
KEY_KINDS = frozenset({"Integer", "BigInt", "Decimal", "String", "DateTime", "Lookup", "Customer", "Owner", "Picklist"})
MOST_KEYS, MOST_KEY_COLUMNS = 10, 16
COMPONENT = {"table": 1, "column": 2, "relationship": 10, "option set": 9, "key": 14}


class DefinitionWriter:
    """Change the schema for one request."""

    def __init__(self, env: Environment, call: Call, log: SchemaLog) -> None:
        self._env = env
        self._call = call
        self._log = log
        self._reader = DefinitionReader(env, call)

    def write(self, segments: list[Segment]) -> Reply:
        """Answer a write whose path begins with one of the metadata sets."""
        self._env.access.require_customizing(self._call.actor, "prvWriteEntity")
        if self._call.method == "PATCH":
            raise DataverseError(
                status=405,
                code="0x80060888",
                message="Operation not supported on EntityMetadata: use PUT with the complete definition.",
            )
        head, rest = segments[0], segments[1:]
        if head.name == "EntityDefinitions":
            return self._entity(head, rest)
        if head.name == "RelationshipDefinitions":
            return self._relationship(head)
        return self._option_set(head)

    def _entity(self, head: Segment, rest: list[Segment]) -> Reply:
        method = self._call.method
        if head.inside is None:
            return self.create_table(self._body()) if method == "POST" else self._refuse()
        table = self._reader.table(head)
        if not rest:
            return {"PUT": self._update_table, "DELETE": self._delete_table}.get(method, self._refuse)(table)
        routes: dict[tuple[str, str], Callable[[], Reply]] = {
            ("Attributes", "POST"): lambda: self.create_column(table, self._body()),
            ("Attributes", "PUT"): lambda: self._update_column(table, self._reader.column(table, rest[0])),
            ("Attributes", "DELETE"): lambda: self._delete_column(table, self._reader.column(table, rest[0])),
            ("Keys", "POST"): lambda: self.create_key(table, self._body()),
            ("Keys", "DELETE"): lambda: self._delete_key(table, rest[0]),
        }
        return routes.get((rest[0].name, method), self._refuse)()

    def create_tables(self, body: Body) -> Reply:
        """Create several tables, each with its columns, as the CreateEntities action does."""
        entities = body.get("Entities")
        if not isinstance(entities, list):
            raise bad_payload("EntityDefinitions", "The property 'Entities' is missing.")
        for entity in entities:
            self.create_table(entity)
        response = f"{self._call.root}$metadata#Microsoft.Dynamics.CRM.CreateEntitiesResponse"
        return Reply(200, {"@odata.context": response})

    def create_table(self, body: Body) -> Reply:
        """Create a table with its columns."""
        name = self._new_name(body, "Entity")
        if name.lower() in self._env.schema.tables:
            raise business(
                "0x80044363",
                f"An entity with the specified name {name.lower()} already exists. Please specify a unique name.",
            )
        if self._env.schema.find_set(str(body.get("EntitySetName") or plural(name.lower()))):
            raise business("0x80044363", f"An entity set with the name {plural(name.lower())} already exists.")
        primary, others = _split_attributes(body)
        body = {**body, "Attributes": primary}
        code = max([FIRST_CUSTOM_CODE - 1, *(table.code for table in self._env.schema.tables.values())]) + 1
        new_id = self._change(
            "create_table", {"table": name.lower(), "body": body, "code": code, "primary_column_id": _new_id()}
        )
        self._env.schema.tables[name.lower()].schema_version = self._env.rows.version
        self._add_to_solution("table", new_id)
        self._add_messages(name.lower())
        add_privileges(self._env, [self._env.schema.tables[name.lower()]], self._call.now)
        for column in others:
            self.create_column(self._env.schema.tables[name.lower()], column)
        return self._created(f"EntityDefinitions({new_id})")

    def create_column(self, table: Table, body: Body) -> Reply:
        """Create a column."""
        name = self._new_name(body, "Attribute")
        if type_name(body) == "LookupAttributeMetadata":
            raise business("0x80048403", "A lookup is created by a relationship: POST RelationshipDefinitions.")
        if type_name(body) not in KINDS:
            raise bad_payload(
                "Attributes", f"The type '{body.get('@odata.type')}' could not be resolved to a known type."
            )
        if name.lower() in table.columns:
            raise business(
                "0x80044192", f"An attribute with the specified name {name.lower()} already exists on {table.logical}."
            )
        new_id = self._change("create_column", {"table": table.logical, "body": body})
        self._fill_default(self._env.schema.tables[table.logical], name.lower())
        self._add_to_solution("column", new_id)
        return self._created(f"EntityDefinitions(LogicalName='{table.logical}')/Attributes({new_id})")

    def create_relationship(self, body: Body, *, polymorphic: bool = False) -> Reply:
        """Create a relationship with its lookup."""
        kind = type_name(body)
        name = self._new_name(body, "EntityRelationship")
        known = {relationship.schema.lower() for relationship in self._relationships()}
        if name.lower() in known:
            raise business("0x80048403", f"A relationship with the name {name} already exists.")
        if kind == "ManyToManyRelationshipMetadata":
            for side in ("Entity1LogicalName", "Entity2LogicalName"):
                self._known_table(body.get(side))
            new_id = self._change("create_many_to_many", {"body": body})
            return self._created(f"RelationshipDefinitions({new_id})")
        if kind != "OneToManyRelationshipMetadata":
            raise bad_payload("RelationshipDefinitions", f"The type '{body.get('@odata.type')}' is not a relationship.")
        new_id = self._one_to_many(body, polymorphic=polymorphic)
        self._add_to_solution("relationship", new_id)
        return self._created(f"RelationshipDefinitions({new_id})")

    def _one_to_many(self, body: Body, *, polymorphic: bool) -> str:
        lookup = body.get("Lookup")
        if not isinstance(lookup, dict):
            raise bad_payload("RelationshipDefinitions", "The property 'Lookup' is missing.")
        self._known_table(body.get("ReferencedEntity"))
        referencing = self._known_table(body.get("ReferencingEntity"))
        column = self._new_name(lookup, "Attribute").lower()
        existing = referencing.columns.get(column)
        if existing is not None and not (polymorphic and existing.is_lookup):
            raise business("0x80044192", f"An attribute with the specified name {column} already exists.")
        new_id = self._change(
            "create_relationship",
            {"table": referencing.logical, "body": body, "column_id": _new_id(), "polymorphic": polymorphic},
        )
        self._env.rows.reindex(referencing.logical)
        return new_id

    def create_key(self, table: Table, body: Body) -> Reply:
        """Create an alternate key; its index is built after a while."""
        name = self._new_name(body, "EntityKey")
        given = body.get("KeyAttributes")
        columns = [str(one) for one in given] if isinstance(given, list) else []
        self._check_key(table, name, columns)
        now = self._env.now().timestamp()
        arguments: dict[str, object] = {"table": table.logical, "body": body}
        arguments |= {"active_at": now + self._env.knobs.key_index_seconds, "failed": self._has_twins(table, columns)}
        new_id = self._change("create_key", arguments)
        self._env.rows.reindex(table.logical)
        self._add_to_solution("key", new_id)
        return self._created(f"EntityDefinitions(LogicalName='{table.logical}')/Keys({new_id})")

    def _check_key(self, table: Table, name: str, columns: list[str]) -> None:
        if not columns or len(columns) > MOST_KEY_COLUMNS:
            raise business("0x80060897", f"An entity key must have between 1 and {MOST_KEY_COLUMNS} attributes.")
        if len(table.keys) >= MOST_KEYS:
            raise business("0x80060896", f"The entity {table.logical} already has {MOST_KEYS} keys.")
        if any(key.logical == name.lower() or set(key.columns) == set(columns) for key in table.keys):
            raise business("0x80060893", f"An entity key with the same name or attributes exists on {table.logical}.")
        for column in columns:
            if column not in table.columns or table.columns[column].kind not in KEY_KINDS:
                raise business("0x80060894", f"The attribute {column} cannot be part of a key of {table.logical}.")

    def _has_twins(self, table: Table, columns: list[str]) -> bool:
        """Tell whether rows already break the key: its index build fails then."""
        seen: set[tuple[object, ...]] = set()
        for row in self._env.rows.scan(table.logical):
            values = tuple(row.data.get(name) for name in columns)
            if None in values:
                continue
            if values in seen:
                return True
            seen.add(values)
        return False

    def create_option_set(self, body: Body) -> Reply:
        """Create a global choice."""
        name = str(body.get("Name") or "")
        check_prefix(self._env, self._call, name, "OptionSet")
        if name in self._env.schema.option_sets:
            raise business("0x80048403", f"An OptionSet with the Name={name} already exists.")
        new_id = self._change("create_option_set", {"body": body})
        self._add_to_solution("option set", new_id)
        return self._created(f"GlobalOptionSetDefinitions({new_id})")

    def reactivate_key(self, body: Body) -> Reply:
        """Try a failed key's index again."""
        table = self._known_table(body.get("EntityLogicalName"))
        name = str(body.get("EntityKeyLogicalName") or "")
        key = next((one for one in table.keys if one.logical == name), None)
        if key is None:
            raise business(
                "0x80060890", f"The specified key attributes are not a defined key for the {table.logical} entity"
            )
        failed = self._has_twins(table, list(key.columns))
        self._change("reactivate_key", {"table": table.logical, "key": name, "failed": failed})
        return Reply(204)

    def _update_table(self, table: Table) -> Reply:
        body = self._complete(("LogicalName", "SchemaName"))
        if table.change_tracking and body.get("ChangeTrackingEnabled") is False:
            raise business("0x80072492", "Change tracking cannot be disabled once it is enabled.")
        self._change("update_table", {"table": table.logical, "body": body})
        return Reply(204)

    def _update_column(self, table: Table, column: Column) -> Reply:
        body = self._complete(("@odata.type",))
        self._change("update_column", {"table": table.logical, "column": column.logical, "body": body})
        return Reply(204)

    def _delete_table(self, table: Table) -> Reply:
        if not table.is_custom:
            raise business("0x80048403", f"The entity {table.logical} is a system entity and cannot be deleted.")
        if any(r.referencing != table.logical for r in self._env.schema.referencing(table.logical)):
            raise self._in_use("Entity", table.logical)
        self._change("delete_table", {"table": table.logical})
        self._env.rows.remove_table(table.logical)
        return Reply(204)

    def _delete_column(self, table: Table, column: Column) -> Reply:
        if not column.is_custom:
            raise business("0x80048403", f"The attribute {column.logical} is a system attribute and cannot be deleted.")
        if any(column.logical in key.columns for key in table.keys):
            raise self._in_use("Attribute", column.logical)
        self._change("delete_column", {"table": table.logical, "column": column.logical})
        for row in self._env.rows.scan(table.logical):
            if column.logical in row.data:
                kept = {k: v for k, v in row.data.items() if k not in {column.logical, f"{column.logical}_base"}}
                self._env.rows.replace(row, kept)
        return Reply(204)

    def _delete_key(self, table: Table, segment: Segment) -> Reply:
        _, value = named_key(segment)
        for key in table.keys:
            if value in {key.logical, key.metadata_id}:
                self._change("delete_key", {"table": table.logical, "key": key.logical})
                return Reply(204)
        raise business("0x80040217", f"Could not find an entity key with the key {value}.", status=404)

    def _relationship(self, head: Segment) -> Reply:
        if head.inside is None:
            return self.create_relationship(self._body()) if self._call.method == "POST" else self._refuse()
        _, value = named_key(head)
        for one in self._relationships():
            if value in {one.schema, one.metadata_id}:
                if self._call.method == "PUT":
                    return Reply(204)
                if self._call.method != "DELETE" or not one.is_custom:
                    return self._refuse()
                self._change("delete_relationship", {"relationship": one.schema})
                return Reply(204)
        raise business("0x80040217", f"Could not find a relationship with the key {value}.", status=404)

    def _option_set(self, head: Segment) -> Reply:
        if head.inside is None:
            return self.create_option_set(self._body()) if self._call.method == "POST" else self._refuse()
        _, value = named_key(head)
        for option_set in self._env.schema.option_sets.values():
            if value in {option_set.name, option_set.metadata_id}:
                if self._call.method == "PUT":
                    return Reply(204)
                if self._call.method != "DELETE":
                    return self._refuse()
                columns = [c for table in self._env.schema.tables.values() for c in table.columns.values()]
                if any(column.options is option_set for column in columns):
                    raise self._in_use("OptionSet", option_set.name)
                self._change("delete_option_set", {"name": option_set.name})
                return Reply(204)
        raise business("0x80040217", f"An optionset with the key {value} does not exist.", status=404)

    def _relationships(self) -> list[Relationship | ManyToMany]:
        return [*self._env.schema.relationships, *self._env.schema.many_to_many]

    def _in_use(self, kind: str, name: str) -> DataverseError:
        return business(
            "0x8004F01F",
            f"The {kind}({name}) component cannot be deleted because it is referenced by 1 other components. For a "
            "list of referenced components, use the RetrieveDependenciesForDeleteRequest.",
        )

    def _known_table(self, name: object) -> Table:
        table = self._env.schema.tables.get(str(name or ""))
        if table is None:
            raise business("0x80040217", f"Could not find an entity with name {name}.", status=404)
        return table

    def _new_name(self, body: Body, kind: str) -> str:
        name = str(body.get("SchemaName") or "")
        check_prefix(self._env, self._call, name, kind)
        return name

    def _body(self) -> dict[str, object]:
        return read_json(self._call, "EntityDefinitions")

    def _complete(self, needed: tuple[str, ...]) -> dict[str, object]:
        """Return the body of a PUT, which must be a complete definition."""
        body = self._body()
        for name in needed:
            if name not in body:
                raise bad_payload("EntityDefinitions", f"A PUT needs the complete definition: '{name}' is missing.")
        return body

    def _change(self, operation: str, arguments: dict[str, object]) -> str:
        """Apply a change; a table whose schema changed expires its delta tokens."""
        new_id = _new_id()
        arguments = {"metadata_id": new_id, **arguments}
        if "table" in arguments:
            arguments["version"] = self._env.rows.next_version()
        self._env.remember_schema()
        self._log.change(operation, arguments)
        return new_id

    def _fill_default(self, table: Table, name: str) -> None:
        """Write a new column's default into the rows there are, as the service does for yes/no columns."""
        default = table.columns[name].default
        if table.columns[name].kind != "Boolean" or default is None:
            return
        for row in self._env.rows.scan(table.logical):
            self._env.rows.replace(row, {**row.data, name: default})

    def _add_to_solution(self, kind: str, object_id: str) -> None:
        add_component(self._env, self._call, component_type=COMPONENT[kind], object_id=object_id)

    def _add_messages(self, table: str) -> None:
        """Register the messages of a new table, so that webhook steps can be put on them."""
        for message in self._env.rows.scan("sdkmessage"):
            data = {"primaryobjecttypecode": table, "sdkmessageid": message.id, "iscustomprocessingstepallowed": True}
            self._env.rows.insert("sdkmessagefilter", _new_id(), data)

    def _created(self, address: str) -> Reply:
        url = self._call.root + address
        return Reply(204, None, {"Location": url, "OData-EntityId": url})

    def _refuse(self, *_: object) -> Reply:
        raise unknown_segment(self._call.path.rpartition("/")[2])


def _split_attributes(body: Body) -> tuple[list[Body], list[Body]]:
    """Return the primary name column, which comes with the table, and the columns to add after it."""
    given = body.get("Attributes")
    columns = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    primary: list[Body] = [one for one in columns if one.get("IsPrimaryName")]
    return primary, [one for one in columns if not one.get("IsPrimaryName")]


def _new_id() -> str:
    return str(uuid.uuid4())

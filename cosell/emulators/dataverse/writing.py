"""POST, PATCH, PUT and DELETE on rows: conditions, upsert by id or key, and the status each case answers with."""

from collections.abc import Mapping
from urllib.parse import quote

from cosell.emulators.dataverse.addresses import RowAddresses
from cosell.emulators.dataverse.environment import Environment
from cosell.emulators.dataverse.errors import (
    already_exists,
    bad_payload,
    bad_url,
    concurrency_off,
    not_found,
    stale_version,
    unknown_property,
    wrong_method,
)
from cosell.emulators.dataverse.http import Call, Reply, read_json
from cosell.emulators.dataverse.metadata import Navigation, Table
from cosell.emulators.dataverse.paths import RowKey, Segment, parse_key
from cosell.emulators.dataverse.reading import Reader, missing
from cosell.emulators.dataverse.rows import Data, Row
from cosell.emulators.dataverse.writes import Writer


class RowWrites:
    """Answer the writes of one request."""

    def __init__(self, env: Environment, call: Call) -> None:
        self._env = env
        self._call = call
        self._reader = Reader(env, call)
        self._writer = Writer(env, call)
        self._addresses = RowAddresses(env, call.content_ids)

    def write(self, table: Table, segments: list[Segment]) -> Reply:
        """Answer a write whose path begins with an entity set."""
        head, rest = segments[0], segments[1:]
        if head.inside is None:
            if rest or self._call.method != "POST":
                raise wrong_method(self._call.method)
            return self._create(table)
        key = parse_key(head.inside)
        if not rest:
            return self._whole_row(table, key)
        row = self._reader.existing(table, key)
        navigation = self._env.schema.navigation(table.logical).get(rest[0].name)
        if navigation is not None:
            return self._reference(row, navigation, rest)
        return self._column(table, row, rest)

    def _create(self, table: Table) -> Reply:
        row = self._writer.create(table, read_json(self._call, table.set_name))
        return self._created(table, row, f"{table.set_name}({row.id})")

    def _whole_row(self, table: Table, key: RowKey) -> Reply:
        if self._call.method == "PATCH":
            return self._upsert(table, key)
        if self._call.method == "DELETE":
            row = self._reader.existing(table, key)
            self._check_etag(table, row)
            self._writer.delete(row)
            return Reply(204)
        raise wrong_method(self._call.method)

    def _upsert(self, table: Table, key: RowKey) -> Reply:
        body = read_json(self._call, table.set_name)
        values: Data = {}
        if key.row_id is None and key.names != (table.primary_id,):
            _, values = self._addresses.key_values(table, key)
        row = self._addresses.find(table, key)
        if row is None:
            if self._call.header("if-match"):
                raise missing(table, key)
            new_id = key.row_id or (key.values[0][1].text.lower() if not values else None)
            row = self._writer.create(table, body, row_id=new_id, key=values)
            return self._created(table, row, self._address(table, key))
        if self._call.header("if-none-match").strip() == "*":
            raise already_exists()
        self._check_etag(table, row)
        fresh = self._writer.update(row, body, key=values)
        if self._call.prefer.representation:
            reply = self._reader.single(fresh, expanding=False)
            reply.headers["Preference-Applied"] = "return=representation"
            return reply
        return Reply(204, None, {"OData-EntityId": self._call.root + self._address(table, key)})

    def _created(self, table: Table, row: Row, address: str) -> Reply:
        url = self._call.root + address
        if self._call.prefer.representation:
            reply = self._reader.single(row, status=201)
            reply.headers["Preference-Applied"] = "return=representation"
            return reply
        del table
        return Reply(204, None, {"Location": url, "OData-EntityId": url})

    def _address(self, table: Table, key: RowKey) -> str:
        if key.row_id is not None:
            return f"{table.set_name}({key.row_id})"
        parts = []
        for name, literal in key.values:
            text = literal.text.replace("'", "''")
            parts.append(f"{name}='{quote(text, safe='')}'" if literal.kind == "string" else f"{name}={literal.text}")
        return f"{table.set_name}({','.join(parts)})"

    def _check_etag(self, table: Table, row: Row) -> None:
        wanted = self._call.header("if-match").strip()
        if wanted in {"", "*"}:
            return
        if not table.optimistic:
            raise concurrency_off(table.logical)
        if wanted.removeprefix("W/").strip('"') != str(row.version):
            raise stale_version()

    def _column(self, table: Table, row: Row, rest: list[Segment]) -> Reply:
        column = table.columns.get(rest[0].name)
        if column is None or column.is_lookup or rest[1:]:
            raise unknown_property(rest[0].name, table.logical)
        self._check_etag(table, row)
        if self._call.method == "DELETE":
            self._writer.update(row, {column.logical: None})
        elif self._call.method == "PUT":
            body = read_json(self._call, table.set_name)
            if "value" not in body:
                raise bad_payload(table.set_name, "A top-level property with name 'value' was expected.")
            self._writer.update(row, {column.logical: body["value"]})
        else:
            raise wrong_method(self._call.method)
        return Reply(204)

    def _reference(self, row: Row, navigation: Navigation, rest: list[Segment]) -> Reply:
        if rest[-1].name != "$ref":
            return self._related_row(row, navigation, rest)
        method = self._call.method
        if method == "DELETE":
            self._writer.disassociate(row, navigation, self._removed_id(navigation, rest))
            return Reply(204)
        if method != ("POST" if navigation.is_collection else "PUT"):
            raise wrong_method(method)
        body = read_json(self._call, self._env.schema.tables[row.table].set_name)
        target_id = self._target_id(navigation, body)
        self._writer.associate(row, navigation, target_id)
        return Reply(204)

    def _related_row(self, row: Row, navigation: Navigation, rest: list[Segment]) -> Reply:
        """Create a row inside a collection: it comes into being pointing back at the row."""
        relationship = navigation.relationship
        if len(rest) != 1 or not navigation.is_collection or relationship is None or self._call.method != "POST":
            raise wrong_method(self._call.method)
        target = self._env.schema.tables[navigation.target]
        body = read_json(self._call, target.set_name)
        key: Data = {relationship.column: row.id}
        if len(target.columns[relationship.column].targets) > 1:
            key[f"{relationship.column}@"] = row.table
        made = self._writer.create(target, body, key=key)
        return self._created(target, made, f"{target.set_name}({made.id})")

    def _target_id(self, navigation: Navigation, body: Mapping[str, object]) -> str:
        link = body.get("@odata.id")
        if not isinstance(link, str):
            raise bad_url("The request body must hold the property '@odata.id' with a link to a row.")
        table, row_id = self._addresses.resolve(link)
        if row_id is None:
            raise not_found(table.logical, link)
        if not navigation.accepts(table.logical):
            raise bad_url(f"The link '{link}' does not fit the navigation property '{navigation.name}'.")
        return row_id

    def _removed_id(self, navigation: Navigation, rest: list[Segment]) -> str | None:
        if rest[0].inside is not None:
            return parse_key(rest[0].inside).row_id
        link = self._call.query.get("$id")
        if link is not None:
            return self._addresses.resolve(link)[1]
        if navigation.is_collection:
            raise bad_url("A DELETE of a reference in a collection must name the row, in brackets or by $id.")
        return None

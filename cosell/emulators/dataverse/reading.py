"""GET: one row, one column, a collection, a count, a reference."""

from cosell.emulators.dataverse.addresses import RowAddresses
from cosell.emulators.dataverse.changes import ChangeTracking
from cosell.emulators.dataverse.environment import Environment
from cosell.emulators.dataverse.errors import bad_url, key_not_found, not_found, unknown_segment
from cosell.emulators.dataverse.fetchxml import FetchXml
from cosell.emulators.dataverse.filter_compile import find_property
from cosell.emulators.dataverse.http import Call, Reply
from cosell.emulators.dataverse.listing import Listing
from cosell.emulators.dataverse.metadata import Column, Navigation, Table
from cosell.emulators.dataverse.paging import read_cookie
from cosell.emulators.dataverse.paths import RowKey, Segment, parse_key
from cosell.emulators.dataverse.query_options import check_known
from cosell.emulators.dataverse.rows import Row


class Reader:
    """Answer the GETs of one request."""

    def __init__(self, env: Environment, call: Call) -> None:
        self._env = env
        self._call = call
        self._listing = Listing(env, call)
        self._addresses = RowAddresses(env, call.content_ids)

    def read(self, table: Table, segments: list[Segment]) -> Reply:
        """Answer a path that begins with an entity set."""
        check_known(self._call.query)
        self._env.access.require(self._call.actor, "Read", table)
        head, rest = segments[0], segments[1:]
        if head.inside is None:
            return self._collection(table, None, rest)
        row = self.existing(table, parse_key(head.inside))
        return self._of_row(table, row, rest)

    def existing(self, table: Table, key: RowKey) -> Row:
        """Return the row of a key, or refuse."""
        row = self._addresses.find(table, key)
        if row is None:
            raise missing(table, key)
        return row

    def single(self, row: Row, *, expanding: bool = True, status: int = 200) -> Reply:
        """Return one row as a reply with its etag."""
        return Reply(status, self._listing.single(row, expanding=expanding), {"ETag": row.etag})

    def _collection(self, table: Table, source: list[Row] | None, rest: list[Segment]) -> Reply:
        names = [segment.name for segment in rest]
        if names == ["$count"]:
            return _text(str(self._count(table, source)))
        if names == ["$ref"]:
            return self._references(table, source)
        if rest:
            raise unknown_segment(rest[0].name)
        return Reply(200, self._query(table, source), self._call.prefer.applied_to_reading())

    def _count(self, table: Table, source: list[Row] | None) -> int:
        if self._call.option("$deltatoken") is not None:
            return ChangeTracking(self._env, self._call).count(table)
        return self._listing.count(table, source)

    def _query(self, table: Table, source: list[Row] | None) -> dict[str, object]:
        """Return a page, in whichever of the query languages it is asked for."""
        call = self._call
        if call.query.get("fetchXml") is not None:
            return FetchXml(self._env, call).run(table)
        if call.query.get("sql") is not None:
            return self._listing.sql(table, call.query["sql"])
        token = call.option("$skiptoken")
        tracking = call.prefer.track_changes or (token is not None and read_cookie(token).tracking)
        if tracking or call.option("$deltatoken") is not None:
            return ChangeTracking(self._env, call).page(table)
        return self._listing.page(table, source)

    def _of_row(self, table: Table, row: Row, rest: list[Segment]) -> Reply:
        self._env.access.require_row(self._call.actor, "Read", table, row)
        if not rest:
            return self._unless_known(row)
        navigation = self._env.schema.navigation(table.logical).get(rest[0].name)
        if navigation is not None:
            return self._navigate(row, navigation, rest)
        return self._column(table, row, rest)

    def _unless_known(self, row: Row) -> Reply:
        known = self._call.header("if-none-match").strip()
        plain = self._call.option("$expand") is None and not self._call.prefer.annotations
        if plain and known not in {"", "null"} and known in {row.etag, row.etag.removeprefix("W/")}:
            return Reply(304, None, {"ETag": row.etag})
        return self.single(row)

    def _navigate(self, row: Row, navigation: Navigation, rest: list[Segment]) -> Reply:
        target = self._env.schema.tables[navigation.target]
        if navigation.is_collection:
            related = self._env.relations.many(row, navigation)
            if rest[0].inside is None:
                return self._collection(target, related, rest[1:])
            key = parse_key(rest[0].inside)
            chosen = [one for one in related if one.id == key.row_id]
            if not chosen:
                raise missing(target, key)
            return self._of_row(target, chosen[0], rest[1:])
        found = self._env.relations.one(row, navigation)
        if found is None:
            return Reply(204)
        target = self._env.schema.tables[found.table]
        if [segment.name for segment in rest[1:]] == ["$ref"]:
            address = f"{self._call.root}{target.set_name}({found.id})"
            context = f"{self._call.root}$metadata#$ref"
            return Reply(200, {"@odata.context": context, "@odata.id": address})
        return self._of_row(target, found, rest[1:])

    def _references(self, table: Table, source: list[Row] | None) -> Reply:
        body = self._listing.page(table, source)
        values = body["value"]
        ids = [row[table.primary_id] for row in values] if isinstance(values, list) else []
        references = [{"@odata.id": f"{self._call.root}{table.set_name}({row_id})"} for row_id in ids]
        return Reply(200, {"@odata.context": f"{self._call.root}$metadata#Collection($ref)", "value": references})

    def _column(self, table: Table, row: Row, rest: list[Segment]) -> Reply:
        column = find_property(table, rest[0].name)
        value = self._value(row, column)
        if [segment.name for segment in rest[1:]] == ["$value"]:
            return Reply(204) if value is None else _text(str(value))
        if rest[1:]:
            raise bad_url(f"The request URI is not valid: '{rest[1].name}' cannot follow a property.")
        if value is None:
            return Reply(204)
        context = f"{self._call.root}$metadata#{table.set_name}({row.id})/{column.property_name}"
        return Reply(200, {"@odata.context": context, "value": value})

    def _value(self, row: Row, column: Column) -> object:
        return self._listing.shape(row, [column], [])[column.property_name]


def missing(table: Table, key: RowKey) -> Exception:
    """Return the refusal for an address without a row."""
    if key.row_id is not None:
        return not_found(table.logical, key.row_id)
    if key.names == (table.primary_id,):
        return not_found(table.logical, key.values[0][1].text)
    return key_not_found(table.logical)


def _text(text: str) -> Reply:
    return Reply(200, text.encode(), media_type="text/plain")

"""Find the row a key or a link speaks of: by id, by alternate key, by URL, by `$1` inside a change set."""

from collections.abc import Mapping
from urllib.parse import unquote

from cosell.emulators.dataverse.collation import fold_value
from cosell.emulators.dataverse.environment import Environment
from cosell.emulators.dataverse.errors import (
    bad_url,
    key_not_defined,
    query_syntax,
    unknown_property,
    unknown_segment,
)
from cosell.emulators.dataverse.filter_parser import Literal
from cosell.emulators.dataverse.metadata import Column, Key, Table
from cosell.emulators.dataverse.paths import RowKey, Segment, parse_key, split_path
from cosell.emulators.dataverse.rows import Data, Row
from cosell.emulators.dataverse.times import parse_stamp, stamp
from cosell.emulators.dataverse.values import edm_type

LITERAL_OF = {
    "Edm.String": {"string"},
    "Edm.Int32": {"number"},
    "Edm.Int64": {"number"},
    "Edm.Decimal": {"number"},
    "Edm.Double": {"number"},
    "Edm.Guid": {"guid"},
    "Edm.DateTimeOffset": {"datetime"},
    "Edm.Date": {"date"},
    "Edm.Boolean": {"boolean"},
}


class RowAddresses:
    """Resolve row addresses for one request."""

    def __init__(self, env: Environment, content_ids: Mapping[str, str]) -> None:
        self._env = env
        self._content_ids = content_ids

    def resolve(self, link: str) -> tuple[Table, str | None]:
        """Return table and id of a link; the id is None when there is no such row."""
        if link.startswith("$"):
            link = self.declared(link)
        path = link.split("/api/data/", 1)[1].partition("/")[2] if "/api/data/" in link else link
        segments = split_path(unquote(path.partition("?")[0]))
        if len(segments) != 1 or segments[0].inside is None:
            raise bad_url(f"The URI '{link}' is not valid because it is not a link to a row.")
        table = self.table(segments[0])
        key = parse_key(str(segments[0].inside))
        row = self.find(table, key)
        return table, row.id if row else None

    def declared(self, reference: str) -> str:
        """Return the URL that an earlier part of the change set stands for."""
        name, slash, rest = reference[1:].partition("/")
        url = self._content_ids.get(name)
        if url is None:
            raise bad_url(f"Content-ID Reference: '${name}' does not exist in the batch context.")
        return url + slash + rest

    def table(self, segment: Segment) -> Table:
        """Return the table of a set's name."""
        table = self._env.schema.find_set(segment.name)
        if table is None:
            raise unknown_segment(segment.name)
        return table

    def find(self, table: Table, key: RowKey) -> Row | None:
        """Return the row a key addresses, or None."""
        if key.row_id is not None:
            return self._env.rows.get(table.logical, key.row_id)
        if key.names == (table.primary_id,):
            return self._env.rows.get(table.logical, key.values[0][1].text.lower())
        _, values = self.key_values(table, key)
        return self.find_by_values(table, values)

    def find_by_values(self, table: Table, values: Data) -> Row | None:
        """Return the row which holds these values."""
        first = next(iter(values))
        wanted = {name: fold_value(value) for name, value in values.items()}
        for row_id in self._env.rows.find_ids(table.logical, first, values[first]):
            row = self._env.rows.get(table.logical, row_id)
            if row and all(fold_value(row.data.get(name)) == value for name, value in wanted.items()):
                return row
        return None

    def key_values(self, table: Table, key: RowKey) -> tuple[Key, Data]:
        """Return the alternate key and the column values of an address; refuse what is no active key."""
        values: Data = {}
        for name, literal in key.values:
            column = self._key_column(table, name)
            values[column.logical] = self._stored(column, literal)
        for candidate in table.keys:
            if set(candidate.columns) == set(values):
                if candidate.status(self._env.now().timestamp()) == "Active":
                    return candidate, values
                break
        raise key_not_defined(table.logical)

    def _key_column(self, table: Table, name: str) -> Column:
        column = table.columns.get(name)
        if column is not None and not column.is_lookup:
            return column
        column = table.columns.get(name[1:-6]) if name.startswith("_") and name.endswith("_value") else None
        if column is None or not column.is_lookup:
            raise unknown_property(name, table.logical)
        return column

    def _stored(self, column: Column, literal: Literal) -> object:
        kind = edm_type(column)
        if literal.kind not in LITERAL_OF[kind]:
            raise query_syntax()
        if kind == "Edm.DateTimeOffset":
            return stamp(parse_stamp(literal.text))
        if literal.kind == "number":
            return int(literal.text) if kind.startswith("Edm.Int") else float(literal.text)
        if literal.kind == "boolean":
            return literal.text == "true"
        return literal.text.lower() if kind == "Edm.Guid" else literal.text

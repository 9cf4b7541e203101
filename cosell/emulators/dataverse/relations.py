"""Follow navigation properties from row to row."""

from cosell.emulators.dataverse.metadata import Column, Navigation, Schema
from cosell.emulators.dataverse.rows import Data, Row, RowStore


def lookup_target(column: Column, data: Data) -> str:
    """Return the table a lookup's value points into."""
    return str(data.get(f"{column.logical}@") or column.targets[0])


class Relations:
    """Read related rows."""

    def __init__(self, schema: Schema, rows: RowStore) -> None:
        self._schema = schema
        self._rows = rows

    def one(self, row: Row, navigation: Navigation) -> Row | None:
        """Return the row at the end of a single-valued navigation property."""
        if navigation.column is None:
            return None
        value = row.data.get(navigation.column)
        if value is None:
            return None
        target = lookup_target(self._schema.tables[row.table].columns[navigation.column], row.data)
        return self._rows.get(target, str(value)) if navigation.accepts(target) else None

    def many(self, row: Row, navigation: Navigation) -> list[Row]:
        """Return the rows of a collection-valued navigation property, in the order of their ids."""
        if navigation.links is not None:
            links = navigation.links
            if links.first == row.table:
                return self._rows.get_many(links.second, self._rows.linked(links.schema, first=row.id))
            return self._rows.get_many(links.first, self._rows.linked(links.schema, second=row.id))
        if navigation.relationship is None:
            return []
        return self.referencing(navigation.target, navigation.relationship.column, row)

    def referencing(self, table: str, column: str, row: Row) -> list[Row]:
        """Return the rows of `table` whose lookup `column` points at `row`."""
        definition = self._schema.tables[table].columns[column]
        if column in self._schema.indexed(table):
            candidates = self._rows.get_many(table, self._rows.find_ids(table, column, row.id))
        else:
            candidates = [one for one in self._rows.scan(table) if one.data.get(column) == row.id]
        return [one for one in candidates if lookup_target(definition, one.data) == row.table]

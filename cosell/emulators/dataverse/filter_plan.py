"""Spare a filter the walk over the whole table: find conditions that the store's index answers.

The ids found are a superset of the answer; the compiled filter still tests every one of them.
"""

from collections.abc import Callable

from cosell.emulators.dataverse.filter_functions import PREFIX
from cosell.emulators.dataverse.filter_parser import Compare, Literal, Logical, Node, Path, Special
from cosell.emulators.dataverse.metadata import Column, Schema, Table
from cosell.emulators.dataverse.rows import RowStore
from cosell.emulators.dataverse.times import parse_stamp, stamp

TEXTS = frozenset({"String", "Memo", "EntityName"})


class Planner:
    """Look for candidates of one table."""

    def __init__(self, schema: Schema, rows: RowStore, table: Table) -> None:
        self._rows = rows
        self._table = table
        self._indexed = schema.indexed(table.logical)

    def candidates(self, node: Node | None) -> list[str] | None:
        """Return sorted ids among which all matches are, or None when the whole table must be walked."""
        if isinstance(node, Logical):
            return self._all_of(node) if node.operator == "and" else self._any_of(node)
        if isinstance(node, Compare):
            return self._compare(node)
        if isinstance(node, Special):
            return self._special(node)
        return None

    def _all_of(self, node: Logical) -> list[str] | None:
        found = [ids for ids in (self.candidates(term) for term in node.terms) if ids is not None]
        return min(found, key=len) if found else None

    def _any_of(self, node: Logical) -> list[str] | None:
        found = [self.candidates(term) for term in node.terms]
        if any(ids is None for ids in found):
            return None
        return sorted({row_id for ids in found for row_id in ids or ()})

    def _compare(self, node: Compare) -> list[str] | None:
        if not isinstance(node.left, Path) or not isinstance(node.right, Literal) or len(node.left.parts) != 1:
            return None
        if node.right.kind == "null":
            return None
        column = self._column(node.left.parts[0])
        if column is None:
            return None
        if node.operator == "eq":
            return self._equal(column, node.right.text)
        if column.kind == "DateTime" and not column.is_date_only and column.logical in self._indexed:
            return self._range(column, node.operator, node.right)
        return None

    def _range(self, column: Column, operator: str, literal: Literal) -> list[str] | None:
        # What is no moment gets no plan; comparing it is refused later.
        if operator not in {"gt", "ge", "lt", "le"} or literal.kind not in {"datetime", "date"}:
            return None
        bound = stamp(parse_stamp(literal.text))
        low, high = (bound, None) if operator[0] == "g" else (None, bound)
        return self._rows.find_ids_between(self._table.logical, column.logical, low, high)

    def _special(self, node: Special) -> list[str] | None:
        values = node.arguments.get("PropertyValues")
        given = node.arguments.get("PropertyName")
        if node.name != f"{PREFIX}In" or not isinstance(given, Literal) or not isinstance(values, tuple):
            return None
        column = self._column(given.text) or self._table.columns.get(given.text)
        if column is None:
            return None
        found: set[str] = set()
        for value in values:
            ids = self._equal(column, value.text)
            if ids is None:
                return None
            found.update(ids)
        return sorted(found)

    def _column(self, name: str) -> Column | None:
        if name.startswith("_") and name.endswith("_value"):
            return self._table.columns.get(name[1:-6])
        return self._table.columns.get(name)

    def _equal(self, column: Column, text: str) -> list[str] | None:
        if column.is_primary_id:
            row_id = text.lower()
            return [row_id] if self._rows.exists(self._table.logical, row_id) else []
        if column.logical not in self._indexed:
            return None
        convert = _form(column)
        return self._rows.find_ids(self._table.logical, column.logical, convert(text)) if convert else None


def _form(column: Column) -> Callable[[str], object] | None:
    """Return how a literal's text becomes the indexed form; None when the column is better walked."""
    if column.is_lookup or column.kind == "Uniqueidentifier":
        return str.lower
    if column.kind in TEXTS:
        return str
    if column.kind in {"Integer", "BigInt", "Picklist"}:
        return float
    return None

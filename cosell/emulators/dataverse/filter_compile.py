"""Turn a filter's tree into a test of one row, with the types checked as the Web API checks them.

Text compares by the database's collation, `ne` is true of null, ordering is false of null, and a path over an empty
lookup reads null.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cosell.emulators.dataverse.collation import fold, fold_value, like
from cosell.emulators.dataverse.errors import bad_url, unknown_property
from cosell.emulators.dataverse.filter_functions import FUNCTIONS, PREFIX, Asked
from cosell.emulators.dataverse.filter_parser import (
    Call,
    Compare,
    Lambda,
    Literal,
    Logical,
    Node,
    Not,
    Path,
    Special,
)
from cosell.emulators.dataverse.metadata import Column, Navigation, Schema, Table
from cosell.emulators.dataverse.relations import Relations
from cosell.emulators.dataverse.rows import Row
from cosell.emulators.dataverse.times import parse_stamp, stamp
from cosell.emulators.dataverse.values import edm_type, is_guid, normal_multi

Getter = Callable[[Row], object]
RowTest = Callable[[Row], bool]
NUMERIC = frozenset({"Edm.Int32", "Edm.Int64", "Edm.Decimal", "Edm.Double"})
WORDS = {"eq": "Equal", "ne": "NotEqual", "gt": "GreaterThan", "ge": "GreaterThanOrEqual", "lt": "LessThan"}
LITERAL_TYPES = {
    "string": "Edm.String",
    "guid": "Edm.Guid",
    "datetime": "Edm.DateTimeOffset",
    "date": "Edm.Date",
    "boolean": "Edm.Boolean",
}
UNSUPPORTED = frozenset(
    {
        "tolower", "toupper", "trim", "length", "indexof", "substring", "concat", "year", "month", "day", "hour",
        "minute", "second", "round", "floor", "ceiling", "cast", "isof", "now", "date", "time",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean at this place: the table, and the lambda variables of outer places."""

    table: Table
    variable: str = ""


@dataclass(frozen=True, slots=True)
class Operand:
    """One side of a comparison."""

    get: Getter
    type: str | None
    column: Column | None = None
    literal: Literal | None = None


class FilterCompiler:
    """Compile filters for one request."""

    def __init__(
        self, schema: Schema, relations: Relations, *, now: datetime, user_id: str = "", business_unit_id: str = ""
    ) -> None:
        self._schema = schema
        self._relations = relations
        self._now = now
        self._user_id = user_id
        self._business_unit_id = business_unit_id

    def compile(self, node: Node, table: Table) -> RowTest:
        """Return the test that a filter on a table makes."""
        return self._test(node, Scope(table))

    def resolve(self, path: Path, table: Table) -> tuple[Column, Getter]:
        """Return the column at the end of a path and how to read it."""
        return self._column_at(path.parts, Scope(table))

    def _test(self, node: Node, scope: Scope) -> RowTest:
        if isinstance(node, Logical):
            tests = [self._test(term, scope) for term in node.terms]
            if node.operator == "and":
                return lambda row: all(test(row) for test in tests)
            return lambda row: any(test(row) for test in tests)
        if isinstance(node, Not):
            inner = self._test(node.term, scope)
            return lambda row: not inner(row)
        if isinstance(node, Compare):
            return self._compare(node, scope)
        return self._boolean(node, scope)

    def _boolean(self, node: Node, scope: Scope) -> RowTest:
        if isinstance(node, Call):
            return self._call(node, scope)
        if isinstance(node, Special):
            return self._special(node, scope)
        if isinstance(node, Lambda):
            return self._lambda(node, scope)
        operand = self._operand(node, scope)
        if operand.type != "Edm.Boolean":
            raise bad_url("The $filter expression must evaluate to a single boolean value.")
        return lambda row: operand.get(row) is True

    def _compare(self, node: Compare, scope: Scope) -> RowTest:
        left, right = self._operand(node.left, scope), self._operand(node.right, scope)
        if left.literal and not right.literal:
            mirrored = {"gt": "lt", "lt": "gt", "ge": "le", "le": "ge"}
            return self._compare(Compare(mirrored.get(node.operator, node.operator), node.right, node.left), scope)
        self._check_types(node.operator, left, right)
        if right.literal and right.literal.kind == "null":
            return _null_test(node.operator, left.get)
        if right.literal:
            return _constant_test(node.operator, left, _constant(left, right.literal))
        return _pair_test(node.operator, left.get, right.get)

    def _check_types(self, operator: str, left: Operand, right: Operand) -> None:
        if left.type is None or right.type is None or left.type == right.type:
            return
        pair = {left.type, right.type}
        quoted_guid = left.type == "Edm.Guid" and right.literal is not None and is_guid(right.literal.text)
        date_for_time = left.type == "Edm.DateTimeOffset" and right.type == "Edm.Date"
        if pair <= NUMERIC or quoted_guid or date_for_time:
            return
        raise bad_url(
            "A binary operator with incompatible types was detected. Found operand types "
            f"'{left.type}' and '{right.type}' for operator kind '{WORDS.get(operator, 'LessThanOrEqual')}'."
        )

    def _operand(self, node: Node, scope: Scope) -> Operand:
        if isinstance(node, Literal):
            kind = LITERAL_TYPES.get(node.kind)
            if node.kind == "number":
                kind = "Edm.Decimal" if "." in node.text or "e" in node.text.lower() else "Edm.Int32"
            return Operand(lambda _: None, kind, literal=node)
        if isinstance(node, Path):
            column, get = self._column_at(node.parts, scope)
            return Operand(get, edm_type(column), column)
        test = self._test(node, scope)
        return Operand(test, "Edm.Boolean")

    def _column_at(self, parts: tuple[str, ...], scope: Scope) -> tuple[Column, Getter]:
        if scope.variable and parts[0] == scope.variable:
            parts = parts[1:]
        table, steps = scope.table, []
        for part in parts[:-1]:
            navigation = self._navigation(table, part)
            if navigation.is_collection:
                raise bad_url(
                    f"The parent value for a property access of a property '{parts[-1]}' is not a single value."
                )
            steps.append(navigation)
            table = self._schema.tables[navigation.target]
        column = find_property(table, parts[-1] if parts else "")
        name = column.logical

        def read(row: Row) -> object:
            return row.id if column.is_primary_id else row.data.get(name)

        return column, self._far_getter(steps, read) if steps else read

    def _far_getter(self, steps: list[Navigation], read: Getter) -> Getter:
        def get(row: Row) -> object:
            found: Row | None = row
            for step in steps:
                found = self._relations.one(found, step) if found else None
            return read(found) if found else None

        return get

    def _navigation(self, table: Table, name: str) -> Navigation:
        navigation = self._schema.navigation(table.logical).get(name)
        if navigation is None:
            raise unknown_property(name, table.logical)
        return navigation

    def _call(self, node: Call, scope: Scope) -> RowTest:
        if node.name in UNSUPPORTED:
            raise bad_url(f"The query function {node.name} is not supported.")
        if node.name not in {"contains", "startswith", "endswith"}:
            raise bad_url(
                f"An unknown function with name '{node.name}' was found. This may also be a function import or a key "
                "lookup on a navigation property, which is not allowed."
            )
        operands = [self._operand(argument, scope) for argument in node.arguments]
        if [operand.type for operand in operands] != ["Edm.String"] * 2 or operands[1].literal is None:
            signature = f"{node.name}(Edm.String Nullable=true, Edm.String Nullable=true)"
            raise bad_url(
                f"No function signature for the function with name '{node.name}' matches the specified arguments. The "
                f"function signatures considered are: {signature}."
            )
        before = "" if node.name == "startswith" else "%"
        after = "" if node.name == "endswith" else "%"
        match = like(f"{before}{operands[1].literal.text}{after}").fullmatch
        get = operands[0].get

        def test(row: Row) -> bool:
            value = get(row)
            return value is not None and match(fold(str(value))) is not None

        return test

    def _special(self, node: Special, scope: Scope) -> RowTest:
        name = node.name.removeprefix(PREFIX)
        maker = FUNCTIONS.get(name)
        if maker is None or not node.name.startswith(PREFIX):
            raise bad_url(f"An unknown function with name '{node.name}' was found.")
        given = node.arguments.get("PropertyName")
        if not isinstance(given, Literal) or given.kind != "string":
            raise bad_url(f"The function '{node.name}' needs the parameter PropertyName.")
        values = node.arguments.get("PropertyValues", node.arguments.get("PropertyValue", ()))
        texts = (values,) if isinstance(values, Literal) else values
        column, get = self._column_at(_property_parts(given.text, scope.table), scope)
        asked = Asked(
            column=column,
            values=tuple(literal.text for literal in texts),
            now=self._now,
            user_id=self._user_id,
            business_unit_id=self._business_unit_id,
        )
        try:
            test = maker(asked)
        except (IndexError, ValueError, OverflowError) as error:
            raise bad_url(f"The parameters of the function '{node.name}' are not valid.") from error
        return lambda row: test(get(row))

    def _lambda(self, node: Lambda, scope: Scope) -> RowTest:
        parts = node.collection.parts
        if scope.variable and parts[0] == scope.variable:
            parts = parts[1:]
        navigation = self._navigation(scope.table, parts[-1])
        if not navigation.is_collection or len(parts) != 1:
            raise bad_url(f"'{'/'.join(parts)}' is not a collection-valued navigation property.")
        target = self._schema.tables[navigation.target]
        if node.inner is None:
            return lambda row: bool(self._relations.many(row, navigation))
        inner = self._test(node.inner, Scope(target, node.variable))
        if node.quantifier == "any":
            return lambda row: any(inner(one) for one in self._relations.many(row, navigation))
        return lambda row: all(inner(one) for one in self._relations.many(row, navigation))


def _property_parts(text: str, table: Table) -> tuple[str, ...]:
    """Split a PropertyName; the functions take a lookup's bare logical name as well."""
    parts = text.split("/")
    column = table.columns.get(parts[-1]) if len(parts) == 1 else None
    return (column.property_name,) if column is not None else tuple(parts)


def find_property(table: Table, name: str) -> Column:
    """Return the column a query names: `_x_value` for lookups, the logical name otherwise, exact in case."""
    column = table.columns.get(name)
    if column is not None and column.is_lookup:
        column = None
    elif column is None and name.startswith("_") and name.endswith("_value"):
        column = table.columns.get(name[1:-6])
        column = column if column is not None and column.is_lookup else None
    if column is None or not column.can_read:
        raise unknown_property(name, table.logical)
    return column


def _null_test(operator: str, get: Getter) -> RowTest:
    if operator == "eq":
        return lambda row: get(row) is None
    if operator == "ne":
        return lambda row: get(row) is not None
    return lambda _: False


def _constant(left: Operand, literal: Literal) -> object:
    """Return a literal in the form in which the column's values are stored."""
    if literal.kind == "number":
        return float(literal.text) if "." in literal.text or "e" in literal.text.lower() else int(literal.text)
    if literal.kind == "boolean":
        return literal.text == "true"
    if literal.kind in {"datetime", "date"} and left.type == "Edm.DateTimeOffset":
        moment = parse_stamp(literal.text)
        # Stored moments have whole seconds: a fraction lies between this second and the next.
        return stamp(moment) + ("\x7f" if moment.microsecond else "")
    if left.column is not None and left.column.kind == "MultiSelectPicklist":
        return normal_multi(literal.text)
    return literal.text.lower().strip("{}") if left.type == "Edm.Guid" else fold(literal.text)


def _constant_test(operator: str, left: Operand, wanted: object) -> RowTest:
    get = left.get
    folded = left.type == "Edm.String"
    if operator in {"eq", "ne"}:
        equal = operator == "eq"
        if folded:
            return lambda row: (fold_value(get(row)) == wanted) is equal
        return lambda row: (get(row) == wanted) is equal

    def test(row: Row) -> bool:
        value = get(row)
        return value is not None and _ordered(operator, fold_value(value) if folded else value, wanted)

    return test


def _pair_test(operator: str, left: Getter, right: Getter) -> RowTest:
    def test(row: Row) -> bool:
        one, other = fold_value(left(row)), fold_value(right(row))
        if operator == "eq":
            return one is not None and one == other
        if operator == "ne":
            return one != other
        return one is not None and other is not None and _ordered(operator, one, other)

    return test


def _ordered(operator: str, one: object, other: object) -> bool:
    if operator == "gt":
        return one > other  # type: ignore[operator,no-any-return]
    if operator == "ge":
        return one >= other  # type: ignore[operator,no-any-return]
    if operator == "lt":
        return one < other  # type: ignore[operator,no-any-return]
    return one <= other  # type: ignore[operator,no-any-return]

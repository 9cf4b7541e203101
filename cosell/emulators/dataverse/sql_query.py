"""The `sql` parameter: a SELECT over one table, read into the same tree as a `$filter`.

Joins, groups and functions are refused; the service itself allows reading only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cosell.emulators.dataverse.errors import DataverseError, bad_url, unknown_property
from cosell.emulators.dataverse.filter_functions import PREFIX
from cosell.emulators.dataverse.filter_parser import Compare, Literal, Logical, Node, Not, Path, Special
from cosell.emulators.dataverse.metadata import Column, Table
from cosell.emulators.dataverse.query_options import Order
from cosell.emulators.dataverse.times import DATE_TIME, DAY

TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<string>N?'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w.]*|\[[^\]]+\])
    |(?P<mark><>|!=|<=|>=|[=<>(),*;])""",
    re.VERBOSE,
)
OPERATORS = {"=": "eq", "<>": "ne", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


@dataclass(slots=True)
class Select:
    """A SELECT understood."""

    columns: list[Column]
    top: int | None = None
    is_distinct: bool = False
    where: Node | None = None
    orders: list[Order] = field(default_factory=list)


def parse_select_statement(text: str, tables: Mapping[str, Table]) -> tuple[Table, Select]:
    """Return the table and the meaning of a SELECT."""
    return _Parser(text, tables).statement()


class _Parser:
    def __init__(self, text: str, tables: Mapping[str, Table]) -> None:
        self._tables = tables
        self._tokens = _tokenize(text)
        self._at = 0
        self._aliases: set[str] = set()
        self._table: Table | None = None

    def statement(self) -> tuple[Table, Select]:
        self._need("SELECT")
        is_distinct = self._take("DISTINCT")
        top = int(self._next("number")) if self._take("TOP") else None
        start = self._at
        while not self._peek_word("FROM"):
            self._at += 1
            if self._at >= len(self._tokens):
                raise self._refusal()
        end = self._at
        self._need("FROM")
        self._table = self._from()
        select = Select(self._columns(start, end), top, is_distinct)
        if self._take("WHERE"):
            select.where = self._disjunction()
        if self._take("ORDER"):
            self._need("BY")
            select.orders = self._orders()
        self._take(";")
        if self._at != len(self._tokens):
            raise self._refusal()
        return self._table, select

    def _from(self) -> Table:
        name = self._next("name").strip("[]").removeprefix("dbo.").lower()
        table = self._tables.get(name)
        if table is None:
            raise bad_url(f"The entity with a name = '{name}' was not found in the MetadataCache.")
        self._aliases = {name}
        self._take("AS")
        if self._at < len(self._tokens) and not self._peek_word("WHERE", "ORDER", ";"):
            self._aliases.add(self._next("name").lower())
        return table

    def _columns(self, start: int, end: int) -> list[Column]:
        names = [text for kind, text in self._tokens[start:end] if text != ","]
        marks = [text for kind, text in self._tokens[start:end] if text == ","]
        if len(names) != len(marks) + 1 or "*" in names:
            raise self._refusal()
        return [self._column(name) for name in names]

    def _column(self, text: str) -> Column:
        prefix, dot, name = text.strip("[]").lower().rpartition(".")
        if self._table is None or (dot and prefix not in self._aliases):
            raise self._refusal()
        column = self._table.columns.get(name)
        if column is None or not column.can_read:
            raise unknown_property(name, self._table.logical)
        return column

    def _orders(self) -> list[Order]:
        orders = []
        while True:
            column = self._column(self._next("name"))
            descending = self._take("DESC")
            self._take("ASC")
            orders.append(Order((column.property_name,), descending))
            if not self._take(","):
                return orders

    def _disjunction(self) -> Node:
        terms = [self._conjunction()]
        while self._take("OR"):
            terms.append(self._conjunction())
        return terms[0] if len(terms) == 1 else Logical("or", tuple(terms))

    def _conjunction(self) -> Node:
        terms = [self._term()]
        while self._take("AND"):
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else Logical("and", tuple(terms))

    def _term(self) -> Node:
        if self._take("NOT"):
            return Not(self._term())
        if self._take("("):
            inner = self._disjunction()
            self._need(")")
            return inner
        return self._condition(self._column(self._next("name")))

    def _condition(self, column: Column) -> Node:
        path = Path((column.property_name,))
        if self._take("IS"):
            operator = "ne" if self._take("NOT") else "eq"
            self._need("NULL")
            return Compare(operator, path, Literal("null", "null"))
        negated = self._take("NOT")
        if self._take("LIKE"):
            return self._special(column, "NotLike" if negated else "Like", (self._literal(column),))
        if self._take("IN"):
            return self._special(column, "NotIn" if negated else "In", self._list(column))
        operator = OPERATORS.get(self._next("mark"), "")
        if not operator or negated:
            raise self._refusal()
        return Compare(operator, path, self._literal(column))

    def _special(self, column: Column, name: str, values: tuple[Literal, ...]) -> Special:
        given = Literal("string", column.logical)
        return Special(PREFIX + name, {"PropertyName": given, "PropertyValues": values})

    def _list(self, column: Column) -> tuple[Literal, ...]:
        self._need("(")
        found = [self._literal(column)]
        while self._take(","):
            found.append(self._literal(column))
        self._need(")")
        return tuple(found)

    def _literal(self, column: Column) -> Literal:
        if self._at >= len(self._tokens):
            raise self._refusal()
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            if column.kind == "Boolean":
                return Literal("boolean", "true" if text == "1" else "false")
            return Literal("number", text)
        if kind != "string":
            raise self._refusal()
        value = text.removeprefix("N")[1:-1].replace("''", "'")
        if column.kind == "DateTime" and (DAY.match(value) or DATE_TIME.match(value)):
            return Literal("date" if DAY.match(value) else "datetime", value)
        return Literal("string", value)

    def _peek_word(self, *words: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at][1].upper() in words

    def _take(self, word: str) -> bool:
        if self._peek_word(word):
            self._at += 1
            return True
        return False

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise self._refusal()

    def _next(self, kind: str) -> str:
        if self._at >= len(self._tokens) or self._tokens[self._at][0] != kind:
            raise self._refusal()
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _refusal(self) -> DataverseError:
        near = self._tokens[self._at][1] if self._at < len(self._tokens) else "the end"
        return bad_url(f"Invalid SQL: the statement is not supported near '{near}'.")


def _tokenize(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise bad_url(f"Invalid SQL: character '{text[at]}' is not valid at position {at}.")
        if match.lastgroup != "space":
            tokens.append((str(match.lastgroup), match.group()))
        at = match.end()
    return tokens

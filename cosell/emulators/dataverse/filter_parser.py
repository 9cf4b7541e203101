"""Read a `$filter` into a tree: a tokenizer and a recursive descent, `or` under `and` under `not` under comparisons.

It reads exactly what the Web API reads; operators which OData has and Dataverse refuses (`in`, `has`, arithmetic) are
refused here too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cosell.emulators.dataverse.errors import DataverseError, bad_url
from cosell.emulators.dataverse.times import parse_stamp

TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<string>'(?:[^']|'')*')
    |(?P<guid>[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}(?![\w-]))
    |(?P<datetime>-?\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,12})?)?(?:Z|[+-]\d{2}:\d{2}))
    |(?P<date>-?\d{4}-\d{2}-\d{2}(?![\dT]))
    |(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?:[mMfFdDlL])?(?![\w]))
    |(?P<alias>@[A-Za-z_]\w*)
    |(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    |(?P<mark>[()/,:=\[\]])""",
    re.VERBOSE,
)
COMPARISONS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
DEEPEST = 100


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text with its place."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: kind is string, guid, datetime, date, number, boolean or null."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Path:
    """A column, possibly behind navigation properties or a lambda's variable."""

    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function of positional arguments: contains, startswith, endswith."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Special:
    """A function of Dataverse's own, of named arguments; a list stays a tuple of literals."""

    name: str
    arguments: Mapping[str, "Literal | tuple[Literal, ...]"]


@dataclass(frozen=True, slots=True)
class Lambda:
    """`collection/any(v:…)` or `all`; without a variable any() asks whether there is a row at all."""

    collection: Path
    quantifier: str
    variable: str
    inner: "Node | None"


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison of two operands."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Logical:
    """`and` or `or` of several terms."""

    operator: str
    terms: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a term."""

    term: "Node"


Node = Literal | Path | Call | Special | Lambda | Compare | Logical | Not


def parse_filter(text: str, aliases: Mapping[str, str] | None = None) -> Node:
    """Return the tree of a filter; `aliases` holds the values of `@p` parameters."""
    parser = _Parser(text, aliases or {})
    node = parser.disjunction()
    parser.expect_end()
    return node


def tokenize(text: str) -> list[Token]:
    """Cut a text into tokens."""
    tokens, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            if text[at] == "'":
                raise bad_url(f"There is an unterminated string literal at position {len(text)} in '{text}'.")
            raise bad_url(f"Syntax error: character '{text[at]}' is not valid at position {at} in '{text}'.")
        if match.lastgroup != "space":
            tokens.append(Token(str(match.lastgroup), match.group(), at))
        at = match.end()
    tokens.append(Token("end", "", len(text)))
    return tokens


class _Parser:
    def __init__(self, text: str, aliases: Mapping[str, str]) -> None:
        self._text = text
        self._aliases = aliases
        self._tokens = tokenize(text)
        self._at = 0
        self._depth = 0

    def disjunction(self) -> Node:
        return self._chain("or")

    def expect_end(self) -> None:
        if self._peek().kind != "end":
            raise self._syntax_error()

    def _conjunction(self) -> Node:
        return self._chain("and")

    def _chain(self, word: str) -> Node:
        read = self._conjunction if word == "or" else self._negation
        terms = [read()]
        while self._take_word(word):
            terms.append(read())
        return terms[0] if len(terms) == 1 else Logical(word, tuple(terms))

    def _negation(self) -> Node:
        if self._take_word("not"):
            return Not(self._negation())
        return self._comparison()

    def _comparison(self) -> Node:
        left = self._operand()
        token = self._peek()
        if token.kind == "name" and token.text in COMPARISONS:
            self._at += 1
            return Compare(token.text, left, self._operand())
        return left

    def _operand(self) -> Node:
        if self._take_mark("("):
            self._depth += 1
            if self._depth > DEEPEST:
                raise bad_url("The recursion limit has been exceeded.")
            inner = self.disjunction()
            self._need_mark(")")
            self._depth -= 1
            return inner
        token = self._next()
        if token.kind == "alias":
            return self._alias(token)
        if token.kind == "name":
            return self._named(token)
        if token.kind in {"string", "guid", "datetime", "date", "number"}:
            return literal_of(token)
        self._at -= 1
        raise self._syntax_error()

    def _alias(self, token: Token) -> Node:
        value = self._aliases.get(token.text)
        if value is None:
            return Literal("null", "null")
        inner = _Parser(value, {})
        node = inner._operand()
        inner.expect_end()
        return node

    def _named(self, token: Token) -> Node:
        if token.text in {"true", "false"}:
            return Literal("boolean", token.text)
        if token.text == "null":
            return Literal("null", "null")
        if self._peek_mark("("):
            return self._call(token)
        if "." in token.text and self._peek().kind == "string":
            # An enumeration's member, as metadata filters spell it: AttributeTypeCode'Picklist'.
            return literal_of(self._next())
        if "." in token.text:
            raise self._syntax_error()
        return self._path([token.text])

    def _path(self, parts: list[str]) -> Node:
        while self._take_mark("/"):
            token = self._next()
            if token.kind != "name":
                self._at -= 1
                raise self._syntax_error()
            if token.text in {"any", "all"} and self._peek_mark("("):
                return self._lambda(Path(tuple(parts)), token.text)
            parts.append(token.text)
        return Path(tuple(parts))

    def _lambda(self, collection: Path, quantifier: str) -> Node:
        self._need_mark("(")
        if quantifier == "any" and self._take_mark(")"):
            return Lambda(collection, quantifier, "", None)
        variable = self._next()
        if variable.kind != "name":
            self._at -= 1
            raise self._syntax_error()
        self._need_mark(":")
        inner = self.disjunction()
        self._need_mark(")")
        return Lambda(collection, quantifier, variable.text, inner)

    def _call(self, token: Token) -> Node:
        self._need_mark("(")
        if "." in token.text:
            return Special(token.text, self._named_arguments())
        arguments: list[Node] = []
        while not self._take_mark(")"):
            if arguments:
                self._need_mark(",")
            arguments.append(self._operand())
        return Call(token.text, tuple(arguments))

    def _named_arguments(self) -> dict[str, "Literal | tuple[Literal, ...]"]:
        arguments: dict[str, Literal | tuple[Literal, ...]] = {}
        while not self._take_mark(")"):
            if arguments:
                self._need_mark(",")
            name = self._next()
            if name.kind != "name":
                self._at -= 1
                raise self._syntax_error()
            self._need_mark("=")
            arguments[name.text] = self._list() if self._peek_mark("[") else self._constant()
        return arguments

    def _list(self) -> tuple[Literal, ...]:
        self._need_mark("[")
        found: list[Literal] = []
        while not self._take_mark("]"):
            if found:
                self._need_mark(",")
            found.append(self._constant())
        return tuple(found)

    def _constant(self) -> Literal:
        node = self._operand()
        if not isinstance(node, Literal):
            raise self._syntax_error()
        return node

    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
            return token
        raise self._syntax_error()

    def _peek_mark(self, text: str) -> bool:
        token = self._peek()
        return token.kind == "mark" and token.text == text

    def _take_mark(self, text: str) -> bool:
        if self._peek_mark(text):
            self._at += 1
            return True
        return False

    def _need_mark(self, text: str) -> None:
        if not self._take_mark(text):
            raise self._syntax_error()

    def _take_word(self, text: str) -> bool:
        token = self._peek()
        if token.kind == "name" and token.text == text:
            self._at += 1
            return True
        return False

    def _syntax_error(self) -> DataverseError:
        return bad_url(f"Syntax error at position {self._peek().at} in '{self._text}'.")


def literal_of(token: Token) -> Literal:
    """Return the constant a token spells."""
    if token.kind == "string":
        return Literal("string", token.text[1:-1].replace("''", "'"))
    if token.kind in {"date", "datetime"}:
        _check_calendar(token)
    if token.kind == "number":
        return Literal("number", token.text.rstrip("mMfFdDlL"))
    return Literal(token.kind, token.text)


def _check_calendar(token: Token) -> None:
    try:
        parse_stamp(token.text)
    except ValueError as error:
        raise bad_url(f"Unrecognized 'Edm.DateTimeOffset' literal '{token.text}' at '{token.at}'.") from error

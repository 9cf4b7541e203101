"""Small expressions in mapping files: Jinja's own, in its sandbox, cut down to what cannot do harm. Pure.

There are no calls, no loops, no subscripts, and no names but those listed here; every result has an end. Why Jinja:
docs/decisions/0012-expressions.md.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Self

from jinja2 import TemplateError, nodes
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST = 500
"""Characters of an expression."""
LONGEST_RESULT = 10_000
"""Characters of a text, also on the way to the result."""
LARGEST = Decimal(10) ** 15
RECORDS = ("referral", "opportunity", "customer", "contact")
"""What an expression speaks of; a dot and a name lead to one of its values."""
TODAY = "today"
OF_PARTNER_CENTER = {
    "qualification": "/qualification",
    "type": "/type",
    "status": "/status",
    "substatus": "/substatus",
    "direction": "/direction",
    "currency": "/details/currency",
}
"""Names of a referral which are no fields of the mapping, with where they stand."""

_NODES = (
    nodes.Const,
    nodes.Name,
    nodes.Getattr,
    nodes.CondExpr,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Compare,
    nodes.Operand,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.Neg,
    nodes.Concat,
    nodes.Filter,
    nodes.Test,
    nodes.List,
    nodes.Tuple,
)


class ExpressionInvalid(ValueError):
    """An expression which cannot be allowed; the text says why."""


class ExpressionFailed(ValueError):
    """An expression which came to nothing for one record; the text names no value."""


class Day(date):
    """A day to which days can be added: `today + 30`."""

    @classmethod
    def of(cls, day: date) -> Self:
        """Return a day of the calendar."""
        return cls(day.year, day.month, day.day)

    def later(self, days: Decimal) -> Self:
        """Return the day so many days on."""
        return self.of(date(self.year, self.month, self.day) + timedelta(days=int(days)))


def _text(value: object) -> str:
    text = "" if value is None else str(value)
    if len(text) > LONGEST_RESULT:
        raise ExpressionFailed("its text is too long")
    return text


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise ExpressionFailed("it takes no number from what is no number, or from nothing")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ExpressionFailed("it takes no number from what is no number, or from nothing") from None
    if not number.is_finite() or abs(number) > LARGEST:
        raise ExpressionFailed("its number is too large")
    return number


def _round(value: object, digits: object = 0) -> Decimal:
    return round(_number(value), max(0, min(10, int(_number(digits)))))


def _replace(value: object, old: object, new: object) -> str:
    if not _text(old):
        raise ExpressionFailed("it replaces nothing")
    return _text(_text(value).replace(_text(old), _text(new)[:100]))


FILTERS: dict[str, Callable[..., object]] = {
    "lower": lambda value: _text(value).lower(),
    "upper": lambda value: _text(value).upper(),
    "trim": lambda value: _text(value).strip(),
    "replace": _replace,
    "first": lambda value, count=1: _text(value)[: max(0, int(_number(count)))],
    "length": lambda value: len(_text(value)),
    "round": _round,
    "number": _number,
    "default": lambda value, other="": other if value in {None, ""} else value,
}
"""Helpers, written behind a bar: `referral.name | upper`."""
TESTS: dict[str, Callable[..., bool]] = {"none": lambda value: value is None}


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with our helpers only, and arithmetic that knows money and days."""

    intercepted_binops = frozenset({"+", "-", "*", "/"})

    def getattr(self, obj: object, attribute: str) -> object:
        """Return a value of a record, None when the record does not say it."""
        return obj.get(attribute) if isinstance(obj, Mapping) else None

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        """Reckon with decimals; a day takes days, two texts are joined by `~` alone."""
        del context
        if isinstance(left, Day) and operator in {"+", "-"}:
            days = _number(right)
            return left.later(days if operator == "+" else -days)
        one, other = _number(left), _number(right)
        if operator == "/" and not other:
            raise ExpressionFailed("it divides by nought")
        reckon: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
            "+": lambda a, b: a + b,
            "-": lambda a, b: a - b,
            "*": lambda a, b: a * b,
            "/": lambda a, b: a / b,
        }
        return _number(reckon[operator](one, other))


def _sandbox() -> _Sandbox:
    sandbox = _Sandbox(optimized=False, autoescape=False)
    sandbox.globals.clear()
    sandbox.filters.clear()
    sandbox.tests.clear()
    sandbox.filters.update(FILTERS)
    sandbox.tests.update(TESTS)
    return sandbox


_SANDBOX = _sandbox()


def check_expression(text: str) -> str:
    """Return an expression which may be used.

    Raises:
        ExpressionInvalid: it is none, or it asks for more than is allowed.
    """
    for _ in iter_names(text):
        pass
    return text


def iter_names(text: str) -> Iterator[tuple[str, str]]:
    """Yield what an expression speaks of: a record and the name of a value, or `today` and nothing.

    Raises:
        ExpressionInvalid: as for `check_expression`.
    """
    if len(text) > LONGEST:
        raise ExpressionInvalid(f"an expression has at most {LONGEST} characters")
    try:
        parser = Parser(_SANDBOX, text, state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            raise ExpressionInvalid("this is no expression")
        _compile(text)
    except TemplateError as error:
        raise ExpressionInvalid(f"this is no expression: {error.message}") from None
    except RecursionError:
        raise ExpressionInvalid("this is nested too deep") from None
    yield from _walk(tree)


def _walk(node: nodes.Node) -> Iterator[tuple[str, str]]:
    if not isinstance(node, _NODES):
        raise ExpressionInvalid(f"{type(node).__name__.lower()} is not allowed in an expression")
    match node:
        case nodes.Getattr():
            named = node.node.name if isinstance(node.node, nodes.Name) else ""
            if named not in RECORDS:
                raise ExpressionInvalid(f"a dot follows {', '.join(RECORDS)} only")
            if node.attr.startswith("_"):
                raise ExpressionInvalid("names do not begin with an underscore")
            yield named, node.attr
            return
        case nodes.Name():
            if node.name != TODAY:
                raise ExpressionInvalid(f"{node.name} is unknown; known are {', '.join(RECORDS)} and {TODAY}")
            yield TODAY, ""
    for below in node.iter_child_nodes():
        yield from _walk(below)


@lru_cache(maxsize=512)
def _compile(text: str) -> Callable[..., object]:
    return _SANDBOX.compile_expression(text, undefined_to_none=True)


def evaluate(text: str, scope: Mapping[str, object]) -> object:
    """Return what an expression comes to.

    Raises:
        ExpressionFailed: nothing, for this record; a value is missing, or of another kind than it wants.
    """
    try:
        value = _compile(text)(**scope)
    except ExpressionFailed:
        raise
    except Exception as error:  # noqa: BLE001  whatever an expression does, it fails for its own field alone
        raise ExpressionFailed(f"it cannot be computed ({type(error).__name__})") from None
    if isinstance(value, str):
        return _text(value)
    return value

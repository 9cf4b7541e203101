"""`$filter` on the metadata sets: comparisons only; functions answer 501, as the real service does."""

from collections.abc import Callable, Mapping

from cosell.emulators.dataverse.errors import bad_url, metadata_function
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
    parse_filter,
)

Body = Mapping[str, object]
Test = Callable[[Body], bool]


def metadata_test(text: str) -> Test:
    """Return the test a filter makes of a definition's JSON."""
    return _test(parse_filter(text))


def _test(node: Node) -> Test:
    if isinstance(node, Logical):
        tests = [_test(term) for term in node.terms]
        if node.operator == "and":
            return lambda body: all(test(body) for test in tests)
        return lambda body: any(test(body) for test in tests)
    if isinstance(node, Not):
        inner = _test(node.term)
        return lambda body: not inner(body)
    if isinstance(node, Compare):
        return _compare(node)
    if isinstance(node, Path):
        return lambda body: _value(body, node) is True
    if isinstance(node, Call | Special | Lambda):
        raise metadata_function(node.name if not isinstance(node, Lambda) else node.quantifier)
    raise bad_url("The $filter expression must evaluate to a single boolean value.")


def _compare(node: Compare) -> Test:
    left, right = node.left, node.right
    if isinstance(left, Call | Special):
        raise metadata_function(left.name)
    if not isinstance(left, Path) or not isinstance(right, Literal) or node.operator not in {"eq", "ne"}:
        raise bad_url("The metadata sets support only eq and ne between a property and a value.")
    wanted: object = right.text
    if right.kind == "boolean":
        wanted = right.text == "true"
    elif right.kind == "number":
        wanted = float(right.text)
    elif right.kind == "null":
        wanted = None
    return lambda body: (_value(body, left) == wanted) == (node.operator == "eq")


def _value(body: Body, path: Path) -> object:
    value: object = body
    for part in path.parts:
        if not isinstance(value, Mapping) or part not in value:
            raise bad_url(f"Could not find a property named '{part}' on type 'Microsoft.Dynamics.CRM.EntityMetadata'.")
        value = value[part]
    return value

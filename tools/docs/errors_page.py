"""docs/errors.md, from the error tree of cosell/errors.py; what to do about each error is said beside it."""

from collections.abc import Iterator
from inspect import getdoc

from cosell.domain.ways_out import WAYS_OUT
from cosell.errors import CosellError
from tools.docs.markdown import NOTICE, to_code, to_table

_SOURCE = "cosell/errors.py and cosell/domain/ways_out.py"

_INTRODUCTION = """\
# Errors

Errors are grouped by what is done about them: *configuration* waits for a person, *retryable* is tried again later,
*conflict* is planned anew at once, *rejected* becomes a dead letter. Every text says which record, which field and the
service's request id where there is one, and never a value of a customer.

```text
"""


def iter_errors(root: type[CosellError] = CosellError, depth: int = 0) -> Iterator[tuple[int, type[CosellError]]]:
    """Yield the error tree from its root, each class with its depth, in the order of the source."""
    yield depth, root
    for child in root.__subclasses__():
        if child.__module__ == CosellError.__module__:
            yield from iter_errors(child, depth + 1)


def render_page() -> str:
    """Return docs/errors.md."""
    parts = [NOTICE.format(source=_SOURCE), _INTRODUCTION]
    parts += [f"{'  ' * depth}{error.__name__}\n" for depth, error in iter_errors()]
    parts.append("```\n")
    for group in CosellError.__subclasses__():
        parts.append(f"\n## {group.__name__}\n\n{_explain(group)}\n\nWay out: {WAYS_OUT[group.__name__]}\n")
        leaves = [error for _, error in iter_errors(group) if error is not group]
        rows = [(to_code(leaf.__name__), _explain(leaf), WAYS_OUT[leaf.__name__]) for leaf in leaves]
        if rows:
            parts.append("\n" + to_table(("Error", "Cause", "Way out"), rows))
    return "".join(parts)


def _explain(error: type[CosellError]) -> str:
    return (getdoc(error) or "").replace("\n", " ")

"""The little Markdown that generated pages need."""

from collections.abc import Iterable, Sequence

NOTICE = "<!-- Written by `make docs` from {source}; change that, not this page. -->\n\n"


def to_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; bars and line breaks in cells are escaped."""
    lines = [_to_line(head), _to_line(["---"] * len(head))]
    lines += [_to_line([_escape(cell) for cell in row]) for row in rows]
    return "\n".join(lines) + "\n"


def to_code(text: str) -> str:
    """Return text as inline code, nothing for nothing."""
    return f"`{text}`" if text else ""


def _to_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")

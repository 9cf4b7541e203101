"""How records look in a terminal: tables which fit into 100 columns, values a person can read, JSON for scripts."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from cosell.domain.ids import Side
from cosell.domain.money import Money
from cosell.domain.snapshot import Value, is_empty
from cosell.domain.solution import SolutionTerms

SHOWN_AT_MOST = 160
"""Characters of a value which a table shows; `--json` gives all of it."""
NOTHING = "-"
SIDES = {Side.PARTNER_CENTER: "Partner Center", Side.DATAVERSE: "CRM"}
"""What a person calls the two sides."""
STATUS = "status"
"""The field by which plans and the journal tell that a stage moved."""
NARROW = {
    "at": 10,
    "last": 10,
    "next": 10,
    "stayed": 10,
    "side": 7,
    "opportunity": 18,
    "record": 18,
    "rule": 18,
    "run": 11,
}
"""Columns which are better broken than wide, so that values have room: moments between day and time, ids in half."""


def to_line(text: str) -> str:
    """Return text of a record on one line, without what a terminal would obey."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def to_text(value: Value, *, length: int = SHOWN_AT_MOST) -> str:
    """Return a value as a person reads it, on one line."""
    if is_empty(value):
        return NOTHING
    match value:
        case bool():
            text = "yes" if value else "no"
        case frozenset():
            text = ", ".join(sorted(value))
        case _:
            text = str(value)
    line = to_line(text)
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"


def to_value(field: str, value: Value) -> str:
    """Return a field's value as a person reads it: stages are words of ours, which need no underscore."""
    text = to_text(value)
    return text.replace("_", " ") if field == STATUS else text


def to_json(value: Value) -> object:
    """Return a value as a script reads it: amounts as text, days as ISO 8601, sets as sorted lists."""
    match value:
        case Money():
            return {"amount": str(value.amount), "currency": value.currency}
        case SolutionTerms():
            return {"quantity": to_json(value.quantity), "price": to_json(value.price)}
        case Decimal():
            return str(value)
        case date():
            return value.isoformat()
        case frozenset():
            return sorted(value)
    return value


def to_moment(at: datetime | None) -> str:
    """Return a moment to the second, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else NOTHING


def new_table(title: str, *headings: str) -> Table:
    """Return a table whose cells wrap; what is put into it with `add_cells` is never read as markup."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold", max_width=NARROW.get(heading))
    return table


def add_cells(table: Table, cells: Sequence[str]) -> None:
    """Add a row of plain text."""
    table.add_row(*(Text(cell) for cell in cells))


def terminal() -> Console:
    """Return a console which prints what it is given, without reading markup or colouring numbers."""
    return Console(highlight=False, markup=False, soft_wrap=True)


def new_progress(*, is_quiet: bool, in_percent: bool = False) -> Progress:
    """Return what draws bars beside the output, but only for a person who looks at a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn() if in_percent else MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=is_quiet or not console.is_terminal)


def print_json(document: object) -> None:
    """Print JSON on one line."""
    typer.echo(json.dumps(document))

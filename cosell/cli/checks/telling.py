"""How findings look: one line each in a terminal, with what to do below; JSON for scripts."""

from collections import Counter
from collections.abc import Sequence

import typer
from rich.table import Table
from rich.text import Text

from cosell.cli.checks.finding import Finding, Verdict
from cosell.cli.showing import print_json, terminal

MARKS = {Verdict.FINE: "✔", Verdict.WARNING: "!", Verdict.FAILED: "✖", Verdict.SKIPPED: "·"}
FAILED = 1
COLOURS = {Verdict.FINE: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "red", Verdict.SKIPPED: "dim"}


def tell_findings(found: Sequence[Finding], *, as_json: bool) -> None:
    """Print what was found; end the command with exit code 1 when something has to be mended.

    Raises:
        typer.Exit: a check failed.
    """
    if as_json:
        print_json({"checks": [describe_finding(item) for item in found]})
    else:
        show_findings(found)
    if any(item.verdict is Verdict.FAILED for item in found):
        raise typer.Exit(FAILED)


def show_findings(found: Sequence[Finding]) -> None:
    """Print what was found, and how much of it is wrong."""
    out = terminal()
    width = max(len(item.check) for item in found)
    for item in found if not out.is_terminal else ():
        first, *others = item.told.splitlines()
        out.print(f"{MARKS[item.verdict]} {item.check:<{width}}  {first}", style=COLOURS[item.verdict])
        for line in (*others, *((item.todo,) if item.todo else ())):
            out.print(f"  {'':<{width}}  {line.strip()}")
    if out.is_terminal:
        out.print(_lay_out(found), soft_wrap=False)
    counts = Counter(item.verdict for item in found)
    wrong = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    out.print(f"\n{wrong}.")


def _lay_out(found: Sequence[Finding]) -> Table:
    """Return the findings in columns, so that a long one goes on below itself however narrow the terminal is."""
    table = Table.grid(padding=(0, 1))
    for _ in range(3):
        table.add_column(overflow="fold")
    for item in found:
        colour = COLOURS[item.verdict]
        told = Text("\n".join(line.strip() for line in item.told.splitlines()), style=colour)
        if item.todo:
            told.append(f"\n{item.todo}", style="default")
        table.add_row(Text(MARKS[item.verdict], style=colour), Text(item.check, style=colour, no_wrap=True), told)
    return table


def describe_finding(item: Finding) -> dict[str, str]:
    """Return a finding as a script reads it."""
    return {"check": item.check, "verdict": item.verdict.value, "told": item.told, "todo": item.todo}

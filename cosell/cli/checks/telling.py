"""How findings look: one line each in a terminal, with what to do below; JSON for scripts."""

from collections import Counter
from collections.abc import Sequence

from cosell.cli.checks.finding import Finding, Verdict
from cosell.cli.showing import terminal

MARKS = {Verdict.FINE: "✔", Verdict.WARNING: "!", Verdict.FAILED: "✖", Verdict.SKIPPED: "·"}
COLOURS = {Verdict.FINE: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "red", Verdict.SKIPPED: "dim"}


def show_findings(found: Sequence[Finding]) -> None:
    """Print what was found, and how much of it is wrong."""
    out = terminal()
    width = max(len(item.check) for item in found)
    for item in found:
        first, *others = item.told.splitlines()
        out.print(f"{MARKS[item.verdict]} {item.check:<{width}}  {first}", style=COLOURS[item.verdict])
        for line in (*others, *((item.todo,) if item.todo else ())):
            out.print(f"  {'':<{width}}  {line.strip()}")
    counts = Counter(item.verdict for item in found)
    wrong = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    out.print(f"\n{wrong}.")


def describe_finding(item: Finding) -> dict[str, str]:
    """Return a finding as a script reads it."""
    return {"check": item.check, "verdict": item.verdict.value, "told": item.told, "todo": item.todo}

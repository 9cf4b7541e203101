"""The part of `cosell status` about the variables: what each says, and where that stands."""

from dataclasses import dataclass

from cosell.cli.opening import read_variable_sheet
from cosell.cli.showing import terminal
from cosell.errors import CosellError
from cosell.mapping.effective import EffectiveVariable, VariableSheet
from cosell.mapping.variables import KNOWN
from cosell.settings import Settings

LONGEST_NAME = max(len(known.name) for known in KNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenVariables:
    """The variables, or why they are not known."""

    sheet: VariableSheet | None
    trouble: str = ""


async def look_at_variables(settings: Settings) -> SeenVariables:
    """Read the variables; that they cannot be read stops nothing."""
    try:
        return SeenVariables(sheet=await read_variable_sheet(settings))
    except CosellError as error:
        return SeenVariables(sheet=None, trouble=str(error))


def show_variables(seen: SeenVariables) -> None:
    """Print a line for each variable; one that is wrong says what is allowed."""
    out = terminal()
    if seen.sheet is None:
        out.print(f"! Variables are not known: {seen.trouble}", style="yellow")
        return
    out.print("Variables", style="bold")
    for row in seen.sheet.rows:
        out.print(f"  {row.variable.name:<{LONGEST_NAME}}  {_tell(row)}", style="red" if row.problem else "default")


def _tell(row: EffectiveVariable) -> str:
    if row.problem:
        return f"✖ {row.problem} ({row.where})"
    if row.value == row.variable.default:
        return f"{row.value} ({row.where})"
    return f"{row.value} ({row.where}; default {row.variable.default})"


def describe_variables(seen: SeenVariables) -> dict[str, object]:
    """Return the same for scripts."""
    rows = [row.describe() for row in seen.sheet.rows] if seen.sheet else []
    return {"variables": rows, "variables_trouble": seen.trouble or None}

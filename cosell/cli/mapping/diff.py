"""`cosell mapping diff`: what the overlay says differently from the files that ship, and what is unknown by now."""

import typer

from cosell.cli.records import JsonOption
from cosell.cli.showing import NOTHING, add_cells, new_table, print_json, terminal
from cosell.mapping.difference import Difference, Standing, iter_differences
from cosell.mapping.loader import Problem, judge, read_sources
from cosell.settings import load_settings

FAILED = 1


def diff(as_json: JsonOption = False) -> None:
    """Show what your own mapping files change: file, row, key, the value that ships and yours. Nobody is asked.

    Rows and keys which this release does not know are named: after an upgrade, this is where to look. Exit code 1 when
    the files cannot be used as they are.
    """
    sources = read_sources(load_settings().mappings_dir)
    _, problems = judge(sources)
    refused = frozenset(problem.place for problem in problems if problem.is_unknown)
    found = list(iter_differences(sources, refused=refused))
    if as_json:
        print_json(_describe(found, problems))
    else:
        _show(found, problems)
    if problems:
        raise typer.Exit(FAILED)


def _show(found: list[Difference], problems: list[Problem]) -> None:
    out = terminal()
    told = [item for item in found if item.standing is not Standing.SAME]
    if not found:
        out.print("No mapping file of your own says anything: the files that ship are in use. (COSELL_MAPPINGS_DIR)")
    if told:
        table = new_table("Yours against what ships", "file", "line", "row", "key", "ships", "yours", "")
        for item in told:
            named = (item.file, f"{item.place.line}", item.row or NOTHING, item.key)
            add_cells(table, (*named, _spell(item.shipped), _spell(item.own), item.standing.value))
        out.print(table, soft_wrap=False)
    same = len(found) - len(told)
    if same:
        out.print(f"{same} values say the same as those that ship, and may go.")
    for problem in problems:
        out.print(f"✖ {problem.told}", style="red")


def _describe(found: list[Difference], problems: list[Problem]) -> dict[str, object]:
    return {
        "differences": [
            {
                "file": item.place.file,
                "line": item.place.line,
                "row": item.row or None,
                "key": item.key,
                "shipped": _plain(item.shipped),
                "own": _plain(item.own),
                "standing": item.standing.value,
            }
            for item in found
        ],
        "problems": [problem.told for problem in problems],
    }


def _spell(value: object) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_spell(item) for item in value)
    return str(value)


def _plain(value: object) -> object:
    """Return a value of a file as JSON has it: YAML also knows days."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)

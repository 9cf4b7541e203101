"""`cosell solutions`: fill the CRM's catalogue of Microsoft solutions from a workbook or a CSV file."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosell.cli.records import JsonOption
from cosell.cli.showing import add_cells, new_progress, new_table, print_json, terminal, to_line
from cosell.mapping.loader import load_mappings
from cosell.settings import Settings, load_settings
from cosell.wiring import open_crm

if TYPE_CHECKING:
    from cosell.sync.catalogue.cells import Field, Problem
    from cosell.sync.catalogue.importing import Asked, Report
    from cosell.sync.catalogue.upload import RowResult

FAILED = 1
SHOWN_AT_MOST = 20
FIELDS = ("identifier", "name", "type", "publisher")
solutions = typer.Typer(help="Fill the CRM's catalogue of Microsoft solutions.", no_args_is_help=True)


@solutions.callback()
def _group() -> None:
    """Fill the CRM's catalogue of Microsoft solutions."""


@solutions.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A workbook (.xlsx) or a CSV file.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be written.")] = False,
    sheet: Annotated[
        str | None, typer.Option("--sheet", metavar="NAME", help="The sheet, when several have solutions.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="FIELD=HEADING",
            help="The heading of a column that is not found by itself: identifier, name, type or publisher.",
        ),
    ] = None,
    result: Annotated[
        Path | None,
        typer.Option("--result", metavar="FILE", help="Where a line for each row goes; FILE.result.csv by default."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the catalogue to what the file says: new solutions are created, changed ones updated, nothing is deleted.

    The whole file is checked first, and nothing is written while a row of it cannot be used. An empty cell leaves what
    the CRM has. Run it again whenever you like: only what differs is written. Exit code 1 when something is left.
    """
    from cosell.sync.catalogue.importing import Asked  # pandas takes seconds to load
    from cosell.sync.catalogue.result_file import result_path

    chosen = parse_columns(column or [])
    place = result if result is not None or dry_run else result_path(file)
    asked = Asked(file=file, sheet=sheet, columns=chosen, result=place, is_dry_run=dry_run)
    report = asyncio.run(_import(load_settings(), asked, is_quiet=as_json))
    if as_json:
        print_json(describe_report(report, file=file))
    else:
        _show(report)
    if report.stopped is not None:
        raise report.stopped
    if report.problems or report.counts["failed"]:
        raise typer.Exit(FAILED)


def parse_columns(options: Sequence[str]) -> "Mapping[Field, str]":
    """Return the headings that were named, by field; anything else is wrong usage."""
    from cosell.sync.catalogue.cells import Field

    chosen: dict[Field, str] = {}
    for option in options:
        name, _, heading = option.partition("=")
        if name.strip() not in FIELDS or not heading.strip():
            raise typer.BadParameter(f"--column wants FIELD=HEADING, where FIELD is one of {', '.join(FIELDS)}")
        if Field(name.strip()) in chosen:
            raise typer.BadParameter(f"--column names the {name.strip()} twice")
        chosen[Field(name.strip())] = heading.strip()
    return chosen


async def _import(settings: Settings, asked: "Asked", *, is_quiet: bool) -> "Report":
    from cosell.sync.catalogue.importing import import_catalogue

    mappings = load_mappings(settings.mappings_dir)
    async with open_crm(settings, mappings) as dataverse:
        with new_progress(is_quiet=is_quiet or asked.is_dry_run) as progress:
            bar = progress.add_task("Rows", total=None)
            return await import_catalogue(
                dataverse,
                mappings.solutions.catalogue,
                asked,
                sleep=asyncio.sleep,
                tell=lambda done, total: progress.update(bar, completed=done, total=total),
            )


def describe_report(report: "Report", *, file: Path) -> dict[str, object]:
    """Return a report as a script reads it."""
    return {
        "file": str(file),
        "sheet": report.sheet or None,
        "is_dry_run": report.is_dry_run,
        "rows": len(report.results),
        **report.counts,
        "problems": [
            {"sheet": item.sheet or None, "row": item.row, "column": item.column, "problem": item.problem}
            for item in report.problems
        ],
        "failures": [
            {"row": item.number, "identifier": item.identifier, "why": item.why} for item in _failures(report)
        ],
        "ignored_columns": list(report.ignored),
        "stopped": str(report.stopped) if report.stopped else None,
        "result_file": str(report.result_file) if report.result_file else None,
    }


def _show(report: "Report") -> None:
    out = terminal()
    if report.ignored:
        out.print(f"Columns that were ignored: {', '.join(to_line(title) for title in report.ignored)}.")
    if report.problems:
        _show_problems(report.problems, sheet=report.sheet)
        out.print(f"✖ {_count(len(report.problems), 'problem')} in the file; nothing was written.", style="red")
    else:
        _show_counts(report)
    if report.result_file is not None:
        out.print(f"A line for each row: {report.result_file}")


def _show_counts(report: "Report") -> None:
    out, counts, failures = terminal(), report.counts, _failures(report)
    if report.is_dry_run:
        table = new_table("The first rows, as they would stand in the catalogue", *FIELDS)
        for row in report.sample:
            add_cells(table, [to_line(row[name]) for name in FIELDS])
        out.print(table, soft_wrap=False)
    if failures:
        table = new_table("Not written", "row", "identifier", "why")
        for item in failures[:SHOWN_AT_MOST]:
            add_cells(table, (str(item.number), item.identifier, to_line(item.why)))
        out.print(table, soft_wrap=False)
        _tell_of_more(len(failures))
    would = "would be " if report.is_dry_run else ""
    words = f"{counts['created']} {would}created, {counts['updated']} {would}updated, {counts['unchanged']} unchanged"
    failed = f", {counts['failed']} failed" if failures else ""
    mark, style = ("✖", "red") if failures else ("✔", "green")
    end = " Nothing was written." if report.is_dry_run else ""
    out.print(f"{mark} {_count(len(report.results), 'row')}: {words}{failed}.{end}", style=style)


def _show_problems(problems: "Sequence[Problem]", *, sheet: str) -> None:
    table = new_table(f"To be mended in sheet {sheet}" if sheet else "To be mended", "row", "column", "what")
    for item in problems[:SHOWN_AT_MOST]:
        add_cells(table, (str(item.row), item.column, item.problem))
    terminal().print(table, soft_wrap=False)
    _tell_of_more(len(problems))


def _tell_of_more(count: int) -> None:
    if count > SHOWN_AT_MOST:
        terminal().print(f"… and {count - SHOWN_AT_MOST} more; --result FILE writes all of them.")


def _failures(report: "Report") -> "list[RowResult]":
    return [item for item in report.results if item.verdict == "failed"]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

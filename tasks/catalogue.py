"""The import of the catalogue as one step: done again it only writes what is left, so that it may be retried whole."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cosell.errors import FileInvalid
from cosell.settings import load_settings
from cosell.sync.workspace import Workspace
from tasks.policy import step
from tasks.progress import shown_progress
from tasks.workspace import get_workspace

if TYPE_CHECKING:
    from cosell.sync.catalogue.importing import Report
    from cosell.sync.catalogue.upload import Progress

FOLDER = "imports"
"""Below the data directory: whoever may start runs shall not have any file of the worker's machine read."""
KEPT_AT_MOST = 100
PROGRESS_KEY = "import-solution-details-progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import came to, without a value of the file: counts, and where what is wrong."""

    counts: dict[str, int]
    problem_count: int
    problems: tuple[dict[str, str], ...]
    ignored: tuple[str, ...]
    result_file: str
    is_dry_run: bool


@step(name="import-catalogue", run_name="import {file}", tags={"dataverse"})
async def import_catalogue_file(file: str, sheet: str | None, is_dry_run: bool) -> ImportReport:  # noqa: FBT001  a parameter of the run form
    """Bring the catalogue to what a file says; report each row in a file beside it."""
    path = find_upload(load_settings().home, file)
    async with shown_progress(PROGRESS_KEY, "Rows of the file that are done") as tell:
        return await import_upload(get_workspace(), path, sheet=sheet, is_dry_run=is_dry_run, tell=tell)


async def import_upload(
    workspace: Workspace, path: Path, *, sheet: str | None, is_dry_run: bool, tell: "Progress"
) -> ImportReport:
    """Import a file that was found.

    Raises:
        CosellError: what stopped it is no row's fault; the result file tells how far it came.
    """
    from cosell.sync.catalogue.importing import Asked, import_catalogue  # pandas takes seconds to load
    from cosell.sync.catalogue.result_file import result_path

    asked = Asked(file=path, sheet=sheet, result=result_path(path), is_dry_run=is_dry_run)
    report = await import_catalogue(
        workspace.dataverse, workspace.mappings.solutions.catalogue, asked, sleep=asyncio.sleep, tell=tell
    )
    if report.stopped is not None:
        raise report.stopped
    return describe_import(report)


def find_upload(home: Path, file: str) -> Path:
    """Return the path of a file in the folder for uploads.

    Raises:
        FileInvalid: it is not there, or not in the folder.
    """
    folder = (home / FOLDER).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    path = (folder / file).resolve()
    if not path.is_relative_to(folder):
        raise FileInvalid(f"Only files in {folder} are imported by a flow; give the name of the file alone.")
    if not path.is_file():
        raise FileInvalid(f"There is no such file in {folder}, on the machine of the worker; put it there first.")
    return path


def describe_import(report: "Report") -> ImportReport:
    """Return what may be stored and shown: rows, columns and the solutions' identifiers."""
    problems = [
        {"row": str(item.row), "column": item.column, "solution": "", "what": item.problem} for item in report.problems
    ]
    problems += [
        {"row": str(item.number), "column": "", "solution": item.identifier, "what": item.why}
        for item in report.results
        if item.verdict == "failed"
    ]
    return ImportReport(
        counts=report.counts,
        problem_count=len(problems),
        problems=tuple(problems[:KEPT_AT_MOST]),
        ignored=report.ignored,
        result_file=str(report.result_file),
        is_dry_run=report.is_dry_run,
    )

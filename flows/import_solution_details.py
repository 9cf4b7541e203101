"""Fills the CRM's catalogue of Microsoft solutions from a file, so that sellers need not type. None of the nine."""

from typing import Any

from prefect import flow
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from cosell.domain.tenants import tenant_artifact
from flows.operating import NEEDS_ATTENTION, ends_plainly
from tasks.catalogue import ImportReport, import_catalogue_file
from tasks.workspace import entered_workspace, get_workspace

NAME = "import-solution-details"


@flow(name=NAME, flow_run_name="import {file}", persist_result=True)
@ends_plainly
async def import_solution_details(file: str, sheet: str | None = None, dry_run: bool = False) -> State[Any]:  # noqa: FBT001, FBT002  a box in the run form
    """Bring the CRM's catalogue of Microsoft solutions to what a workbook or a CSV file says.

    The whole file is checked first, and nothing is written while a row of it cannot be used. Needs no activation, only
    a CRM with our tables. It may be run again at any time: only what differs is written. A line for each row goes into
    a file beside the one that is imported.

    Args:
        file: the name of the file, which lies in the folder `imports` of the data directory, where the worker runs.
        sheet: the sheet of the workbook, when several have solutions.
        dry_run: only tell what would be written.
    """
    async with entered_workspace():
        report = await import_catalogue_file(file, sheet, dry_run)
        await _publish(report)
    return conclude(report)


def conclude(report: ImportReport) -> State[Any]:
    """Return the state in which the flow ends: NeedsAttention when a row is left."""
    would = "would be " if report.is_dry_run else ""
    counts = report.counts
    told = f"{counts['created']} {would}created, {counts['updated']} {would}updated, {counts['unchanged']} unchanged"
    if counts["failed"]:
        message = f"{told}, {counts['failed']} failed. Run it again for what failed; {report.result_file} says why."
        return Failed(name=NEEDS_ATTENTION, message=message)
    if report.problem_count:
        message = (
            f"Nothing was written: {report.problem_count} problems in the file; {report.result_file} has them all."
        )
        return Failed(name=NEEDS_ATTENTION, message=message)
    return Completed(message=f"{told}. {report.result_file} has a line for each row.")


async def _publish(report: ImportReport) -> None:
    counts = [
        {"row": "all", "column": "", "solution": "", "what": f"{count} {name}"}
        for name, count in report.counts.items()
        if count
    ]
    ignored = [{"row": "", "column": title, "solution": "", "what": "ignored"} for title in report.ignored]
    await acreate_table_artifact(
        key=tenant_artifact(NAME, get_workspace().ledger.tenant),
        table=[*counts, *report.problems, *ignored],
        description=f"What became of the file; all rows: {report.result_file}"
        + (f". {report.problem_count} problems, the first are shown" if report.problem_count else ""),
    )

"""`cosell reconcile`: runs the flow of that name and waits, with a bar that shows how far the comparing has come."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from cosell.cli.prefect_api import find_prefect
from cosell.cli.records import JsonOption
from cosell.cli.showing import add_cells, new_progress, new_table, print_json, terminal, to_line
from cosell.domain.ids import TenantName
from cosell.domain.tenants import tenant_artifact, tenant_deployment
from cosell.settings import load_settings

FAILED = 1
STARTS_WITHIN_SECONDS = 120
SHOWN_AT_MOST = 20
NAME = "reconcile"
COLUMNS = ("kind", "field", "cause", "healed", "why")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """How the run ended, and the rows of its report."""

    run_id: str
    state: str
    is_fine: bool
    message: str
    rows: list[dict[str, Any]]


def reconcile(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be healed.")] = False,
    confirm: Annotated[
        list[str] | None,
        typer.Option("--confirm", metavar="WORD", help="Confirm what an earlier run has asked, like changes:412."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare all pairs on both sides, heal what was missed, and report what differed, why, and what became of it.

    Runs the flow `reconcile` on a worker and waits. Exit code 1 when it asks something first, when a record was
    refused, or when it could not do its work. What asks first has changed nothing.
    """
    settings = load_settings()
    find_prefect(settings)
    parameters = {"dry_run": dry_run, "confirmed": confirm or []}
    ended = asyncio.run(_run(TenantName(settings.tenant), parameters, is_quiet=as_json))
    if as_json:
        print_json({"run_id": ended.run_id, "state": ended.state, "message": ended.message, "differences": ended.rows})
    else:
        _show(ended)
    if not ended.is_fine:
        raise typer.Exit(FAILED)


async def _run(tenant: TenantName, parameters: dict[str, object], *, is_quiet: bool) -> _Ended:
    from cosell.dispatch import start_run  # Prefect reads its settings when it is first imported
    from cosell.dispatch.following import follow_run, read_table
    from flows.drift_report import DRIFT_REPORT
    from tasks.reconcile import PROGRESS_KEY

    run = await start_run(f"{NAME}/{tenant_deployment(NAME, tenant)}", parameters)
    with _bar(is_quiet=is_quiet) as tell:
        state = await follow_run(
            run.id,
            progress_key=tenant_artifact(PROGRESS_KEY, tenant),
            tell=tell,
            starts_within_seconds=STARTS_WITHIN_SECONDS,
        )
    return _Ended(
        run_id=str(run.id),
        state=state.name or state.type.value,
        is_fine=state.is_completed(),
        message=state.message or "The run says no more.",
        rows=await read_table(run.id, tenant_artifact(DRIFT_REPORT, tenant)),
    )


@contextlib.contextmanager
def _bar(*, is_quiet: bool) -> Iterator[Callable[[float], None]]:
    with new_progress(is_quiet=is_quiet, in_percent=True) as progress:
        bar = progress.add_task("Waiting for a worker", total=100)

        def tell(percent: float) -> None:
            description = "Comparing" if percent < 100 else "Healing"
            progress.update(bar, completed=percent, description=description)

        yield tell


def _show(ended: _Ended) -> None:
    out = terminal()
    if ended.rows:
        table = new_table(f"Differences ({len(ended.rows)})", "record", *COLUMNS)
        for row in ended.rows[:SHOWN_AT_MOST]:
            record = next((str(row[name]) for name in ("opportunity", "referral", "lead") if row.get(name)), "")
            add_cells(table, (_bare(record), *(to_line(str(row.get(name, ""))) for name in COLUMNS)))
        out.print(table, soft_wrap=False)
        if len(ended.rows) > SHOWN_AT_MOST:
            out.print(f"{len(ended.rows) - SHOWN_AT_MOST} more are in the report.")
    out.print(f"{'✔' if ended.is_fine else '✖'} {ended.message}", style=None if ended.is_fine else "red")


def _bare(link: str) -> str:
    """Return the id of a record which the table shows as a link."""
    return link.partition("[")[2].partition("]")[0] or link

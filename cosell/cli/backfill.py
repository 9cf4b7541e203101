"""`cosell backfill`: the first load; plans by its flow, shows the plan, and applies it when it is confirmed."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from cosell.cli.prefect_api import find_prefect
from cosell.cli.records import JsonOption
from cosell.cli.showing import add_cells, new_progress, new_table, print_json, terminal
from cosell.domain.tenants import tenant_deployment
from cosell.errors import NotActivated
from cosell.settings import Settings, load_settings
from cosell.store import BackfillPlan, ItemCount, ItemState, Ledger
from cosell.sync.backfill.applying import measure_progress
from cosell.sync.backfill.report import plan_file
from cosell.sync.backfill.verdicts import WORK, Direction
from cosell.wiring import open_settings_ledger

NAME = "backfill"
FAILED = 1
A_WEEK = 7 * 86_400.0
POLL_SECONDS = 1.0
SHOWN_AT_MOST = 30


def backfill(
    direction: Annotated[
        Direction, typer.Option("--direction", help="Where records are brought.", show_default=True)
    ] = Direction.TO_CRM,
    plan: Annotated[
        str | None, typer.Option("--plan", metavar="ID", help="Apply this plan, or go on with it, without asking.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Apply the plan which is made, without asking.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring across what was there before the first day: plan, show the plan, and apply it when you say so.

    Both are runs of the flow backfill, which this command waits for. Nothing is written before you have confirmed; in a
    script, use --yes, or --plan with the id of a plan which somebody has looked at. Killed anywhere, the same --plan
    goes on where it was. Exit code 1 when something is left or was refused.
    """
    settings = load_settings()
    find_prefect(settings)
    told = asyncio.run(_backfill(settings, direction=direction, plan_id=plan, is_confirmed=yes, is_quiet=as_json))
    if as_json:
        print_json(told)
    if not told["is_fine"]:
        raise typer.Exit(FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """How a run of the flow came to its end."""

    is_completed: bool
    message: str


async def _backfill(
    settings: Settings, *, direction: Direction, plan_id: str | None, is_confirmed: bool, is_quiet: bool
) -> dict[str, Any]:
    async with open_settings_ledger(settings) as ledger:
        if plan_id is None:
            planned = await _run(ledger, {"direction": direction.value}, "Planning", is_quiet=is_quiet)
            plan = await ledger.backfills.find()
            if plan is None or not planned.is_completed:
                raise NotActivated(f"The first load was not planned: {planned.message}")
            counts = await ledger.backfills.count(plan.plan_id)
            if not is_quiet:
                _show(plan, counts, settings)
            if not is_confirmed and (is_quiet or not _is_confirmed()):
                if not is_quiet:
                    terminal().print(f"Nothing was written. To apply it: cosell backfill --plan {plan.plan_id}")
                return describe(plan, counts, is_fine=True)
            plan_id = plan.plan_id
        parameters = {"direction": (await ledger.backfills.get(plan_id)).direction, "plan_id": plan_id}
        ended = await _run(ledger, parameters, "Bringing across", is_quiet=is_quiet)
        applied = await ledger.backfills.get(plan_id)
        counts = await ledger.backfills.count(plan_id)
        if not is_quiet:
            mark, style = ("✔", "green") if ended.is_completed else ("✖", "red")
            _show_left(counts)
            terminal().print(f"{mark} {ended.message}", style=style)
        return describe(applied, counts, is_fine=ended.is_completed)


def _is_confirmed() -> bool:
    """Ask whoever sits at a terminal; a script has to say it beforehand."""
    return sys.stdin.isatty() and typer.confirm("Apply this plan?", default=False)


async def _run(ledger: Ledger, parameters: dict[str, str], what: str, *, is_quiet: bool) -> _Ended:
    """Start a run of the flow and wait for its end, with a bar for whoever looks at a terminal."""
    from cosell.dispatch import start_run, wait_for_run  # Prefect reads its settings when it is first imported

    run = await start_run(f"{NAME}/{tenant_deployment(NAME, ledger.tenant)}", parameters)
    bar = asyncio.create_task(_draw(ledger, parameters.get("plan_id"), what, is_quiet=is_quiet))
    try:
        state = await wait_for_run(run.id, seconds=A_WEEK)
    finally:
        bar.cancel()
        await asyncio.gather(bar, return_exceptions=True)
    return _Ended(is_completed=state.is_completed(), message=state.message or "The run says no more.")


async def _draw(ledger: Ledger, plan_id: str | None, what: str, *, is_quiet: bool) -> None:
    with new_progress(is_quiet=is_quiet) as progress:
        bar = progress.add_task(what, total=None)
        while not progress.disable:
            if plan_id is not None:
                done, total = measure_progress(await ledger.backfills.count(plan_id))
                progress.update(bar, completed=int(done), total=total)
            await asyncio.sleep(POLL_SECONDS)


def _show(plan: BackfillPlan, counts: Sequence[ItemCount], settings: Settings) -> None:
    out = terminal()
    table = new_table(f"What a first load {plan.direction} would do", "record", "plan", "count", "why")
    for item in sorted(counts, key=lambda item: -item.count)[:SHOWN_AT_MOST]:
        add_cells(table, (item.kind.value, item.verdict, str(item.count), item.reason))
    out.print(table, soft_wrap=False)
    if len(counts) > SHOWN_AT_MOST:
        out.print(f"… and {len(counts) - SHOWN_AT_MOST} more cases.")
    for name, count in plan.details.items():
        out.print(f"{count} {name}")
    work = sum(item.count for item in counts if item.verdict in WORK)
    out.print(f"Plan {plan.plan_id}: {work} records to bring across.", style="bold")
    out.print(f"A line for each record: {plan_file(settings.home, plan.plan_id)}, where the worker runs")


def _show_left(counts: Sequence[ItemCount]) -> None:
    """Show what was refused or is left, with the reason."""
    rows = [item for item in counts if item.verdict in WORK and item.state is not ItemState.DONE]
    if not rows:
        return
    table = new_table("Not brought across", "record", "state", "count", "why")
    for item in sorted(rows, key=lambda item: -item.count)[:SHOWN_AT_MOST]:
        add_cells(table, (item.kind.value, item.state.value, str(item.count), item.reason))
    terminal().print(table, soft_wrap=False)


def describe(plan: BackfillPlan, counts: Sequence[ItemCount], *, is_fine: bool) -> dict[str, Any]:
    """Return a plan and how far it has come as a script reads it."""
    return {
        "plan_id": plan.plan_id,
        "direction": plan.direction,
        "state": plan.state.value,
        "is_fine": is_fine,
        "details": dict(plan.details),
        "records": [
            {
                "record": item.kind.value,
                "plan": item.verdict,
                "state": item.state.value,
                "why": item.reason,
                "count": item.count,
            }
            for item in counts
        ],
    }

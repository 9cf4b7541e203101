"""`cosell adopt`: take over the pairs which Microsoft's connector has made, after as many looks as one likes."""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cosell.cli.adopt.overlay import write_overlay
from cosell.cli.adopt.telling import describe_report, show_report
from cosell.cli.opening import open_command_workspace
from cosell.cli.prefect_api import find_prefect
from cosell.cli.records import JsonOption
from cosell.cli.showing import new_progress, print_json, terminal
from cosell.errors import ConfigurationError
from cosell.settings import Settings, load_settings
from cosell.sync.adopt.run import AdoptionAsked, AdoptionReport, run_adoption
from cosell.sync.adopt.tables import NamedTables
from cosell.sync.adopt.undo import Undone, undo

FAILED = 1
BY_HAND = "cosell adopt"
TakeOver = Annotated[
    bool,
    typer.Option("--take-over", help="Fill our columns, copy solutions and link the pairs; else nothing is written."),
]
Undo = Annotated[
    bool, typer.Option("--undo", help="Forget what was taken over and not touched since; put the old webhook back.")
]
WriteOverlay = Annotated[
    Path | None,
    typer.Option(
        "--write-overlay",
        metavar="DIR",
        help="Write mapping files which keep the connector's columns, in place of copies; for COSELL_MAPPINGS_DIR.",
    ),
]
OverwriteWebhook = Annotated[
    bool, typer.Option("--overwrite-webhook", help="With --take-over: put our URL in the place of the connector's.")
]
WithVariables = Annotated[
    bool, typer.Option("--with-variables", help="Use the values of the connector's environment variables, too.")
]
ConfirmDiffering = Annotated[
    int, typer.Option("--confirm-differing", metavar="N", min=0, help="With --take-over: so many pairs differ, I know.")
]
SolutionsTable = Annotated[
    str | None, typer.Option("--solutions-table", metavar="NAME", help="Logical name of its table Microsoft Solutions.")
]
DetailsTable = Annotated[
    str | None,
    typer.Option("--details-table", metavar="NAME", help="Logical name of its table Microsoft Solution Details."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What was typed."""

    asked: AdoptionAsked
    overwrite_webhook: bool
    is_quiet: bool


def adopt(  # noqa: PLR0913, PLR0917  one parameter for each option
    take_over: TakeOver = False,
    undo_it: Undo = False,
    overlay: WriteOverlay = None,
    overwrite_webhook: OverwriteWebhook = False,
    with_variables: WithVariables = False,
    confirm_differing: ConfirmDiffering = 0,
    solutions_table: SolutionsTable = None,
    details_table: DetailsTable = None,
    as_json: JsonOption = False,
) -> None:
    """Look at the pairs which Microsoft's connector has made, or take them over; no deal is made anew.

    Without an option neither service is written: it lists what our sync would do differently, and may be run as often
    as you like; the ledger keeps since when a field differs and how that ended. With --take-over it may be broken off
    and run again at any time. Exit code 1 when something is left to do.
    """
    if sum((take_over, undo_it, overlay is not None)) > 1:
        raise typer.BadParameter("--take-over, --undo and --write-overlay are three different things")
    if (overwrite_webhook or confirm_differing) and not take_over:
        raise typer.BadParameter("--overwrite-webhook and --confirm-differing go with --take-over")
    settings = load_settings()
    tables = NamedTables(solutions=solutions_table, details=details_table)
    if undo_it:
        _tell_undone(asyncio.run(_undo(settings)), as_json=as_json)
        return
    if overlay is not None:
        asyncio.run(_write_overlay(settings, overlay, tables, as_json=as_json))
        return
    if take_over and with_variables:
        find_prefect(settings)  # Variables are kept there.
    asked = AdoptionAsked(
        take_over=take_over,
        with_variables=with_variables,
        confirmed_differing=confirm_differing,
        tables=tables,
    )
    report = asyncio.run(_adopt(settings, _Wanted(asked=asked, overwrite_webhook=overwrite_webhook, is_quiet=as_json)))
    now = datetime.now(UTC)
    if as_json:
        print_json(describe_report(report, now=now))
    else:
        show_report(report, now=now)
    if report.done is not None and (report.done.refused or report.done.moved):
        raise typer.Exit(FAILED)


async def _adopt(settings: Settings, wanted: _Wanted) -> AdoptionReport:
    async with open_command_workspace(settings) as workspace:
        # Only now: Prefect reads when it is first imported where its server is, which the line above has found out.
        from tasks.adoption import open_doors

        doors = open_doors(overwrite_webhook=wanted.overwrite_webhook)
        with new_progress(is_quiet=wanted.is_quiet or not wanted.asked.take_over) as progress:
            bar = progress.add_task("Pairs", total=None)

            def tell(done: int, total: int) -> None:
                progress.update(bar, completed=done, total=total)

            return await run_adoption(workspace, wanted.asked, doors, run_id=BY_HAND, tell=tell)


async def _undo(settings: Settings) -> Undone:
    async with open_command_workspace(settings) as workspace:
        from tasks.registration import receiver_url  # as above

        our_url: str | None = None
        with contextlib.suppress(ConfigurationError):
            our_url = receiver_url()
        return await undo(workspace, our_url=our_url)


async def _write_overlay(settings: Settings, directory: Path, tables: NamedTables, *, as_json: bool) -> None:
    async with open_command_workspace(settings) as workspace:
        written = await write_overlay(workspace, directory, tables)
    if as_json:
        print_json({"files": [str(path) for path in written.files], "notes": list(written.notes)})
        return
    out = terminal()
    for path in written.files:
        out.print(f"✔ {path}")
    for note in written.notes:
        out.print(f"· {note}")
    out.print(f"Set COSELL_MAPPINGS_DIR={directory}, then run `cosell crm install` and `cosell crm check`.")


def _tell_undone(done: Undone, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "forgotten": done.forgotten,
                "kept": done.kept,
                "restored_url": done.restored_url,
                "webhook": done.webhook_note or None,
            }
        )
        return
    out = terminal()
    out.print(f"✔ {done.forgotten} links forgotten; our columns in the CRM stay as they are.")
    if done.kept:
        out.print(f"· {done.kept} stay: a sync has brought them in step since, and that cannot be taken back.")
    out.print(f"✔ Partner Center calls {done.restored_url} again." if done.restored_url else f"· {done.webhook_note}")

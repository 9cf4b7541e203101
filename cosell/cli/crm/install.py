"""`cosell crm install`: make what is missing, tell of each part, and say what is left to a person."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Annotated

import typer

from cosell.cli.crm.opening import read_mappings
from cosell.cli.records import JsonOption
from cosell.cli.showing import print_json, terminal, to_line
from cosell.dataverse.install import PLANNED, UNFINISHED, WRITTEN, Outcome, Result, WakeUp, install
from cosell.dataverse.install.wake_up import refuse_unfit, wake_up_url
from cosell.dataverse.wanted import WantedSchema
from cosell.domain.ids import TenantName
from cosell.errors import SettingsInvalid
from cosell.mapping.by_hand import by_hand
from cosell.mapping.crm import wanted_schema
from cosell.settings import Settings, load_settings
from cosell.wiring import open_customizer

FAILED = 1
MARKS = {
    **dict.fromkeys(WRITTEN, ("✔", "green")),
    **dict.fromkeys(PLANNED, ("+", "cyan")),
    **dict.fromkeys(UNFINISHED, ("✖", "red")),
    Result.WAITING: ("…", "yellow"),
    Result.SKIPPED: ("·", "dim"),
}
WakeUpOption = Annotated[
    str | None,
    typer.Option(
        "--wake-up",
        metavar="URL",
        help="Let the CRM call the receiver at this address when a row moves, with COSELL_RECEIVER__DATAVERSE_SECRET.",
    ),
]
NoWakeUpOption = Annotated[bool, typer.Option("--no-wake-up", help="Take the wake-up away again.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be made; nothing is written.")]


def install_crm(
    wake_up: WakeUpOption = None,
    no_wake_up: NoWakeUpOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make the columns, tables, keys, role and variables which the CRM lacks; what is there is left alone.

    Run it as often as you like; broken off, it goes on where it stood. It acts as the application user of the settings,
    which needs the role System Administrator, or System Customizer for all but the role and the wake-up. Nothing is
    ever deleted, and a column of another type is named, not changed. Exit code 1 when something is not as it has to be.
    """
    settings = load_settings()
    wanted = _wake_up(settings, url=wake_up, is_removal=no_wake_up)
    done, schema = asyncio.run(_install(settings, wanted, is_dry=dry_run, tell=_ignore if as_json else _show))
    if as_json:
        print_json(_describe(done, schema))
    else:
        _sum_up(done, schema, is_dry=dry_run)
    if any(outcome.result in UNFINISHED for outcome in done):
        raise typer.Exit(FAILED)


async def _install(
    settings: Settings, wake_up: WakeUp | None, *, is_dry: bool, tell: Callable[[Outcome], None]
) -> tuple[list[Outcome], WantedSchema]:
    mappings, _ = await read_mappings(settings)
    schema = wanted_schema(mappings)
    async with open_customizer(settings, solution=schema.solution) as customizer:
        done = await install(customizer, schema, sleep=asyncio.sleep, tell=tell, wake_up=wake_up, is_dry=is_dry)
    return done, schema


def _wake_up(settings: Settings, *, url: str | None, is_removal: bool) -> WakeUp | None:
    if url is not None and is_removal:
        raise typer.BadParameter("--wake-up and --no-wake-up say the opposite")
    if url is None:
        return WakeUp() if is_removal else None
    secret = settings.receiver.dataverse_secret
    if secret is None:
        raise SettingsInvalid(
            "COSELL_RECEIVER__DATAVERSE_SECRET is missing: the CRM sends it along, and the receiver takes no wake-up "
            "without it. Set it to a long random text, for the receiver too."
        )
    refuse_unfit(secret.get_secret_value())
    return WakeUp(url=wake_up_url(url, tenant=TenantName(settings.tenant)), secret=secret.get_secret_value())


def _show(outcome: Outcome) -> None:
    """Print a line for what is not simply there, and below it what to do."""
    if outcome.result is Result.THERE:
        return
    mark, colour = MARKS[outcome.result]
    out = terminal()
    told = f"  {to_line(outcome.told)}" if outcome.told else ""
    out.print(f"{mark} {outcome.part}: {outcome.result}.{told}", style=colour)
    if outcome.todo:
        out.print(f"  {outcome.todo}")


def _ignore(_: Outcome) -> None:
    """Say nothing: the end is told as JSON."""


def _sum_up(done: list[Outcome], schema: WantedSchema, *, is_dry: bool) -> None:
    out = terminal()
    counts = Counter(outcome.result for outcome in done)
    if set(counts) == {Result.THERE}:
        out.print(f"Nothing was written: all {len(done)} parts were there.")
        for told in sorted({outcome.told for outcome in done if outcome.told}):
            out.print(told)
        out.print("What is left to an administrator of the CRM stands in docs/crm.md, and under by_hand with --json.")
        return
    words = ", ".join(
        f"{counts[result]} {result}" for result in Result if counts[result] and result is not Result.THERE
    )
    out.print(f"\n{words}; {counts[Result.THERE]} were there.{' Nothing was written.' if is_dry else ''}")
    out.print("\nWhat is left to an administrator of the CRM:")
    for number, sentence in enumerate(by_hand(schema), start=1):
        out.print(f"  {number}. {sentence}")


def _describe(done: list[Outcome], schema: WantedSchema) -> dict[str, object]:
    return {
        "parts": [
            {
                "kind": outcome.part.kind,
                "name": outcome.part.name,
                "result": outcome.result.value,
                "told": outcome.told,
                "todo": outcome.todo,
            }
            for outcome in done
        ],
        "written": sum(outcome.result in WRITTEN for outcome in done),
        "is_complete": not any(outcome.result in UNFINISHED | PLANNED for outcome in done),
        "by_hand": list(by_hand(schema)),
    }

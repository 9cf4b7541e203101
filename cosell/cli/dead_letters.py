"""`cosell dead-letters`: what was given up on, grouped by cause, and what a person does about it."""

import asyncio
import getpass
from typing import Annotated

import typer

from cosell.cli.records import SHORT, JsonOption, find_whole_id
from cosell.cli.showing import add_cells, new_table, print_json, terminal, to_line, to_moment
from cosell.domain.ways_out import find_way_out
from cosell.settings import Settings, load_settings
from cosell.store import FiledDeadLetter, Ledger
from cosell.wiring import open_settings_ledger

dead_letters = typer.Typer(
    help="List what was given up on, grouped by cause; retry or dismiss it.", invoke_without_command=True
)
Ids = Annotated[list[str], typer.Argument(metavar="ID", help="Ids from the list; their beginnings are enough.")]
MaybeIds = Annotated[
    list[str] | None, typer.Argument(metavar="ID", help="Ids from the list; their beginnings are enough.")
]


@dead_letters.callback()
def list_dead_letters(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the open dead letters, grouped by cause: which record, why, how often, since when."""
    if context.invoked_subcommand is None:
        filed = asyncio.run(_read(load_settings()))
        if as_json:
            print_json({"dead_letters": [_describe(item) for item in filed]})
        else:
            _show(filed)


@dead_letters.command()
def retry(
    ids: MaybeIds = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
) -> None:
    """Put records back into the inbox: the next run looks at them again; what fails again comes back here."""
    if bool(ids) == everything:
        raise typer.BadParameter("name dead letters by their ids, or say --all")
    retried = asyncio.run(_retry(load_settings(), ids))
    terminal().print(f"✔ Back in the inbox: {len(retried)}. The next run of their flow looks at them again.")


@dead_letters.command()
def dismiss(ids: Ids) -> None:
    """Close dead letters for good, in your name; the records themselves stay as they are."""
    dismissed = asyncio.run(_dismiss(load_settings(), ids))
    terminal().print(f"✔ Dismissed: {len(dismissed)}.")


async def _read(settings: Settings) -> list[FiledDeadLetter]:
    """Read the open letters: the most frequent cause first, within a cause the latest first."""
    async with open_settings_ledger(settings) as ledger:
        counts = await ledger.dead_letters.count_open_by_cause()
        filed = await ledger.dead_letters.list_open()
    order = list(counts)
    return sorted(filed, key=lambda item: order.index(item.letter.cause) if item.letter.cause in counts else len(order))


async def _retry(settings: Settings, ids: list[str] | None) -> list[FiledDeadLetter]:
    async with open_settings_ledger(settings) as ledger:
        return await ledger.dead_letters.retry(await _find_whole_ids(ledger, ids))


async def _dismiss(settings: Settings, ids: list[str]) -> list[FiledDeadLetter]:
    async with open_settings_ledger(settings) as ledger:
        return await ledger.dead_letters.dismiss(await _find_whole_ids(ledger, ids), by=_who())


async def _find_whole_ids(ledger: Ledger, ids: list[str] | None) -> list[str]:
    """Return the whole ids, of all open letters when none is named; one that is wrong stops all."""
    known = [filed.dead_letter_id for filed in await ledger.dead_letters.list_open()]
    return known if ids is None else [find_whole_id(item, known, what="dead letter") for item in ids]


def _who() -> str:
    """Return the name under which this person is signed in to the machine."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"


def _show(filed: list[FiledDeadLetter]) -> None:
    out = terminal()
    if not filed:
        out.print("✔ There are no dead letters.")
        return
    for cause in dict.fromkeys(item.letter.cause for item in filed):
        same = [item for item in filed if item.letter.cause == cause]
        table = new_table(f"{cause} ({len(same)})", "id", "record", "why", "times", "last")
        for item in same:
            letter = item.letter
            record = f"{letter.kind} {letter.record_id}"
            cells = (item.dead_letter_id[:SHORT], record, to_line(letter.message), str(item.count))
            add_cells(table, (*cells, to_moment(item.last_at)))
        out.print(table, soft_wrap=False)
        if way_out := find_way_out(cause):
            out.print(f"Way out: {way_out}\n")
    out.print(
        "Try again with `cosell dead-letters retry ID…` or `--all`, give up with `cosell dead-letters dismiss ID…`."
    )


def _describe(item: FiledDeadLetter) -> dict[str, object]:
    letter = item.letter
    return {
        "id": item.dead_letter_id,
        "cause": letter.cause,
        "kind": letter.kind.value,
        "record_id": letter.record_id,
        "message": letter.message,
        "flow": letter.flow,
        "request_id": letter.request_id,
        "count": item.count,
        "first_at": item.first_at.isoformat(),
        "last_at": item.last_at.isoformat(),
    }

"""`cosell dead-letters`: what was given up on, grouped by cause, and what a person does about it."""

import asyncio
import getpass
from typing import Annotated, Any

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
BY_HAND_ONLY = "by hand only"
"""Stands for the next try of a letter which was tried often enough."""
Ids = Annotated[list[str], typer.Argument(metavar="ID", help="Ids from the list; their beginnings are enough.")]
MaybeIds = Annotated[
    list[str] | None, typer.Argument(metavar="ID", help="Ids from the list; their beginnings are enough.")
]


@dead_letters.callback()
def list_dead_letters(
    context: typer.Context,
    by_cause: Annotated[bool, typer.Option("--by-cause", help="Only a line for each cause.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the open dead letters, grouped by cause: which record, why, how often, and when it is tried again.

    Each is tried again by itself after 5 minutes, 15 minutes, 1 hour, 4 hours, then daily for two weeks; at once when
    its record changes.
    """
    if context.invoked_subcommand is None:
        filed = asyncio.run(_read(load_settings()))
        if as_json:
            print_json({"causes": _count(filed)} if by_cause else {"dead_letters": [_describe(item) for item in filed]})
        elif by_cause:
            _show_causes(filed)
        else:
            _show(filed)


@dead_letters.command()
def retry(
    ids: MaybeIds = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
    cause: Annotated[
        str | None,
        typer.Option("--cause", metavar="CAUSE", help="All that are open for this cause, like AccessDenied."),
    ] = None,
) -> None:
    """Put records back into the inbox: the next run looks at them again; what fails again comes back here."""
    if [bool(ids), everything, cause is not None].count(True) != 1:
        raise typer.BadParameter("name dead letters by their ids, or say --all, or --cause")
    retried = asyncio.run(_retry(load_settings(), ids, cause=cause))
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


async def _retry(settings: Settings, ids: list[str] | None, *, cause: str | None) -> list[FiledDeadLetter]:
    async with open_settings_ledger(settings) as ledger:
        if cause is not None:
            return await ledger.dead_letters.retry(await _find_of_cause(ledger, cause))
        return await ledger.dead_letters.retry(await _find_whole_ids(ledger, ids))


async def _find_of_cause(ledger: Ledger, cause: str) -> list[str]:
    """Return the ids of the open letters of a cause; a cause without any is wrong usage."""
    filed = await ledger.dead_letters.list_open()
    known = {item.letter.cause for item in filed}
    if cause not in known:
        raise typer.BadParameter(f"there is none for the cause {cause}; open are: {', '.join(sorted(known)) or 'none'}")
    return [item.dead_letter_id for item in filed if item.letter.cause == cause]


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
        table = new_table(f"{cause} ({len(same)})", "id", "record", "why", "times", "last", "next")
        for item in same:
            letter = item.letter
            record = f"{letter.kind} {letter.record_id}"
            cells = (item.dead_letter_id[:SHORT], record, to_line(letter.message), str(item.count))
            add_cells(table, (*cells, to_moment(item.last_at), _next_try(item)))
        out.print(table, soft_wrap=False)
        if way_out := find_way_out(cause):
            out.print(f"Way out: {way_out}\n")
    out.print(
        "Try again now with `cosell dead-letters retry ID…`, `--cause CAUSE` or `--all`, give up with "
        "`cosell dead-letters dismiss ID…`."
    )


def _next_try(item: FiledDeadLetter) -> str:
    return f"{item.due_at:%Y-%m-%d %H:%M}" if item.due_at else BY_HAND_ONLY


def _show_causes(filed: list[FiledDeadLetter]) -> None:
    out = terminal()
    if not filed:
        out.print("✔ There are no dead letters.")
        return
    table = new_table("Dead letters by cause", "cause", "open", "by hand only", "since", "way out")
    for row in _count(filed):
        cells = (row["cause"], row["open"], row["by_hand_only"], row["since"][:16].replace("T", " "), row["way_out"])
        add_cells(table, [str(cell) for cell in cells])
    out.print(table, soft_wrap=False)


def _count(filed: list[FiledDeadLetter]) -> list[dict[str, Any]]:
    """Return a row for each cause, in the order in which they come."""
    causes = {
        item.letter.cause: [other for other in filed if other.letter.cause == item.letter.cause] for item in filed
    }
    return [
        {
            "cause": cause,
            "open": len(same),
            "by_hand_only": sum(item.due_at is None for item in same),
            "since": min(item.first_at for item in same).isoformat(),
            "next_try_at": min((item.due_at.isoformat() for item in same if item.due_at), default=None),
            "way_out": find_way_out(cause),
        }
        for cause, same in causes.items()
    ]


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
        "attempts": item.attempts,
        "next_try_at": item.due_at.isoformat() if item.due_at else None,
    }

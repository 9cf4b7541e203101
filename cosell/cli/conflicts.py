"""`cosell conflicts`: fields that moved on both sides, with both values, and a person who takes the other one."""

import asyncio
from collections.abc import Mapping
from typing import Annotated

import typer

from cosell.cli.choosing import Choice, choose_value
from cosell.cli.opening import open_command_workspace, refuse_unless_active
from cosell.cli.records import SHORT, JsonOption, find_whole_id
from cosell.cli.showing import SIDES, add_cells, new_table, print_json, terminal, to_json, to_moment, to_text
from cosell.domain.flows import FlowName
from cosell.domain.ids import Side
from cosell.domain.link import Link
from cosell.settings import Settings, load_settings
from cosell.store import FiledConflict
from cosell.sync.planner import label
from cosell.wiring import open_settings_ledger

conflicts = typer.Typer(
    help="List fields that moved on both sides, with both values; take the other one.", invoke_without_command=True
)
FAILED = 1


@conflicts.callback()
def list_conflicts(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the open conflicts, the latest first: both values, and which of them stayed."""
    if context.invoked_subcommand is None:
        found = asyncio.run(_read(load_settings()))
        if as_json:
            print_json({"conflicts": [_describe(item, link) for item, link in found]})
        else:
            _show(found)


@conflicts.command()
def choose(
    conflict: Annotated[str, typer.Argument(metavar="ID", help="Id from the list; its beginning is enough.")],
    side: Annotated[Side, typer.Argument(help="The side whose value is right.")],
) -> None:
    """Take the value of one side: it is written where the other one stands, unless the field has moved on."""
    item, choice = asyncio.run(_choose(load_settings(), conflict, side))
    name = label(item.conflict.field)
    match choice:
        case Choice.WRITTEN:
            terminal().print(f"✔ {name} is now on both sides what {_of(side)} said.")
        case Choice.KEPT:
            terminal().print(f"✔ {name} stays: both sides say already what {_of(side)} said.")
        case Choice.MOVED_ON:
            terminal().print(f"✖ {name} has moved on since; nothing was written. Change the record by hand.")
            raise typer.Exit(FAILED)


async def _read(settings: Settings) -> list[tuple[FiledConflict, Link]]:
    async with open_settings_ledger(settings) as ledger:
        return [(item, await ledger.links.get(item.conflict.link_id)) for item in await ledger.conflicts.list_open()]


async def _choose(settings: Settings, beginning: str, side: Side) -> tuple[FiledConflict, Choice]:
    async with open_command_workspace(settings) as workspace:
        ledger = workspace.ledger
        known = {item.conflict_id: item for item in await ledger.conflicts.list_open()}
        item = known[find_whole_id(beginning, known, what="conflict")]
        await refuse_unless_active(ledger, FlowName.DYNAMICS_TO_PARTNER_CENTER)
        return item, await choose_value(workspace, item, side)


def _of(side: Side) -> str:
    return "Partner Center" if side is Side.PARTNER_CENTER else "the CRM"


def _show(found: list[tuple[FiledConflict, Link]]) -> None:
    out = terminal()
    if not found:
        out.print("✔ There are no conflicts.")
        return
    table = new_table("Conflicts, the latest first", "id", "opportunity", "field", "Partner Center", "CRM", "stayed")
    for item, link in found:
        conflict = item.conflict
        cells = (item.conflict_id[:SHORT], link.opportunity_id or "", label(conflict.field))
        values = (to_text(conflict.partner_center), to_text(conflict.dataverse))
        stayed = f"{SIDES[conflict.winner] if conflict.winner else 'both'}, {to_moment(conflict.found_at)}"
        add_cells(table, (*cells, *values, stayed))
    out.print(table, soft_wrap=False)
    out.print("Take the other value with `cosell conflicts choose ID partner_center` or `… dataverse`.")


def _describe(item: FiledConflict, link: Link) -> Mapping[str, object]:
    conflict = item.conflict
    return {
        "id": item.conflict_id,
        "referral_id": link.referral_id,
        "opportunity_id": link.opportunity_id,
        "field": conflict.field,
        "partner_center": to_json(conflict.partner_center),
        "dataverse": to_json(conflict.dataverse),
        "winner": conflict.winner.value if conflict.winner else None,
        "found_at": conflict.found_at.isoformat() if conflict.found_at else None,
    }

"""`cosell why`: the life of one deal, field by field, as the journal has it; nothing is asked of the services."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

import typer

from cosell.cli.records import SHORT, JsonOption, RecordArgument
from cosell.cli.showing import (
    NOTHING,
    SIDES,
    add_cells,
    new_table,
    print_json,
    terminal,
    to_json,
    to_line,
    to_moment,
    to_text,
    to_value,
)
from cosell.cli.told import describe_told
from cosell.domain.ids import LeadId, OpportunityId, ReferralId
from cosell.domain.link import Link
from cosell.errors import Origin, RecordNotFound
from cosell.settings import Settings, load_settings
from cosell.store import FiledConflict, FiledDeadLetter, JournalEntry, Ledger
from cosell.sync.planner import label
from cosell.wiring import open_settings_ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What the ledger knows about one deal; `link` is None when nothing was ever begun for it."""

    link: Link | None
    journal: tuple[JournalEntry, ...] = ()
    conflicts: tuple[FiledConflict, ...] = ()
    dead_letters: tuple[FiledDeadLetter, ...] = ()


def why(
    record: RecordArgument,
    limit: Annotated[int, typer.Option(min=1, help="How many of the latest entries.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """Tell the life of one deal: what was written where, when, and by which rule; newest first.

    With it: the state of its link, open conflicts, an open dead letter, and what the seller has been told.
    """
    life = asyncio.run(_read(load_settings(), record, limit))
    if as_json:
        print_json(_describe(life))
    else:
        _show(life)


async def _read(settings: Settings, record: str, limit: int) -> Life:
    async with open_settings_ledger(settings) as ledger:
        link = await _find_link(ledger, record)
        ids = {record, *((link.referral_id, link.lead_id, link.opportunity_id) if link else ())}
        letters = [filed for filed in await ledger.dead_letters.list_open() if filed.letter.record_id in ids]
        if link is None:
            if not letters:
                raise RecordNotFound("The ledger knows no deal with this id.", origin=Origin(record=record))
            return Life(link=None, dead_letters=tuple(letters))
        journal = (
            await ledger.journal.list_for(referral_id=link.referral_id, limit=limit)
            if link.referral_id
            else await ledger.journal.list_for(opportunity_id=link.opportunity_id, limit=limit)
        )
        return Life(
            link=link,
            journal=tuple(journal),
            conflicts=tuple(await ledger.conflicts.find_open(link.link_id)),
            dead_letters=tuple(letters),
        )


async def _find_link(ledger: Ledger, record: str) -> Link | None:
    by_referral = await ledger.links.find_by_referral_ids([ReferralId(record)])
    by_opportunity = await ledger.links.find_by_opportunity_ids([OpportunityId(record)])
    by_lead = await ledger.links.find_by_lead_ids([LeadId(record)])
    return (
        by_referral.get(ReferralId(record)) or by_opportunity.get(OpportunityId(record)) or by_lead.get(LeadId(record))
    )


def _show(life: Life) -> None:
    out = terminal()
    if life.link:
        out.print(f"Referral    {life.link.referral_id or 'none yet'}")
        if life.link.lead_id:
            out.print(f"Lead        {life.link.lead_id}")
        if not life.link.is_lead:
            out.print(f"Opportunity {life.link.opportunity_id or 'none yet'}")
        out.print(f"Link        {life.link.state}; last in step {to_moment(life.link.synced_at)} UTC")
    for filed in life.dead_letters:
        out.print(f"✖ dead letter {filed.dead_letter_id[:SHORT]}: {to_line(filed.letter.message)}", style="red")
    for item in life.conflicts:
        values = f"Partner Center {to_text(item.conflict.partner_center)}, CRM {to_text(item.conflict.dataverse)}"
        out.print(f"! conflict {item.conflict_id[:SHORT]}: {label(item.conflict.field)}: {values}", style="yellow")
    for key in sorted(life.link.told) if life.link else ():
        out.print(f"· the seller was told: {describe_told(key)}")
    if not life.journal:
        out.print("The journal has nothing about it.")
        return
    table = new_table("Newest first, times in UTC", "at", "side", "field", "old → new", "rule", "run")
    for entry in life.journal:
        side = SIDES[entry.side] if entry.side else NOTHING
        name = label(entry.field) if entry.field else NOTHING
        moved = f"{to_value(entry.field, entry.old)} → {to_value(entry.field, entry.new)}" if entry.field else NOTHING
        moved = moved if entry.side else to_line(entry.note or NOTHING)
        run = entry.flow_run_id or NOTHING
        short = run if " " in run else run[:SHORT]  # An id of Prefect's, or words of ours.
        add_cells(table, (to_moment(entry.at), side, name, moved, entry.rule, short))
    out.print(table, soft_wrap=False)


def _describe(life: Life) -> dict[str, object]:
    link = life.link
    return {
        "referral_id": link.referral_id if link else None,
        "lead_id": link.lead_id if link else None,
        "opportunity_id": link.opportunity_id if link else None,
        "state": link.state.value if link else None,
        "synced_at": link.synced_at.isoformat() if link and link.synced_at else None,
        "told": [{"key": key, "text": describe_told(key)} for key in sorted(link.told)] if link else [],
        "conflicts": [
            {
                "id": item.conflict_id,
                "field": item.conflict.field,
                "partner_center": to_json(item.conflict.partner_center),
                "dataverse": to_json(item.conflict.dataverse),
                "winner": item.conflict.winner.value if item.conflict.winner else None,
            }
            for item in life.conflicts
        ],
        "dead_letters": [
            {"id": filed.dead_letter_id, "cause": filed.letter.cause, "message": filed.letter.message}
            for filed in life.dead_letters
        ],
        "journal": [
            {
                "at": entry.at.isoformat() if entry.at else None,
                "side": entry.side.value if entry.side else None,
                "field": entry.field,
                "old": to_json(entry.old),
                "new": to_json(entry.new),
                "rule": entry.rule,
                "run": entry.flow_run_id,
                "note": entry.note,
            }
            for entry in life.journal
        ],
    }

"""`cosell mapping test`: what the mapping makes of one real record, both ways, field by field; nothing is written."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer

from cosell.cli.opening import open_command_workspace
from cosell.cli.preview import Preview, preview_opportunity, preview_referral
from cosell.cli.records import Asked, JsonOption, OpportunityOption, ReferralOption, parse_id
from cosell.cli.showing import NOTHING, SIDES, add_cells, new_table, print_json, terminal, to_json, to_line, to_text
from cosell.domain.ids import LeadId, OpportunityId, ReferralId, Side
from cosell.domain.snapshot import Value
from cosell.errors import Origin, RecordNotFound
from cosell.mapping.models import DealMapping, FieldRow
from cosell.settings import Settings, load_settings
from cosell.sync.leads.look import get_lead
from cosell.sync.plan import Change
from cosell.sync.planner import label
from cosell.sync.workspace import Workspace

RecordArgument = Annotated[
    str | None,
    typer.Argument(parser=parse_id, metavar="RECORD", help="A referral, an opportunity or a lead, by its id."),
]
ARROWS = {"both": "⇄", "to_dataverse": "→ CRM", "to_partner_center": "→ Partner Center"}
TWO = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One field of a record: what each side says, what it would become, and by which rule.

    A value which is missing was not read, or is not there yet.
    """

    field: str
    column: str = ""
    pointer: str = ""
    direction: str = ""
    said: dict[Side, Value]
    changes: tuple[Change, ...] = ()

    @property
    def rule(self) -> str:
        """Why it would be written, or why not."""
        if self.changes:
            return "; ".join(dict.fromkeys(change.rule for change in self.changes))
        if len(self.said) == TWO and self.said[Side.PARTNER_CENTER] == self.said[Side.DATAVERSE]:
            return "the same"
        return ""


def trial(
    record: RecordArgument = None,
    referral: ReferralOption = None,
    opportunity: OpportunityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the mapping makes of one record, field by field and both ways; nothing is written on either side.

    Name one record, by its id alone or with --referral or --opportunity. Both sides are read fresh.
    """
    if record is None:
        asked: Asked | str = Asked.of(referral=referral, opportunity=opportunity)
    elif referral or opportunity:
        raise typer.BadParameter("name one record: an id, --referral or --opportunity")
    else:
        asked = record
    found, lines = asyncio.run(_look(load_settings(), asked))
    if as_json:
        print_json(_describe(found, lines))
    else:
        _show(found, lines)


async def _look(settings: Settings, asked: Asked | str) -> tuple[Preview, list[Line]]:
    async with open_command_workspace(settings) as workspace:
        found = await _preview(workspace, asked)
        is_lead = found.lead_id is not None or any("lead" in made for made in found.created)
        mapping: DealMapping = workspace.mappings.lead if is_lead else workspace.opportunity
        return found, list(line_up(found, mapping))


async def _preview(workspace: Workspace, asked: Asked | str) -> Preview:
    if isinstance(asked, str):
        return await _preview_any(workspace, asked)
    if asked.opportunity_id:
        return await preview_opportunity(workspace, asked.opportunity_id)
    assert asked.referral_id is not None  # noqa: S101  Asked has one of the two
    return await preview_referral(workspace, asked.referral_id)


async def _preview_any(workspace: Workspace, record_id: str) -> Preview:
    """Find out whose id it is: an opportunity's, a lead's or a referral's.

    Raises:
        RecordNotFound: nobody's.
    """
    if await workspace.get_opportunity(OpportunityId(record_id)) is not None:
        return await preview_opportunity(workspace, OpportunityId(record_id))
    if await workspace.get_referral(ReferralId(record_id)) is not None:
        return await preview_referral(workspace, ReferralId(record_id))
    lead = await get_lead(workspace, LeadId(record_id))
    named = lead.values.get(workspace.mappings.lead.columns.referral_id) if lead else None
    if not named:
        what = "This lead names no referral." if lead else "Neither service has a record with this id."
        raise RecordNotFound(what, origin=Origin(record=record_id))
    return await preview_referral(workspace, ReferralId(parse_id(str(named))))


def line_up(found: Preview, mapping: DealMapping) -> Iterator[Line]:
    """Yield a line for each field of the mapping, then one for each other thing that would be written."""
    for row in mapping.fields:
        yield _line_of(row, found)
    mapped = {row.field for row in mapping.fields}
    others = dict.fromkeys(change.field for change in found.changes if change.field not in mapped)
    for name in others:
        changes = tuple(change for change in found.changes if change.field == name)
        yield Line(field=name, said={change.side: change.old for change in changes}, changes=changes)


def _line_of(row: FieldRow, found: Preview) -> Line:
    return Line(
        field=row.field,
        column=row.dataverse,
        pointer=row.partner_center,
        direction=row.direction.value,
        said={side: said[row.field] for side, said in found.said.items() if row.field in said},
        changes=tuple(change for change in found.changes if change.field == row.field),
    )


def _show(found: Preview, lines: list[Line]) -> None:
    out = terminal()
    out.print(f"Referral    {found.referral_id or 'none yet'}")
    in_crm = f"Lead        {found.lead_id}" if found.lead_id else f"Opportunity {found.opportunity_id or 'none yet'}"
    out.print(f"{in_crm}\n")
    table = new_table(
        "Field by field", "field", "CRM column", "in Partner Center", "in the CRM", "would become", "rule"
    )
    for line in lines:
        becomes = [f"{SIDES[change.side]}: {to_text(change.new)}" for change in line.changes]
        cells = (
            label(line.field),
            f"{line.column} {ARROWS[line.direction]}" if line.column else NOTHING,
            *(to_text(line.said[side]) if side in line.said else "" for side in Side),
            "; ".join(becomes),
            line.rule,
        )
        add_cells(table, cells)
    out.print(table, soft_wrap=False)
    out.print(found.summary, style="bold")
    for problem in found.problems:
        out.print(f"✖ {problem}", style="red")
    for note in found.notes:
        out.print(f"{'✖' if note.is_problem else '·'} {to_line(note.text)}")


def _describe(found: Preview, lines: list[Line]) -> dict[str, object]:
    return {
        "referral_id": found.referral_id,
        "opportunity_id": found.opportunity_id,
        "lead_id": found.lead_id,
        "summary": found.summary,
        "fields": [
            {
                "field": line.field,
                "column": line.column or None,
                "path": line.pointer or None,
                "direction": line.direction or None,
                **{side.value: to_json(line.said[side]) if side in line.said else None for side in Side},
                "would_become": {change.side.value: to_json(change.new) for change in line.changes},
                "rule": line.rule or None,
            }
            for line in lines
        ],
        "problems": list(found.problems),
        "notes": [{"text": note.text, "is_problem": note.is_problem} for note in found.notes],
    }

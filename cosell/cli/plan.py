"""`cosell plan`: what a sync would write where, and by which rule; nothing is written."""

import asyncio

from cosell.cli.opening import open_command_workspace
from cosell.cli.plan_all import plan_all
from cosell.cli.preview import Preview, preview_opportunity, preview_referral
from cosell.cli.records import AllOption, Asked, JsonOption, OpportunityOption, ReferralOption, find_asked
from cosell.cli.showing import SIDES, add_cells, new_table, print_json, terminal, to_json, to_line, to_text, to_value
from cosell.domain.ids import Side
from cosell.settings import Settings, load_settings
from cosell.sync.plan import FieldConflict
from cosell.sync.planner import label


def plan(
    referral: ReferralOption = None,
    opportunity: OpportunityOption = None,
    everything: AllOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a sync of one record, or of all, would write where, and why; nothing is written on either side.

    Both sides are read fresh. A record without another side: what would be created, and what keeps it from that. Of all
    records, those are listed which are not in step, with the fields that differ.
    """
    asked = find_asked(referral=referral, opportunity=opportunity, everything=everything)
    if asked is None:
        plan_all(as_json=as_json)
        return
    found = asyncio.run(_look(load_settings(), asked))
    if as_json:
        print_json(_describe(found))
    else:
        _show(found)


async def _look(settings: Settings, asked: Asked) -> Preview:
    async with open_command_workspace(settings) as workspace:
        if asked.opportunity_id:
            return await preview_opportunity(workspace, asked.opportunity_id)
        assert asked.referral_id is not None  # noqa: S101  Asked has one of the two
        return await preview_referral(workspace, asked.referral_id)


def _show(found: Preview) -> None:
    out = terminal()
    out.print(f"Referral    {found.referral_id or 'none yet'}")
    in_crm = f"Lead        {found.lead_id}" if found.lead_id else f"Opportunity {found.opportunity_id or 'none yet'}"
    out.print(in_crm)
    if found.stages:
        out.print(f"Now         {found.stages.referral} in Partner Center, {found.stages.opportunity} in the CRM")
    out.print(f"\n{found.summary}", style="bold")
    for problem in found.problems:
        out.print(f"✖ {problem}", style="red")
    if found.created:
        out.print(f"{'Wanted' if found.problems else 'New'}: {'; '.join(found.created)}.")
    if found.changes:
        table = new_table("What would be written", "field", "side", "old", "new", "rule")
        for change in found.changes:
            old, new = to_value(change.field, change.old), to_value(change.field, change.new)
            add_cells(table, (label(change.field), SIDES[change.side], old, new, change.rule))
        out.print(table, soft_wrap=False)
    if found.conflicts:
        _show_conflicts(found.conflicts)
    for note in found.notes:
        out.print(f"{'✖' if note.is_problem else '·'} {to_line(note.text)}")
    if found.told:
        out.print("The audit text would say:")
        for line in found.told:
            out.print(f"  {to_line(line)}")


def _show_conflicts(conflicts: tuple[FieldConflict, ...]) -> None:
    table = new_table("Conflicts", "field", "Partner Center", "CRM", "stays")
    for conflict in conflicts:
        stays = SIDES[conflict.winner] if conflict.winner else "neither is written"
        add_cells(table, (label(conflict.field), to_text(conflict.partner_center), to_text(conflict.dataverse), stays))
    terminal().print(table, soft_wrap=False)


def _describe(found: Preview) -> dict[str, object]:
    return {
        "referral_id": found.referral_id,
        "opportunity_id": found.opportunity_id,
        "lead_id": found.lead_id,
        "summary": found.summary,
        "stages": {
            Side.PARTNER_CENTER: found.stages.referral.value,
            Side.DATAVERSE: found.stages.opportunity.value,
        }
        if found.stages
        else None,
        "changes": [
            {
                "side": change.side.value,
                "field": change.field,
                "old": to_json(change.old),
                "new": to_json(change.new),
                "rule": change.rule,
            }
            for change in found.changes
        ],
        "conflicts": [
            {
                "field": conflict.field,
                "partner_center": to_json(conflict.partner_center),
                "dataverse": to_json(conflict.dataverse),
                "winner": conflict.winner.value if conflict.winner else None,
            }
            for conflict in found.conflicts
        ],
        "created": list(found.created),
        "problems": list(found.problems),
        "notes": [{"text": note.text, "is_problem": note.is_problem} for note in found.notes],
        "audit": list(found.told),
    }

"""Carries out a person's choice in a conflict: writes the other value on one side, and lets the sync do the rest.

The value goes to one side only, with the etag that was read, exactly as if somebody had typed it there; then the pair
is brought in step by the ordinary road. Partner Center is written first, for it is the one which may refuse.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from cosell.cli.told import CHOSEN, describe_told
from cosell.dataverse import Row
from cosell.domain.ids import OpportunityId, Side
from cosell.domain.link import Link
from cosell.domain.money import Money
from cosell.domain.snapshot import Value
from cosell.domain.solution import find_identifier
from cosell.errors import LeaseHeld, NotReady, Origin, RecordNotFound, RejectedError, RequestRejected, StaleEtag
from cosell.mapping.fields import to_columns, to_json_patch
from cosell.mapping.models import Direction, FieldRow
from cosell.mapping.values import shorten
from cosell.partner_center import Referral
from cosell.store import Conflict, FiledConflict, HintKind, JournalEntry
from cosell.sync.hold import LEASE_SECONDS
from cosell.sync.look import document_of, look_at
from cosell.sync.pair import ATTEMPTS, Remark, sync_link
from cosell.sync.plan import Note
from cosell.sync.planner import Seen, label, plan_sync
from cosell.sync.refusal import file_refusal
from cosell.sync.solutions.look import Look, add_solutions, look_at_solutions
from cosell.sync.solutions.rules import SOLUTIONS, solution_rows
from cosell.sync.solutions.write import spell_solutions, write_with_solutions
from cosell.sync.workspace import Workspace

RULE = "chosen by a person"
BY_HAND = "cosell conflicts"


class Choice(StrEnum):
    """What came of a choice."""

    WRITTEN = "written"
    KEPT = "kept"
    MOVED_ON = "moved on"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The pair as it is now."""

    link: Link
    referral: Referral
    row: Row
    seen: Seen
    solutions: Look | None = None
    """What was seen of solutions, when the conflict is about one."""

    def says(self, side: Side, field: str, value: Value) -> bool:
        """Tell whether a side holds this value; a text of Partner Center may be longer than the CRM's column."""
        if side is Side.DATAVERSE:
            return self.seen.opportunity.get(field) == value
        return value in (self.seen.referral.get(field), self.seen.whole.get(field, self.seen.referral.get(field)))


async def choose_value(workspace: Workspace, item: FiledConflict, side: Side) -> Choice:
    """Take the value of `side`, if the field still holds what the conflict left there.

    Raises:
        RequestRejected: the field takes no such change any more; nothing was written.
        RejectedError: a service refused.
        LeaseHeld: a flow has the pair in hand.
    """
    conflict = item.conflict
    lease_key = f"link:{conflict.link_id}"
    async with workspace.ledger.leases.hold([lease_key], holder=workspace.holder, seconds=LEASE_SECONDS):
        choice = await _write_choice(workspace, conflict, side)
        if choice is Choice.MOVED_ON:
            return choice
        await workspace.ledger.conflicts.resolve(item.conflict_id, side)
    if choice is Choice.WRITTEN:
        await _bring_in_step(workspace, item)
    return choice


async def _write_choice(workspace: Workspace, conflict: Conflict, side: Side) -> Choice:
    if side is conflict.winner:
        kept = f"{label(conflict.field)}: the value that stayed is right"
        await workspace.ledger.journal.append([_entry(conflict, note=kept)])
        return Choice.KEPT
    for attempt in range(ATTEMPTS):
        found = await _find(workspace, conflict)
        if not _still_stands(found, conflict):
            return Choice.MOVED_ON
        try:
            entry = await _write(workspace, conflict, side, found)
        except StaleEtag:
            if attempt == ATTEMPTS - 1:
                raise
            continue
        await workspace.ledger.journal.append([entry])
        return Choice.WRITTEN
    raise AssertionError("unreachable")


async def _find(workspace: Workspace, conflict: Conflict) -> _Found:
    """Read both sides fresh."""
    link = await workspace.ledger.links.get(conflict.link_id)
    row = await workspace.get_opportunity(link.opportunity_id, is_fresh=True) if link.opportunity_id else None
    referral = await workspace.get_referral(link.referral_id, is_fresh=True) if link.referral_id else None
    if row is None or referral is None:
        raise RecordNotFound(
            "One of the two records is gone; nothing was written.", origin=Origin(record=f"link {link.link_id}")
        )
    if not workspace.is_switched_on(row):
        raise NotReady(
            ("Sync with Partner Center is set to No; nothing was written.",),
            origin=Origin(record=f"opportunity {row.id}"),
        )
    seen = await look_at(workspace, referral, row)
    if find_identifier(conflict.field) is None:
        return _Found(link=link, referral=referral, row=row, seen=seen)
    solutions = await look_at_solutions(workspace, link, referral, is_asked=True, is_fresh=True)
    seen = add_solutions(seen, solutions, link)
    return _Found(link=link, referral=referral, row=row, seen=seen, solutions=solutions)


def _still_stands(found: _Found, conflict: Conflict) -> bool:
    """Tell whether both sides are as the conflict left them: the winner's value on both, or each with its own."""
    left = {Side.PARTNER_CENTER: conflict.partner_center, Side.DATAVERSE: conflict.dataverse}
    if conflict.winner is not None:
        left = dict.fromkeys(Side, conflict.settled_value)
    return all(found.says(side, conflict.field, value) for side, value in left.items())


async def _write(workspace: Workspace, conflict: Conflict, side: Side, found: _Found) -> JournalEntry:
    """Write the chosen value on the side which does not hold it, Partner Center before the CRM."""
    own, field = workspace.opportunity, conflict.field
    value = conflict.partner_center if side is Side.PARTNER_CENTER else conflict.dataverse
    rows = (*own.fields, *solution_rows([field]))
    row = next((row for row in rows if row.field == field and row.direction is Direction.BOTH), None)
    if row is None:
        raise _refused(conflict, "the mapping does not let it travel both ways")
    codes = await workspace.get_codes()
    if isinstance(value, Money) and codes.currencies.find_id(value.currency) is None:
        raise _refused(conflict, f"the CRM has no currency {value.currency}")
    if found.says(Side.PARTNER_CENTER, field, value):
        if found.solutions:
            await write_with_solutions(workspace, found.row, {}, {field: value}, found.solutions)
        else:
            body = to_columns({field: value}, own, codes=codes)
            written = await workspace.dataverse.update(
                own.set, found.row.id, body, etag=found.row.etag, select=workspace.select
            )
            workspace.reads.opportunities[OpportunityId(written.id)] = written
        return _entry(conflict, side=Side.DATAVERSE, old=found.seen.opportunity.get(field), new=value)
    _check_may_be_sent(conflict, row, value, found)
    operations = to_json_patch({field: value}, own, document_of(found.referral))
    if found.solutions:
        operations += await spell_solutions(workspace, {field: value}, found.referral, found.solutions)
    referral = await workspace.partner_center.update_referral(
        found.referral.id, operations, etag=found.referral.etag or ""
    )
    workspace.reads.referrals[referral.id] = referral
    return _entry(conflict, side=Side.PARTNER_CENTER, old=found.seen.referral.get(field), new=value)


def _check_may_be_sent(conflict: Conflict, row: FieldRow, value: Value, found: _Found) -> None:
    """Ask the planner whether it would send the value, had the seller typed it into the CRM.

    Raises:
        RequestRejected: it would not; the text says why.
    """
    name = conflict.field
    typed = shorten(value, row.length) if isinstance(value, str) and row.length else value
    seen = replace(found.seen, opportunity={**found.seen.opportunity, name: typed}, whole={}, notes=())
    base = {**found.link.base, name: found.seen.referral.get(name)}
    # The planner finds solutions by itself.
    plan = plan_sync(seen, base=base, told=frozenset(), rows=() if found.solutions else (row,))
    if name not in plan.changes_on(Side.PARTNER_CENTER):
        keys = (f"held:{name}:", SOLUTIONS) if found.solutions else (f"held:{name}:",)
        held = next((note.text for note in plan.notes if note.key.startswith(keys)), "")
        raise _refused(conflict, held.partition(": ")[2].removesuffix(".") or "Partner Center would not take it")


async def _bring_in_step(workspace: Workspace, item: FiledConflict) -> None:
    """Let the sync carry the value to the other side, and tell the seller whose choice it was."""
    name = item.conflict.field
    key = f"{CHOSEN}{name}:{item.conflict_id}"
    remark = Remark(notes=(Note(key=key, text=describe_told(key)),))
    link = await workspace.ledger.links.get(item.conflict.link_id)
    try:
        of_solution = find_identifier(name) is not None
        await sync_link(workspace, link, remark=remark, with_solutions=of_solution, run_id=BY_HAND)
    except LeaseHeld:
        return  # Whoever has the pair in hand by now carries the value.
    except RejectedError as error:
        if link.opportunity_id:
            await file_refusal(workspace, HintKind.OPPORTUNITY, link.opportunity_id, error, flow=BY_HAND)
        raise


def _refused(conflict: Conflict, reason: str) -> RequestRejected:
    return RequestRejected(
        f"{label(conflict.field)} cannot be changed any more: {reason}. Nothing was written.",
        origin=Origin(record=f"link {conflict.link_id}"),
    )


def _entry(
    conflict: Conflict, *, side: Side | None = None, old: Value = None, new: Value = None, note: str | None = None
) -> JournalEntry:
    return JournalEntry(
        link_id=conflict.link_id,
        rule=RULE,
        side=side,
        field=conflict.field if side else None,
        old=old,
        new=new,
        flow_run_id=BY_HAND,
        note=note,
    )

"""What is told of a plan: to the seller, in the journal, among the conflicts, and in the outcome of a run. Pure."""

from collections.abc import Set as AbstractSet
from datetime import datetime

from cosell.dataverse import Row
from cosell.domain.ids import Side
from cosell.domain.link import Link
from cosell.mapping.models import LeadColumns, OpportunityColumns
from cosell.mapping.values import keep_test_mark, strip_mark
from cosell.store import Conflict, JournalEntry
from cosell.sync.audit import describe_plan, mark_name, write_audit
from cosell.sync.plan import Plan
from cosell.sync.workspace import Workspace


def tell_seller(workspace: Workspace, row: Row, plan: Plan, own: OpportunityColumns | LeadColumns) -> dict[str, object]:
    """Return the columns which tell the seller how it went: the mark before the name, and the audit text."""
    body: dict[str, object] = {}
    # Not the base's name: one that could not be sent differs from it, and is the seller's.
    present = as_text(row.values.get(own.name))
    name = keep_test_mark(plan.changes_on(Side.DATAVERSE).get("name"), before=present) or strip_mark(present)
    if isinstance(name, str):
        marked = mark_name(name, has_problem=plan.has_problem, show_check_mark=workspace.variables.show_check_mark)
        if marked != row.values.get(own.name):
            body[own.name] = marked
    audit = as_text(row.values.get(own.audit))
    sentences = describe_plan(plan, audit=audit)
    if sentences:
        body[own.audit] = write_audit(audit, sentences, now=workspace.clock())
    return body


def as_text(value: object) -> str | None:
    """Return a column's text, None when it is empty."""
    return value if isinstance(value, str) else None


def journal_of(plan: Plan, link: Link, *, at: datetime, run_id: str, sides: AbstractSet[Side]) -> list[JournalEntry]:
    """Return an entry for each field that is written on these sides; values about people are left out."""
    return [
        JournalEntry(
            at=at,
            link_id=link.link_id,
            side=change.side,
            field=change.field,
            old=None if change.is_personal else change.old,
            new=None if change.is_personal else change.new,
            rule=change.rule,
            flow_run_id=run_id or None,
        )
        for change in plan.changes
        if change.side in sides
    ]


def conflicts_of(plan: Plan, link: Link, *, found_at: datetime) -> list[Conflict]:
    """Return the plan's conflicts as the ledger files them."""
    return [
        Conflict(
            found_at=found_at,
            link_id=link.link_id,
            field=conflict.field,
            partner_center=conflict.partner_center,
            dataverse=conflict.dataverse,
            winner=conflict.winner,
            base=link.base.get(conflict.field),
        )
        for conflict in plan.conflicts
    ]


def names_of(plan: Plan, side: Side, *, moved: bool) -> tuple[str, ...]:
    """Return the fields which are written on a side, and `status` when its stage moves."""
    return (*plan.changes_on(side), *(("status",) if moved else ()))

"""Fills columns which are no field of the referral, and fields of which the other side says nothing.

What is decided is pure and stands in `cosell.mapping.filling`; here it gets what the CRM's numbers and ids mean.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace

from cosell.dataverse import Row
from cosell.domain.ids import Side
from cosell.domain.snapshot import Snapshot, Value
from cosell.mapping.codes import LookupBook
from cosell.mapping.fields import fill_defaults
from cosell.mapping.filling import FillCodes, Filling, fill, is_empty_in
from cosell.mapping.models import DealMapping, FillKind, FillRow, LeadMapping, OpportunityMapping, PartyMapping, When
from cosell.mapping.scope import Scope, leave_out, make_scope
from cosell.mapping.values import find_pointer
from cosell.sync.plan import Change, Note, Plan
from cosell.sync.planner import Seen, fingerprint
from cosell.sync.workspace import Workspace

logger = logging.getLogger(__name__)

RULE = "filled by the mapping"
KEY = "fill:"
"""Begins the key of a note about a column which could not be filled."""
OF_THE_RECORD = frozenset({"crm_id", "referral_id"})
"""Fields which a new record gets otherwise: its own id, and the key by which it is made."""


def scope_of(
    workspace: Workspace,
    document: Mapping[str, object] | None = None,
    referral: Snapshot | None = None,
    opportunity: Snapshot | None = None,
) -> Scope:
    """Return what expressions see of one record now."""
    return make_scope(
        workspace.mappings,
        today=workspace.clock().date(),
        document=document,
        referral=referral,
        opportunity=opportunity,
    )


def travelling(
    workspace: Workspace,
    mapping: DealMapping,
    document: Mapping[str, object],
    *,
    referral: dict[str, Value],
    opportunity: dict[str, Value],
) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return both snapshots without the fields whose condition does not hold."""
    if all(row.condition is None for row in mapping.fields):
        return referral, opportunity
    scope = scope_of(workspace, document, referral, opportunity)
    return leave_out(referral, mapping.fields, scope), leave_out(opportunity, mapping.fields, scope)


async def fill_in_arrival(
    workspace: Workspace, mapping: DealMapping, said: Snapshot, document: Mapping[str, object]
) -> dict[str, Value]:
    """Return the fields with which a referral's record is made in the CRM: those that travel, with their defaults."""
    travelling = leave_out(said, mapping.fields, scope_of(workspace, document, said))
    rows = [row for row in mapping.fields if row.field in travelling]
    fields = fill_defaults(travelling, rows, Side.DATAVERSE, today=workspace.clock().date())
    return {name: value for name, value in fields.items() if name not in OF_THE_RECORD}


async def fill_in_deal(workspace: Workspace, said: Snapshot) -> dict[str, Value]:
    """Return the fields of an opportunity with which its referral is made."""
    own = workspace.opportunity
    travelling = leave_out(said, own.fields, scope_of(workspace, opportunity=said))
    rows = [row for row in own.fields if row.field in travelling]
    return fill_defaults(travelling, rows, Side.PARTNER_CENTER, today=workspace.clock().date())


async def find_fill(
    workspace: Workspace,
    mapping: OpportunityMapping | LeadMapping | PartyMapping,
    document: Mapping[str, object],
    *,
    referral: Snapshot | None = None,
    present: Mapping[str, object] | None = None,
) -> Filling:
    """Return the columns which a new row gets by itself; of a row that is `present`, those which are still empty."""
    rows = [row for row in mapping.fill if present is None or is_empty_in(row, present)]
    if not rows:
        return Filling()
    return fill(rows, scope_of(workspace, document, referral), codes=await _get_codes(workspace, mapping.table, rows))


async def fill_new(
    workspace: Workspace,
    mapping: OpportunityMapping | LeadMapping | PartyMapping,
    document: Mapping[str, object],
    *,
    referral: Snapshot | None = None,
    present: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Return what `find_fill` finds, as a part of the write which makes the row.

    What cannot be filled is left out and logged by its column: nobody is kept from a deal by an expression.
    """
    found = await find_fill(workspace, mapping, document, referral=referral, present=present)
    for column, problem in found.problems.items():
        where = f"{mapping.table}.{column}"
        logger.warning("%s of referral %s was not filled: %s", where, find_pointer(document, "/id"), problem)
    return found.body


async def plan_fill(
    workspace: Workspace,
    plan: Plan,
    seen: Seen,
    document: Mapping[str, object],
    row: Row,
    *,
    told: frozenset[str] = frozenset(),
) -> Plan:
    """Return a plan with the columns which always say what the mapping computes, as both sides will be after it.

    What stands there already is no change, so an echo stays one; what was `told` before is no news.
    """
    own = workspace.opportunity
    rows = [item for item in own.fill if item.when is When.ALWAYS]
    if not rows:
        return plan
    theirs = {**seen.referral, **plan.changes_on(Side.PARTNER_CENTER)}
    ours = {**seen.opportunity, **plan.changes_on(Side.DATAVERSE)}
    scope = scope_of(workspace, document, theirs, ours)
    found = fill(rows, scope, codes=await _get_codes(workspace, own.table, rows), present=row.values)
    changes = [
        Change(side=Side.DATAVERSE, field=column, old=None, new=value, rule=RULE, is_told=False)
        for column, value in found.values.items()
    ]
    notes = [
        Note(key=f"{KEY}{column}:{fingerprint(problem)}", text=f"{column} was not filled: {problem}.", is_problem=True)
        for column, problem in found.problems.items()
    ]
    return replace(
        plan,
        changes=(*plan.changes, *changes),
        filled=found.body,
        notes=(*plan.notes, *notes),
        news=(*plan.news, *(note for note in notes if note.key not in told)),
        told=plan.told | {note.key for note in notes},
    )


async def _get_codes(workspace: Workspace, table: str, rows: list[FillRow]) -> FillCodes:
    kinds = {row.kind for row in rows}
    options = await workspace.codebook.get_options(table) if FillKind.CHOICE in kinds else {}
    books: dict[str, LookupBook] = {}
    for row in (row for row in rows if row.lookup):
        book = await workspace.codebook.find_lookup(table, row.dataverse, row.lookup or "")
        if book is None or (row.value is not None and book.find_id(str(row.value)) is None):
            book = await workspace.codebook.find_lookup(table, row.dataverse, row.lookup or "", is_fresh=True)
        if book is not None:
            books[row.dataverse] = book
    return FillCodes(options=options, lookups=books)

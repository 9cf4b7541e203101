"""Takes over what a look has found: our columns, rows of solutions, links in the ledger. Killed anywhere, run it again.

Some hundred pairs at a time: first the CRM, each row with the etag it was read with, then the ledger, all in one
transaction. What is linked already is not touched again, and what somebody edits meanwhile is left to the next run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import uuid4

from cosell.dataverse import BatchOperation, BatchResult
from cosell.dataverse.operations import update_operation
from cosell.domain.ids import OpportunityId, Side
from cosell.domain.link import Link, LinkState
from cosell.domain.snapshot import Value, is_empty
from cosell.errors import Origin, SchemaMissing, StaleEtag, UnsafePlan
from cosell.mapping.connector import FIELD_COLUMNS
from cosell.mapping.fields import to_columns
from cosell.mapping.values import strip_mark
from cosell.store import Conflict, Door, Hint, HintKind, JournalEntry, Lease, SeenPair, SyncRecord
from cosell.sync.adopt.compare import Compared
from cosell.sync.adopt.copying import Shelf, copy_catalogue, copy_rows, read_shelf, solutions_of
from cosell.sync.adopt.report import Done, Found
from cosell.sync.adopt.shadow import mark_audit, pair_of
from cosell.sync.audit import mark_name, write_audit
from cosell.sync.deadlines import find_next_reminder, read_deadlines
from cosell.sync.hold import LEASE_SECONDS
from cosell.sync.telling import as_text
from cosell.sync.workspace import Workspace

AT_ONCE = 100
RULE = "taken over from Microsoft's connector"
TOLD = "Taken over from Microsoft's connector."
Tell = Callable[[int, int], None]


@dataclass(slots=True)
class _Count:
    """What was done so far."""

    adopted: int = 0
    moved: int = 0
    refused: dict[OpportunityId, str] = field(default_factory=dict)
    conflicts: int = 0
    to_look_at: int = 0


def check_safe(found: Found, *, confirmed_differing: int = 0) -> None:
    """Pass when what was found looks like what a connector leaves behind.

    Raises:
        UnsafePlan: one side is empty, or more pairs differ than a person has confirmed.
    """
    if found.adopted_count == 0 and not (found.row_count and found.referral_count):
        empty, full = ("the CRM", "Partner Center") if found.referral_count else ("Partner Center", "the CRM")
        raise UnsafePlan(
            f"Nothing was taken over: {empty} shows no deal at all"
            + (f", {full} does. " if found.row_count or found.referral_count else ", nor does the other side. ")
            + "Look whether the connector's columns were emptied, whether our application user may read the "
            "opportunities of the whole organization, and whether a Referrals admin has signed in.",
            origin=Origin(record="adoption"),
        )
    drifted, pairs = len(found.drifted), len(found.compared)
    if found.is_doubtful and drifted > confirmed_differing:
        raise UnsafePlan(
            f"Nothing was taken over: {drifted} of {pairs} pairs differ in what the connector keeps in step "
            f"({round(100 * drifted / pairs)} %). More often than an edit that was lost, that is a variable which "
            "names another column, or a CRM that was restored. Look at the differences; if they are real, run it again "
            f"with --confirm-differing {drifted}",
            origin=Origin(record="adoption"),
        )


async def take_over(
    workspace: Workspace,
    found: Found,
    *,
    confirmed_differing: int = 0,
    run_id: str = "",
    tell: Tell = lambda _a, _b: None,
) -> Done:
    """Take over the pairs which a look has found.

    Args:
        workspace: with our own columns, which have to be there.
        found: what a look found, just now.
        confirmed_differing: how many pairs a person knows to differ, when that many would make us ask.
        run_id: of the flow run, for the journal.
        tell: hears how many pairs of how many are done.

    Raises:
        UnsafePlan: it does not look right; nothing was written.
        LeaseHeld: another run has some of the pairs in hand; run it again.
    """
    check_safe(found, confirmed_differing=confirmed_differing)
    workspace = await _with_present_columns(workspace)
    count, shelf = _Count(), Shelf()
    copies = found.tables is not None and workspace.mappings.solutions.table != found.tables.table
    if copies:
        shelf = await read_shelf(workspace)
        await copy_catalogue(workspace, shelf, solutions_of(found.compared))
    for start in range(0, len(found.compared), AT_ONCE):
        chunk = found.compared[start : start + AT_ONCE]
        keys = [f"referral:{item.referral_id}" for item in chunk]
        async with workspace.ledger.leases.hold(keys, holder=workspace.holder, seconds=LEASE_SECONDS) as lease:
            fresh = await _leave_out_linked(workspace, chunk)
            if copies:
                await copy_rows(workspace, shelf, fresh)
            await _take_chunk(workspace, fresh, shelf if copies else None, count, lease=lease, run_id=run_id)
        tell(min(start + AT_ONCE, len(found.compared)), len(found.compared))
    return Done(
        adopted=count.adopted,
        moved=count.moved,
        refused=count.refused,
        conflicts=count.conflicts,
        to_look_at=count.to_look_at,
        solution_rows=shelf.made_rows,
        catalogue_rows=shelf.made_details,
    )


async def _with_present_columns(workspace: Workspace) -> Workspace:
    """Return a workspace which knows our columns as they are now: somebody may have just made them.

    Raises:
        SchemaMissing: some are missing; nothing was written.
    """
    own = workspace.whole_mappings.opportunity
    named = {own.columns.sync_switch, own.columns.referral_id, own.columns.audit}
    named |= {row.dataverse for row in own.fields if row.field in FIELD_COLUMNS}
    present = set(await workspace.dataverse.get_column_names(own.table))
    missing = sorted(named - present)
    if missing:
        raise SchemaMissing(
            f"Nothing was taken over: the CRM has no column {', '.join(missing)}. Run `cosell crm install`, or keep "
            "the connector's columns by an overlay: `cosell adopt --write-overlay DIR`.",
            origin=Origin(service="Dataverse", record=own.table),
        )
    fields = tuple(row for row in own.fields if row.dataverse in present)
    mappings = workspace.whole_mappings
    narrowed = mappings.model_copy(update={"opportunity": own.model_copy(update={"fields": fields})})
    return replace(workspace, mappings=narrowed)


async def _leave_out_linked(workspace: Workspace, chunk: Sequence[Compared]) -> list[Compared]:
    """Look once more, under the lease, which of them another run has linked meanwhile."""
    links = workspace.ledger.links
    by_referral = await links.find_by_referral_ids([item.referral_id for item in chunk])
    by_row = await links.find_by_opportunity_ids([item.opportunity_id for item in chunk])
    return [item for item in chunk if item.referral_id not in by_referral and item.opportunity_id not in by_row]


async def _take_chunk(
    workspace: Workspace,
    pairs: Sequence[Compared],
    shelf: Shelf | None,
    count: _Count,
    *,
    lease: Lease,
    run_id: str,
) -> None:
    etags = await _write_columns(workspace, pairs, count)
    done = [item for item in pairs if item.opportunity_id in etags]
    records = [
        _record(workspace, item, etag=etags[item.opportunity_id], shelf=shelf, lease=lease, run_id=run_id)
        for item in done
    ]
    to_look_at = [item for item in done if not is_quiet(item)]
    remembered = [_remember(item, record.link) for item, record in zip(done, records, strict=True)]
    hints = [Hint(door=Door.HAND, kind=HintKind.OPPORTUNITY, record_id=item.opportunity_id) for item in to_look_at]
    await workspace.ledger.record_adoption(records, remembered, hints)
    count.adopted += len(done)
    count.to_look_at += len(to_look_at)
    count.conflicts += sum(len(record.conflicts) for record in records)


def is_quiet(item: Compared) -> bool:
    """Tell whether a look at the pair would write nothing, or whether the deal is over."""
    return item.is_history or item.plan.is_empty


async def _write_columns(workspace: Workspace, pairs: Sequence[Compared], count: _Count) -> dict[OpportunityId, str]:
    """Fill our columns by one batch; return the etags with which the opportunities were left."""
    codes = await workspace.get_codes()
    etags: dict[OpportunityId, str] = {}
    steps: list[BatchOperation] = []
    written: list[Compared] = []
    own = workspace.opportunity
    for item in pairs:
        body = spell_body(workspace, item, to_columns(_copied(workspace, item), own, codes=codes))
        if body:
            steps.append(
                update_operation(own.set, item.opportunity_id, body, etag=item.match.row.etag, select=(own.id,))
            )
            written.append(item)
        else:
            etags[item.opportunity_id] = item.match.row.etag
    results: Sequence[BatchResult] = await workspace.dataverse.batch(steps) if steps else []
    for item, result in zip(written, results, strict=True):
        document = result.answer.document
        if result.error is None and isinstance(document, dict):
            etags[item.opportunity_id] = str(document["@odata.etag"])
        elif isinstance(result.error, StaleEtag):
            count.moved += 1
        else:
            count.refused[item.opportunity_id] = str(result.error)
    return etags


def _copied(workspace: Workspace, item: Compared) -> dict[str, Value]:
    """Return the fields which ours keeps in another column than the connector."""
    theirs = {row.field: row.dataverse for row in item.mapping.fields}
    values: dict[str, Value] = {}
    for row in workspace.opportunity.fields:
        if row.field not in theirs or theirs[row.field] == row.dataverse or row.field not in item.seen.opportunity:
            continue
        value = item.seen.opportunity[row.field]
        if not is_empty(value):
            values[row.field] = value
    return values


def spell_body(workspace: Workspace, item: Compared, copied: Mapping[str, object]) -> dict[str, object]:
    """Return the columns of an opportunity which have to be written; none when all is there already."""
    own, theirs, values = workspace.opportunity.columns, item.mapping.columns, item.match.row.values
    body: dict[str, object] = {**copied, own.referral_id: item.referral_id}
    if own.sync_switch != theirs.sync_switch:
        body[own.sync_switch] = values.get(theirs.sync_switch) is True
    body = {column: value for column, value in body.items() if values.get(column) != value}
    if not body:
        return {}
    name = as_text(values.get(own.name))
    bare = strip_mark(name)
    if bare is not None and is_quiet(item) and not item.is_history and values.get(theirs.sync_switch) is True:
        marked = mark_name(bare, has_problem=False, show_check_mark=workspace.variables.show_check_mark)
        body |= {own.name: marked} if marked != name else {}
    if own.audit != theirs.audit:
        body[own.audit] = write_audit(as_text(values.get(own.audit)), [TOLD], now=workspace.clock())
    return body


def _record(
    workspace: Workspace, item: Compared, *, etag: str, shelf: Shelf | None, lease: Lease, run_id: str
) -> SyncRecord:
    now, quiet = workspace.clock(), is_quiet(item)
    link = Link(
        link_id=uuid4().hex,
        state=LinkState.LINKED,
        referral_id=item.referral_id,
        engagement_id=item.match.referral.engagement_id,
        opportunity_id=item.opportunity_id,
        # Without etags the next look does not take them for our own echo.
        referral_etag=item.match.referral.etag if quiet else None,
        opportunity_etag=etag if quiet else None,
        base=dict(item.base),
        synced_at=now,
        remind_at=find_next_reminder(read_deadlines(item.base), now=now),
    )
    conflicts = [
        Conflict(
            found_at=now,
            link_id=link.link_id,
            field=difference.field,
            partner_center=difference.partner_center,
            dataverse=difference.dataverse,
            winner=None,
        )
        for difference in item.differences
        if difference.is_conflict and not item.is_history
    ]
    entry = JournalEntry(at=now, link_id=link.link_id, side=Side.DATAVERSE, rule=RULE, flow_run_id=run_id or None)
    return SyncRecord(
        link=link,
        journal=[entry],
        conflicts=conflicts,
        lease=lease,
        solution_rows=shelf.etags_of(item.opportunity_id) if shelf else None,
    )


def _remember(item: Compared, link: Link) -> SeenPair:
    mark = mark_audit(item.match.row, item.mapping.columns.audit)
    pair = pair_of(item, now=link.synced_at)
    return replace(pair, link_id=link.link_id, adopted_at=link.synced_at, audit_mark=mark)

"""Plans a first load: walks both sides in pages and keeps in the ledger what would be done to each record.

Nothing is written to either service. What was planned is what is applied, by the plan's id.
"""

from collections.abc import Callable, Mapping, Sequence
from uuid import uuid4

from cosell.dataverse import Row
from cosell.domain.ids import OpportunityId, ReferralId
from cosell.partner_center import Referral
from cosell.store import BackfillItem, BackfillPlan, HintKind, PlanState
from cosell.sync.backfill.arrivals import judge_page
from cosell.sync.backfill.customers import find_customers, read_customer
from cosell.sync.backfill.departures import iter_opportunities, judge_rows, list_references
from cosell.sync.backfill.verdicts import Direction, Verdict
from cosell.sync.reconcile.newcomers import Claims
from cosell.sync.workspace import Reads, Workspace

Tell = Callable[[int], None]
"""Told how many records were looked at."""

NEW_ACCOUNTS, KNOWN_ACCOUNTS = "accounts to create", "accounts found"


async def plan_backfill(
    workspace: Workspace, direction: Direction, *, tell: Tell = lambda _count: None
) -> BackfillPlan:
    """Look at everything and keep the plan; return it.

    Raises:
        RetryableError: a service does not answer; plan again.
    """
    plan = BackfillPlan(plan_id=uuid4().hex[:12], direction=direction.value, planned_at=workspace.clock(), details={})
    await workspace.ledger.backfills.begin(plan)
    new, known = set[str](), set[str]()
    count = 0
    if direction.goes_to_crm:
        claims = Claims(activations={})
        async for page in workspace.partner_center.iter_referrals(order_by="createdDateTime desc"):
            items = await judge_page(workspace, page, claims)
            await workspace.ledger.backfills.add_items(plan.plan_id, items)
            await _find_customers(workspace, page, items, new=new, known=known)
            workspace.reads = Reads()  # A page is done; what it has read would only pile up.
            count += len(page)
            tell(count)
    if direction.goes_to_partner_center:
        references = await list_references(workspace)
        async for rows in iter_opportunities(workspace):
            items = await judge_rows(workspace, rows, references)
            if direction.goes_to_crm:
                items = await _leave_out_arriving(workspace, plan.plan_id, rows, items, references)
            await workspace.ledger.backfills.add_items(plan.plan_id, items)
            workspace.reads = Reads()
            count += len(rows)
            tell(count)
    details = {NEW_ACCOUNTS: len(new), KNOWN_ACCOUNTS: len(known)} if direction.goes_to_crm else {}
    await workspace.ledger.backfills.set_state(plan.plan_id, PlanState.PLANNED, details=details)
    return await workspace.ledger.backfills.get(plan.plan_id)


async def _find_customers(
    workspace: Workspace, page: Sequence[Referral], items: Sequence[BackfillItem], *, new: set[str], known: set[str]
) -> None:
    """Note down by their marks which customers of a page have an account, and which would get one."""
    created = {item.record_id for item in items if item.verdict == Verdict.CREATE}
    read = [read_customer(referral, workspace.mappings) for referral in page if referral.id in created]
    wanted = {item.key: item for item in read if item is not None and item.key not in new | known}
    found = await find_customers(workspace, wanted.values())
    known.update(found.accounts)
    new.update(wanted.keys() - found.accounts.keys())


async def _leave_out_arriving(
    workspace: Workspace,
    plan_id: str,
    rows: Sequence[Row],
    items: Sequence[BackfillItem],
    references: Mapping[OpportunityId, ReferralId],
) -> list[BackfillItem]:
    """Return the items of opportunities whose referral is not planned for already."""
    column = workspace.opportunity.columns.referral_id
    named = {row.id: str(row.values.get(column) or references.get(OpportunityId(row.id)) or "").lower() for row in rows}
    planned = await workspace.ledger.backfills.find_items(plan_id, HintKind.REFERRAL, filter(None, named.values()))
    return [item for item in items if named.get(item.record_id) not in planned]

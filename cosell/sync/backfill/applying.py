"""Applies the plan of a first load, a page at a time; killed anywhere, it goes on where it was.

Three steps: `make` creates the CRM's records in batches, `finish` tells Partner Center and records what both agree on,
`share` creates the referrals of opportunities. Each looks at a page as it is now; a record which has changed its case
since the plan is left alone, and when there are too many of those everything stops until somebody plans anew.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from cosell.dataverse import Row
from cosell.domain.ids import OpportunityId
from cosell.errors import Origin, UnsafePlan
from cosell.partner_center import Referral
from cosell.store import BackfillItem, BackfillPlan, HintKind, ItemCount, ItemState, PlanState
from cosell.sync.arrive import find_links
from cosell.sync.backfill.arrivals import judge_page
from cosell.sync.backfill.departures import iter_opportunities, judge_rows, list_references
from cosell.sync.backfill.finishing import finish_pairs, take_alone, take_each
from cosell.sync.backfill.making import make_opportunities
from cosell.sync.backfill.verdicts import WORK, Direction, Verdict, moved_too_much
from cosell.sync.outcome import Outcome
from cosell.sync.reconcile.newcomers import Claims
from cosell.sync.share import share_opportunity
from cosell.sync.sort import Arrival, sort_referral
from cosell.sync.workspace import Reads, Workspace

ROUNDS = 2
"""How often everything is walked over: what somebody else had in hand is taken by the second."""
LEFT = frozenset({ItemState.WAITING, ItemState.MADE})
Tell = Callable[[], Awaitable[object]]
"""Called after each page."""
CHANGED = "is not as it was when the plan was made; it was left alone"


async def _tell_nobody() -> None:
    """Go on."""


@dataclass(slots=True, kw_only=True)
class Load:
    """One first load under way."""

    workspace: Workspace
    plan: BackfillPlan
    run_id: str = ""
    looked_at: int = 0
    moved: int = 0
    claims: Claims = field(default_factory=lambda: Claims(activations={}))
    catalogue: set[str] = field(default_factory=set)
    """Rows of the catalogue which are known to be there."""

    @property
    def direction(self) -> Direction:
        """Where records are brought."""
        return Direction(self.plan.direction)

    async def settle(self, items: Sequence[BackfillItem]) -> None:
        """Note down what became of records."""
        await self.workspace.ledger.backfills.settle(self.plan.plan_id, items)

    async def find(self, kind: HintKind, ids: Sequence[str], *states: ItemState) -> dict[str, BackfillItem]:
        """Return what is left to do with records of a page."""
        found = await self.workspace.ledger.backfills.find_items(self.plan.plan_id, kind, ids)
        return {key: item for key, item in found.items() if item.state in states and item.verdict in WORK}

    async def keep_planned(
        self, planned: dict[str, BackfillItem], judged: Sequence[BackfillItem]
    ) -> dict[str, BackfillItem]:
        """Return the items which are as they were planned, and leave the others alone.

        Raises:
            UnsafePlan: too many have moved since the plan was made.
        """
        now = {item.record_id: item for item in judged if item.record_id in planned}
        moved = [item for key, item in now.items() if not _is_as_planned(planned[key], item)]
        self.looked_at += len(now)
        self.moved += len(moved)
        await self.settle([replace(item, state=ItemState.LEFT_OUT, reason=item.reason or CHANGED) for item in moved])
        if moved_too_much(moved=self.moved, looked_at=self.looked_at):
            raise UnsafePlan(
                f"{self.moved} of {self.looked_at} records are not as they were when the first load was planned. "
                "What is done stays; plan again, look at the plan, and apply it.",
                origin=Origin(record=f"plan {self.plan.plan_id}"),
            )
        left = {item.record_id for item in moved}
        return {key: item for key, item in planned.items() if key in now and key not in left}


def _is_as_planned(planned: BackfillItem, now: BackfillItem) -> bool:
    """Tell whether a record may be taken: as planned, or further than planned by somebody else's hand."""
    return now.verdict == planned.verdict or now.verdict in {Verdict.LINK, Verdict.FINISH, Verdict.IN_STEP}


async def open_load(workspace: Workspace, plan_id: str, *, run_id: str = "") -> Load:
    """Begin with a plan, or go on with it.

    Raises:
        RecordNotFound: there is no such plan any more.
        UnsafePlan: the plan is not whole.
    """
    plan = await workspace.ledger.backfills.get(plan_id)
    if plan.state is PlanState.PLANNING:
        raise UnsafePlan("Planning the first load did not come to its end; plan again.", origin=Origin(record=plan_id))
    await workspace.ledger.backfills.set_state(plan_id, PlanState.APPLYING)
    return Load(workspace=workspace, plan=plan, run_id=run_id)


async def apply_backfill(workspace: Workspace, plan_id: str, *, run_id: str = "", tell: Tell = _tell_nobody) -> None:
    """Carry a plan out; again, it goes on with what is left.

    Raises:
        RecordNotFound: there is no such plan any more.
        UnsafePlan: too much has moved since it was made.
        RetryableError: a service does not answer; run it again, nothing is lost.
    """
    load = await open_load(workspace, plan_id, run_id=run_id)
    for _ in range(ROUNDS):
        await bring_all(load, tell)
        await share_all(load, tell)
        if await close_load(load) == 0:
            break


async def bring_all(load: Load, tell: Tell = _tell_nobody) -> None:
    """Create the CRM's records of all referrals which have none, and bring in step what was made or found there.

    Two walks over the referrals: the second follows behind the first, as it takes longer. It is the one which tells
    Partner Center the CRM ids, a request for each.
    """
    if not load.direction.goes_to_crm or not await _is_anything_left(load, HintKind.REFERRAL):
        return
    passed = _Passed()
    behind = replace(load, workspace=replace(load.workspace, reads=Reads()))
    finishing = asyncio.ensure_future(_finish_behind(behind, passed, tell))
    try:
        async for page in _iter_pages(load):
            await _make(load, page)
            passed.one_more()
            await tell()
            if finishing.done():
                await finishing  # It has failed, for there is more to do.
        passed.end()
        await finishing
    finally:
        finishing.cancel()
        await asyncio.gather(finishing, return_exceptions=True)


@dataclass(slots=True)
class _Passed:
    """How many pages the first walk has passed."""

    count: float = 0
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def one_more(self) -> None:
        """Let the second walk take one more page."""
        self.count += 1
        self._moved.set()

    def end(self) -> None:
        """Let the second walk go to its end."""
        self.count = math.inf
        self._moved.set()

    async def wait_for(self, count: int) -> None:
        """Wait until the first walk has passed so many pages."""
        while self.count < count:
            self._moved.clear()
            await self._moved.wait()


async def _finish_behind(load: Load, passed: _Passed, tell: Tell) -> None:
    number = 0
    async for page in _iter_pages(load):
        number += 1
        await passed.wait_for(number)
        await _finish(load, page)
        await tell()


async def _iter_pages(load: Load) -> AsyncIterator[list[Referral]]:
    """Yield the pages of all referrals; what was read for a page is forgotten after it, or it would pile up."""
    async for page in load.workspace.partner_center.iter_referrals(order_by="createdDateTime desc"):
        yield page
        load.workspace.reads = Reads()


async def share_all(load: Load, tell: Tell = _tell_nobody) -> None:
    """Create the referrals of all opportunities which have none."""
    if not load.direction.goes_to_partner_center or not await _is_anything_left(load, HintKind.OPPORTUNITY):
        return
    workspace = load.workspace
    workspace.references = await list_references(workspace)
    async for rows in iter_opportunities(workspace):
        await _share(load, rows)
        workspace.reads = Reads()
        await tell()


async def close_load(load: Load) -> int:
    """Note down that a first load has come to its end, unless something is left; return how many records that is."""
    counts = await load.workspace.ledger.backfills.count(load.plan.plan_id)
    left = sum(item.count for item in counts if _is_left(item))
    if not left:
        await load.workspace.ledger.backfills.set_state(load.plan.plan_id, PlanState.DONE)
    return left


async def _is_anything_left(load: Load, kind: HintKind) -> bool:
    counts = await load.workspace.ledger.backfills.count(load.plan.plan_id)
    return any(item.kind is kind and _is_left(item) for item in counts)


def _is_left(item: ItemCount) -> bool:
    return item.state in LEFT and item.verdict in WORK


def measure_progress(counts: Sequence[ItemCount]) -> tuple[float, int]:
    """Return how many records are done, of how many; one that is in the CRM and not finished counts for a half."""
    work = [item for item in counts if item.verdict in WORK]
    done = sum(item.count * (0.5 if item.state is ItemState.MADE else item.state not in LEFT) for item in work)
    return done, sum(item.count for item in work)


async def _make(load: Load, page: Sequence[Referral]) -> None:
    """Bring those of a page into the CRM which are not there."""
    workspace = load.workspace
    planned = await load.find(HintKind.REFERRAL, [item.id for item in page], ItemState.WAITING)
    if not planned:
        return
    wanted = [item for item in page if item.id in planned]
    judged = {item.record_id: item for item in await judge_page(workspace, wanted, load.claims)}
    planned = await load.keep_planned(planned, list(judged.values()))
    wanted = [item for item in wanted if item.id in planned]
    new = [item for item in wanted if judged[item.id].verdict == Verdict.CREATE]
    linked = await find_links(workspace, [item for item in wanted if judged[item.id].verdict == Verdict.LINK])
    begun = {item.id for item in wanted if judged[item.id].verdict in {Verdict.FINISH, Verdict.IN_STEP}}
    deals = [item for item in new if sort_referral(item) is not Arrival.LEAD]
    made = await make_opportunities(workspace, deals, known=load.catalogue)
    in_crm = made.done | linked.keys() | begun
    await load.settle([replace(planned[item.id], state=ItemState.MADE) for item in wanted if item.id in in_crm])
    alone = [item for item in wanted if item.id not in in_crm and item.id not in made.later]
    taken = await take_alone(workspace, alone, [planned[item.id] for item in alone], run_id=load.run_id)
    await load.settle(taken)


async def _finish(load: Load, page: Sequence[Referral]) -> None:
    """Bring those of a page in step whose records are both there."""
    planned = await load.find(HintKind.REFERRAL, [item.id for item in page], ItemState.MADE)
    wanted = [item for item in page if item.id in planned]
    taken = await finish_pairs(load.workspace, wanted, [planned[item.id] for item in wanted], run_id=load.run_id)
    await load.settle(taken)


async def _share(load: Load, rows: Sequence[Row]) -> None:
    """Share those of a page which have no referral."""
    workspace = load.workspace
    planned = await load.find(HintKind.OPPORTUNITY, [row.id for row in rows], ItemState.WAITING)
    if not planned:
        return
    wanted = [row for row in rows if row.id in planned]
    judged = await judge_rows(workspace, wanted, workspace.references or {})
    planned = await load.keep_planned(planned, judged)

    async def take(item: BackfillItem) -> Outcome:
        return await share_opportunity(workspace, OpportunityId(item.record_id), run_id=load.run_id)

    taken = await take_each(workspace, list(planned.values()), take)
    await load.settle(taken)

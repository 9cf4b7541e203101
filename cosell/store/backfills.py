"""First loads in the ledger: the plan which a person confirmed, and how far each of its records has come.

A tenant has one plan, the newest. Its items hold ids and reasons, never a record; they are the queue which is gone on
with after a kill.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, delete, func, select, update

from cosell.errors import Origin, RecordNotFound
from cosell.store.engine import Database, in_chunks
from cosell.store.hints import HintKind
from cosell.store.tables import backfill_items, backfills


class PlanState(StrEnum):
    """How far a plan has come."""

    PLANNING = "planning"
    PLANNED = "planned"
    APPLYING = "applying"
    DONE = "done"


class ItemState(StrEnum):
    """How far a record has come."""

    WAITING = "waiting"
    MADE = "made"
    """It is in the CRM; Partner Center does not know that yet."""
    DONE = "done"
    LEFT_OUT = "left out"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPlan:
    """A plan as a whole."""

    plan_id: str
    direction: str
    state: PlanState = PlanState.PLANNING
    planned_at: datetime
    details: Mapping[str, int]
    """Counts beyond those of the items, like how many accounts would be new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillItem:
    """What is planned for one record, and what became of it."""

    kind: HintKind
    record_id: str
    verdict: str
    reason: str = ""
    state: ItemState = ItemState.WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemCount:
    """How many items of a plan are alike."""

    kind: HintKind
    verdict: str
    state: ItemState
    reason: str
    count: int


class Backfills:
    """The first loads of one tenant."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    async def begin(self, plan: BackfillPlan) -> None:
        """Begin a plan; an earlier one is forgotten."""
        row = {
            "tenant": self._database.tenant,
            "plan_id": plan.plan_id,
            "direction": plan.direction,
            "state": plan.state.value,
            "planned_at": plan.planned_at,
            "details": dict(plan.details),
        }
        async with self._database.write() as connection:
            await connection.execute(delete(backfill_items).where(self._database.mine(backfill_items)))
            await connection.execute(delete(backfills).where(self._database.mine(backfills)))
            await connection.execute(self._database.insert(backfills), [row])

    async def set_state(self, plan_id: str, state: PlanState, *, details: Mapping[str, int] | None = None) -> None:
        """Note down how far a plan has come."""
        values: dict[str, object] = {"state": state.value}
        if details is not None:
            values["details"] = dict(details)
        mine = (self._database.mine(backfills), backfills.c.plan_id == plan_id)
        async with self._database.write() as connection:
            await connection.execute(update(backfills).where(*mine).values(**values))

    async def find(self) -> BackfillPlan | None:
        """Find the newest plan."""
        query = select(backfills).where(self._database.mine(backfills))
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return _plan(row) if row is not None else None

    async def get(self, plan_id: str) -> BackfillPlan:
        """Return a plan.

        Raises:
            RecordNotFound: there is none with this id, or not any more.
        """
        plan = await self.find()
        if plan is None or plan.plan_id != plan_id:
            raise RecordNotFound(
                "There is no such plan of a first load, or a newer one has taken its place; plan again.",
                origin=Origin(service="ledger", record=f"plan {plan_id}"),
            )
        return plan

    async def add_items(self, plan_id: str, items: Iterable[BackfillItem]) -> None:
        """Add records to a plan; one which is there already stays as it is."""
        rows = [
            {
                "tenant": self._database.tenant,
                "plan_id": plan_id,
                "kind": item.kind.value,
                "record_id": item.record_id,
                "verdict": item.verdict,
                "reason": item.reason,
                "state": item.state.value,
            }
            for item in items
        ]
        if rows:
            async with self._database.write() as connection:
                await connection.execute(self._database.insert(backfill_items).on_conflict_do_nothing(), rows)

    async def find_items(self, plan_id: str, kind: HintKind, record_ids: Iterable[str]) -> dict[str, BackfillItem]:
        """Find what is planned for these records; those the plan does not know are missing."""
        found: dict[str, BackfillItem] = {}
        async with self._database.read() as connection:
            for chunk in in_chunks(sorted(set(record_ids))):
                query = select(backfill_items).where(
                    *self._of(plan_id), backfill_items.c.kind == kind.value, backfill_items.c.record_id.in_(chunk)
                )
                found |= {row["record_id"]: _item(row) for row in (await connection.execute(query)).mappings()}
        return found

    async def settle(self, plan_id: str, items: Sequence[BackfillItem]) -> None:
        """Note down what became of records, all in one transaction."""
        alike: dict[tuple[HintKind, ItemState, str], list[str]] = {}
        for item in items:
            alike.setdefault((item.kind, item.state, item.reason), []).append(item.record_id)
        if not alike:
            return
        async with self._database.write() as connection:
            for (kind, state, reason), record_ids in alike.items():
                for chunk in in_chunks(record_ids):
                    mine = (
                        *self._of(plan_id),
                        backfill_items.c.kind == kind.value,
                        backfill_items.c.record_id.in_(chunk),
                    )
                    await connection.execute(
                        update(backfill_items).where(*mine).values(state=state.value, reason=reason)
                    )

    async def count(self, plan_id: str) -> list[ItemCount]:
        """Count the records of a plan by what is planned for them, what became of them, and why."""
        alike = (
            backfill_items.c.kind,
            backfill_items.c.verdict,
            backfill_items.c.state,
            backfill_items.c.reason,
        )
        query = select(*alike, func.count()).where(*self._of(plan_id)).group_by(*alike).order_by(*alike)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [
            ItemCount(kind=HintKind(kind), verdict=verdict, state=ItemState(state), reason=reason, count=count)
            for kind, verdict, state, reason, count in rows
        ]

    async def iter_items(self, plan_id: str, *, page_size: int = 500) -> AsyncIterator[list[BackfillItem]]:
        """Read the items of a plan a page at a time; no transaction stays open between pages."""
        after = ("", "")
        while True:
            later = (backfill_items.c.kind > after[0]) | (
                (backfill_items.c.kind == after[0]) & (backfill_items.c.record_id > after[1])
            )
            query = (
                select(backfill_items)
                .where(*self._of(plan_id), later)
                .order_by(backfill_items.c.kind, backfill_items.c.record_id)
                .limit(page_size)
            )
            async with self._database.read() as connection:
                items = [_item(row) for row in (await connection.execute(query)).mappings()]
            if items:
                yield items
            if len(items) < page_size:
                return
            after = (items[-1].kind.value, items[-1].record_id)

    def _of(self, plan_id: str) -> tuple[Any, ...]:
        return (self._database.mine(backfill_items), backfill_items.c.plan_id == plan_id)


def _plan(row: RowMapping) -> BackfillPlan:
    return BackfillPlan(
        plan_id=row["plan_id"],
        direction=row["direction"],
        state=PlanState(row["state"]),
        planned_at=row["planned_at"],
        details=row["details"],
    )


def _item(row: RowMapping) -> BackfillItem:
    return BackfillItem(
        kind=HintKind(row["kind"]),
        record_id=row["record_id"],
        verdict=row["verdict"],
        reason=row["reason"],
        state=ItemState(row["state"]),
    )

"""The inbox: which records somebody should look at, kept safe until somebody did.

A record has at most one waiting entry and at most one claimed one. A hint that finds its record waiting melts into that
entry; one that comes while the record is claimed waits behind it, because whoever holds the claim may have read the
record before the change. So a record is never in two hands, and its changes are seen in order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, RowMapping, and_, case, delete, exists, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cosell.store.engine import Database, in_chunks
from cosell.store.hints import Added, Door, Hint, HintKind, InboxEntry
from cosell.store.tables import UtcTime, inbox

__all__ = ["Added", "Door", "Hint", "HintKind", "Inbox", "InboxEntry", "store_hints"]

_ORDER = (inbox.c.due_at, inbox.c.id)


class Inbox:
    """The inbox of one tenant."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    async def add(self, hints: Iterable[Hint]) -> Added:
        """Store hints; they are safe when this returns."""
        given = list(hints)
        async with self._database.write() as connection:
            return await store_hints(connection, self._database, given)

    async def claim(self, kinds: Iterable[HintKind], *, limit: int, holder: str, seconds: float) -> list[InboxEntry]:
        """Take what is due, oldest first, for `seconds`; entries whose claim has expired are taken as well."""
        now = self._database.now()
        async with self._database.write() as connection:
            # Two statements, because a locking subselect inside an UPDATE may be run twice by PostgreSQL.
            due = (
                select(inbox.c.id)
                .where(self._database.mine(inbox), inbox.c.kind.in_(sorted(kinds)), _is_due(now))
                .order_by(*_ORDER)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            ids = (await connection.scalars(due)).all()
            rows: list[RowMapping] = []
            for chunk in in_chunks(ids):
                taken = (
                    update(inbox)
                    .where(inbox.c.id.in_(chunk))
                    .values(
                        attempts=inbox.c.attempts + case((inbox.c.claim_id.is_(None), 0), else_=1),
                        claim_id=uuid4().hex,
                        claimed_by=holder,
                        claimed_until=now + timedelta(seconds=seconds),
                    )
                    .returning(inbox)
                )
                rows += (await connection.execute(taken)).mappings().all()
        return [_entry(row) for row in sorted(rows, key=lambda row: (row["due_at"], row["id"]))]

    async def settle(self, entries: Iterable[InboxEntry]) -> int:
        """Forget entries which have been handled; return how many were still ours."""
        settled = 0
        async with self._database.write() as connection:
            for chunk in in_chunks(entries):
                settled += (await connection.execute(delete(inbox).where(self._is_still_ours(chunk)))).rowcount
        return settled

    async def release(self, entries: Iterable[InboxEntry], *, delay_seconds: float) -> int:
        """Let entries wait again, due after `delay_seconds`; return how many were still ours.

        A newer hint of the same record keeps its own, earlier time.
        """
        due_at = self._database.now() + timedelta(seconds=delay_seconds)
        async with self._database.write() as connection:
            rows: list[RowMapping] = []
            for chunk in in_chunks(entries):
                gone = delete(inbox).where(self._is_still_ours(chunk)).returning(inbox)
                rows += (await connection.execute(gone)).mappings().all()
            waiting = [
                _waiting_row(
                    self._database,
                    _hint(row),
                    received_at=row["received_at"],
                    due_at=due_at,
                    attempts=row["attempts"] + 1,
                )
                for row in rows
            ]
            await _upsert_waiting(connection, self._database, waiting)
        return len(rows)

    async def extend(self, entries: Iterable[InboxEntry], seconds: float) -> list[InboxEntry]:
        """Hold entries for another `seconds` from now; return those which were still ours."""
        until = self._database.now() + timedelta(seconds=seconds)
        rows: list[RowMapping] = []
        async with self._database.write() as connection:
            for chunk in in_chunks(entries):
                held = update(inbox).where(self._is_still_ours(chunk)).values(claimed_until=until).returning(inbox)
                rows += (await connection.execute(held)).mappings().all()
        return [_entry(row) for row in sorted(rows, key=lambda row: (row["due_at"], row["id"]))]

    async def count_waiting(self) -> int:
        """Count the entries which nobody holds, those that are not due yet included."""
        async with self._database.read() as connection:
            query = select(func.count()).select_from(inbox).where(self._is_waiting())
            return (await connection.execute(query)).scalar_one()

    async def find_oldest_waiting_at(self) -> datetime | None:
        """Find when the oldest entry which nobody holds was received."""
        async with self._database.read() as connection:
            oldest = select(inbox.c.received_at).where(self._is_waiting()).order_by(inbox.c.received_at).limit(1)
            return (await connection.execute(oldest)).scalar_one_or_none()

    async def find_records(self, record_ids: Iterable[str]) -> set[str]:
        """Find which of these records have an entry, waiting or claimed, of whatever kind."""
        found: set[str] = set()
        async with self._database.read() as connection:
            for chunk in in_chunks(sorted(set(record_ids))):
                query = select(inbox.c.record_id).where(self._database.mine(inbox), inbox.c.record_id.in_(chunk))
                found |= set((await connection.scalars(query)).all())
        return found

    async def find_due(self) -> dict[HintKind, datetime]:
        """Find for each kind since when its oldest entry could be claimed; kinds without any are left out."""
        now = self._database.now()
        free_at = case((inbox.c.claim_id.is_(None), inbox.c.due_at), else_=inbox.c.claimed_until)
        oldest = (
            select(inbox.c.kind, func.min(free_at, type_=UtcTime))
            .where(self._database.mine(inbox), _is_due(now))
            .group_by(inbox.c.kind)
        )
        async with self._database.read() as connection:
            return {HintKind(kind): since for kind, since in (await connection.execute(oldest)).all()}

    def _is_waiting(self) -> ColumnElement[bool]:
        unheld = or_(inbox.c.claim_id.is_(None), inbox.c.claimed_until <= self._database.now())
        return and_(self._database.mine(inbox), unheld)

    def _is_still_ours(self, entries: Sequence[InboxEntry]) -> ColumnElement[bool]:
        claims = [(entry.entry_id, entry.claim_id) for entry in entries]
        return and_(self._database.mine(inbox), tuple_(inbox.c.id, inbox.c.claim_id).in_(claims))


async def store_hints(connection: AsyncConnection, database: Database, hints: Sequence[Hint]) -> Added:
    """Store hints within a transaction of the caller's."""
    now = database.now()
    rows = [_waiting_row(database, hint, received_at=now, due_at=now, attempts=0) for hint in _melt(hints).values()]
    accepted = await _upsert_waiting(connection, database, rows)
    return Added(accepted=accepted, duplicate=len(hints) - accepted)


def _melt(hints: Iterable[Hint]) -> dict[tuple[HintKind, str], Hint]:
    """Keep one hint for each record; what disagrees is forgotten, so that the record is looked at for certain."""
    melted: dict[tuple[HintKind, str], Hint] = {}
    for hint in hints:
        key = (hint.kind, hint.record_id)
        known = melted.get(key)
        if known is None:
            melted[key] = hint
        else:
            etag = known.etag if known.etag == hint.etag else None
            times = [item.changed_at for item in (known, hint) if item.changed_at is not None]
            melted[key] = replace(known, etag=etag, changed_at=max(times) if len(times) == len((known, hint)) else None)
    return melted


async def _upsert_waiting(connection: AsyncConnection, database: Database, rows: Sequence[Mapping[str, object]]) -> int:
    """Write waiting rows, melting each into a waiting twin; return how many had none."""
    if not rows:
        return 0
    insert = database.insert(inbox)
    new = insert.excluded
    melting = insert.on_conflict_do_update(
        index_elements=["tenant", "kind", "record_id"],
        index_where=inbox.c.claim_id.is_(None),
        set_={
            "etag": case((inbox.c.etag == new.etag, inbox.c.etag), else_=None),
            # Not the greater one alone: a comparison with NULL is not true, and then it has to stay unknown.
            "changed_at": case(
                (inbox.c.changed_at >= new.changed_at, inbox.c.changed_at),
                (inbox.c.changed_at < new.changed_at, new.changed_at),
                else_=None,
            ),
            "received_at": _earlier(inbox.c.received_at, new.received_at),
            "due_at": _earlier(inbox.c.due_at, new.due_at),
            "attempts": case((inbox.c.attempts > new.attempts, inbox.c.attempts), else_=new.attempts),
            "hint_count": inbox.c.hint_count + 1,
        },
    ).returning(inbox.c.hint_count)
    # In one order everywhere: two processes which write the same records must not wait for one another.
    ordered = sorted(rows, key=lambda row: (str(row["kind"]), str(row["record_id"])))
    counts = (await connection.execute(melting, ordered)).scalars().all()
    return sum(1 for count in counts if count == 1)


def _waiting_row(
    database: Database, hint: Hint, *, received_at: datetime, due_at: datetime, attempts: int
) -> dict[str, object]:
    return {
        "tenant": database.tenant,
        "kind": hint.kind.value,
        "record_id": hint.record_id,
        "door": hint.door.value,
        "etag": hint.etag,
        "changed_at": hint.changed_at,
        "received_at": received_at,
        "due_at": due_at,
        "attempts": attempts,
        "hint_count": 1,
    }


def _earlier(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((one < other, one), else_=other)


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Decide which rows may be taken: expired claims, and waiting rows whose record nobody has in hand."""
    other = inbox.alias("other")
    in_hand = exists().where(
        other.c.tenant == inbox.c.tenant,
        other.c.kind == inbox.c.kind,
        other.c.record_id == inbox.c.record_id,
        other.c.claim_id.is_not(None),
    )
    waits = and_(inbox.c.claim_id.is_(None), inbox.c.due_at <= now, ~in_hand)
    return or_(waits, and_(inbox.c.claim_id.is_not(None), inbox.c.claimed_until <= now))


def _hint(row: RowMapping) -> Hint:
    return Hint(
        door=Door(row["door"]),
        kind=HintKind(row["kind"]),
        record_id=row["record_id"],
        etag=row["etag"],
        changed_at=row["changed_at"],
    )


def _entry(row: RowMapping) -> InboxEntry:
    return InboxEntry(
        entry_id=row["id"],
        claim_id=row["claim_id"],
        hint=_hint(row),
        received_at=row["received_at"],
        claimed_until=row["claimed_until"],
        attempts=row["attempts"],
    )

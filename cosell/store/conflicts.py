"""Conflicts: fields that moved on both sides, differently. Both values are kept, so that none is lost without a trace.

A conflict stays open until a person resolves it or the field has moved on: the base recorded by a later sync is no
longer the value the conflict was settled with, or a newer conflict of the same field takes its place. One without a
winner stands as long as each sync reports it again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cosell.domain.ids import Side
from cosell.domain.link import Link
from cosell.domain.snapshot import Value, snapshot_from_json, snapshot_to_json
from cosell.errors import Origin, RecordNotFound
from cosell.store.engine import Database, in_chunks
from cosell.store.tables import conflicts


class ConflictState(StrEnum):
    """What has become of a conflict."""

    OPEN = "open"
    CHOSEN = "chosen"
    """A person said which side is right."""
    MOVED_ON = "moved_on"
    """The field has changed since, and both sides agree again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A field that moved on both sides. `winner` is the side whose value was kept, None when neither was written."""

    link_id: str
    field: str
    partner_center: Value
    dataverse: Value
    winner: Side | None
    base: Value = None
    found_at: datetime | None = None

    @property
    def settled_value(self) -> Value:
        """The value which the sync left as agreed."""
        match self.winner:
            case Side.PARTNER_CENTER:
                return self.partner_center
            case Side.DATAVERSE:
                return self.dataverse
            case None:
                return self.base


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledConflict:
    """A conflict as the ledger keeps it; `chosen` is the side a person decided for."""

    conflict_id: str
    conflict: Conflict
    state: ConflictState
    chosen: Side | None
    resolved_at: datetime | None


class Conflicts:
    """The conflicts of one tenant."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    async def list_open(self) -> list[FiledConflict]:
        """Return the open conflicts, the latest first."""
        query = (
            select(conflicts)
            .where(self._database.mine(conflicts), conflicts.c.state == ConflictState.OPEN)
            .order_by(conflicts.c.found_at.desc(), conflicts.c.conflict_id)
        )
        async with self._database.read() as connection:
            return [_filed(row) for row in (await connection.execute(query)).mappings()]

    async def find_open(self, link_id: str) -> list[FiledConflict]:
        """Find the open conflicts of one link, the latest first."""
        query = (
            select(conflicts)
            .where(
                self._database.mine(conflicts),
                conflicts.c.link_id == link_id,
                conflicts.c.state == ConflictState.OPEN,
            )
            .order_by(conflicts.c.found_at.desc(), conflicts.c.conflict_id)
        )
        async with self._database.read() as connection:
            return [_filed(row) for row in (await connection.execute(query)).mappings()]

    async def file(self, found: Sequence[Conflict]) -> None:
        """Keep conflicts before either value is overwritten; what is on file already stays as it is.

        An open conflict of the same field with other values has moved on.

        Raises:
            RecordNotFound: a conflict names a link which the ledger does not have.
        """
        if not found:
            return
        async with self._database.write() as connection:
            await store_conflicts(connection, self._database, synced={}, found=found)

    async def get(self, conflict_id: str) -> FiledConflict:
        """Return a conflict, whatever its state.

        Raises:
            RecordNotFound: there is none with this id.
        """
        query = select(conflicts).where(self._database.mine(conflicts), conflicts.c.conflict_id == conflict_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise _not_found(conflict_id)
        return _filed(row)

    async def resolve(self, conflict_id: str, chosen: Side) -> FiledConflict:
        """Note down which side a person decided for; writing that value is up to the caller.

        Raises:
            RecordNotFound: there is no open conflict with this id.
        """
        query = (
            update(conflicts)
            .where(
                self._database.mine(conflicts),
                conflicts.c.conflict_id == conflict_id,
                conflicts.c.state == ConflictState.OPEN,
            )
            .values(state=ConflictState.CHOSEN.value, chosen=chosen.value, resolved_at=self._database.now())
            .returning(conflicts)
        )
        async with self._database.write() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
            if row is None:
                raise _not_found(conflict_id)
            return _filed(row)


async def store_conflicts(
    connection: AsyncConnection, database: Database, *, synced: Mapping[str, Link], found: Sequence[Conflict]
) -> None:
    """Write conflicts and close older ones that are over, within a transaction of the caller's.

    `synced` are the links as a sync has just recorded them, by their ids; without one, nothing is over by itself.
    """
    reported = {(conflict.link_id, conflict.field): conflict for conflict in found}
    over: list[str] = []
    for chunk in in_chunks(sorted({*synced, *(conflict.link_id for conflict in found)})):
        query = select(conflicts).where(
            database.mine(conflicts), conflicts.c.link_id.in_(chunk), conflicts.c.state == ConflictState.OPEN
        )
        for row in (await connection.execute(query)).mappings().all():
            old = _filed(row)
            key = (old.conflict.link_id, old.conflict.field)
            again = reported.get(key)
            if again is not None and _is_same(old.conflict, again):
                del reported[key]
            elif again is not None or _is_over(old.conflict, synced.get(old.conflict.link_id)):
                over.append(old.conflict_id)
    for chunk in in_chunks(over):
        closing = (
            update(conflicts)
            .where(database.mine(conflicts), conflicts.c.conflict_id.in_(chunk))
            .values(state=ConflictState.MOVED_ON.value, resolved_at=database.now())
        )
        await connection.execute(closing)
    if reported:
        await connection.execute(
            database.insert(conflicts), [_row(database, conflict) for conflict in reported.values()]
        )


def _is_same(old: Conflict, new: Conflict) -> bool:
    return (old.partner_center, old.dataverse, old.winner) == (new.partner_center, new.dataverse, new.winner)


def _is_over(old: Conflict, link: Link | None) -> bool:
    """Decide about an open conflict which was not reported again, by the link as it was recorded."""
    if link is None:
        return False
    if old.winner is None:
        return True
    return old.field in link.base and link.base[old.field] != old.settled_value


def _not_found(conflict_id: str) -> RecordNotFound:
    return RecordNotFound(
        "The ledger has no such conflict, or it is not open any more.",
        origin=Origin(service="ledger", record=conflict_id),
    )


def _row(database: Database, conflict: Conflict) -> dict[str, object]:
    return {
        "tenant": database.tenant,
        "conflict_id": uuid4().hex,
        "link_id": conflict.link_id,
        "field": conflict.field,
        "winner": conflict.winner.value if conflict.winner else None,
        "snapshots": snapshot_to_json(
            {
                "base": conflict.base,
                Side.PARTNER_CENTER: conflict.partner_center,
                Side.DATAVERSE: conflict.dataverse,
            }
        ),
        "found_at": conflict.found_at or database.now(),
        "state": ConflictState.OPEN.value,
    }


def _filed(row: RowMapping) -> FiledConflict:
    values = snapshot_from_json(row["snapshots"])
    return FiledConflict(
        conflict_id=row["conflict_id"],
        conflict=Conflict(
            link_id=row["link_id"],
            field=row["field"],
            partner_center=values[Side.PARTNER_CENTER],
            dataverse=values[Side.DATAVERSE],
            winner=Side(row["winner"]) if row["winner"] else None,
            base=values["base"],
            found_at=row["found_at"],
        ),
        state=ConflictState(row["state"]),
        chosen=Side(row["chosen"]) if row["chosen"] else None,
        resolved_at=row["resolved_at"],
    )

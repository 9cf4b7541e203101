"""What the ledger remembers of the pairs which Microsoft's connector has made, before and after they are taken over.

Of each pair: what both sides were last seen to agree on. Of each field in which a pair differs: since when, until when,
and how it ended, so that one sees whether the connector came to the same as we would, or lost an edit.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import RowMapping, and_, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cosell.domain.ids import OpportunityId, ReferralId, Side
from cosell.domain.snapshot import Value, snapshot_from_json, snapshot_to_json
from cosell.store.engine import Database, in_chunks
from cosell.store.tables import adopted_pairs, conflicts, differences, journal, links

SETTLED = "settled"


class Ended(StrEnum):
    """How a difference ended."""

    AS_PLANNED = "as planned"
    """Both sides agree on what our sync would have left."""
    OTHERWISE = "otherwise"
    """Both sides agree on something else: an edit which ours would have kept is gone, or a person has decided."""
    GONE = "gone"
    """The pair is not there any more."""
    TAKEN_OVER = "taken over"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPair:
    """A pair as it was last looked at; `audit_mark` stands for the newest line which the connector wrote.

    `link_id` and `adopted_at` are set once it is taken over.
    """

    referral_id: ReferralId
    opportunity_id: OpportunityId
    base: Mapping[str, Value] = field(default_factory=dict)
    audit_mark: str | None = None
    seen_at: datetime | None = None
    link_id: str | None = None
    adopted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenDifference:
    """A field in which a pair differs now, and what our sync would leave there: None when it would write neither."""

    referral_id: ReferralId
    opportunity_id: OpportunityId
    field: str
    partner_center: Value
    dataverse: Value
    settled: Value
    was_synced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDifference:
    """A difference with its history; `ended` is None as long as it stands."""

    difference: SeenDifference
    first_seen_at: datetime
    last_seen_at: datetime
    seen_count: int
    ended_at: datetime | None
    ended: Ended | None
    difference_id: int


class Adoptions:
    """The connector's pairs of one tenant."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    async def find_pairs(self) -> dict[ReferralId, SeenPair]:
        """Find all pairs which were looked at or taken over."""
        query = select(adopted_pairs).where(self._database.mine(adopted_pairs))
        async with self._database.read() as connection:
            found = [_pair(row) for row in (await connection.execute(query)).mappings()]
        return {pair.referral_id: pair for pair in found}

    async def list_standing(self) -> list[KeptDifference]:
        """Return the differences which stand, the oldest first."""
        return await self._list(is_standing=True, limit=None)

    async def list_ended(self, *, limit: int = 500) -> list[KeptDifference]:
        """Return the differences which have ended, the latest first."""
        return await self._list(is_standing=False, limit=limit)

    async def count_ended(self) -> dict[Ended, int]:
        """Count how differences have ended; ways which did not occur are missing."""
        query = (
            select(differences.c.ended, func.count())
            .where(self._database.mine(differences), differences.c.ended.is_not(None))
            .group_by(differences.c.ended)
        )
        async with self._database.read() as connection:
            return {Ended(ended): count for ended, count in (await connection.execute(query)).all()}

    async def _list(self, *, is_standing: bool, limit: int | None) -> list[KeptDifference]:
        state = differences.c.ended_at.is_(None) if is_standing else differences.c.ended_at.is_not(None)
        order = differences.c.first_seen_at if is_standing else differences.c.ended_at.desc()
        query = select(differences).where(self._database.mine(differences), state).order_by(order, differences.c.id)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.limit(limit) if limit else query)).mappings()
            return [_kept(row) for row in rows]

    async def record_look(
        self,
        pairs: Sequence[SeenPair],
        *,
        seen_again: Sequence[tuple[int, SeenDifference]],
        new: Sequence[SeenDifference],
        ended: Mapping[int, Ended],
    ) -> None:
        """Record what one look has found, all of it or nothing.

        Args:
            pairs: with what both sides agree on.
            seen_again: differences which stand still, by their ids, as they are now.
            new: those which were not there before.
            ended: those which are over, and how.
        """
        now = self._database.now()
        async with self._database.write() as connection:
            await store_pairs(connection, self._database, pairs)
            for difference_id, item in seen_again:
                again = (
                    update(differences)
                    .where(self._database.mine(differences), differences.c.id == difference_id)
                    .values(snapshots=_snapshots(item), last_seen_at=now, seen_count=differences.c.seen_count + 1)
                )
                await connection.execute(again)
            if new:
                rows = [_row(self._database, item, now=now) for item in new]
                await connection.execute(self._database.insert(differences), rows)
            await _end(connection, self._database, ended)

    async def forget_all(self) -> None:
        """Forget what looks have found; pairs which are taken over are remembered."""
        async with self._database.write() as connection:
            seen = delete(adopted_pairs).where(self._database.mine(adopted_pairs), adopted_pairs.c.adopted_at.is_(None))
            await connection.execute(seen)
            await connection.execute(delete(differences).where(self._database.mine(differences)))

    async def forget_links(self, pairs: Sequence[SeenPair]) -> int:
        """Forget links which were taken over and never synced since, with what the ledger keeps of them.

        Returns:
            How many were forgotten; the pairs themselves are remembered as they were before they were taken over.
        """
        async with self._database.write() as connection:
            untouched = await _find_untouched(connection, self._database, pairs)
            for chunk in in_chunks(sorted(untouched)):
                for table in (conflicts, journal, links):
                    gone = delete(table).where(self._database.mine(table), table.c.link_id.in_(chunk))
                    await connection.execute(gone)
                back = (
                    update(adopted_pairs)
                    .where(self._database.mine(adopted_pairs), adopted_pairs.c.link_id.in_(chunk))
                    .values(link_id=None, adopted_at=None)
                )
                await connection.execute(back)
        return len(untouched)


async def _find_untouched(connection: AsyncConnection, database: Database, pairs: Sequence[SeenPair]) -> set[str]:
    """Return the links of these pairs which are as they were taken over: no sync has recorded anything since."""
    same = and_(
        links.c.tenant == adopted_pairs.c.tenant,
        links.c.link_id == adopted_pairs.c.link_id,
        links.c.synced_at == adopted_pairs.c.adopted_at,
    )
    found: set[str] = set()
    for chunk in in_chunks(sorted(pair.link_id for pair in pairs if pair.link_id)):
        query = (
            select(links.c.link_id).join(adopted_pairs, same).where(database.mine(links), links.c.link_id.in_(chunk))
        )
        found.update((await connection.execute(query)).scalars())
    return found


async def store_pairs(connection: AsyncConnection, database: Database, pairs: Collection[SeenPair]) -> None:
    """Write pairs as they are, within a transaction of the caller's."""
    if not pairs:
        return
    insert = database.insert(adopted_pairs)
    kept = {"tenant", "referral_id"}
    upsert = insert.on_conflict_do_update(
        index_elements=["tenant", "referral_id"],
        set_={column.name: insert.excluded[column.name] for column in adopted_pairs.c if column.name not in kept},
    )
    rows = [
        {
            "tenant": database.tenant,
            "referral_id": pair.referral_id,
            "opportunity_id": pair.opportunity_id,
            "base": snapshot_to_json(pair.base),
            "audit_mark": pair.audit_mark,
            "seen_at": pair.seen_at or database.now(),
            "link_id": pair.link_id,
            "adopted_at": pair.adopted_at,
        }
        for pair in sorted(pairs, key=lambda pair: pair.referral_id)
    ]
    await connection.execute(upsert, rows)


async def _end(connection: AsyncConnection, database: Database, ended: Mapping[int, Ended]) -> None:
    for way in Ended:
        ids = sorted(difference_id for difference_id, how in ended.items() if how is way)
        for start in range(0, len(ids), 500):
            closing = (
                update(differences)
                .where(database.mine(differences), differences.c.id.in_(ids[start : start + 500]))
                .values(ended_at=database.now(), ended=way.value)
            )
            await connection.execute(closing)


def _snapshots(item: SeenDifference) -> dict[str, object]:
    return snapshot_to_json(
        {Side.PARTNER_CENTER: item.partner_center, Side.DATAVERSE: item.dataverse, SETTLED: item.settled}
    )


def _row(database: Database, item: SeenDifference, *, now: datetime) -> dict[str, object]:
    return {
        "tenant": database.tenant,
        "referral_id": item.referral_id,
        "opportunity_id": item.opportunity_id,
        "field": item.field,
        "snapshots": _snapshots(item),
        "was_synced": item.was_synced,
        "first_seen_at": now,
        "last_seen_at": now,
        "seen_count": 1,
    }


def _pair(row: RowMapping) -> SeenPair:
    return SeenPair(
        referral_id=row["referral_id"],
        opportunity_id=row["opportunity_id"],
        base=snapshot_from_json(row["base"]),
        audit_mark=row["audit_mark"],
        seen_at=row["seen_at"],
        link_id=row["link_id"],
        adopted_at=row["adopted_at"],
    )


def _kept(row: RowMapping) -> KeptDifference:
    values = snapshot_from_json(row["snapshots"])
    return KeptDifference(
        difference=SeenDifference(
            referral_id=row["referral_id"],
            opportunity_id=row["opportunity_id"],
            field=row["field"],
            partner_center=values[Side.PARTNER_CENTER],
            dataverse=values[Side.DATAVERSE],
            settled=values[SETTLED],
            was_synced=row["was_synced"],
        ),
        first_seen_at=row["first_seen_at"],
        last_seen_at=row["last_seen_at"],
        seen_count=row["seen_count"],
        ended_at=row["ended_at"],
        ended=Ended(row["ended"]) if row["ended"] else None,
        difference_id=row["id"],
    )

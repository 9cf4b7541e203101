"""The CRM's rows of solutions: to which opportunity each belongs, and how a sync left it.

Of a row that was deleted, change tracking tells nothing but its id (Microsoft: Use change tracking).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cosell.domain.ids import OpportunityId
from cosell.store.engine import Database, in_chunks
from cosell.store.tables import solution_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRow:
    """A row as the ledger knows it; `etag` is the one a sync left it with, None before that."""

    opportunity_id: OpportunityId
    etag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledRows:
    """What a reading of change tracking tells of rows: the opportunity of each by its id, and which are gone."""

    owners: Mapping[str, OpportunityId]
    deleted_ids: frozenset[str] = frozenset()


class SolutionRows:
    """The rows of one tenant."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    async def find(self, ids: Iterable[str]) -> dict[str, KnownRow]:
        """Find rows by their ids; those which are not known are missing from the answer."""
        found: dict[str, KnownRow] = {}
        async with self._database.read() as connection:
            for chunk in in_chunks(sorted(set(ids))):
                query = select(solution_rows).where(
                    self._database.mine(solution_rows), solution_rows.c.row_id.in_(chunk)
                )
                for row in (await connection.execute(query)).mappings():
                    found[row["row_id"]] = KnownRow(
                        opportunity_id=OpportunityId(row["opportunity_id"]), etag=row["etag"]
                    )
        return found

    async def list_ids(self) -> set[str]:
        """Return the ids of all rows that are known."""
        query = select(solution_rows.c.row_id).where(self._database.mine(solution_rows))
        async with self._database.read() as connection:
            return set((await connection.execute(query)).scalars())


async def store_polled_rows(connection: AsyncConnection, database: Database, polled: PolledRows) -> None:
    """Keep to whom rows belong and forget those which are gone, within a transaction of the caller's."""
    for chunk in in_chunks(sorted(polled.deleted_ids)):
        gone = delete(solution_rows).where(database.mine(solution_rows), solution_rows.c.row_id.in_(chunk))
        await connection.execute(gone)
    if polled.owners:
        insert = database.insert(solution_rows)
        upsert = insert.on_conflict_do_update(
            index_elements=["tenant", "row_id"], set_={"opportunity_id": insert.excluded.opportunity_id}
        )
        rows = [
            {"tenant": database.tenant, "row_id": row_id, "opportunity_id": owner, "etag": None}
            for row_id, owner in sorted(polled.owners.items())
        ]
        await connection.execute(upsert, rows)


async def store_synced_rows(
    connection: AsyncConnection, database: Database, opportunity_id: OpportunityId, etags: Mapping[str, str]
) -> None:
    """Keep the rows of an opportunity as a sync left them, these and no others."""
    others = delete(solution_rows).where(
        database.mine(solution_rows),
        solution_rows.c.opportunity_id == opportunity_id,
        solution_rows.c.row_id.not_in(sorted(etags)),
    )
    await connection.execute(others)
    if etags:
        insert = database.insert(solution_rows)
        upsert = insert.on_conflict_do_update(
            index_elements=["tenant", "row_id"],
            set_={"opportunity_id": insert.excluded.opportunity_id, "etag": insert.excluded.etag},
        )
        rows = [
            {"tenant": database.tenant, "row_id": row_id, "opportunity_id": opportunity_id, "etag": etag}
            for row_id, etag in sorted(etags.items())
        ]
        await connection.execute(upsert, rows)

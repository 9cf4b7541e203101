"""The journal: the life of each deal, field by field; what `cosell why` tells."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cosell.domain.ids import OpportunityId, ReferralId, Side
from cosell.domain.snapshot import Value, snapshot_from_json, snapshot_to_json
from cosell.store.engine import Database
from cosell.store.tables import journal, links


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One thing that was done, or could not be done.

    `side` is the one that was written and `field` what was written there, both None for what concerns the whole link.
    `rule` is the key of the rule that decided. `at` is by default the moment of recording.
    """

    link_id: str
    rule: str
    side: Side | None = None
    field: str | None = None
    old: Value = None
    new: Value = None
    flow_run_id: str | None = None
    note: str | None = None
    at: datetime | None = None


class Journal:
    """The journal of one tenant."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    async def append(self, entries: Sequence[JournalEntry]) -> None:
        """Add entries outside of a sync.

        Raises:
            RecordNotFound: an entry names a link which the ledger does not have.
        """
        async with self._database.write() as connection:
            await store_entries(connection, self._database, entries)

    async def list_for(
        self, *, referral_id: ReferralId | None = None, opportunity_id: OpportunityId | None = None, limit: int = 100
    ) -> list[JournalEntry]:
        """Return the latest entries of a referral or an opportunity, the newest first."""
        if (referral_id is None) == (opportunity_id is None):
            raise ValueError("name a referral or an opportunity, and not both")
        whose = links.c.referral_id == referral_id if referral_id else links.c.opportunity_id == opportunity_id
        query = (
            select(journal)
            .join(links, and_(links.c.tenant == journal.c.tenant, links.c.link_id == journal.c.link_id))
            .where(self._database.mine(journal), whose)
            .order_by(journal.c.id.desc())
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [_entry(row) for row in (await connection.execute(query)).mappings()]


async def store_entries(connection: AsyncConnection, database: Database, entries: Sequence[JournalEntry]) -> None:
    """Write entries within a transaction of the caller's."""
    if entries:
        await connection.execute(database.insert(journal), [_row(database, entry) for entry in entries])


def _row(database: Database, entry: JournalEntry) -> dict[str, object]:
    return {
        "tenant": database.tenant,
        "at": entry.at or database.now(),
        "link_id": entry.link_id,
        "side": entry.side.value if entry.side else None,
        "field": entry.field,
        "snapshots": snapshot_to_json({"old": entry.old, "new": entry.new}),
        "rule": entry.rule,
        "flow_run_id": entry.flow_run_id,
        "note": entry.note,
    }


def _entry(row: RowMapping) -> JournalEntry:
    values = snapshot_from_json(row["snapshots"])
    return JournalEntry(
        link_id=row["link_id"],
        rule=row["rule"],
        side=Side(row["side"]) if row["side"] else None,
        field=row["field"],
        old=values["old"],
        new=values["new"],
        flow_run_id=row["flow_run_id"],
        note=row["note"],
        at=row["at"],
    )

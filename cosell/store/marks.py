"""How far we have read: delta links of change tracking and watermarks of time-ordered feeds."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cosell.store.engine import Database
from cosell.store.tables import delta_links, watermarks


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaLink:
    """Where change tracking goes on; `select_hash` tells which columns it was asked for."""

    link: str
    select_hash: str
    saved_at: datetime


class Marks:
    """The marks of one tenant."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    async def find_delta_link(self, name: str) -> DeltaLink | None:
        """Find where change tracking of `name` goes on; None means: read everything once."""
        query = select(delta_links).where(self._database.mine(delta_links), delta_links.c.name == name)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        return DeltaLink(link=row["link"], select_hash=row["select_hash"], saved_at=row["saved_at"])

    async def forget_delta_link(self, name: str) -> None:
        """Forget where change tracking stood, so that everything is read once."""
        async with self._database.write() as connection:
            await connection.execute(
                delete(delta_links).where(self._database.mine(delta_links), delta_links.c.name == name)
            )

    async def find_watermark(self, name: str) -> datetime | None:
        """Find up to when `name` has been read."""
        query = select(watermarks.c.at).where(self._database.mine(watermarks), watermarks.c.name == name)
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one_or_none()


async def store_watermark(connection: AsyncConnection, database: Database, *, name: str, at: datetime) -> None:
    """Write a watermark within a transaction of the caller's."""
    insert = database.insert(watermarks)
    upsert = insert.on_conflict_do_update(index_elements=["tenant", "name"], set_={"at": insert.excluded.at})
    await connection.execute(upsert, [{"tenant": database.tenant, "name": name, "at": at}])


async def store_delta_link(
    connection: AsyncConnection, database: Database, *, name: str, link: str, select_hash: str
) -> None:
    """Write a delta link within a transaction of the caller's."""
    insert = database.insert(delta_links)
    new = insert.excluded
    upsert = insert.on_conflict_do_update(
        index_elements=["tenant", "name"],
        set_={"link": new.link, "select_hash": new.select_hash, "saved_at": new.saved_at},
    )
    row = {
        "tenant": database.tenant,
        "name": name,
        "link": link,
        "select_hash": select_hash,
        "saved_at": database.now(),
    }
    await connection.execute(upsert, [row])

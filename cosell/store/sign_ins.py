"""Which sign-ins have ended: noted down by whoever meets it first, asked by everybody who is about to start.

So that a changed password makes one loud run and not one failure for every record: see the gate of the flows.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cosell.store.engine import Database
from cosell.store.tables import meta

LOST = "sign-in-lost"
TRIED = "sign-in-tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class LostSignIn:
    """A person has to sign in again, since `lost_at`; `told` is the error's own text, without anybody's name in it."""

    lost_at: datetime
    told: str


class SignIns:
    """The ended sign-ins of one tenant, by the names they have in the vault."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    async def note_lost(self, name: str, *, told: str) -> bool:
        """Note down that a sign-in has ended; False when that was known already, and what is known stays."""
        now = self._database.now().isoformat()
        async with self._database.write() as connection:
            is_new = await self._put_if_missing(connection, f"{LOST}:{name}", json.dumps({"at": now, "told": told}))
            if is_new:
                await self._put_if_missing(connection, f"{TRIED}:{name}", now)
        return is_new

    async def find_lost(self, name: str) -> LostSignIn | None:
        """Find whether a sign-in has ended, and what was told about it."""
        query = meta.select().where(self._database.mine(meta), meta.c.key == f"{LOST}:{name}")
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        kept = json.loads(row["value"])
        return LostSignIn(lost_at=datetime.fromisoformat(kept["at"]), told=kept["told"])

    async def claim_trial(self, name: str, *, every: timedelta) -> bool:
        """Claim the next trial of an ended sign-in; True for one caller in each such span."""
        now = self._database.now()
        # Moments of one form and zone compare as text.
        claim = (
            update(meta)
            .where(
                self._database.mine(meta),
                meta.c.key == f"{TRIED}:{name}",
                meta.c.value <= (now - every).isoformat(),
            )
            .values(value=now.isoformat())
        )
        async with self._database.write() as connection:
            return bool((await connection.execute(claim)).rowcount)

    async def note_good(self, name: str) -> bool:
        """Note down that a sign-in is good; True when it had ended before."""
        async with self._database.write() as connection:
            return await self.clear_within(connection, name)

    async def clear_within(self, connection: AsyncConnection, name: str) -> bool:
        """Forget, within a transaction of the caller's, that a sign-in had ended; True when it had."""
        keys = [f"{LOST}:{name}", f"{TRIED}:{name}"]
        gone = delete(meta).where(self._database.mine(meta), meta.c.key.in_(keys))
        return bool((await connection.execute(gone)).rowcount)

    async def _put_if_missing(self, connection: AsyncConnection, key: str, value: str) -> bool:
        insert = self._database.insert(meta).on_conflict_do_nothing(index_elements=["tenant", "key"])
        row = {"tenant": self._database.tenant, "key": key, "value": value}
        return bool((await connection.execute(insert, row)).rowcount)

"""Leases: one record in one hand, across processes and machines, and free again when the hand is gone.

`hold` is what a sync uses. With `acquire` the same holder asking again gets its own lease renewed, so that a holder
must be one run of one flow, never a whole process.
Machines that share a ledger must have their clocks in step within a few seconds.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cosell.errors import LeaseHeld, Origin, RetryableError
from cosell.store.engine import Database, in_chunks
from cosell.store.tables import leases


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What is held, and by whom; hand it to `record_sync` as proof."""

    keys: frozenset[str]
    holder: str


class Leases:
    """The leases of one tenant."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    async def acquire(self, keys: Iterable[str], *, holder: str, seconds: float) -> set[str]:
        """Take those of the keys which are free, expired, or held by us; return them."""
        async with self._database.write() as connection:
            return await self._take(connection, keys, holder=holder, seconds=seconds)

    async def renew(self, keys: Iterable[str], *, holder: str, seconds: float) -> set[str]:
        """Hold keys for another `seconds` from now; return those that were still ours. Expired ones are lost."""
        now = self._database.now()
        renewed: set[str] = set()
        async with self._database.write() as connection:
            for chunk in in_chunks(sorted(set(keys))):
                still_ours = (
                    self._database.mine(leases),
                    leases.c.key.in_(chunk),
                    leases.c.holder == holder,
                    leases.c.expires_at > now,
                )
                query = (
                    update(leases)
                    .where(*still_ours)
                    .values(expires_at=now + timedelta(seconds=seconds))
                    .returning(leases.c.key)
                )
                renewed |= set((await connection.scalars(query)).all())
        return renewed

    async def release(self, keys: Iterable[str], *, holder: str) -> None:
        """Give keys back; those of others are left alone."""
        async with self._database.write() as connection:
            for chunk in in_chunks(sorted(set(keys))):
                ours = (self._database.mine(leases), leases.c.key.in_(chunk), leases.c.holder == holder)
                await connection.execute(delete(leases).where(*ours))

    @asynccontextmanager
    async def hold(self, keys: Iterable[str], *, holder: str, seconds: float) -> AsyncIterator[Lease]:
        """Hold all of the keys, or none, against everybody: other tasks of the same holder included.

        To renew it, use the holder of the lease you get: it is this block's own.

        Raises:
            LeaseHeld: somebody else has at least one of them.
        """
        lease = Lease(keys=frozenset(keys), holder=f"{holder}#{uuid4().hex[:8]}")
        async with self._database.write() as connection:
            taken = await self._take(connection, lease.keys, holder=lease.holder, seconds=seconds)
            if taken != lease.keys:
                raise _held(lease.keys - taken)  # and the transaction gives back the others
        try:
            yield lease
        finally:
            # A lease that cannot be given back ends by itself; the error of the block is the one to hear of.
            with suppress(RetryableError):
                await self.release(lease.keys, holder=lease.holder)

    async def _take(self, connection: AsyncConnection, keys: Iterable[str], *, holder: str, seconds: float) -> set[str]:
        now = self._database.now()
        # In one order everywhere: two processes which want the same keys must not wait for one another.
        rows = [
            {
                "tenant": self._database.tenant,
                "key": key,
                "holder": holder,
                "expires_at": now + timedelta(seconds=seconds),
            }
            for key in sorted(set(keys))
        ]
        if not rows:
            return set()
        insert = self._database.insert(leases)
        take = insert.on_conflict_do_update(
            index_elements=["tenant", "key"],
            set_={"holder": insert.excluded.holder, "expires_at": insert.excluded.expires_at},
            where=or_(leases.c.expires_at <= now, leases.c.holder == holder),
        ).returning(leases.c.key)
        return set((await connection.execute(take, rows)).scalars().all())


async def check_lease(connection: AsyncConnection, database: Database, lease: Lease) -> None:
    """Make sure, within a transaction of the caller's, that a lease is held until that transaction ends.

    Raises:
        LeaseHeld: at least one of its keys has expired or has gone to somebody else.
    """
    held: set[str] = set()
    for chunk in in_chunks(sorted(lease.keys)):
        query = (
            select(leases.c.key)
            .where(
                database.mine(leases),
                leases.c.key.in_(chunk),
                leases.c.holder == lease.holder,
                leases.c.expires_at > database.now(),
            )
            .order_by(leases.c.key)
            .with_for_update()
        )
        held |= set((await connection.scalars(query)).all())
    if held != lease.keys:
        raise _held(lease.keys - held)


def _held(keys: frozenset[str]) -> LeaseHeld:
    return LeaseHeld(
        "Somebody else has this record in hand; it is done by them or taken up again later.",
        origin=Origin(service="ledger", record=", ".join(sorted(keys)[:5])),
    )

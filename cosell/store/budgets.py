"""How far the limits of the services are booked, by all processes which share this ledger: one row for each account.

The account is the service's own (its tenant, or the application user), not ours: tenants of this installation which
use the same one share its limit. What is decided stands in `cosell.http.budget`.
"""

from collections.abc import Callable

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cosell.http.budget import Booked, Grant, Limit, Urgency, book, pause
from cosell.store.engine import Database
from cosell.store.tables import budgets


class Budgets:
    """What the http layer calls a shared budget."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    async def reserve(self, limit: Limit, *, urgency: Urgency, count: int) -> Grant:
        """Book up to `count` requests, in one short transaction.

        Raises:
            RetryableError: the ledger cannot be written right now.
        """
        async with self._database.write() as connection:
            before = await self._take(connection, limit)
            now = self._database.now().timestamp()
            after, grant = book(before, limit, urgency=urgency, count=count, now=now)
            if after != before:
                await self._put(connection, limit, after)
        return grant

    async def pause(self, limit: Limit, *, seconds: float) -> None:
        """Let nobody send anything to this account for so long.

        Raises:
            RetryableError: the ledger cannot be written right now.
        """
        until = self._database.now().timestamp() + seconds
        await self._change(limit, lambda booked: pause(booked, until=until))

    async def _change(self, limit: Limit, change: Callable[[Booked], Booked]) -> None:
        async with self._database.write() as connection:
            await self._put(connection, limit, change(await self._take(connection, limit)))

    async def _take(self, connection: AsyncConnection, limit: Limit) -> Booked:
        """Return how an account is booked, and keep others from booking it until the transaction ends."""
        own = select(budgets.c.booked).where(budgets.c.account == limit.account).with_for_update()
        document = (await connection.execute(own)).scalar_one_or_none()
        if document is None:
            new = {"account": limit.account, "booked": {}}
            await connection.execute(self._database.insert(budgets).on_conflict_do_nothing(), [new])
            document = (await connection.execute(own)).scalar_one()
        return Booked.from_json(document)

    async def _put(self, connection: AsyncConnection, limit: Limit, booked: Booked) -> None:
        mine = budgets.c.account == limit.account
        await connection.execute(update(budgets).where(mine).values(booked=booked.to_json()))

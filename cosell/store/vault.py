"""The vault: tokens that must survive a restart, encrypted, one refresher at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cosell.errors import LeaseHeld
from cosell.store.cipher import Cipher
from cosell.store.engine import Database
from cosell.store.leases import Leases
from cosell.store.sign_ins import SignIns
from cosell.store.tables import vault

LOCK_SECONDS = 60.0
"""A refresh takes a second or two; a refresher that was killed is waited out after this."""
POLL_SECONDS = 0.25
GIVE_UP_AFTER = 480
"""Polls, two minutes in all: twice what one dead refresher can cost."""

Pause = Callable[[float], Awaitable[None]]


class Vault:
    """The tokens of one tenant."""

    def __init__(self, database: Database, *, cipher: Cipher, leases: Leases, pause: Pause = asyncio.sleep) -> None:
        """Work on this database; `pause` waits between two looks at a lock."""
        self._database = database
        self._cipher = cipher
        self._leases = leases
        self._pause = pause
        self._sign_ins = SignIns(database)

    async def load(self, name: str) -> bytes | None:
        """Return a secret, None when there is none.

        Raises:
            ConfigurationError: it was stored with another key.
        """
        query = select(vault.c.secret).where(self._database.mine(vault), vault.c.name == name)
        async with self._database.read() as connection:
            stored: bytes | None = (await connection.execute(query)).scalar_one_or_none()
        return None if stored is None else self._cipher.decrypt(stored)

    async def save(self, name: str, secret: bytes) -> None:
        """Write a secret, in place of an earlier one."""
        async with self._database.write() as connection:
            await self._put(connection, name, secret)

    async def save_new_sign_in(self, name: str, secret: bytes) -> None:
        """Write a sign-in which has been proved; if the one before had ended, that is over, in one transaction."""
        async with self._database.write() as connection:
            await self._put(connection, name, secret)
            await self._sign_ins.clear_within(connection, name)

    async def note_lost(self, name: str, *, told: str) -> bool:
        """Note down that a person has to sign in again; False when that was known."""
        return await self._sign_ins.note_lost(name, told=told)

    async def _put(self, connection: AsyncConnection, name: str, secret: bytes) -> None:
        insert = self._database.insert(vault)
        new = insert.excluded
        upsert = insert.on_conflict_do_update(
            index_elements=["tenant", "name"], set_={"secret": new.secret, "saved_at": new.saved_at}
        )
        row = {
            "tenant": self._database.tenant,
            "name": name,
            "secret": self._cipher.encrypt(secret),
            "saved_at": self._database.now(),
        }
        await connection.execute(upsert, [row])

    async def find_saved_at(self, name: str) -> datetime | None:
        """Find when a secret was written last: its age tells how long a sign-in will last."""
        query = select(vault.c.saved_at).where(self._database.mine(vault), vault.c.name == name)
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one_or_none()

    @asynccontextmanager
    async def lock(self, name: str) -> AsyncIterator[None]:
        """Wait until nobody else refreshes this secret, then hold it.

        Raises:
            LeaseHeld: somebody else kept it for longer than a refresh can take.
        """
        holder = uuid4().hex
        key = f"vault:{name}"
        for _ in range(GIVE_UP_AFTER):
            if await self._leases.acquire([key], holder=holder, seconds=LOCK_SECONDS):
                break
            await self._pause(POLL_SECONDS)
        else:
            raise LeaseHeld("Another process has been refreshing the sign-in for too long; it is tried again later.")
        try:
            yield
        finally:
            await self._leases.release([key], holder=holder)

"""Small facts about this installation which must outlive a restart, such as the id of the CRM's organization."""

from sqlalchemy import select, update

from cosell.store.engine import Database
from cosell.store.tables import meta

WEBHOOK_TROUBLE = "webhook-trouble"
"""What the last check of the webhook registration found wrong, for `cosell status`; empty when all was right."""


class Meta:
    """Keys and values of one tenant. Nothing secret: that is what the vault is for."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    async def find(self, key: str) -> str | None:
        """Find a value."""
        query = select(meta.c.value).where(self._database.mine(meta), meta.c.key == key)
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one_or_none()

    async def save(self, key: str, value: str) -> None:
        """Write a value, in place of an earlier one."""
        insert = self._database.insert(meta)
        upsert = insert.on_conflict_do_update(index_elements=["tenant", "key"], set_={"value": insert.excluded.value})
        async with self._database.write() as connection:
            await connection.execute(upsert, [{"tenant": self._database.tenant, "key": key, "value": value}])

    async def check_writable(self) -> None:
        """Make sure that the ledger can be written right now, without changing anything.

        Raises:
            RetryableError: it cannot.
        """
        nothing = update(meta).where(self._database.mine(meta), meta.c.key.is_(None)).values(value=meta.c.value)
        async with self._database.write() as connection:
            await connection.execute(nothing)

"""Which flows are active: their activation check has passed, and what it found."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from cosell.domain.flows import FlowName
from cosell.store.engine import Database
from cosell.store.tables import activations


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A flow is active since `activated_at`; `detail` is what its check proved, for a person."""

    flow: FlowName
    detail: str
    activated_at: datetime


class Activations:
    """The activations of one tenant. The order is the caller's business: see `cosell.domain.flows`."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    async def activate(self, flow: FlowName, detail: str) -> None:
        """Note down that a flow is active now."""
        insert = self._database.insert(activations)
        new = insert.excluded
        upsert = insert.on_conflict_do_update(
            index_elements=["tenant", "flow"], set_={"detail": new.detail, "activated_at": new.activated_at}
        )
        row = {
            "tenant": self._database.tenant,
            "flow": flow.value,
            "detail": detail,
            "activated_at": self._database.now(),
        }
        async with self._database.write() as connection:
            await connection.execute(upsert, [row])

    async def deactivate(self, flows: Iterable[FlowName]) -> None:
        """Note down that flows are not active any more."""
        names = [flow.value for flow in flows]
        async with self._database.write() as connection:
            await connection.execute(
                delete(activations).where(self._database.mine(activations), activations.c.flow.in_(names))
            )

    async def find_all(self) -> dict[FlowName, Activation]:
        """Find the active flows."""
        query = select(activations).where(self._database.mine(activations))
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        known = set(FlowName)
        return {
            FlowName(row["flow"]): Activation(
                flow=FlowName(row["flow"]), detail=row["detail"], activated_at=row["activated_at"]
            )
            for row in rows
            if row["flow"] in known
        }

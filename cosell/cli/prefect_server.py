"""Prefect's server for one machine: as Prefect ships it, but for two things on SQLite.

Prefect begins most of its transactions as if they only read. One that then writes, while another has written in
between, is turned away at once with "database is locked", however long it was willing to wait (sqlite.org: Isolation
in SQLite, SQLITE_BUSY_SNAPSHOT). The client hears 503 and comes again after two seconds: in the middle of a run, for
nothing. Begun as writing transactions they wait for their turn. The rule is SQLite's; PostgreSQL is left as it is.

And events all of which are stored already become an INSERT without a row (tried with Prefect 3.8). It fails, is tried
four times more with all that has come meanwhile, and then everything is dropped: runs and tasks which the UI never
shows. Clients send events again when the server was started again. Here what is stored is left out.
"""

import runpy
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.database.dependencies import provide_database_interface, temporary_database_config
from prefect.server.events.schemas.events import ReceivedEvent
from prefect.server.events.storage import database as events_storage
from prefect.server.utilities.database import get_dialect
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

IDS_AT_ONCE = 500


class PatientSqlite(AioSqliteConfiguration):
    """SQLite behind Prefect's server, with every transaction begun as one that writes."""

    @asynccontextmanager
    async def begin_transaction(
        self,
        session: AsyncSession,
        with_for_update: bool = False,  # noqa: ARG002  as Prefect calls it
    ) -> AsyncGenerator[AsyncSessionTransaction, None]:
        """Begin, waiting for other writers now instead of being turned away later."""
        async with super().begin_transaction(session, with_for_update=True) as transaction:
            yield transaction


def mend_storing_events() -> None:
    """Let Prefect store events of which it knows some already."""
    write: Any = events_storage._write_sqlite_events  # noqa: SLF001

    async def write_new(session: AsyncSession, events: list[ReceivedEvent]) -> None:
        stored = provide_database_interface().Event
        new = {event.id: event for event in events}
        ids = list(new)
        for begin in range(0, len(ids), IDS_AT_ONCE):
            known = await session.scalars(select(stored.id).where(stored.id.in_(ids[begin : begin + IDS_AT_ONCE])))
            for event_id in known:
                new.pop(event_id, None)
        if new:
            await write(session=session, events=list(new.values()))

    events_storage._write_sqlite_events = write_new  # noqa: SLF001


def main() -> None:
    """Run `prefect server start` with the arguments given."""
    url = PREFECT_API_DATABASE_CONNECTION_URL.value()
    is_sqlite = get_dialect(url).name == "sqlite"
    if is_sqlite:
        mend_storing_events()
    sys.argv = ["prefect", "server", "start", *sys.argv[1:]]
    with temporary_database_config(PatientSqlite(connection_url=url) if is_sqlite else None):
        runpy.run_module("prefect", run_name="__main__")


if __name__ == "__main__":
    main()

"""Prefect's server for one machine: as Prefect ships it, but for how it begins a transaction on SQLite.

Prefect begins most of its transactions as if they only read. One that then writes, while another has written in
between, is turned away at once with "database is locked", however long it was willing to wait (sqlite.org: Isolation
in SQLite, SQLITE_BUSY_SNAPSHOT). The client hears 503 and comes again after two seconds: in the middle of a run, for
nothing. Begun as writing transactions they wait for their turn. The rule is SQLite's; PostgreSQL is left as it is.
"""

import runpy
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.database.dependencies import temporary_database_config
from prefect.server.utilities.database import get_dialect
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction


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


def main() -> None:
    """Run `prefect server start` with the arguments given."""
    url = PREFECT_API_DATABASE_CONNECTION_URL.value()
    is_sqlite = get_dialect(url).name == "sqlite"
    sys.argv = ["prefect", "server", "start", *sys.argv[1:]]
    with temporary_database_config(PatientSqlite(connection_url=url) if is_sqlite else None):
        runpy.run_module("prefect", run_name="__main__")


if __name__ == "__main__":
    main()

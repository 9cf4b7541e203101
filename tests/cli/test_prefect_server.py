"""What is different about our Prefect server on SQLite: events it knows already take no others with them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.server.database.dependencies import provide_database_interface, temporary_database_config
from prefect.server.database.interface import PrefectDBInterface
from prefect.server.events.schemas.events import ReceivedEvent
from prefect.server.events.storage import database as storage
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from cosell.cli.prefect_server import PatientSqlite, mend_storing_events


@pytest.fixture
async def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PrefectDBInterface]:
    for name in ("_write_sqlite_events", "_in_safe_batches"):
        monkeypatch.setattr(storage, name, getattr(storage, name))
    url = f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}"
    with temporary_database_config(PatientSqlite(connection_url=url)):
        found = provide_database_interface()
        engine = await found.engine()
        async with engine.begin() as connection:
            for table in (found.Event.__table__, found.EventResource.__table__):
                await connection.run_sync(table.create)  # type: ignore[attr-defined]
        yield found
        await engine.dispose()


def event() -> ReceivedEvent:
    resource = {"prefect.resource.id": "cosell.test"}
    return ReceivedEvent(occurred=datetime.now(UTC), event="cosell.happened", resource=resource, id=uuid4())


async def write(database: PrefectDBInterface, *events: ReceivedEvent) -> int:
    """Store events as Prefect's own service does; return how many are stored."""
    async with database.session_context(begin_transaction=True) as session:
        await storage.write_events(session=session, events=list(events))
    async with database.session_context() as session:
        count: int = (await session.execute(select(func.count()).select_from(database.Event))).scalar_one()
        return count


async def test_prefect_itself_drops_what_comes_with_events_it_knows(database: PrefectDBInterface) -> None:
    """When this fails, Prefect has been mended, and our own piece can go."""
    known = event()
    await write(database, known)

    with pytest.raises(IntegrityError):
        await write(database, known)


async def test_events_which_come_again_are_stored_once_and_take_no_others_with_them(
    database: PrefectDBInterface,
) -> None:
    mend_storing_events()
    known = event()

    assert await write(database, known, known) == 1
    assert await write(database, known) == 1
    assert await write(database, known, event()) == 2

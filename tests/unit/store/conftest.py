"""One suite, two databases: every test which takes `place` or `ledger` runs on SQLite and on PostgreSQL."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from cosell.domain.clock import Clock
from cosell.domain.ids import TenantName
from cosell.store import Cipher, Ledger, migrate, open_ledger
from tests.postgres import running_postgres

KEY = b"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
_tenants = count(1)


@dataclass
class MovingClock:
    """A clock that stands still until it is told to go on."""

    at: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Place:
    """Where a test's ledger is."""

    url: str
    clock: MovingClock = field(default_factory=MovingClock)
    tenant: TenantName = field(default_factory=lambda: TenantName(f"tenant-{next(_tenants)}"))

    def open(
        self, *, tenant: str | None = None, clock: Clock | None = None, key: bytes = KEY
    ) -> AbstractAsyncContextManager[Ledger]:
        return open_ledger(
            self.url, tenant=TenantName(tenant or self.tenant), clock=clock or self.clock, cipher=Cipher(key)
        )


@pytest.fixture(scope="session")
def empty_postgres_url() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url(empty_postgres_url: str) -> str:
    """A PostgreSQL ledger for all tests: each has a tenant of its own."""
    asyncio.run(migrate(empty_postgres_url))
    return empty_postgres_url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "template.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    shutil.copy(sqlite_template, tmp_path / "ledger.db")
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Place:
    fixture = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return Place(url=request.getfixturevalue(fixture))


@pytest.fixture
def clock(place: Place) -> MovingClock:
    return place.clock


@pytest.fixture
async def ledger(place: Place) -> AsyncIterator[Ledger]:
    async with place.open() as opened:
        yield opened

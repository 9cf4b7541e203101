"""One emulated Microsoft for all tests of the engine; each begins on its first day, with a ledger of its own."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from cosell.emulators.app import create_app
from cosell.emulators.options import Options
from cosell.emulators.world import World
from cosell.store import migrate
from tests.sync.stand import Stand


@pytest.fixture(scope="session")
def services() -> Iterator[Starlette]:
    world = World()
    yield create_app(world, options=Options())
    world.store.close()


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "empty.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


class Stands:
    """Begins anew as often as a test likes, and knows whether a rule of the services was broken meanwhile."""

    def __init__(self, http: httpx.AsyncClient, services: Starlette, *, empty_ledger: Path, directory: Path) -> None:
        self._http = http
        self._services = services
        self._empty_ledger = empty_ledger
        self._directory = directory
        self._present: Stand | None = None
        self._number = 0

    async def begin(self) -> Stand:
        """Return the services on their first day, with an empty ledger."""
        await self.check()
        self._number += 1
        ledger = self._directory / f"ledger-{self._number}.db"
        shutil.copy(self._empty_ledger, ledger)
        stand = Stand(emulators=self._services.state.emulators, http=self._http, ledger_url=f"sqlite:///{ledger}")
        await stand.control("POST", "reset")
        await stand.sign_in()
        self._present = stand
        return stand

    async def check(self) -> None:
        """Fail when a rule of the services was broken, or one of them crashed."""
        if self._present is not None:
            told = await self._present.control("GET", "violations")
            assert told["violations"] == []
            assert (await self._present.control("GET", "health"))["status"] == "healthy"


@pytest.fixture
async def stands(services: Starlette, empty_ledger: Path, tmp_path: Path) -> AsyncIterator[Stands]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=services)) as http:
        made = Stands(http, services, empty_ledger=empty_ledger, directory=tmp_path)
        yield made
        await made.check()


@pytest.fixture
async def stand(stands: Stands) -> Stand:
    return await stands.begin()

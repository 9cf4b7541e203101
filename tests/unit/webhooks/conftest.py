import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from cosell.settings import ReceiverSettings
from cosell.store import Added, Hint
from cosell.webhooks.app import Limits, create_receiver
from cosell.webhooks.fetching import CertificateUnavailable
from tests.unit.webhooks.authority import CERTIFICATE_URL, HOST, ISSUER_URL, NOW, World, build_world

SECRET = "wake-up-secret"


class StandingClock:
    def __init__(self) -> None:
        self.moment = NOW

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, delta: timedelta) -> None:
        self.moment += delta


class ListedInbox:
    """An inbox in a list: coalesces as the ledger's does; can be told to fail or to hang."""

    def __init__(self) -> None:
        self.waiting: dict[tuple[str, str], Hint] = {}
        self.calls = 0
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def add(self, hints: Iterable[Hint]) -> Added:
        self.calls += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        given = list(hints)
        before = len(self.waiting)
        for hint in given:
            self.waiting.setdefault((hint.kind, hint.record_id), hint)
        accepted = len(self.waiting) - before
        return Added(accepted=accepted, duplicate=len(given) - accepted)

    async def count_waiting(self) -> int:
        if self.error is not None:
            raise self.error
        return len(self.waiting)


@dataclass
class Shelf:
    """Certificates by address; counts who asks for what."""

    content: dict[str, bytes]
    asked: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def __call__(self, url: str, /) -> bytes:
        self.asked.append(url)
        if self.gate is not None:
            await self.gate.wait()
        if url not in self.content:
            raise CertificateUnavailable("status 404")
        return self.content[url]


@dataclass
class Receiver:
    app: Starlette
    client: httpx.AsyncClient
    inbox: ListedInbox
    shelf: Shelf
    clock: StandingClock
    world: World
    wakes: list[None]

    async def post(self, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        """Send a notification to Partner Center's door, signed as Microsoft does unless headers are given."""
        headers = self.world.signer.headers(body) if headers is None else headers
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        return await self.client.post("/webhooks/partner-center", content=body, headers=raw)

    async def metrics(self) -> str:
        return (await self.client.get("/metrics")).text


@pytest.fixture(scope="session")
def world() -> World:
    return build_world()


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def inbox() -> ListedInbox:
    return ListedInbox()


@pytest.fixture
def shelf(world: World) -> Shelf:
    return Shelf({CERTIFICATE_URL: world.signer.der, ISSUER_URL: world.intermediate.der})


@pytest.fixture
def trust_roots(world: World, tmp_path: Path) -> Path:
    path = tmp_path / "roots.pem"
    path.write_bytes(world.root.pem)
    return path


@pytest.fixture
def settings(trust_roots: Path) -> ReceiverSettings:
    return ReceiverSettings(certificate_hosts=(HOST,), trust_roots=trust_roots, dataverse_secret=SecretStr(SECRET))


@pytest.fixture
async def open_receiver(
    settings: ReceiverSettings, inbox: ListedInbox, shelf: Shelf, clock: StandingClock, world: World
) -> AsyncIterator[Callable[..., Receiver]]:
    clients = []

    def build(limits: Limits | None = None, changed: ReceiverSettings | None = None) -> Receiver:
        wakes: list[None] = []
        app = create_receiver(
            changed or settings, inbox, wake=lambda: wakes.append(None), clock=clock, fetch=shelf, limits=limits
        )
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver.test")
        clients.append(client)
        return Receiver(app, client, inbox, shelf, clock, world, wakes)

    yield build
    for client in clients:
        await client.aclose()


@pytest.fixture
def receiver(open_receiver: Callable[..., Receiver]) -> Receiver:
    return open_receiver()

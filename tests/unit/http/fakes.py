"""What client tests stand on: a time that moves when somebody sleeps, tokens without Entra, a scripted service."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from cosell.settings import Settings, load_settings

Step = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]

ENVIRONMENT: dict[str, object] = {
    "dataverse": {
        "url": "https://fabrikam.crm4.dynamics.com",
        "tenant_id": "fabrikam.example",
        "client_id": "11111111-0000-4000-8000-000000000001",
        "client_secret": "made-up-dataverse-secret",
    },
    "partner_center": {
        "tenant_id": "fabrikam.example",
        "client_id": "22222222-0000-4000-8000-000000000002",
        "client_secret": "made-up-partner-secret",
        "refresh_token": "made-up-first-refresh-token",
    },
}


def made_up_settings() -> Settings:
    return load_settings(ENVIRONMENT)


@dataclass
class FakeTime:
    """A clock and a sleep which belong together."""

    now: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    slept: list[float] = field(default_factory=list)

    def clock(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)


@dataclass
class FakeTokens:
    """Hands out `token-1`, and the next number when it is forced."""

    number: int = 1
    forced: int = 0

    async def token(self, *, force: bool = False) -> str:
        if force:
            self.forced += 1
            self.number += 1
        return f"token-{self.number}"


@dataclass
class FakeVault:
    """A vault in memory; it counts, and insists that nothing is replaced without the lock."""

    secrets: dict[str, bytes] = field(default_factory=dict)
    saves: int = 0
    lost: list[str] = field(default_factory=list)
    inner: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def load(self, name: str) -> bytes | None:
        return self.secrets.get(name)

    async def save(self, name: str, secret: bytes) -> None:
        assert self.inner.locked()
        self.saves += 1
        self.secrets[name] = secret

    async def note_lost(self, name: str, *, told: str) -> bool:  # noqa: ARG002
        self.lost.append(told)
        return len(self.lost) == 1

    @asynccontextmanager
    async def lock(self, name: str) -> AsyncIterator[None]:  # noqa: ARG002
        async with self.inner:
            yield


class Script(httpx.AsyncBaseTransport):
    """A service which answers from a list; it keeps the requests it got."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        assert self.steps, f"one request too many: {request.method} {request.url}"
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, httpx.Response) else step(request)

    @property
    def calls(self) -> list[str]:
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]

    def body(self, index: int) -> object:
        return json.loads(self.requests[index].content)


def answer(status: int, document: object = None, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if document is None:
        return httpx.Response(status, headers=named)
    return httpx.Response(status, json=document, headers=named)

"""A CRM in process, and people who talk to it."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from cosell.emulators.dataverse.app import DataverseService, create_dataverse
from cosell.emulators.world import Caller, World

ORIGIN = "https://crm.example"
ROOT = f"{ORIGIN}/api/data/v9.2/"
CLIENT_ID = "0a1b2c3d-0000-4000-8000-000000000001"


class Crm:
    """A world with a Dataverse in it, and clients for its users."""

    def __init__(self, *, bare: bool = False, world: World | None = None) -> None:
        self.world = world or World()
        self.service: DataverseService = create_dataverse(self.world, bare=bare)
        self.service.add_application_user(CLIENT_ID)
        self.app = Starlette(routes=self.service.routes)
        self._clients: list[httpx.AsyncClient] = []

    def token(self, user: str | None = None, *, audience: str = ORIGIN, client_id: str = CLIENT_ID) -> str:
        bearer = f"token-{user}-{audience}-{client_id}"
        self.world.tokens.add(
            bearer,
            Caller(
                tenant_id="tenant",
                audience=audience,
                client_id=client_id,
                user=user,
                has_mfa=True,
                expires_at=self.world.clock.now() + timedelta(days=400),
            ),
        )
        return bearer

    def client(self, user: str | None = None) -> httpx.AsyncClient:
        made = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url=ROOT,
            headers={
                "Authorization": f"Bearer {self.token(user)}",
                "Accept": "application/json",
                "OData-Version": "4.0",
                "OData-MaxVersion": "4.0",
                "If-None-Match": "null",
            },
        )
        self._clients.append(made)
        return made

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()
        await self.service.stop()
        self.world.store.close()


@pytest.fixture
async def crm() -> AsyncIterator[Crm]:
    made = Crm()
    yield made
    await made.close()


@pytest.fixture
async def bare_crm() -> AsyncIterator[Crm]:
    made = Crm(bare=True)
    yield made
    await made.close()


@pytest.fixture
def api(crm: Crm) -> httpx.AsyncClient:
    """The application user, who may everything."""
    return crm.client()


@pytest.fixture
def seller(crm: Crm) -> httpx.AsyncClient:
    return crm.client("seller@contoso-partner.example")


RETURN = {"Prefer": "return=representation"}


async def make(api: httpx.AsyncClient, set_name: str, body: Mapping[str, object], select: str = "") -> dict[str, Any]:
    """Create a row and return it."""
    reply = await api.post(f"{set_name}{select}", json=dict(body), headers=RETURN)
    assert reply.status_code == 201, reply.text
    found: dict[str, Any] = reply.json()
    return found


def error_of(reply: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return reply.status_code, reply.json()["error"]["code"].lower()

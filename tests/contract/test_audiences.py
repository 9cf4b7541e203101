"""Two hosts of Partner Center, two audiences: no token of one is ever shown to the other (Microsoft: REST URLs)."""

import ssl

import httpx
import pytest

from cosell.domain.clock import utc_clock
from cosell.partner_center import open_partner_center, open_webhooks
from tests.emulator_process import Emulators
from tests.unit.http.fakes import FakeVault


class Listening(httpx.AsyncHTTPTransport):
    """Passes everything on and remembers which bearer went to which host."""

    def __init__(self, verify: str) -> None:
        super().__init__(verify=ssl.create_default_context(cafile=verify))
        self.sent: set[tuple[str, str]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.add((request.url.host, request.headers["Authorization"].removeprefix("Bearer ")))
        return await super().handle_async_request(request)


@pytest.fixture
def listening(emulators: Emulators) -> Listening:
    return Listening(emulators.environment["COSELL_CA_BUNDLE"])


async def test_no_token_of_one_host_is_sent_to_the_other(emulators: Emulators, listening: Listening) -> None:
    settings, vault = emulators.settings(), FakeVault()
    for _ in range(2):
        async with (
            open_partner_center(settings, vault, clock=utc_clock, transport=listening, per_second=500) as referrals,
            open_webhooks(settings, vault, clock=utc_clock, transport=listening) as webhooks,
        ):
            await referrals.try_access()
            await webhooks.find_registration()
            emulators.control("POST", "revoke", {"kind": "access"})
            await webhooks.find_registration()
            await referrals.try_access()

    tokens = {host: {token for name, token in listening.sent if name == host} for host in ("localhost", "127.0.0.1")}
    assert all(len(sent) >= 2 for sent in tokens.values()), "each was renewed"
    assert tokens["localhost"] & tokens["127.0.0.1"] == set()
    assert emulators.count_requests("entra") > 0

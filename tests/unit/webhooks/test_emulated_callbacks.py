"""The receiver and the emulated Partner Center know each other by the wire alone: what one signs the other accepts."""

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from cosell.domain.clock import utc_clock
from cosell.settings import ReceiverSettings
from cosell.store import Added, Hint, HintKind
from cosell.webhooks.app import create_receiver
from cosell.webhooks.fetching import HttpsFetcher
from cosell.webhooks.server import serve
from tests.unit.webhooks.conftest import ListedInbox

EVENTS = [
    "referral-created",
    "referral-updated",
    "related-referral-created",
    "related-referral-updated",
    "test-created",
]


class AwaitedInbox(ListedInbox):
    """Says when the first hint has come."""

    def __init__(self) -> None:
        super().__init__()
        self.filled = asyncio.Event()

    async def add(self, hints: Iterable[Hint]) -> Added:
        added = await super().add(hints)
        self.filled.set()
        return added


@asynccontextmanager
async def emulators() -> AsyncIterator[dict[str, dict[str, str]]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "cosell.emulators", "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def served_receiver(environment: dict[str, str], inbox: ListedInbox) -> AsyncIterator[str]:
    settings = ReceiverSettings(
        certificate_hosts=tuple(json.loads(environment["COSELL_RECEIVER__CERTIFICATE_HOSTS"])),
        trust_roots=Path(environment["COSELL_RECEIVER__TRUST_ROOTS"]),
    )
    app = create_receiver(
        settings,
        inbox,
        wake=lambda: None,
        clock=utc_clock,
        fetch=HttpsFetcher(ca_bundle=Path(environment["COSELL_CA_BUNDLE"])),
    )
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(app, host="127.0.0.1", port=0, stop=stop, on_ready=ready.set_result))
    try:
        yield f"http://127.0.0.1:{await ready}"
    finally:
        stop.set()
        await task


async def sign_in(client: httpx.AsyncClient, environment: dict[str, str]) -> dict[str, str]:
    tenant = environment["COSELL_PARTNER_CENTER__TENANT_ID"]
    answer = await client.post(
        f"{environment['COSELL_AUTHORITY']}/{tenant}/oauth2/v2.0/token",
        data={
            "grant_type": "refresh_token",
            "client_id": environment["COSELL_PARTNER_CENTER__CLIENT_ID"],
            "client_secret": environment["COSELL_PARTNER_CENTER__CLIENT_SECRET"],
            "refresh_token": environment["COSELL_PARTNER_CENTER__REFRESH_TOKEN"],
            "scope": f"{environment['COSELL_PARTNER_CENTER__WEBHOOK_API_URL']}/.default offline_access",
        },
    )
    return {"Authorization": f"Bearer {answer.json()['access_token']}", "MS-Contract-Version": "v1"}


@pytest.mark.parametrize("in_own_header", [False, True], ids=["Authorization", "x-ms-signature"])
async def test_emulated_callbacks_are_proven_and_stored(*, in_own_header: bool) -> None:
    inbox = AwaitedInbox()
    async with emulators() as told, served_receiver(told["environment"], inbox) as receiver_url:
        environment = told["environment"]
        context = ssl.create_default_context(cafile=environment["COSELL_CA_BUNDLE"])
        async with httpx.AsyncClient(verify=context, trust_env=False) as client:
            registered = await client.post(
                f"{environment['COSELL_PARTNER_CENTER__WEBHOOK_API_URL']}/webhooks/v1/registration",
                headers=await sign_in(client, environment),
                json={
                    "WebhookUrl": f"{receiver_url}/webhooks/partner-center",
                    "WebhookEvents": EVENTS,
                    "SignatureTokenToMsSignatureHeader": in_own_header,
                },
            )
            assert registered.status_code < 300, registered.text
            invited = await client.post(f"{told['urls']['controls']}microsoft/referrals", json={})
            assert invited.status_code < 300, invited.text
            await asyncio.wait_for(inbox.filled.wait(), 20)
            metrics = (await client.get(f"{receiver_url}/metrics")).text
    assert {hint.kind for hint in inbox.waiting.values()} <= {HintKind.REFERRAL, HintKind.RELATED_REFERRAL}
    assert "cosell_receiver_refused_total{" not in metrics

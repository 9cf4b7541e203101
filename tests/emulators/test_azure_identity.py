"""Entra's second judge: the library which Microsoft's SDKs sign in with. Skipped where it is not installed."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cosell.emulators import identities
from cosell.emulators.pki import Pki
from cosell.emulators.server import Running, ServerOptions, running

identity = pytest.importorskip("azure.identity", reason="azure-identity is not installed: make judges")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(ServerOptions(port=0, data=tmp_path)) as state:
        yield state


def _options(server: Running) -> dict[str, Any]:
    return {
        "authority": server.environment["COSELL_AUTHORITY"],
        "disable_instance_discovery": True,
        "connection_verify": server.environment["COSELL_CA_BUNDLE"],
        # A bundle of the machine's own would go before ours.
        "use_env_settings": False,
    }


def _scope(server: Running) -> str:
    return f"{server.urls['https']}/.default"


async def _who_am_i(server: Running, bearer: str) -> int:
    async with httpx.AsyncClient(trust_env=False) as http:
        headers = {"Authorization": f"Bearer {bearer}"}
        return (await http.get(f"{server.urls['http']}/api/data/v9.2/WhoAmI", headers=headers)).status_code


async def test_a_secret_opens_the_crm(server: Running) -> None:
    def story() -> str:
        with identity.ClientSecretCredential(
            identities.TENANT_ID, identities.CRM_CLIENT_ID, identities.CRM_CLIENT_SECRET, **_options(server)
        ) as credential:
            return str(credential.get_token(_scope(server)).token)

    assert await _who_am_i(server, await asyncio.to_thread(story)) == 200


async def test_a_wrong_secret_is_told_by_number(server: Running) -> None:
    def story() -> None:
        with identity.ClientSecretCredential(
            identities.TENANT_ID, identities.CRM_CLIENT_ID, "wrong", **_options(server)
        ) as credential:
            credential.get_token(_scope(server))

    with pytest.raises(Exception, match="AADSTS7000215"):
        await asyncio.to_thread(story)


async def test_a_certificate_opens_the_crm(server: Running, pki: Pki) -> None:
    server.emulators.entra.directory.put_app(
        client_id=identities.CRM_CLIENT_ID, secret=None, certificates=(pki.leaf.pem.decode(),)
    )

    def story() -> str:
        with identity.CertificateCredential(
            identities.TENANT_ID,
            identities.CRM_CLIENT_ID,
            certificate_data=pki.leaf.pem + pki.leaf.key_pem,
            **_options(server),
        ) as credential:
            return str(credential.get_token(_scope(server)).token)

    assert await _who_am_i(server, await asyncio.to_thread(story)) == 200


async def test_a_device_code_signs_a_person_in(server: Running) -> None:
    asked = threading.Event()

    def approve(_: str, user_code: str, __: object) -> None:
        asked.set()
        server.emulators.entra.device_codes.answer(user_code=user_code, user=identities.ADMIN.user, state="approved")

    def story() -> str:
        with identity.DeviceCodeCredential(
            identities.PARTNER_CLIENT_ID, tenant_id=identities.TENANT_ID, prompt_callback=approve, **_options(server)
        ) as credential:
            return str(credential.get_token(_scope(server)).token)

    bearer = await asyncio.to_thread(story)

    assert asked.is_set()
    async with httpx.AsyncClient(trust_env=False) as http:
        headers = {"Authorization": f"Bearer {bearer}"}
        answer = await http.get(f"{server.urls['http']}/v1.0/engagements/referrals", headers=headers)
    assert answer.status_code == 200

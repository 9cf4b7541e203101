"""Entra's judge: Microsoft's own client library, over real TLS with the emulators' CA."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import msal
import pytest
from cryptography.hazmat.primitives import hashes

from cosell.emulators import identities
from cosell.emulators.pki import Issued, Pki
from cosell.emulators.server import Running, ServerOptions, running
from tests.emulators.stand import Json


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(ServerOptions(port=0, data=tmp_path)) as state:
        yield state


class _Session(httpx.Client):
    """An httpx client as msal wants one: msal sends assertions as bytes, which httpx alone would write as `b'…'`."""

    def post(self, url: httpx.URL | str, **options: Json) -> httpx.Response:
        form = {
            name: value.decode() if isinstance(value, bytes) else value for name, value in options.pop("data").items()
        }
        return super().post(url, data=form, **options)


@pytest.fixture
def session(server: Running) -> Iterator[httpx.Client]:
    trust = ssl.create_default_context(cafile=server.environment["COSELL_CA_BUNDLE"])
    with _Session(verify=trust, trust_env=False) as opened:
        yield opened


def _options(server: Running, session: httpx.Client) -> dict[str, Any]:
    authority = f"{server.environment['COSELL_AUTHORITY']}/{identities.TENANT_ID}"
    return {"authority": authority, "instance_discovery": False, "http_client": session}


def _scope(server: Running) -> list[str]:
    return [f"{server.urls['https']}/.default"]


def _confidential(
    server: Running, session: httpx.Client, credential: str | dict[str, str] = identities.PARTNER_CLIENT_SECRET
) -> msal.ConfidentialClientApplication:
    return msal.ConfidentialClientApplication(
        identities.PARTNER_CLIENT_ID, client_credential=credential, **_options(server, session)
    )


async def test_client_credentials_are_cached(server: Running, session: httpx.Client) -> None:
    def story() -> list[dict[str, Any]]:
        app = _confidential(server, session)
        return [app.acquire_token_for_client(_scope(server)) for _ in range(2)]

    first, second = await asyncio.to_thread(story)

    assert first["token_source"] == "identity_provider"
    assert second["token_source"] == "cache"
    assert first["access_token"] == second["access_token"]


async def test_a_wrong_secret_is_told(server: Running, session: httpx.Client) -> None:
    def story() -> dict[str, Any]:
        return dict(_confidential(server, session, "wrong").acquire_token_for_client(_scope(server)))

    refused = await asyncio.to_thread(story)

    assert (refused["error"], refused["error_codes"]) == ("invalid_client", [7000215])


async def test_the_refresh_token_of_the_environment_works(server: Running, session: httpx.Client) -> None:
    def story() -> dict[str, Any]:
        token = server.environment["COSELL_PARTNER_CENTER__REFRESH_TOKEN"]
        return dict(_confidential(server, session).acquire_token_by_refresh_token(token, _scope(server)))

    token = await asyncio.to_thread(story)

    assert token["id_token_claims"]["preferred_username"] == identities.ADMIN.user
    assert token["refresh_token"] != identities.REFRESH_TOKEN
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(
            f"{server.urls['http']}/v1.0/engagements/referrals",
            headers={"Authorization": f"Bearer {token['access_token']}"},
        )
    assert answer.status_code == 200


async def test_a_revoked_refresh_token_is_an_invalid_grant(server: Running, session: httpx.Client) -> None:
    server.emulators.entra.directory.revoke_grants()

    def story() -> dict[str, Any]:
        token = server.environment["COSELL_PARTNER_CENTER__REFRESH_TOKEN"]
        return dict(_confidential(server, session).acquire_token_by_refresh_token(token, _scope(server)))

    assert (await asyncio.to_thread(story))["error"] == "invalid_grant"


async def test_the_device_code_flow_signs_a_person_in_and_stays_signed_in(
    server: Running, session: httpx.Client
) -> None:
    def story() -> tuple[dict[str, Any], dict[str, Any]]:
        app = msal.PublicClientApplication(identities.PARTNER_CLIENT_ID, **_options(server, session))
        flow = app.initiate_device_flow(_scope(server))
        server.emulators.entra.device_codes.answer(
            user_code=flow["user_code"], user=identities.ADMIN.user, state="approved"
        )
        token = app.acquire_token_by_device_flow(flow)
        (account,) = app.get_accounts()
        other = [f"{server.environment['COSELL_PARTNER_CENTER__WEBHOOK_API_URL']}/.default"]
        return token, app.acquire_token_silent(other, account)

    token, other = await asyncio.to_thread(story)

    assert token["id_token_claims"]["name"] == "Noor Haddad"
    assert token["refresh_token"]
    assert other["access_token"] != token["access_token"]


@pytest.mark.parametrize("with_chain", [False, True])
async def test_a_certificate_proves_the_app(
    server: Running, session: httpx.Client, pki: Pki, *, with_chain: bool
) -> None:
    mine: Issued = pki.leaf
    server.emulators.entra.directory.put_app(
        client_id=identities.PARTNER_CLIENT_ID, secret=None, certificates=(mine.pem.decode(),)
    )
    credential = {"private_key": mine.key_pem.decode()}
    if with_chain:
        credential["public_certificate"] = mine.pem.decode()
    else:
        credential["thumbprint"] = mine.certificate.fingerprint(hashes.SHA1()).hex()  # noqa: S303 - msal's x5t

    def story() -> dict[str, Any]:
        return dict(_confidential(server, session, credential).acquire_token_for_client(_scope(server)))

    assert "access_token" in await asyncio.to_thread(story)


async def test_a_certificate_nobody_registered_proves_nothing(server: Running, session: httpx.Client, pki: Pki) -> None:
    credential = {"private_key": pki.leaf.key_pem.decode(), "public_certificate": pki.leaf.pem.decode()}

    def story() -> dict[str, Any]:
        return dict(_confidential(server, session, credential).acquire_token_for_client(_scope(server)))

    assert (await asyncio.to_thread(story))["error_codes"] == [700027]

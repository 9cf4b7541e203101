"""The emulators as they are served: ports, TLS, the ready line, restarts, signals, and connections that break."""

import asyncio
import json
import os
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from cosell.emulators import identities
from cosell.emulators.server import Running, ServerOptions, running
from tests.emulators.stand import own_referral

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(ServerOptions(port=0, data=tmp_path)) as state:
        yield state


@pytest.fixture
async def http(server: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with _client(server) as client:
        yield client


def _client(server: Running) -> httpx.AsyncClient:
    trust = ssl.create_default_context(cafile=server.environment["COSELL_CA_BUNDLE"])
    return httpx.AsyncClient(verify=trust, trust_env=False)


def _authority(server: Running) -> bytes:
    return Path(server.environment["COSELL_CA_BUNDLE"]).read_bytes()


def _folder_exists(server: Running) -> bool:
    return Path(server.environment["COSELL_CA_BUNDLE"]).parent.exists()


async def _sign_in(server: Running, http: httpx.AsyncClient) -> None:
    form = {
        "grant_type": "refresh_token",
        "client_id": server.environment["COSELL_PARTNER_CENTER__CLIENT_ID"],
        "client_secret": server.environment["COSELL_PARTNER_CENTER__CLIENT_SECRET"],
        "refresh_token": server.environment["COSELL_PARTNER_CENTER__REFRESH_TOKEN"],
        "scope": f"{server.urls['https']}/.default",
    }
    answer = await http.post(server.urls["token"], data=form)
    http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


async def _spoil(server: Running, http: httpx.AsyncClient, action: dict[str, object]) -> None:
    rule = {"path": "^/v1.0/", "action": action, "times": 1}
    (await http.put(f"{server.urls['controls']}faults", json=[rule])).raise_for_status()


async def test_everything_answers_on_both_ports_under_the_names_of_the_certificate(
    server: Running, http: httpx.AsyncClient
) -> None:
    secure = server.urls["https"]

    for url in (server.urls["http"], secure, secure.replace("localhost", "127.0.0.1")):
        assert (await http.get(f"{url}/_emulator/health")).json()["status"] == "healthy"


async def test_the_environment_leads_to_a_referral(server: Running, http: httpx.AsyncClient) -> None:
    await _sign_in(server, http)

    api = server.environment["COSELL_PARTNER_CENTER__API_URL"]
    created = await http.post(f"{api}/engagements/referrals", json=own_referral())

    assert created.status_code == 201
    assert (await http.get(created.json()["links"]["self"]["uri"])).json()["id"] == created.json()["id"]


async def test_a_call_cut_before_the_effect_had_none(server: Running, http: httpx.AsyncClient) -> None:
    await _sign_in(server, http)
    await _spoil(server, http, {"reset": "before"})

    with pytest.raises(httpx.RemoteProtocolError):
        await http.post(server.urls["partner_center"], json=own_referral())

    assert (await http.get(server.urls["partner_center"])).json()["value"] == []


async def test_a_call_cut_after_the_effect_had_it(server: Running, http: httpx.AsyncClient) -> None:
    await _sign_in(server, http)
    await _spoil(server, http, {"reset": "after"})

    with pytest.raises(httpx.RemoteProtocolError):
        await http.post(server.urls["partner_center"], json=own_referral())

    assert len((await http.get(server.urls["partner_center"])).json()["value"]) == 1


async def test_half_a_body_is_noticed(server: Running, http: httpx.AsyncClient) -> None:
    await _sign_in(server, http)
    await _spoil(server, http, {"truncate": True})

    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without sending complete"):
        await http.get(server.urls["partner_center"])


async def test_a_made_up_answer_comes_instead(server: Running, http: httpx.AsyncClient) -> None:
    body = {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 57 seconds."}
    await _spoil(server, http, {"status": 429, "headers": {"Retry-After": "57"}, "body": body})

    answer = await http.get(server.urls["partner_center"])

    assert (answer.status_code, answer.headers["Retry-After"], answer.json()) == (429, "57", body)


async def test_a_delayed_answer_can_come_too_late(server: Running, http: httpx.AsyncClient) -> None:
    await _spoil(server, http, {"delay_ms": 500})

    with pytest.raises(httpx.ReadTimeout):
        await http.get(server.urls["partner_center"], timeout=0.1)


async def test_rules_count_their_matches(server: Running, http: httpx.AsyncClient) -> None:
    rules = [
        {"method": "get", "path": "^/v1.0/", "nth": 2, "action": {"status": 503}},
        {"path": "^/v1.0/", "probability": 0.0, "action": {"status": 500}},
    ]
    faults = f"{server.urls['controls']}faults"
    await http.put(faults, json=rules)

    statuses = [(await http.get(server.urls["partner_center"])).status_code for _ in range(3)]

    assert statuses == [401, 503, 401]
    told = (await http.get(faults)).json()["rules"]
    assert [(rule["matched"], rule["acted"]) for rule in told] == [(3, 1), (2, 0)]
    assert (await http.delete(faults)).json() == {"rules": []}


async def test_latency_is_added_to_the_vendors_calls_only(tmp_path: Path) -> None:
    options = ServerOptions(port=0, data=tmp_path, latency_ms=60)
    async with running(options) as server, _client(server) as http:
        await http.get(f"{server.urls['controls']}health")
        started = time.monotonic()
        await http.get(f"{server.urls['controls']}health")
        control = time.monotonic() - started
        await http.get(server.urls["partner_center"])

        assert control < 0.06 <= time.monotonic() - started - control


async def test_a_restart_on_the_same_data_comes_back_with_its_state(tmp_path: Path) -> None:
    async with running(ServerOptions(port=0, data=tmp_path)) as server, _client(server) as http:
        await _sign_in(server, http)
        created = (await http.post(server.urls["partner_center"], json=own_referral())).json()
        authority = _authority(server)

    async with running(ServerOptions(port=0, data=tmp_path)) as server, _client(server) as http:
        assert (await http.get(server.urls["partner_center"])).status_code == 401
        await _sign_in(server, http)
        listed = (await http.get(server.urls["partner_center"])).json()["value"]

        assert [referral["id"] for referral in listed] == [created["id"]]
        assert listed[0]["eTag"] == created["eTag"]
        assert _authority(server) == authority


async def test_without_a_data_directory_nothing_is_left_behind() -> None:
    async with running(ServerOptions(port=0)) as server:
        assert _folder_exists(server)

    assert not _folder_exists(server)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_command_prints_one_line_and_ends_at_once_when_told(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cosell.emulators", "--port", "0", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    told = json.loads(await process.stdout.readline())
    async with httpx.AsyncClient(trust_env=False) as http:
        environment = (await http.get(f"{told['urls']['controls']}environment")).json()
        started = time.monotonic()
        os.kill(process.pid, number)
        rest, _ = await process.communicate()

    assert environment == told
    assert process.returncode == 0
    assert time.monotonic() - started < 2
    assert rest == b""
    assert told["environment"]["COSELL_DATAVERSE__CLIENT_ID"] == identities.CRM_CLIENT_ID


async def test_a_taken_port_is_told(tmp_path: Path) -> None:
    async with running(ServerOptions(port=0, data=tmp_path)) as server:
        port = server.urls["http"].rpartition(":")[2]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "cosell.emulators", "--port", port, "--tls-port", "0"),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        printed, errors = await process.communicate()

    assert (process.returncode, printed) == (1, b"")
    assert b"cannot listen" in errors


async def test_a_public_name_is_in_the_certificate_and_all_addresses(tmp_path: Path) -> None:
    async with running(ServerOptions(port=0, data=tmp_path, public_host="emulators")) as server:
        port = server.urls["https"].rpartition(":")[2]
        trust = ssl.create_default_context(cafile=server.environment["COSELL_CA_BUNDLE"])
        reader, writer = await asyncio.open_connection("127.0.0.1", int(port), ssl=trust, server_hostname="emulators")
        writer.write(b"GET /_emulator/environment HTTP/1.1\r\nHost: emulators\r\nConnection: close\r\n\r\n")
        answer = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()

    assert f'"COSELL_DATAVERSE__URL":"https://emulators:{port}"' in answer
    assert f'"COSELL_PARTNER_CENTER__WEBHOOK_API_URL":"https://emulators:{port}"' in answer

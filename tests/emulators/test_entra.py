"""Entra's endpoints, called as a plain OAuth client does."""

from typing import Any

import httpx
import pytest

from cosell.emulators import identities
from tests.emulators.stand import API, REFERRALS, WEBHOOK_API, Stand

TOKEN = f"{API}/{identities.TENANT_ID}/oauth2/v2.0/token"
DEVICE_CODE = f"{API}/{identities.TENANT_ID}/oauth2/v2.0/devicecode"
APP = {"client_id": identities.PARTNER_CLIENT_ID, "client_secret": identities.PARTNER_CLIENT_SECRET}
CREDENTIALS = {"grant_type": "client_credentials", **APP, "scope": f"{API}/.default"}
REFRESH = {"grant_type": "refresh_token", **APP, "refresh_token": identities.REFRESH_TOKEN, "scope": f"{API}/.default"}


def _refused(answer: httpx.Response) -> tuple[int, str, int]:
    body = answer.json()
    assert body["error_description"].startswith(f"AADSTS{body['error_codes'][0]}: ")
    assert {"timestamp", "trace_id", "correlation_id"} <= set(body)
    return answer.status_code, body["error"], body["error_codes"][0]


async def test_an_app_gets_a_token_by_its_secret(stand: Stand) -> None:
    token = (await stand.http.post(TOKEN, data=CREDENTIALS)).json()

    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3599)
    assert "refresh_token" not in token


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"client_secret": "wrong"}, (401, "invalid_client", 7000215)),
        ({"client_secret": ""}, (401, "invalid_client", 7000218)),
        ({"client_id": "11111111-2222-4333-8444-555555555555"}, (400, "unauthorized_client", 700016)),
        ({"client_id": ""}, (400, "invalid_request", 900144)),
        ({"scope": f"{API}/user_impersonation"}, (400, "invalid_scope", 1002012)),
        ({"scope": ""}, (400, "invalid_request", 900144)),
        ({"grant_type": "password"}, (400, "unsupported_grant_type", 70003)),
        ({"grant_type": ""}, (400, "invalid_request", 900144)),
        ({"client_assertion": "not.a.token"}, (401, "invalid_client", 700027)),
    ],
)
async def test_what_is_wrong_is_told_by_number(
    stand: Stand, changes: dict[str, str], refusal: tuple[int, str, int]
) -> None:
    assert _refused(await stand.http.post(TOKEN, data=CREDENTIALS | changes)) == refusal


@pytest.mark.parametrize("tenant", ["99999999-2222-4333-8444-555555555555", "common"])
async def test_an_app_needs_its_tenant(stand: Stand, tenant: str) -> None:
    answer = await stand.http.post(TOKEN.replace(identities.TENANT_ID, tenant), data=CREDENTIALS)

    assert _refused(answer) == (400, "invalid_request", 90002)


async def test_the_secret_may_come_in_the_header(stand: Stand) -> None:
    form = {"grant_type": "client_credentials", "scope": f"{API}/.default"}

    answer = await stand.http.post(
        TOKEN, data=form, auth=(identities.PARTNER_CLIENT_ID, identities.PARTNER_CLIENT_SECRET)
    )

    assert answer.status_code == 200


async def test_a_refresh_token_opens_either_api_and_is_rotated_but_stays_valid(stand: Stand) -> None:
    first = (await stand.http.post(TOKEN, data=REFRESH)).json()
    second = (await stand.http.post(TOKEN, data=REFRESH | {"scope": f"{WEBHOOK_API}/.default"})).json()

    assert len({first["refresh_token"], second["refresh_token"], identities.REFRESH_TOKEN}) == 3
    bearer = {"Authorization": f"Bearer {first['access_token']}"}
    assert (await stand.http.get(REFERRALS, headers=bearer)).status_code == 200
    used = (await stand.control("GET", "refresh-tokens"))["refresh_tokens"]
    assert [each["use_count"] for each in used] == [2, 0, 0]


@pytest.mark.parametrize(
    ("control", "refusal"),
    [
        (("POST", "revoke", {"kind": "refresh"}), (400, "invalid_grant", 50173)),
        (("POST", "clock", {"advance_seconds": 91 * 86_400}), (400, "invalid_grant", 70008)),
        (
            ("POST", "users", {"user": identities.ADMIN.user, "mfa": "required"}),
            (400, "invalid_grant", 50076),
        ),
    ],
)
async def test_a_refresh_token_dies(stand: Stand, control: tuple[str, str, Any], refusal: tuple[int, str, int]) -> None:
    await stand.control(*control)

    assert _refused(await stand.http.post(TOKEN, data=REFRESH)) == refusal


@pytest.mark.parametrize(
    ("changes", "number"), [({"refresh_token": "made-up"}, 9002313), ({"client_secret": ""}, 7000218)]
)
async def test_a_refresh_token_has_to_be_ours_and_the_app_to_prove_itself(
    stand: Stand, changes: dict[str, str], number: int
) -> None:
    assert _refused(await stand.http.post(TOKEN, data=REFRESH | changes))[2] == number


async def test_a_user_without_second_factor_gets_a_token_without_the_claim(stand: Stand) -> None:
    await stand.control("POST", "users", {"user": identities.ADMIN.user, "mfa": "missing"})

    token = (await stand.http.post(TOKEN, data=REFRESH)).json()

    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    assert (await stand.http.get(REFERRALS, headers=bearer)).status_code == 403


async def test_the_older_endpoint_takes_a_resource_and_answers_numbers_as_text(stand: Stand) -> None:
    form = {name: value for name, value in REFRESH.items() if name != "scope"} | {"resource": API, "scope": "openid"}

    token = (await stand.http.post(TOKEN.replace("/v2.0", ""), data=form)).json()

    assert (token["expires_in"], token["resource"]) == ("3599", API)
    assert token["expires_on"].isdecimal()
    assert {"refresh_token", "id_token"} <= set(token)


async def test_a_device_code_waits_for_a_person(stand: Stand) -> None:
    form = {"client_id": APP["client_id"], "scope": f"{API}/.default openid offline_access"}
    code = (await stand.http.post(DEVICE_CODE, data=form)).json()
    poll = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "client_id": APP["client_id"],
        "device_code": code["device_code"],
    }

    pending = await stand.http.post(TOKEN, data=poll)
    waiting = await stand.control("GET", "device")
    await stand.control("POST", "device/approve", {"user_code": code["user_code"].lower()})
    token = await stand.http.post(TOKEN, data=poll)
    again = await stand.http.post(TOKEN, data=poll)

    assert code["user_code"] in code["message"]
    assert _refused(pending)[1] == "authorization_pending"
    assert waiting == {"waiting": [code["user_code"]]}
    assert {"access_token", "refresh_token", "id_token"} <= set(token.json())
    assert _refused(again)[1] == "bad_verification_code"
    refresh = {name: value for name, value in REFRESH.items() if name != "client_secret"}
    refreshed = await stand.http.post(TOKEN, data=refresh | {"refresh_token": token.json()["refresh_token"]})
    assert refreshed.status_code == 200


async def test_a_single_use_refresh_token_that_comes_again_ends_all_of_that_person(stand: Stand) -> None:
    await stand.control("POST", "options", {"entra": {"refresh_tokens": "single_use"}})
    rotated = (await stand.http.post(TOKEN, data=REFRESH)).json()["refresh_token"]
    assert (await stand.http.post(TOKEN, data=REFRESH | {"refresh_token": rotated})).status_code == 200

    assert _refused(await stand.http.post(TOKEN, data=REFRESH)) == (400, "invalid_grant", 50173)

    told = (await stand.control("GET", "refresh-tokens"))["refresh_tokens"]
    assert {token["is_revoked"] for token in told} == {True}
    await stand.control("POST", "reset")
    assert [(await stand.http.post(TOKEN, data=REFRESH)).status_code for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(
    ("control", "error"),
    [
        (("POST", "device/decline", {}), "authorization_declined"),
        (("POST", "clock", {"advance_seconds": 901}), "expired_token"),
    ],
)
async def test_a_device_code_is_declined_or_expires(
    stand: Stand, control: tuple[str, str, dict[str, Any]], error: str
) -> None:
    form = {"client_id": APP["client_id"], "scope": f"{API}/.default"}
    code = (await stand.http.post(DEVICE_CODE, data=form)).json()
    method, path, body = control
    await stand.control(method, path, body or {"user_code": code["user_code"]})

    poll = {"grant_type": "device_code", "client_id": APP["client_id"], "device_code": code["device_code"]}
    assert _refused(await stand.http.post(TOKEN, data=poll))[1] == error


async def test_a_device_code_needs_a_known_app_and_a_scope(stand: Stand) -> None:
    assert _refused(await stand.http.post(DEVICE_CODE, data={"client_id": APP["client_id"]}))[2] == 900144
    assert _refused(await stand.http.post(DEVICE_CODE, data={"client_id": "x", "scope": "openid"}))[2] == 700016


async def test_a_person_enters_the_code_on_a_page(stand: Stand) -> None:
    form = {"client_id": APP["client_id"], "scope": f"{API}/.default"}
    code = (await stand.http.post(DEVICE_CODE, data=form)).json()
    page = code["verification_uri"]

    assert "user_code" in (await stand.http.get(page)).text
    assert (await stand.http.post(page, data={"user_code": "WRONG"})).status_code == 400
    unknown = {"user_code": code["user_code"], "user": "nobody@contoso-partner.example"}
    assert (await stand.http.post(page, data=unknown)).status_code == 400
    assert (await stand.http.post(page, data={"user_code": code["user_code"]})).status_code == 200


async def test_discovery_names_the_endpoints_at_the_address_that_was_asked(stand: Stand) -> None:
    path = f"/{identities.TENANT_ID}/v2.0/.well-known/openid-configuration"
    told = (await stand.http.get(f"{API}{path}")).json()

    assert (told["token_endpoint"], told["device_authorization_endpoint"]) == (TOKEN, DEVICE_CODE)
    instance = (await stand.http.get(f"{API}/common/discovery/instance")).json()
    assert instance["tenant_discovery_endpoint"] == f"{API}{path}"
    unknown = await stand.http.get(f"{API}/nobody.example/v2.0/.well-known/openid-configuration")
    assert _refused(unknown) == (400, "invalid_tenant", 90002)

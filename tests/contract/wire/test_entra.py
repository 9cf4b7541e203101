"""What the token endpoint answers (Microsoft: identity platform, client credentials and authorization code flows)."""

import httpx
import pytest

from tests.contract.wire.services import Services, origin_of, refusal

CLIENT_CREDENTIALS = "OAuth 2.0 client credentials flow"
ERROR_CODES = "Microsoft Entra authentication and authorization error codes"
NOBODY = "00000000-0000-4000-8000-00000000dead"


def crm_token(services: Services, **changes: str) -> httpx.Response:
    tenant = services.variable("COSELL_DATAVERSE__TENANT_ID")
    return services.ask_for_token(tenant, services.crm_form(**changes))


@pytest.mark.documented(CLIENT_CREDENTIALS)
def test_an_app_signs_in_by_secret_and_gets_no_refresh_token(services: Services) -> None:
    answer = crm_token(services)
    assert answer.status_code == 200
    told = answer.json()
    assert told["token_type"] == "Bearer"
    assert isinstance(told["expires_in"], int)
    assert told["expires_in"] > 0
    assert "refresh_token" not in told


@pytest.mark.documented("Enable the secure application model: sample answer of the v1 endpoint")
def test_the_v1_endpoint_takes_a_resource_and_tells_times_as_text(services: Services) -> None:
    form = services.crm_form(resource=origin_of(services.variable("COSELL_DATAVERSE__URL")))
    del form["scope"]
    answer = services.ask_for_token(services.variable("COSELL_DATAVERSE__TENANT_ID"), form, version="")
    assert answer.status_code == 200
    told = answer.json()
    assert isinstance(told["expires_in"], str)
    assert isinstance(told["expires_on"], str)
    assert told["expires_on"].isdecimal()


@pytest.mark.documented("Refresh tokens in the Microsoft identity platform")
def test_a_refresh_token_is_answered_with_a_new_one_and_stays_good(services: Services) -> None:
    tenant = services.variable("COSELL_PARTNER_CENTER__TENANT_ID")
    audience = origin_of(services.variable("COSELL_PARTNER_CENTER__API_URL"))
    for _ in range(2):
        answer = services.ask_for_token(tenant, services.partner_form(audience))
        assert answer.status_code == 200
        told = answer.json()
        assert told["refresh_token"]
        assert told["access_token"]


@pytest.mark.documented("Enable the secure application model: one refresh token, a token per resource")
def test_one_refresh_token_opens_both_apis_of_partner_center(services: Services) -> None:
    names = ("COSELL_PARTNER_CENTER__API_URL", "COSELL_PARTNER_CENTER__WEBHOOK_API_URL")
    tokens = {services.partner_token(to=name) for name in names}
    assert len(tokens) == 2


@pytest.mark.parametrize(
    ("changes", "status", "error", "number"),
    [
        pytest.param({"client_secret": "not-the-secret"}, 401, "invalid_client", 7000215, id="wrong secret"),
        pytest.param({"client_id": NOBODY}, 400, "unauthorized_client", 700016, id="unknown app"),
        pytest.param({"scope": "user.read"}, 400, "invalid_scope", 1002012, id="scope without .default"),
        pytest.param({"grant_type": "telepathy"}, 400, "unsupported_grant_type", 70003, id="unknown grant"),
        pytest.param(
            {"grant_type": "refresh_token", "refresh_token": "made-up"}, 400, "invalid_grant", 9002313,
            id="made-up refresh token",
        ),
    ],
)  # fmt: skip
@pytest.mark.documented(ERROR_CODES)
def test_a_refusal_has_oauths_name_and_entras_number(
    services: Services, changes: dict[str, str], status: int, error: str, number: int
) -> None:
    answer = crm_token(services, **changes)
    assert refusal(answer) == (status, error)
    told = answer.json()
    assert told["error_codes"] == [number]
    assert told["error_description"].startswith(f"AADSTS{number}: ")
    assert {"timestamp", "trace_id", "correlation_id"} <= set(told)


@pytest.mark.documented(ERROR_CODES)
def test_an_unknown_tenant_is_aadsts90002(services: Services) -> None:
    answer = services.ask_for_token(NOBODY, services.crm_form())
    assert answer.status_code == 400
    assert answer.json()["error_codes"] == [90002]

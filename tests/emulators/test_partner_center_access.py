"""Who is let in: audiences, roles, second factor, app-only tokens, and the gateway's limit."""

import pytest

from cosell.emulators import identities
from tests.emulators.stand import API, REFERRALS, REGISTRATION, WEBHOOK_API, Stand, code_of, own_referral, person


async def test_no_token_or_a_wrong_one_is_refused(stand: Stand) -> None:
    for header in ("", "Bearer made-up", "Basic abc"):
        answer = await stand.http.get(REFERRALS, headers={"Authorization": header})
        assert code_of(answer) == (401, "unauthenticated", None)


async def test_a_token_ends_after_an_hour(stand: Stand) -> None:
    await stand.control("POST", "clock", {"advance_seconds": 3600})

    assert (await stand.http.get(REFERRALS)).status_code == 401


async def test_a_revoked_token_is_refused(stand: Stand) -> None:
    await stand.control("POST", "revoke", {"kind": "access"})

    assert (await stand.http.get(REFERRALS)).status_code == 401


async def test_the_two_apis_do_not_take_one_anothers_tokens(stand: Stand) -> None:
    for_webhooks = await stand.sign_in(audience=WEBHOOK_API)
    for_referrals = await stand.sign_in(audience=API)

    assert (await stand.http.get(REFERRALS, headers=for_webhooks)).status_code == 401
    refused = await stand.http.get(f"{REGISTRATION}/events", headers=for_referrals)
    assert (refused.status_code, refused.json()["code"]) == (401, "900420")
    assert refused.json()["source"] == "PartnerCenter"


async def test_a_token_is_good_at_the_plain_port_of_the_same_host(stand: Stand) -> None:
    assert (await stand.http.get(REFERRALS.replace("https:", "http:"))).status_code == 200


async def test_an_app_cannot_see_referrals_but_can_register_webhooks(stand: Stand) -> None:
    async def app_only(origin: str) -> dict[str, str]:
        form = {
            "grant_type": "client_credentials",
            "client_id": identities.PARTNER_CLIENT_ID,
            "client_secret": identities.PARTNER_CLIENT_SECRET,
            "scope": f"{origin}/.default",
        }
        answer = await stand.http.post(f"{API}/{identities.TENANT_ID}/oauth2/v2.0/token", data=form)
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    refused = await stand.http.get(REFERRALS, headers=await app_only(API))
    events = await stand.http.get(f"{REGISTRATION}/events", headers=await app_only(WEBHOOK_API))

    assert code_of(refused) == (403, "accessDenied", "appOnlyToken")
    assert events.status_code == 200


async def test_a_token_without_second_factor_is_refused(stand: Stand) -> None:
    token = await stand.sign_in(mfa=False)

    answer = await stand.http.get(REFERRALS, headers={**token, "ValidateMfa": "true"})

    assert code_of(answer) == (403, "accessDenied", "insufficient_claims")
    assert answer.headers["isMfaCompliant"] == "false"
    assert "insufficient_claims" in answer.headers["WWW-Authenticate"]


async def test_the_second_factor_can_be_made_optional(stand: Stand) -> None:
    await stand.control("POST", "options", {"mfa_required": False})

    assert (await stand.http.get(REFERRALS, headers=await stand.sign_in(mfa=False))).status_code == 200


async def test_a_compliant_token_is_told_so_when_asked(stand: Stand) -> None:
    answer = await stand.http.get(REFERRALS, headers={"ValidateMfa": "true"})

    assert answer.headers["isMfaCompliant"] == "true"


async def test_a_referrals_user_sees_the_deals_whose_team_holds_them(stand: Stand) -> None:
    mine = await stand.created()
    other = await stand.created(own_referral(team=[person("Ines", "Okafor", identities.MANAGER.user)]))
    seller = await stand.sign_in(user=identities.SELLER.user)

    listed = (await stand.http.get(REFERRALS, headers=seller)).json()["value"]

    assert [referral["id"] for referral in listed] == [mine["id"]]
    assert (await stand.http.get(f"{REFERRALS}/{mine['id']}", headers=seller)).status_code == 200
    assert (await stand.http.get(f"{REFERRALS}/{other['id']}", headers=seller)).status_code == 404
    related = other["links"]["relatedReferrals"]["uri"]
    assert (await stand.http.get(related, headers=seller)).json()["value"] == []


async def test_a_referrals_user_creates_only_deals_of_their_own(stand: Stand) -> None:
    seller = await stand.sign_in(user=identities.SELLER.user)
    foreign = own_referral(team=[person("Ines", "Okafor", identities.MANAGER.user)])

    assert (await stand.http.post(REFERRALS, json=own_referral(), headers=seller)).status_code == 201
    assert code_of(await stand.http.post(REFERRALS, json=foreign, headers=seller))[2] == "notInTeam"


@pytest.mark.parametrize(("role", "status"), [("none", 403), ("referrals_user", 200), ("referrals_admin", 200)])
async def test_roles_decide(stand: Stand, role: str, status: int) -> None:
    await stand.control("POST", "users", {"user": identities.OUTSIDER.user, "role": role})
    token = await stand.sign_in(user=identities.OUTSIDER.user)

    assert (await stand.http.get(REFERRALS, headers=token)).status_code == status


async def test_a_referrals_user_may_not_register_webhooks(stand: Stand) -> None:
    token = await stand.sign_in(user=identities.SELLER.user, audience=WEBHOOK_API)

    assert (await stand.http.get(REGISTRATION, headers=token)).status_code == 403


async def test_the_gateway_lets_only_so_many_calls_through(stand: Stand) -> None:
    await stand.control("POST", "options", {"limit_requests": 2, "limit_seconds": 60})

    answers = [await stand.http.get(REFERRALS) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["Retry-After"]) in {59, 60}
    assert answers[2].json()["statusCode"] == 429
    await stand.control("POST", "clock", {"advance_seconds": 60})
    assert (await stand.http.get(REFERRALS)).status_code == 200


@pytest.mark.parametrize(("path", "format_"), [("/v1.0/engagements/x/y", "error"), ("/webhooks/v2/zzz", "code")])
async def test_a_path_nobody_serves_is_not_found_in_the_format_of_its_api(
    stand: Stand, caplog: pytest.LogCaptureFixture, path: str, format_: str
) -> None:
    answer = await stand.http.get(f"{API}{path}")

    assert answer.status_code == 404
    assert format_ in answer.json()
    assert "nothing is emulated at GET" in caplog.text

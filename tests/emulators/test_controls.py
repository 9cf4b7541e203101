"""The controls under /_emulator/."""

import json
import time
from typing import Any

import pytest

from cosell.emulators import identities
from tests.emulators.stand import API, REFERRALS, WEBHOOK_API, Json, Stand, code_of, own_referral

CONTROLS = f"{API}/_emulator"


async def test_the_index_lists_every_control(stand: Stand) -> None:
    told = await stand.control("GET", "")

    paths = {(each["method"], each["path"]) for each in told["controls"]}
    assert ("POST", "/_emulator/reset") in paths
    assert ("POST", "/_emulator/microsoft/referrals/{referral_id}/accept") in paths
    assert (await stand.http.get(f"{CONTROLS}/nothing")).status_code == 404


async def test_the_environment_names_every_setting(stand: Stand) -> None:
    told = await stand.control("GET", "environment")

    environment = told["environment"]
    assert environment["COSELL_PARTNER_CENTER__API_URL"] == f"{API}/v1.0"
    assert environment["COSELL_PARTNER_CENTER__WEBHOOK_API_URL"] == WEBHOOK_API
    assert json.loads(environment["COSELL_RECEIVER__CERTIFICATE_HOSTS"]) == ["localhost"]
    assert {
        "COSELL_DATAVERSE__URL",
        "COSELL_DATAVERSE__TENANT_ID",
        "COSELL_DATAVERSE__CLIENT_ID",
        "COSELL_DATAVERSE__CLIENT_SECRET",
        "COSELL_PARTNER_CENTER__TENANT_ID",
        "COSELL_PARTNER_CENTER__CLIENT_ID",
        "COSELL_PARTNER_CENTER__CLIENT_SECRET",
        "COSELL_PARTNER_CENTER__REFRESH_TOKEN",
        "COSELL_AUTHORITY",
        "COSELL_CA_BUNDLE",
        "COSELL_RECEIVER__TRUST_ROOTS",
    } <= set(environment)


async def test_calls_are_counted_by_template_and_service(stand: Stand) -> None:
    await stand.control("DELETE", "requests")
    own = await stand.created()
    await stand.got(own["id"])
    await stand.got(own["id"])
    await stand.http.get(f"{REFERRALS}/00000000-0000-4000-8000-000000000000")

    told = await stand.control("GET", "requests?recent=2")

    assert told["counts"]["GET /v1.0/engagements/referrals/{id}"] == 3
    assert told["counts"]["POST /v1.0/engagements/referrals"] == 1
    assert (told["api_total"], told["by_service"]["partner_center"]) == (4, 4)
    route = next(each for each in told["routes"] if each["route"].endswith("{id}"))
    assert (route["service"], route["method"], route["failed"]) == ("partner_center", "GET", 1)
    assert [each["status"] for each in told["recent"]] == [200, 404]
    assert set(told["recent"][0]) == {"method", "path", "status", "at"}


async def test_reset_goes_back_to_the_first_day(stand: Stand) -> None:
    await stand.created()
    await stand.register()
    await stand.control("POST", "clock", {"advance_seconds": 86_400})
    await stand.control("PUT", "faults", [{"path": "referrals", "action": {"status": 503}, "nth": 99}])
    await stand.control("POST", "options", {"page_size": 1})
    await stand.control("POST", "revoke", {"kind": "refresh"})
    await stand.http.post(REFERRALS, json={})

    await stand.control("POST", "reset")

    stand.http.headers.update(await stand.sign_in())
    assert (await stand.http.get(REFERRALS)).json()["value"] == []
    assert await stand.violated() == []
    assert (await stand.control("GET", "faults")) == {"rules": []}
    assert (await stand.control("GET", "options"))["partner_center"]["page_size"] == 100
    assert not (await stand.control("GET", "refresh-tokens"))["refresh_tokens"][0]["is_revoked"]
    assert (await stand.control("GET", "deliveries"))["counts"] == {}


async def test_seeding_is_the_same_for_a_seed_and_differs_for_another(stand: Stand) -> None:
    async def seeded(seed: int) -> list[tuple[str, Any]]:
        await stand.control("POST", "reset")
        await stand.control("POST", "seed", {"referrals": 30, "seed": seed})
        stand.http.headers.update(await stand.sign_in())
        value = (await stand.http.get(REFERRALS)).json()["value"]
        return sorted((each["id"], each["details"]["dealValue"]) for each in value)

    first, again, other = await seeded(1), await seeded(1), await seeded(2)

    assert first == again
    assert not set(first) & set(other)


async def test_seeded_deals_are_of_all_kinds_and_dirty(stand: Stand) -> None:
    await stand.control("POST", "options", {"page_size": 1000, "related_copies_in_lists": True})
    await stand.control("POST", "seed", {"referrals": 300, "seed": 1})

    deals = (await stand.http.get(REFERRALS)).json()["value"]

    ours = [deal for deal in deals if deal["organizationId"] == identities.ORGANIZATION_ID]
    assert len(ours) == 300
    assert len(deals) > 400
    assert {deal["substatus"] for deal in ours} >= {"Pending", "Accepted", "Won", "Lost"}
    assert {deal["details"]["notes"] for deal in ours} >= {None, ""}
    assert {deal["externalReferenceId"] for deal in ours} == {None, ""}
    assert any(deal["name"].endswith(" ") for deal in ours)
    assert len({deal["details"]["currency"] for deal in ours}) > 4
    assert await stand.violated() == []


async def test_ten_thousand_deals_are_seeded_in_seconds(stand: Stand) -> None:
    started = time.monotonic()

    await stand.control("POST", "seed", {"referrals": 10_000, "seed": 1})

    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("seed", {"referrals": -1}),
        ("seed", {"referrals": "many"}),
        ("seed", []),
        ("clock", {}),
        ("clock", {"advance_seconds": "x"}),
        ("tokens", {}),
        ("revoke", {"kind": "everything"}),
        ("users", {"user": "a@b.example", "role": "king"}),
        ("options", {"page_size": "big"}),
        ("options", {"colour": 1}),
        ("options", {"next_link": "lost"}),
        ("device/approve", {}),
    ],
)
async def test_a_control_used_wrongly_says_how_it_is_used(stand: Stand, path: str, body: Json) -> None:
    answer = await stand.http.post(f"{CONTROLS}/{path}", json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "rule",
    [
        {"path": "x"},
        {"path": "(", "action": {"status": 500}},
        {"action": {"status": 42}},
        {"action": {"reset": "sometimes"}},
        {"action": {"webhook": "fold"}},
        {"action": {"explode": True}},
        {"action": {"delay_ms": "long"}},
        {"nth": 0, "action": {"status": 500}},
        {"probability": 2, "action": {"status": 500}},
        {"colour": "red", "action": {"status": 500}},
        "rule",
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(stand: Stand, rule: Json) -> None:
    assert (await stand.http.put(f"{CONTROLS}/faults", json=[rule])).status_code == 400


async def test_a_person_can_be_added_and_an_app_registered(stand: Stand) -> None:
    user = await stand.control("POST", "users", {"user": "kim.doe@contoso-partner.example", "role": "referrals_user"})
    app = await stand.control("POST", "apps", {"client_id": "second-app", "client_secret": "emulated"})

    assert (user["name"], user["role"], user["mfa"]) == ("Kim Doe", "referrals_user", "done")
    assert app == {"client_id": "second-app", "has_secret": True, "certificate_count": 0}


async def test_a_crash_of_our_own_is_a_500_of_the_api_and_makes_us_unhealthy(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(stand.emulators.partner_center.referrals, "find", crash)

    answer = await stand.http.get(f"{REFERRALS}/x")

    assert code_of(answer)[:2] == (500, "generalException")
    health = await stand.http.get(f"{CONTROLS}/health")
    assert (health.status_code, health.json()["status"]) == (503, "unhealthy")


async def test_all_is_well_at_first(stand: Stand) -> None:
    assert (await stand.control("GET", "health"))["status"] == "healthy"


async def test_violations_tell_what_was_wrong_where(stand: Stand) -> None:
    own = await stand.created()
    await stand.patch(own["id"], {"/customerProfile/name": "Other"})

    told = await stand.control("GET", "violations")

    assert told["count"] == 1
    violation = told["violations"][0]
    assert (violation["service"], violation["rule"]) == ("partner_center", "frozenField")
    assert violation["record"] == own["id"]
    await stand.control("DELETE", "violations")
    assert await stand.violated() == []


async def test_a_refused_read_is_no_violation(stand: Stand) -> None:
    await stand.created(own_referral())
    await stand.http.get(REFERRALS, params={"$filter": "nonsense"})

    assert await stand.violated() == []

"""Entra, Partner Center and Dataverse as one world."""

from cosell.emulators import identities
from tests.emulators.stand import API, WEBHOOK_API, Stand

CRM = f"{API}/api/data/v9.2"


async def _app_token(stand: Stand, origin: str) -> dict[str, str]:
    form = {
        "grant_type": "client_credentials",
        "client_id": identities.CRM_CLIENT_ID,
        "client_secret": identities.CRM_CLIENT_SECRET,
        "scope": f"{origin}/.default",
    }
    answer = await stand.http.post(f"{API}/{identities.TENANT_ID}/oauth2/v2.0/token", data=form)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_the_product_s_app_is_known_to_the_crm(stand: Stand) -> None:
    answer = await stand.http.get(f"{CRM}/WhoAmI", headers=await _app_token(stand, API))

    assert answer.status_code == 200


async def test_the_crm_takes_only_its_own_audience(stand: Stand) -> None:
    answer = await stand.http.get(f"{CRM}/WhoAmI", headers=await _app_token(stand, WEBHOOK_API))

    assert answer.status_code == 401


async def test_a_person_acts_in_the_crm_at_any_address(stand: Stand) -> None:
    token = await stand.control("POST", "tokens", {"user": identities.SELLER.user})
    bearer = {"Authorization": f"Bearer {token['access_token']}"}

    first = await stand.http.get(f"{CRM}/WhoAmI", headers=bearer)
    second = await stand.http.get(f"{CRM.replace('https://localhost', 'http://127.0.0.1')}/WhoAmI", headers=bearer)

    app = await stand.http.get(f"{CRM}/WhoAmI", headers=await _app_token(stand, API))
    assert first.json()["UserId"] == second.json()["UserId"] != app.json()["UserId"]


async def test_nobody_is_not_found(stand: Stand) -> None:
    answer = await stand.http.post(f"{API}/_emulator/tokens", json={"user": "nobody@contoso-partner.example"})

    assert answer.status_code == 404


async def test_a_registered_app_becomes_an_application_user(stand: Stand) -> None:
    client_id = "77777777-2222-4333-8444-555555555555"
    await stand.control("POST", "apps", {"client_id": client_id, "client_secret": "emulated"})
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": "emulated"}
    form["scope"] = f"{API}/.default"
    token = (await stand.http.post(f"{API}/{identities.TENANT_ID}/oauth2/v2.0/token", data=form)).json()

    answer = await stand.http.get(f"{CRM}/WhoAmI", headers={"Authorization": f"Bearer {token['access_token']}"})

    assert answer.status_code == 200


async def test_opportunities_are_seeded_and_reset(stand: Stand) -> None:
    headers = await _app_token(stand, API)

    async def count() -> str:
        return (await stand.http.get(f"{CRM}/opportunities/$count", headers=headers)).text.strip("\ufeff")

    await stand.control("POST", "seed", {"opportunities": 25})
    seeded = await count()
    await stand.control("POST", "reset")

    assert (seeded, await count()) == ("25", "0")


async def test_calls_to_the_crm_are_counted_without_their_keys(stand: Stand) -> None:
    await stand.control("DELETE", "requests")
    headers = await _app_token(stand, API)
    for key in ("11111111-2222-4333-8444-555555555555", "cosell_referralid='a''b(c)'"):
        await stand.http.get(f"{CRM}/opportunities({key})", headers=headers)

    counts = (await stand.control("GET", "requests"))["counts"]

    assert counts["GET /api/data/v9.2/opportunities({key})"] == 2


async def test_the_limits_of_the_crm_can_be_switched_on(stand: Stand) -> None:
    await stand.control("POST", "options", {"dataverse_limits": {"enabled": True, "requests": 2}})
    headers = await _app_token(stand, API)

    statuses = [(await stand.http.get(f"{CRM}/WhoAmI", headers=headers)).status_code for _ in range(3)]

    assert statuses == [200, 200, 429]

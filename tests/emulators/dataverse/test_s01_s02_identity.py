import httpx

from cosell.emulators.dataverse.app import DataverseService
from cosell.emulators.dataverse.environment import ORGANIZATION_ID
from tests.emulators.dataverse.conftest import CLIENT_ID, ROOT, Crm, error_of, make

SELLER = "seller@contoso-partner.example"


async def bare_get(crm: Crm, headers: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(crm.app), base_url=ROOT) as nobody:
        return await nobody.get("WhoAmI", headers=headers)


async def test_s01_a_missing_token_is_401_with_a_challenge(crm: Crm) -> None:
    reply = await bare_get(crm, {})
    assert error_of(reply) == (401, "0x80044302")
    assert reply.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")
    assert reply.headers["REQ_ID"]


async def test_s01_an_expired_token_is_401(crm: Crm) -> None:
    bearer = crm.token()
    crm.world.clock.advance(500 * 24 * 3600)
    assert (await bare_get(crm, {"Authorization": f"Bearer {bearer}"})).status_code == 401


async def test_s01_a_token_for_another_service_is_401(crm: Crm) -> None:
    bearer = crm.token(audience="https://graph.example")
    assert (await bare_get(crm, {"Authorization": f"Bearer {bearer}"})).status_code == 401


async def test_s01_the_audience_is_the_origin_a_proxy_names(crm: Crm) -> None:
    headers = {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "front.example"}
    bearer = crm.token(audience="http://front.example")
    reply = await bare_get(crm, {"Authorization": f"Bearer {bearer}", **headers})
    assert reply.status_code == 200
    assert reply.json()["@odata.context"].startswith("http://front.example/api/data/v9.2/$metadata")


async def test_s01_a_stranger_is_no_member_of_the_organization(crm: Crm) -> None:
    assert error_of(await crm.client("stranger@elsewhere.example").get("WhoAmI")) == (403, "0x80072560")
    unknown_app = crm.token(client_id="99999999-0000-4000-8000-000000000009")
    assert (await bare_get(crm, {"Authorization": f"Bearer {unknown_app}"})).status_code == 403


async def test_s01_a_user_without_roles_is_403(crm: Crm) -> None:
    assert error_of(await crm.client("no-role@contoso-partner.example").get("WhoAmI")) == (403, "0x80042f09")


async def test_s02_ids_are_fixed_over_resets_and_worlds(crm: Crm) -> None:
    mine = (await crm.client().get("WhoAmI")).json()
    hers = (await crm.client(SELLER).get("WhoAmI")).json()
    assert mine["OrganizationId"] == hers["OrganizationId"] == ORGANIZATION_ID == DataverseService.organization_id
    assert mine["UserId"] != hers["UserId"]
    crm.service.reset()
    assert (await crm.client(SELLER).get("WhoAmI")).json() == hers
    assert (await crm.client().get("WhoAmI")).json() == mine


async def test_s02_what_a_person_writes_bears_her_name(crm: Crm) -> None:
    seller = crm.client(SELLER)
    who = (await seller.get("WhoAmI")).json()["UserId"]
    row = await make(seller, "accounts", {"name": "Coho"})
    assert {row["_createdby_value"], row["_modifiedby_value"], row["_ownerid_value"]} == {who}


async def test_s02_the_application_user_carries_its_client_id(crm: Crm) -> None:
    api = crm.client()
    found = (await api.get(f"systemusers?$select=accessmode&$filter=applicationid eq {CLIENT_ID}")).json()["value"]
    assert [one["accessmode"] for one in found] == [4]
    assert crm.service.user_exists(SELLER)
    assert not crm.service.user_exists("stranger@elsewhere.example")


async def test_s02_a_salesperson_cannot_change_the_schema(crm: Crm) -> None:
    reply = await crm.client(SELLER).post("GlobalOptionSetDefinitions", json={"Name": "new_x"})
    assert error_of(reply) == (403, "0x80040220")


async def test_s02_a_reader_cannot_write(crm: Crm) -> None:
    reply = await crm.client("reader@contoso-partner.example").post("accounts", json={"name": "x"})
    assert error_of(reply) == (403, "0x80040220")
    assert "prvCreateAccount" in reply.json()["error"]["message"]

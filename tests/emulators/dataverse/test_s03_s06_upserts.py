import httpx
import pytest

from tests.emulators.dataverse.conftest import RETURN, ROOT, Crm, error_of, make

MISSING = "00000000-0000-4000-8000-000000000001"


async def test_s03_a_create_answers_204_with_the_address_and_no_content_type(api: httpx.AsyncClient) -> None:
    reply = await api.post("accounts", json={"name": "Coho"})
    assert (reply.status_code, reply.content) == (204, b"")
    assert reply.headers["OData-EntityId"].startswith(f"{ROOT}accounts(")
    assert "Content-Type" not in reply.headers
    assert "Preference-Applied" not in reply.headers


async def test_s03_a_create_with_representation_answers_201(api: httpx.AsyncClient) -> None:
    reply = await api.post("accounts?$select=name", json={"name": "Coho"}, headers=RETURN)
    assert reply.status_code == 201
    assert reply.headers["Preference-Applied"] == "return=representation"
    body = reply.json()
    assert body["@odata.context"] == f"{ROOT}$metadata#accounts(name)/$entity"
    assert set(body) == {"@odata.context", "@odata.etag", "name", "accountid"}


async def test_s03_an_update_answers_204_or_200(api: httpx.AsyncClient) -> None:
    row = await make(api, "accounts", {"name": "Coho"})
    address = f"accounts({row['accountid']})"
    assert (await api.patch(address, json={"name": "Coho 2"})).status_code == 204
    reply = await api.patch(f"{address}?$select=name&$expand=primarycontactid", json={"name": "C"}, headers=RETURN)
    assert (reply.status_code, reply.json()["name"]) == (200, "C")
    assert "primarycontactid" not in reply.json()


async def test_s03_delete_answers_204_and_then_404(api: httpx.AsyncClient) -> None:
    row = await make(api, "accounts", {"name": "Coho"})
    address = f"accounts({row['accountid']})"
    assert (await api.delete(address)).status_code == 204
    gone = await api.delete(address)
    assert error_of(gone) == (404, "0x80040217")
    assert gone.json()["error"]["message"] == f"Entity 'account' With Id = {row['accountid']} Does Not Exist"


async def test_s03_a_collection_refuses_delete(api: httpx.AsyncClient) -> None:
    assert (await api.delete("accounts")).status_code == 405


async def test_s04_patch_on_a_free_id_creates(api: httpx.AsyncClient) -> None:
    reply = await api.patch(f"accounts({MISSING})", json={"name": "Coho"})
    assert (reply.status_code, reply.headers["OData-EntityId"]) == (204, f"{ROOT}accounts({MISSING})")
    assert (await api.get(f"accounts({MISSING})")).json()["name"] == "Coho"


async def test_s04_if_match_star_never_creates(api: httpx.AsyncClient) -> None:
    reply = await api.patch(f"accounts({MISSING})", json={"name": "Coho"}, headers={"If-Match": "*"})
    assert error_of(reply) == (404, "0x80040217")


async def test_s04_if_none_match_star_never_updates(api: httpx.AsyncClient) -> None:
    row = await make(api, "accounts", {"name": "Coho"})
    reply = await api.patch(f"accounts({row['accountid']})", json={"name": "x"}, headers={"If-None-Match": "*"})
    assert error_of(reply) == (412, "0x80040237")
    assert reply.json()["error"]["message"] == "A record with matching key values already exists."


async def test_s04_an_id_in_a_create_is_taken_once(api: httpx.AsyncClient) -> None:
    body = {"name": "Coho", "accountid": MISSING}
    assert (await api.post("accounts", json=body)).status_code == 204
    assert error_of(await api.post("accounts", json=body)) == (412, "0x80040237")


async def test_s05_every_write_makes_a_new_weak_etag_even_without_a_change(api: httpx.AsyncClient) -> None:
    first = await make(api, "accounts", {"name": "Coho"})
    other = await make(api, "contacts", {"lastname": "Ito"})
    again = await api.patch(f"accounts({first['accountid']})", json={"name": "Coho"}, headers=RETURN)
    versions = [int(str(row["@odata.etag"])[3:-1]) for row in (first, other, again.json())]
    assert versions == sorted(set(versions))
    assert str(first["@odata.etag"]).startswith('W/"')
    assert again.json()["versionnumber"] == versions[2]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_s05_a_stale_etag_is_412(api: httpx.AsyncClient, method: str) -> None:
    row = await make(api, "accounts", {"name": "Coho"})
    address = f"accounts({row['accountid']})"
    await api.patch(address, json={"name": "moved"})
    reply = await api.request(method, address, json={"name": "x"}, headers={"If-Match": str(row["@odata.etag"])})
    assert error_of(reply) == (412, "0x80060882")
    assert reply.json()["error"]["message"] == (
        "The version of the existing record doesn't match the RowVersion property provided."
    )


async def test_s06_an_upsert_by_key_creates_once_and_echoes_the_key(api: httpx.AsyncClient) -> None:
    address = "opportunities(cosell_referralid='it''s mine')"
    first = await api.patch(address, json={"name": "one"})
    assert first.status_code == 204
    assert first.headers["OData-EntityId"] == f"{ROOT}opportunities(cosell_referralid='it%27%27s%20mine')"
    second = await api.patch(address, json={"name": "two"}, headers=RETURN)
    assert (second.status_code, second.json()["name"]) == (200, "two")
    assert second.json()["cosell_referralid"] == "it's mine"
    third = await api.patch("opportunities(cosell_referralid='r2')", json={"name": "x"}, headers=RETURN)
    assert third.status_code == 201
    assert (await api.get("opportunities/$count")).text == "2"


async def test_s06_key_conditions(api: httpx.AsyncClient) -> None:
    address = "opportunities(cosell_referralid='r1')"
    missing = await api.patch(address, json={"name": "x"}, headers={"If-Match": "*"})
    assert error_of(missing) == (404, "0x80060891")
    assert missing.json()["error"]["message"] == (
        "A record with the specified key values does not exist in opportunity entity"
    )
    assert error_of(await api.get(address)) == (404, "0x80060891")
    assert (await api.patch(address, json={"name": "x"}, headers={"If-None-Match": "*"})).status_code == 204
    assert error_of(await api.patch(address, json={"name": "y"}, headers={"If-None-Match": "*"})) == (412, "0x80040237")


async def test_s06_a_key_column_in_the_body_wins_on_create_and_is_dropped_on_update(api: httpx.AsyncClient) -> None:
    body = {"name": "x", "cosell_referralid": "from-body"}
    await api.patch("opportunities(cosell_referralid='from-url')", json=body)
    found = await api.get("opportunities(cosell_referralid='from-body')?$select=cosell_referralid")
    assert found.status_code == 200
    await api.patch("opportunities(cosell_referralid='from-body')", json={"cosell_referralid": "ignored"})
    assert (await api.get("opportunities(cosell_referralid='from-body')")).status_code == 200


async def test_s06_a_second_row_with_the_key_is_412(api: httpx.AsyncClient) -> None:
    await make(api, "opportunities", {"name": "x", "cosell_referralid": "R1"})
    reply = await api.post("opportunities", json={"name": "y", "cosell_referralid": "r1"})
    assert error_of(reply) == (412, "0x80060892")
    assert reply.json()["error"]["message"].startswith("Entity Key Referral key violated.")
    other = await make(api, "opportunities", {"name": "y"})
    moved = await api.patch(f"opportunities({other['opportunityid']})", json={"cosell_referralid": "R1"})
    assert error_of(moved) == (412, "0x80060892")


async def test_s06_rows_without_key_values_may_be_many(api: httpx.AsyncClient) -> None:
    for name in "ab":
        assert (await api.post("opportunities", json={"name": name})).status_code == 204


async def test_s06_what_is_no_key_is_refused(api: httpx.AsyncClient) -> None:
    assert error_of(await api.get("opportunities(name='x')")) == (400, "0x80060890")
    assert error_of(await api.get("opportunities(customerid='x')")) == (400, "0x80060888")
    assert error_of(await api.get("opportunities(nonsense)")) == (400, "0x80060888")
    assert (await api.get("opportunities(cosell_referralid='a%3Ab')")).status_code == 400


async def test_s06_a_key_is_of_no_use_before_its_index_is_active(crm: Crm, api: httpx.AsyncClient) -> None:
    crm.service.knobs.key_index_seconds = 30
    body = {"SchemaName": "new_AccountKey", "KeyAttributes": ["accountnumber"]}
    assert (await api.post("EntityDefinitions(LogicalName='account')/Keys", json=body)).status_code == 204
    status = "EntityDefinitions(LogicalName='account')/Keys?$select=EntityKeyIndexStatus"
    assert (await api.get(status)).json()["value"][0]["EntityKeyIndexStatus"] == "Pending"
    upsert = await api.patch("accounts(accountnumber='A1')", json={"name": "x"})
    assert error_of(upsert) == (400, "0x80060890")
    crm.world.clock.advance(31)
    assert (await api.get(status)).json()["value"][0]["EntityKeyIndexStatus"] == "Active"
    assert (await api.patch("accounts(accountnumber='A1')", json={"name": "x"})).status_code == 204


async def test_s06_a_lookup_in_a_key_goes_by_its_value_name(api: httpx.AsyncClient) -> None:
    account = await make(api, "accounts", {"name": "Coho"})
    body = {"SchemaName": "new_TwoKey", "KeyAttributes": ["parentaccountid", "name"]}
    assert (await api.post("EntityDefinitions(LogicalName='opportunity')/Keys", json=body)).status_code == 204
    link = {"parentaccountid@odata.bind": f"/accounts({account['accountid']})"}
    await make(api, "opportunities", {"name": "deal", **link})
    found = await api.get(f"opportunities(name='deal',_parentaccountid_value={account['accountid']})?$select=name")
    assert found.json()["name"] == "deal"
    bare = await api.get(f"opportunities(name='deal',parentaccountid={account['accountid']})")
    assert error_of(bare) == (400, "0x80060888")

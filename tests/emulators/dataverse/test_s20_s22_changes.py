import httpx
import pytest

from tests.emulators.dataverse.conftest import ROOT, Crm, error_of, make

TRACK = {"Prefer": "odata.track-changes"}
ADMIN_ROLE = "Read Only"


async def delta_link(api: httpx.AsyncClient, query: str = "accounts?$select=name") -> str:
    reply = await api.get(query, headers=TRACK)
    assert reply.headers["Preference-Applied"] == "odata.track-changes"
    link: str = reply.json()["@odata.deltaLink"]
    return link


async def test_s20_a_delta_tells_changes_first_and_deletions_last(api: httpx.AsyncClient) -> None:
    first = await make(api, "accounts", {"name": "first"})
    doomed = await make(api, "accounts", {"name": "doomed"})
    link = await delta_link(api)
    assert "$deltatoken=" in link
    assert "%21" in link
    await api.delete(f"accounts({doomed['accountid']})")
    await make(api, "accounts", {"name": "second"})
    await api.patch(f"accounts({first['accountid']})", json={"telephone1": "1"})
    await make(api, "contacts", {"lastname": "elsewhere"})
    reply = await api.get(link)
    assert "Preference-Applied" not in reply.headers
    body = reply.json()
    assert body["@odata.context"] == f"{ROOT}$metadata#accounts(name)/$delta"
    assert [one.get("name") for one in body["value"]] == ["second", "first", None]
    assert set(body["value"][0]) == {"@odata.etag", "name", "accountid"}
    assert body["value"][2] == {
        "@odata.context": f"{ROOT}$metadata#accounts/$deletedEntity",
        "id": doomed["accountid"],
        "reason": "deleted",
    }
    assert (await api.get(link.replace("accounts?", "accounts/$count?"))).text == "3"
    assert (await api.get(body["@odata.deltaLink"])).json()["value"] == []


async def test_s20_created_and_deleted_between_shows_the_deletion_alone(api: httpx.AsyncClient) -> None:
    link = await delta_link(api)
    brief = await make(api, "accounts", {"name": "brief"})
    await api.delete(f"accounts({brief['accountid']})")
    assert [one.get("reason") for one in (await api.get(link)).json()["value"]] == ["deleted"]


async def test_s20_each_table_counts_for_itself_and_closing_is_a_change(api: httpx.AsyncClient) -> None:
    deal = await make(api, "opportunities", {"name": "d"})
    link = await delta_link(api, "opportunities?$select=name,statecode")
    bind = {"opportunityid@odata.bind": f"/opportunities({deal['opportunityid']})"}
    await api.post("WinOpportunity", json={"Status": 3, "OpportunityClose": bind})
    assert [one["statecode"] for one in (await api.get(link)).json()["value"]] == [1]


async def test_s20_pages_lose_nothing_that_moves_while_paging(api: httpx.AsyncClient) -> None:
    rows = [await make(api, "accounts", {"name": f"a{at}"}) for at in range(5)]
    paged = {"Prefer": "odata.track-changes,odata.maxpagesize=2"}
    seen: set[str] = set()
    page = (await api.get("accounts?$select=name", headers=paged)).json()
    moved = False
    while True:
        seen |= {one["accountid"] for one in page["value"]}
        if not moved:
            await api.patch(f"accounts({rows[0]['accountid']})", json={"name": "moved"})
            moved = True
        if "@odata.nextLink" not in page:
            break
        assert "@odata.deltaLink" not in page
        page = (await api.get(page["@odata.nextLink"], headers=paged)).json()
    assert len(seen) == 5
    names = [one["name"] for one in (await api.get(page["@odata.deltaLink"])).json()["value"]]
    assert names == ["moved"]


async def test_s20_a_long_delta_comes_in_pages_too(api: httpx.AsyncClient) -> None:
    doomed = [await make(api, "accounts", {"name": f"d{at}"}) for at in range(3)]
    link = await delta_link(api)
    for at in range(3):
        await make(api, "accounts", {"name": f"n{at}"})
    for row in doomed:
        await api.delete(f"accounts({row['accountid']})")
    found: list[str] = []
    pages = 0
    page = {"@odata.nextLink": link}
    while "@odata.nextLink" in page:
        page = (await api.get(page["@odata.nextLink"], headers={"Prefer": "odata.maxpagesize=2"})).json()
        found += [one.get("name") or one["reason"] for one in page["value"]]
        pages += 1
    assert (found, pages) == (["n0", "n1", "n2", "deleted", "deleted", "deleted"], 3)
    assert (await api.get(page["@odata.deltaLink"])).json()["value"] == []


@pytest.mark.parametrize("option", ["$filter=name eq 'x'", "$orderby=name", "$expand=primarycontactid", "$top=1"])
async def test_s20_options_that_do_not_go_with_tracking(api: httpx.AsyncClient, option: str) -> None:
    reply = await api.get(f"accounts?{option}", headers=TRACK)
    assert reply.status_code == 400
    name = option.partition("=")[0]
    assert reply.json()["error"]["message"] == (
        f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.'
    )


async def test_s21_a_token_expires_after_the_organizations_days(crm: Crm, api: httpx.AsyncClient) -> None:
    days = (await api.get("organizations?$select=expirechangetrackingindays")).json()["value"][0]
    assert days["expirechangetrackingindays"] == 7
    link = await delta_link(api)
    crm.world.clock.advance(6.9 * 24 * 3600)
    assert (await api.get(link)).status_code == 200
    crm.world.clock.advance(0.2 * 24 * 3600)
    reply = await api.get(link)
    assert error_of(reply) == (400, "0x80044352")
    assert reply.json()["error"]["message"] == (
        "Version stamp associated with the client has expired. Please perform a full sync."
    )


async def test_s21_knobs_expire_by_count_and_age_with_any_status(crm: Crm, api: httpx.AsyncClient) -> None:
    link = await delta_link(api)
    crm.service.knobs.expire_changes_after = 1
    await make(api, "accounts", {"name": "1"})
    assert (await api.get(link)).status_code == 200
    await make(api, "accounts", {"name": "2"})
    crm.service.knobs.expired_status = 410
    assert error_of(await api.get(link)) == (410, "0x80044352")
    crm.service.knobs.expire_changes_after = None
    crm.service.knobs.expire_changes_seconds = 10
    crm.world.clock.advance(11)
    assert error_of(await api.get(link)) == (410, "0x80044352")


async def test_s21_a_schema_change_expires_that_tables_tokens_only(api: httpx.AsyncClient) -> None:
    accounts, contacts = await delta_link(api), await delta_link(api, "contacts?$select=fullname")
    column = {
        "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata",
        "SchemaName": "new_Extra",
        "MaxLength": 10,
    }
    await api.post("EntityDefinitions(LogicalName='account')/Attributes", json=column)
    assert error_of(await api.get(accounts)) == (400, "0x80044352")
    assert (await api.get(contacts)).status_code == 200


async def test_s21_a_token_of_another_environment_is_expired_and_nonsense_refused(api: httpx.AsyncClient) -> None:
    link = await delta_link(api)
    version = link.partition("$deltatoken=")[2].partition("%21")[0]
    foreign = link.replace(version, "99999999999")
    assert error_of(await api.get(foreign)) == (400, "0x80044352")
    assert (await api.get("accounts?$deltatoken=nonsense")).status_code == 400


async def test_s21_a_table_without_tracking_says_so(api: httpx.AsyncClient) -> None:
    reply = await api.get("competitors?$select=name", headers=TRACK)
    assert error_of(reply) == (400, "0x80072491")
    definition = (await api.get("EntityDefinitions(LogicalName='competitor')")).json()
    definition["ChangeTrackingEnabled"] = True
    put = await api.put(
        "EntityDefinitions(LogicalName='competitor')", json=definition, headers={"MSCRM.MergeLabels": "true"}
    )
    assert put.status_code == 204
    assert (await api.get("competitors?$select=name", headers=TRACK)).status_code == 200


async def test_s22_tracking_needs_organization_wide_reading(crm: Crm, api: httpx.AsyncClient) -> None:
    limited = crm.client("owner-only@contoso-partner.example")
    hers = await make(limited, "accounts", {"name": "hers"})
    other = await make(api, "accounts", {"name": "other"})
    assert error_of(await limited.get("accounts?$select=name", headers=TRACK)) == (403, "0x80040220")
    rows = (await limited.get("accounts?$select=name")).json()["value"]
    assert [row["accountid"] for row in rows] == [hers["accountid"]]
    assert (await limited.get(f"accounts({other['accountid']})")).status_code == 403


async def test_s22_a_role_is_given_and_taken_by_the_web_api(crm: Crm, api: httpx.AsyncClient) -> None:
    newcomer = crm.client("no-role@contoso-partner.example")
    user = (await api.get("systemusers?$filter=lastname eq 'Abara'&$select=fullname")).json()["value"][0]
    role = (await api.get(f"roles?$filter=name eq '{ADMIN_ROLE}'&$select=name")).json()["value"][0]
    where = f"systemusers({user['systemuserid']})/systemuserroles_association"
    link = {"@odata.id": f"{ROOT}roles({role['roleid']})"}
    assert (await api.post(f"{where}/$ref", json=link)).status_code == 204
    assert (await newcomer.get("accounts?$select=name", headers=TRACK)).status_code == 200
    assert (await api.delete(f"{where}({role['roleid']})/$ref")).status_code == 204
    assert (await newcomer.get("accounts?$select=name")).status_code == 403

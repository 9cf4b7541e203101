from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.emulators.dataverse.conftest import ROOT, Crm, error_of, make

ALL = {"Prefer": 'odata.include-annotations="*"'}


async def names(api: httpx.AsyncClient, condition: str, set_name: str = "accounts") -> list[str]:
    reply = await api.get(set_name, params={"$select": "name", "$filter": condition, "$orderby": "name"})
    assert reply.status_code == 200, reply.text
    return [row["name"] for row in reply.json()["value"]]


@pytest.fixture
async def accounts(api: httpx.AsyncClient) -> None:
    for name, number, people in [
        ("Ärzte AG", "A1", 5),
        ("Big Deal", "b2", 50),
        ("100% Juice", None, None),
        ("under_score", "C-3", 500),
        ("O'Hara & Söhne", "x[1]", 5),
    ]:
        await make(api, "accounts", {"name": name, "accountnumber": number, "numberofemployees": people})


async def test_s14_key_and_etag_always_and_nulls_present(api: httpx.AsyncClient) -> None:
    row = await make(api, "accounts", {"name": "x"})
    found = (await api.get(f"accounts({row['accountid']})?$select=telephone1")).json()
    assert found == {
        "@odata.context": f"{ROOT}$metadata#accounts(telephone1)/$entity",
        "@odata.etag": row["@odata.etag"],
        "telephone1": None,
        "accountid": row["accountid"],
    }
    assert not [name for name in row if "@OData" in name or "@Microsoft" in name]


async def test_s14_annotations_stand_before_their_values(api: httpx.AsyncClient) -> None:
    account = await make(api, "accounts", {"name": "Coho"})
    bind = {"customerid_account@odata.bind": f"/accounts({account['accountid']})"}
    deal = await make(
        api, "opportunities", {"name": "d", "estimatedvalue": 50000, "estimatedclosedate": "2026-12-31"} | bind
    )
    select = "?$select=estimatedvalue,estimatedclosedate,statecode,statuscode,_customerid_value,_ownerid_value"
    found = (await api.get(f"opportunities({deal['opportunityid']}){select}", headers=ALL)).json()
    formatted = "@OData.Community.Display.V1.FormattedValue"
    assert found[f"estimatedvalue{formatted}"] == "$50,000.00"
    assert found[f"_transactioncurrencyid_value{formatted}"] == "US Dollar"
    assert found[f"estimatedclosedate{formatted}"] == "12/31/2026"
    assert (found[f"statecode{formatted}"], found[f"statuscode{formatted}"]) == ("Open", "In Progress")
    assert found[f"_customerid_value{formatted}"] == "Coho"
    assert found["_customerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"] == "customerid_account"
    assert found["_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "account"
    assert found["_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "systemuser"
    order = list(found)
    assert order.index(f"estimatedvalue{formatted}") == order.index("estimatedvalue") - 1
    only = {"Prefer": 'odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"'}
    fewer = (await api.get(f"opportunities({deal['opportunityid']}){select}", headers=only)).json()
    assert not [name for name in fewer if formatted in name]
    assert fewer["_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "account"


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("name eq 'BIG deal'", ["Big Deal"]),
        ("name eq 'arzte ag'", ["Ärzte AG"]),
        ("name eq 'O''hara & söhne'", ["O'Hara & Söhne"]),
        ("contains(name,'g%l')", ["Big Deal"]),
        ("startswith(name,'_ig')", ["Big Deal"]),
        ("endswith(name,'[aou]re')", ["under_score"]),
        ("contains(name,'100[%]')", ["100% Juice"]),
        ("accountnumber ne 'a1'", ["100% Juice", "Big Deal", "O'Hara & Söhne", "under_score"]),
        ("accountnumber eq null", ["100% Juice"]),
        ("not (accountnumber eq 'A1')", ["100% Juice", "Big Deal", "O'Hara & Söhne", "under_score"]),
        ("numberofemployees gt 5 and numberofemployees lt 500", ["Big Deal"]),
        ("numberofemployees le 5 or accountnumber eq 'C-3'", ["O'Hara & Söhne", "under_score", "Ärzte AG"]),
        ("5 eq numberofemployees", ["O'Hara & Söhne", "Ärzte AG"]),
        ("Microsoft.Dynamics.CRM.In(PropertyName='accountnumber',PropertyValues=['A1','B2'])",
         ["Big Deal", "Ärzte AG"]),
        ("Microsoft.Dynamics.CRM.Between(PropertyName='numberofemployees',PropertyValues=['5','50'])",
         ["Big Deal", "O'Hara & Söhne", "Ärzte AG"]),
        ("Microsoft.Dynamics.CRM.LastXDays(PropertyName='modifiedon',PropertyValue=1) and name eq 'Big Deal'",
         ["Big Deal"]),
        ("Microsoft.Dynamics.CRM.OlderThanXDays(PropertyName='modifiedon',PropertyValue=1)", []),
        ("modifiedon ge 2020-01-01T00:00:00Z and createdon gt 2020-01-01 and name eq 'big deal'", ["Big Deal"]),
        ("name eq accountnumber", []),
    ],
)  # fmt: skip
async def test_s15_filters(api: httpx.AsyncClient, condition: str, found: list[str]) -> None:
    assert sorted(await names(api, condition)) == sorted(found)


@pytest.mark.parametrize(
    "query",
    [
        "$skip=1",
        "$search=x",
        "$select=bogus",
        "$select=Name",
        "$select=customeridname",
        "$filter=bogus eq 1",
        "$filter=name eq 5",
        "$filter=numberofemployees eq '5'",
        "$filter=name eq",
        "$filter=modifiedon ge 202",
        "$filter=modifiedon ge 'x'",
        "$filter=modifiedon gt 9999-12-31T23:59:59-12:00",
        "$filter=name eq 'open",
        "$filter=tolower(name) eq 'x'",
        "$filter=name in ('a','b')",
        "$filter=numberofemployees add 1 eq 2",
        "$filter=name EQ 'x'",
        "$filter=accountid eq guid'00000000-0000-4000-8000-000000000001'",
        "$filter=name",
        "$orderby=bogus",
        "$orderby=name sideways",
        "$expand=PrimaryContactId",
        "$top=-1",
        "$top=²",
        "$top=99999999999999999999",
        "$count=maybe",
    ],
)
async def test_s15_what_the_service_does_not_read(api: httpx.AsyncClient, query: str) -> None:
    assert error_of(await api.get(f"accounts?{query}")) == (400, "0x80060888")


async def test_s15_an_unknown_set_is_404(api: httpx.AsyncClient) -> None:
    reply = await api.get("bogus")
    assert error_of(reply) == (404, "0x8006088a")
    assert reply.json()["error"]["message"] == "Resource not found for the segment 'bogus'."


async def test_s15_related_columns_and_collections(api: httpx.AsyncClient) -> None:
    contact = await make(api, "contacts", {"lastname": "Ito"})
    bind = {"primarycontactid@odata.bind": f"/contacts({contact['contactid']})"}
    account = await make(api, "accounts", {"name": "with", **bind})
    await make(api, "accounts", {"name": "without"})
    task = {"subject": "call", "regardingobjectid_account_task@odata.bind": f"/accounts({account['accountid']})"}
    await make(api, "tasks", task)
    assert await names(api, "primarycontactid/fullname eq 'ito'") == ["with"]
    assert await names(api, "primarycontactid/fullname ne 'ito'") == ["without"]
    assert await names(api, "Account_Tasks/any(t:t/statecode eq 0 and contains(t/subject,'al'))") == ["with"]
    assert await names(api, "not Account_Tasks/any()") == ["without"]
    assert await names(api, "Account_Tasks/all(t:t/statecode eq 1)") == ["without"]
    quoted = f"_primarycontactid_value eq '{contact['contactid']}'"
    assert await names(api, quoted) == await names(api, quoted.replace("'", "")) == ["with"]
    alias = {"$select": "name", "$filter": "name eq @p1", "@p1": "'WITH'"}
    assert [row["name"] for row in (await api.get("accounts", params=alias)).json()["value"]] == ["with"]


async def test_s16_pages_follow_a_cookie_that_survives_changes(api: httpx.AsyncClient) -> None:
    made = [await make(api, "accounts", {"name": f"a{at}", "numberofemployees": at % 2}) for at in range(7)]
    two = {"Prefer": "odata.maxpagesize=2"}
    seen: list[str] = []
    link = "accounts?$select=name&$orderby=numberofemployees desc,name"
    while link:
        page = (await api.get(link, headers=two)).json()
        seen += [row["name"] for row in page["value"]]
        link = page.get("@odata.nextLink", "")
        if len(seen) == 2:
            token = parse_qs(urlsplit(link).query)["$skiptoken"][0]
            assert token.startswith('<cookie pagenumber="2" pagingcookie="%253ccookie'.replace("%253c", "%253C"))
            assert 'istracking="False" />' in token
            await api.delete(f"accounts({made[3]['accountid']})")
            await make(api, "accounts", {"name": "a0", "numberofemployees": 1})
    assert seen == ["a1", "a3", "a5", "a0", "a2", "a4", "a6"]


async def test_s16_a_page_without_prefer_is_another_page(api: httpx.AsyncClient) -> None:
    for at in range(5):
        await make(api, "accounts", {"name": f"a{at}"})
    first = (await api.get("accounts?$select=name", headers={"Prefer": "odata.maxpagesize=2"})).json()
    rest = (await api.get(first["@odata.nextLink"])).json()
    assert len(rest["value"]) == 3
    assert "@odata.nextLink" not in rest
    broken = await api.get("accounts?$skiptoken=2")
    assert error_of(broken) == (400, "0x80060888")


async def test_s16_top_counts_only_without_a_page_size(api: httpx.AsyncClient) -> None:
    for at in range(4):
        await make(api, "accounts", {"name": f"a{at}"})
    top = (await api.get("accounts?$top=2")).json()
    assert (len(top["value"]), "@odata.nextLink" in top) == (2, False)
    paged = (await api.get("accounts?$top=1", headers={"Prefer": "odata.maxpagesize=3"})).json()
    assert (len(paged["value"]), "@odata.nextLink" in paged) == (3, True)


async def test_s16_five_thousand_is_the_largest_page(crm: Crm, api: httpx.AsyncClient) -> None:
    crm.service.seed(5001, seed=1)
    page = (await api.get("opportunities?$select=name", headers={"Prefer": "odata.maxpagesize=9000"})).json()
    assert len(page["value"]) == 5000
    assert len((await api.get(page["@odata.nextLink"])).json()["value"]) == 1
    counted = (await api.get("opportunities?$select=name&$top=1&$count=true", headers=ALL)).json()
    assert (counted["@odata.count"], counted["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"]) == (5000, True)
    exact = (await api.get("RetrieveTotalRecordCount(EntityNames=['opportunity'])")).json()
    assert exact["EntityRecordCountCollection"]["Values"] == [5001]


async def test_s17_expansions_and_counts(api: httpx.AsyncClient) -> None:
    account = await make(api, "accounts", {"name": "Coho"})
    where = f"accounts({account['accountid']})"
    for at in range(3):
        bind = {"customerid_account@odata.bind": f"/{where}"}
        await make(api, "opportunities", {"name": f"d{at}", "estimatedvalue": at, **bind})
    inner = "opportunity_customer_accounts($select=name;$filter=estimatedvalue gt 0;$orderby=name desc)"
    found = (await api.get(f"{where}?$select=name&$expand={inner},createdby($select=fullname)")).json()
    assert [one["name"] for one in found["opportunity_customer_accounts"]] == ["d2", "d1"]
    assert found["createdby"]["fullname"] == "# Co-sell sync"
    assert found["@odata.context"].endswith(
        "#accounts(name,opportunity_customer_accounts(name),createdby(fullname))/$entity"
    )
    assert (await api.get(f"{where}/opportunity_customer_accounts/$count")).text == "3"
    listed = (await api.get(f"{where}/opportunity_customer_accounts?$select=name&$filter=name eq 'd1'")).json()
    assert [one["name"] for one in listed["value"]] == ["d1"]
    counted = await api.get("opportunities/$count?$filter=estimatedvalue ge 1")
    assert (counted.text, counted.headers["Content-Type"].split(";")[0]) == ("2", "text/plain")
    total = (await api.get("opportunities?$count=true&$top=1&$select=name")).json()
    assert (total["@odata.count"], len(total["value"])) == (3, 1)
    paged = (
        await api.get(f"{where}?$expand=opportunity_customer_accounts", headers={"Prefer": "odata.maxpagesize=2"})
    ).json()
    rest = (await api.get(paged["opportunity_customer_accounts@odata.nextLink"])).json()
    assert (len(paged["opportunity_customer_accounts"]), len(rest["value"])) == (2, 1)


async def test_s17_single_columns_and_references(api: httpx.AsyncClient) -> None:
    account = await make(api, "accounts", {"name": "Coho"})
    contact = await make(api, "contacts", {"lastname": "Ito"})
    where = f"accounts({account['accountid']})"
    assert (await api.get(f"{where}/name")).json()["value"] == "Coho"
    assert (await api.get(f"{where}/name/$value")).text == "Coho"
    assert (await api.get(f"{where}/telephone1")).status_code == 204
    assert (await api.put(f"{where}/telephone1", json={"value": "5"})).status_code == 204
    assert (await api.delete(f"{where}/name")).status_code == 204
    link = {"@odata.id": f"{ROOT}contacts({contact['contactid']})"}
    assert (await api.put(f"{where}/primarycontactid/$ref", json=link)).status_code == 204
    row = (await api.get(f"{where}?$select=name,telephone1,_primarycontactid_value")).json()
    assert (row["name"], row["telephone1"], row["_primarycontactid_value"]) == (None, "5", contact["contactid"])
    assert (await api.get(f"{where}/primarycontactid?$select=lastname")).json()["lastname"] == "Ito"
    assert (await api.get(f"{where}/primarycontactid/$ref")).json()["@odata.id"] == link["@odata.id"]
    assert (await api.delete(f"{where}/primarycontactid/$ref")).status_code == 204
    assert (await api.get(f"{where}/primarycontactid")).status_code == 204
    added = {"@odata.id": f"{ROOT}contacts({contact['contactid']})"}
    assert (await api.post(f"{where}/contact_customer_accounts/$ref", json=added)).status_code == 204
    assert (await api.get(f"{where}/contact_customer_accounts/$count")).text == "1"


async def test_s18_plus_is_a_space_in_a_query_and_keys_are_decoded(api: httpx.AsyncClient) -> None:
    await make(api, "accounts", {"name": "big deal"})
    for space in ("+", "%20"):
        found = (await api.get(f"accounts?$filter=name{space}eq{space}'big{space}deal'")).json()["value"]
        assert len(found) == 1
    await make(api, "opportunities", {"name": "x", "cosell_referralid": "a b-c"})
    assert (await api.get("opportunities(cosell_referralid=%27a%20b%2Dc%27)")).status_code == 200


async def test_s19_304_only_for_a_plain_read(api: httpx.AsyncClient) -> None:
    row = await make(api, "accounts", {"name": "x"})
    where = f"accounts({row['accountid']})"
    known = {"If-None-Match": str(row["@odata.etag"])}
    same = await api.get(where, headers=known)
    assert (same.status_code, same.content) == (304, b"")
    assert (await api.get(f"{where}?$expand=primarycontactid", headers=known)).status_code == 200
    assert (await api.get(where, headers=known | ALL)).status_code == 200
    assert (await api.get(where, headers={"If-None-Match": "null"})).status_code == 200
    await api.patch(where, json={"name": "y"})
    assert (await api.get(where, headers=known)).status_code == 200


@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_s16_pages_by_time_hold_their_order(crm: Crm, api: httpx.AsyncClient, direction: str) -> None:
    made: list[str] = []
    for at in range(9):
        if at % 2 == 0:
            crm.world.clock.advance(60)
        made.append(str((await make(api, "accounts", {"name": f"a{at}"}))["accountid"]))
    seen: list[tuple[str, str]] = []
    link = f"accounts?$select=modifiedon&$orderby=modifiedon {direction},accountid asc&$filter=contains(name,'a')"
    while link:
        page = (await api.get(link, headers={"Prefer": "odata.maxpagesize=2"})).json()
        seen += [(row["modifiedon"], row["accountid"]) for row in page["value"]]
        link = page.get("@odata.nextLink", "")
    times = [moment for moment, _ in seen]
    assert times == sorted(times, reverse=direction == "desc")
    assert sorted(row_id for _, row_id in seen) == sorted(made)
    same = [row_id for moment, row_id in seen if moment == times[2]]
    assert same == sorted(same)


async def test_s15_an_address_has_its_length(api: httpx.AsyncClient) -> None:
    reply = await api.get(f"accounts?$filter=name eq '{'x' * 33000}'")
    assert reply.status_code == 414

"""Rows over a scripted Dataverse: what is asked, how often, and what becomes of each answer."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from urllib.parse import unquote

import httpx
import pytest

from cosell.dataverse import Closing, DataverseClient, Qualifying, UpsertMode, open_dataverse
from cosell.errors import (
    AlreadyExists,
    DeltaExpired,
    RecordNotFound,
    RequestRejected,
    SchemaMissing,
    ServiceUnavailable,
    ServiceUnreachable,
    StaleEtag,
)
from tests.unit.http.fakes import FakeTime, FakeTokens, FakeVault, Script, Step, answer, made_up_settings

BASE = "https://fabrikam.crm4.dynamics.com/api/data/v9.2"
API = "/api/data/v9.2"
ID = "00000000-0000-4000-8000-000000000001"
OTHER_ID = "00000000-0000-4000-8000-000000000002"
COLUMNS = ("name", "estimatedvalue")


def row(row_id: str = ID, **values: object) -> dict[str, object]:
    return {"@odata.etag": 'W/"5001"', "opportunityid": row_id, "name": "Ovens for Leeds", **values}


def rows(*items: Mapping[str, object], **links: str) -> httpx.Response:
    return answer(200, {"value": list(items), **{f"@odata.{name}": link for name, link in links.items()}})


def refusal(status: int, code: str) -> httpx.Response:
    return answer(status, {"error": {"code": code, "message": "Jo Marlow"}})


def opened(*steps: Step) -> tuple[DataverseClient, Script]:
    script, time = Script(steps), FakeTime()
    client = open_dataverse(
        made_up_settings(),
        FakeVault(),
        clock=time.clock,
        sleep=time.sleep,
        tokens=FakeTokens(),
        transport=script,
    )
    return client, script


async def test_whoami() -> None:
    body = {"UserId": ID.upper(), "OrganizationId": OTHER_ID, "BusinessUnitId": ID}
    client, script = opened(answer(200, body))
    async with client:
        who = await client.whoami()
    assert (who.user_id, who.organization_id) == (ID, OTHER_ID)
    assert script.calls == [f"GET {API}/WhoAmI"]


async def test_row_keeps_digits_labels_and_where_its_lookups_lead() -> None:
    annotated = row() | {
        "statuscode@OData.Community.Display.V1.FormattedValue": "In Progress",
        "statuscode": 1,
        "_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
        "_customerid_value": OTHER_ID,
        "parentaccountid": {"name": "Kestrel Bakeries", "accountid": OTHER_ID},
    }
    client, script = opened(answer(200, annotated))
    async with client:
        found = await client.get("opportunities", ID, select=COLUMNS, expand={"parentaccountid": ["name"]})
    assert (found.id, found.etag) == (ID, 'W/"5001"')
    assert found.find_label("statuscode") == "In Progress"
    assert found.find_lookup_table("_customerid_value") == "account"
    assert found.find_expanded("parentaccountid") == {"name": "Kestrel Bakeries", "accountid": OTHER_ID}
    assert "Kestrel" not in repr(found)
    assert script.calls == [
        f"GET {API}/opportunities({ID})?$select=name,estimatedvalue&$expand=parentaccountid($select=name)"
    ]
    headers = script.requests[0].headers
    assert headers["odata-version"] == headers["odata-maxversion"] == "4.0"
    assert "lookuplogicalname" in headers["prefer"]


async def test_money_is_read_digit_by_digit() -> None:
    raw = b'{"@odata.etag":"W/\\"1\\"","opportunityid":"%s","estimatedvalue":1234567.8901}' % ID.encode()
    client, _ = opened(httpx.Response(200, content=raw, headers={"Content-Type": "application/json"}))
    async with client:
        found = await client.get("opportunities", ID, select=COLUMNS)
    assert found.get("estimatedvalue") == Decimal("1234567.8901")


async def test_row_that_is_not_there() -> None:
    client, _ = opened(refusal(404, "0x80040217"), refusal(404, "0x80060891"))
    async with client:
        assert await client.find("opportunities", {"cosell_referralid": "r"}, select=COLUMNS) is None
        with pytest.raises(RecordNotFound):
            await client.get("opportunities", ID, select=COLUMNS)


async def test_missing_table_is_not_taken_for_a_missing_row() -> None:
    client, _ = opened(refusal(404, "0x8006088A"))
    async with client:
        with pytest.raises(SchemaMissing):
            await client.find("cosell_nothings", ID, select=COLUMNS)


async def test_query_follows_the_link_unchanged_with_the_same_preferences() -> None:
    cookie = "%3Ccookie%20pagenumber=%222%22%20/%3E"
    link = f"https://fabrikam.api.crm4.dynamics.com{API}/opportunities?$select=name&$skiptoken={cookie}"
    client, script = opened(rows(row(), nextLink=link), rows(row(OTHER_ID)))
    async with client:
        pages = [
            page async for page in client.query("opportunities", select=["name"], order_by="name asc", page_size=1)
        ]
    assert [[found.id for found in page] for page in pages] == [[ID], [OTHER_ID]]
    assert script.calls[0] == f"GET {API}/opportunities?$select=name&$orderby=name%20asc,opportunityid%20asc"
    assert str(script.requests[1].url) == link
    assert script.requests[0].headers["prefer"] == script.requests[1].headers["prefer"]
    assert "odata.maxpagesize=1" in script.requests[0].headers["prefer"]


async def test_link_to_another_host_is_not_followed() -> None:
    client, script = opened(rows(row(), nextLink="https://other.crm4.dynamics.com/api/data/v9.2/opportunities"))
    async with client:
        with pytest.raises(RequestRejected):
            _ = [page async for page in client.query("opportunities", select=["name"])]
    assert len(script.requests) == 1


async def test_ten_thousand_rows_take_fifty_calls() -> None:
    ids = [f"00000000-0000-4000-8000-{number:012d}" for number in range(10_000)]

    def answer_page(request: httpx.Request) -> httpx.Response:
        wanted = [one for one in ids if one in unquote(str(request.url))] if not seen else []
        seen.append(len(str(request.url)))
        return rows(*(row(one) for one in wanted))

    seen: list[int] = []
    client, script = opened(*[answer_page for _ in range(50)])
    async with client:
        found = await client.get_many("opportunities", ids, select=["name"])
    assert len(script.requests) == 50
    assert len(found) == 200
    assert max(seen) < 32_768


async def test_rows_by_a_column_are_asked_once_for_each_value() -> None:
    client, script = opened(rows(row()))
    async with client:
        found = await client.query_one_of("opportunities", "cosell_referralid", ["a", "b", "a"], select=["name"])
    assert [one.id for one in found] == [ID]
    assert "PropertyValues=['a','b']" in unquote(script.calls[0])


async def test_changes_end_with_a_delta_link_that_may_come_early() -> None:
    delta = f"{BASE}/opportunities?$select=name&$deltatoken=919042%2108%2f22%2f2017"
    deleted = {
        "@odata.context": f"{BASE}/$metadata#opportunities/$deletedEntity",
        "id": OTHER_ID.upper(),
        "reason": "deleted",
    }
    client, script = opened(rows(row(), deltaLink=delta, nextLink=f"{BASE}/opportunities?$skiptoken=1"), rows(deleted))
    async with client:
        pages = [page async for page in client.delta("opportunities", select=["name"], link=None)]
    assert [page.delta_link for page in pages] == [None, delta]
    assert [found.id for found in pages[0].rows] == [ID]
    assert pages[1].deleted_ids == (OTHER_ID,)
    assert "odata.track-changes" in script.requests[0].headers["prefer"]


async def test_changes_go_on_where_they_ended() -> None:
    delta = f"{BASE}/opportunities?$select=name&$deltatoken=919042%2108"
    client, script = opened(rows(deltaLink=delta))
    async with client:
        pages = [page async for page in client.delta("opportunities", select=["name"], link=delta)]
    assert [page.delta_link for page in pages] == [delta]
    assert str(script.requests[0].url) == delta


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_delta_link_that_is_too_old(status: int) -> None:
    client, _ = opened(refusal(status, "0x80044352"))
    async with client:
        with pytest.raises(DeltaExpired):
            _ = [page async for page in client.delta("opportunities", select=["name"], link=f"{BASE}/x?$deltatoken=1")]


async def test_changes_without_any_delta_link_are_not_taken_for_an_end() -> None:
    client, _ = opened(rows(row()))
    async with client:
        with pytest.raises(ServiceUnavailable):
            _ = [page async for page in client.delta("opportunities", select=["name"], link=None)]


async def test_created_row_comes_back_with_its_etag() -> None:
    client, script = opened(answer(201, row()))
    async with client:
        made = await client.create("opportunities", {"estimatedvalue": Decimal("12.50")}, select=["name"])
    assert made.etag == 'W/"5001"'
    assert script.requests[0].content == b'{"estimatedvalue":12.50}'
    assert "return=representation" in script.requests[0].headers["prefer"]


@pytest.mark.parametrize("step", [httpx.ReadTimeout("slow"), answer(204)])
async def test_create_whose_answer_is_lost_is_not_repeated(step: Step) -> None:
    client, script = opened(step)
    async with client:
        with pytest.raises(ServiceUnreachable, match="not known, look first"):
            await client.create("opportunities", {"name": "x"})
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("mode", "name", "value"),
    [
        (UpsertMode.CREATE_OR_UPDATE, "if-match", None),
        (UpsertMode.CREATE_ONLY, "if-none-match", "*"),
        (UpsertMode.UPDATE_ONLY, "if-match", "*"),
    ],
)
async def test_upsert_by_key(mode: UpsertMode, name: str, value: str | None) -> None:
    client, script = opened(answer(201, row()), answer(200, row()))
    key = {"cosell_referralid": "aaaaaaaa-0001-4000-8000-000000000001"}
    async with client:
        first = await client.upsert("opportunities", key, {"name": "x"}, mode=mode)
        second = await client.upsert("opportunities", key, {"name": "x"}, mode=mode)
    assert (first.is_new, second.is_new) == (True, False)
    assert script.requests[0].headers.get(name) == value
    assert script.calls[0] == f"PATCH {API}/opportunities(cosell_referralid='{key['cosell_referralid']}')"


async def test_upsert_whose_answer_is_lost_is_repeated() -> None:
    client, script = opened(httpx.ReadError("reset"), answer(200, row()))
    async with client:
        done = await client.upsert("opportunities", {"cosell_referralid": "r"}, {"name": "x"})
    assert not done.is_new
    assert len(script.requests) == 2


async def test_create_only_upsert_of_a_row_that_is_there() -> None:
    client, _ = opened(refusal(412, "0x80040237"))
    async with client:
        with pytest.raises(AlreadyExists):
            await client.upsert("opportunities", {"k": "v"}, {"name": "x"}, mode=UpsertMode.CREATE_ONLY)


async def test_update_is_one_call_with_the_etag_it_was_read_with() -> None:
    client, script = opened(answer(200, row(**{"@odata.etag": 'W/"5002"'})))
    async with client:
        done = await client.update("opportunities", ID, {"name": "x"}, etag='W/"5001"', select=["name"])
    assert done.etag == 'W/"5002"'
    assert script.requests[0].headers["if-match"] == 'W/"5001"'
    assert script.calls == [f"PATCH {API}/opportunities({ID})?$select=name"]


async def test_update_of_a_row_that_moved() -> None:
    client, _ = opened(refusal(412, "0x80060882"))
    async with client:
        with pytest.raises(StaleEtag, match=ID):
            await client.update("opportunities", ID, {"name": "x"}, etag='W/"1"')


async def test_row_that_was_read_without_an_etag_is_not_overwritten() -> None:
    client, script = opened()
    async with client:
        with pytest.raises(StaleEtag):
            await client.update("opportunities", ID, {"name": "x"}, etag="")
    assert script.requests == []


async def test_update_of_nothing_is_a_mistake_of_the_caller() -> None:
    client, _ = opened()
    async with client:
        with pytest.raises(ValueError, match="without columns"):
            await client.update("opportunities", ID, {}, etag='W/"1"')


async def test_update_that_answers_without_a_body_is_read_again() -> None:
    client, script = opened(answer(204), answer(200, row()))
    async with client:
        await client.update("opportunities", ID, {"name": "x"}, etag='W/"1"')
    assert [call.split()[0] for call in script.calls] == ["PATCH", "GET"]


async def test_delete() -> None:
    client, script = opened(answer(204))
    async with client:
        await client.delete("opportunities", ID, etag='W/"1"')
    assert script.calls == [f"DELETE {API}/opportunities({ID})"]


async def test_win_tells_when_and_for_how_much() -> None:
    client, script = opened(answer(204), answer(200, row(statecode=1, statuscode=3)))
    closing = Closing(subject="Won", closed_on=date(2026, 3, 2), revenue=Decimal("10.5"))
    async with client:
        done = await client.win(ID, closing, select=["name"])
    assert done.get("statecode") == 1
    assert script.body(0) == {
        "Status": 3,
        "OpportunityClose": {
            "subject": "Won",
            "opportunityid@odata.bind": f"/opportunities({ID})",
            "actualrevenue": 10.5,
            "actualend": "2026-03-02",
        },
    }
    assert script.calls[1] == f"GET {API}/opportunities({ID})?$select=name,statecode,statuscode"


async def test_win_whose_answer_was_lost_is_done() -> None:
    client, script = opened(httpx.ReadError("reset"), refusal(400, "0x80040515"), answer(200, row(statecode=1)))
    async with client:
        done = await client.win(ID, Closing(subject="Won"))
    assert done.get("statecode") == 1
    assert [call.split()[0] for call in script.calls] == ["POST", "POST", "GET"]


async def test_opportunity_that_was_won_meanwhile_cannot_be_lost() -> None:
    client, _ = opened(refusal(400, "0x80040515"), answer(200, row(statecode=1)))
    async with client:
        with pytest.raises(StaleEtag):
            await client.lose(ID, Closing(subject="Lost"), status=5)


async def test_qualified_lead_tells_what_was_made_of_it() -> None:
    made = [
        {"@odata.type": "#Microsoft.Dynamics.CRM.account", "accountid": ID},
        {"@odata.type": "#Microsoft.Dynamics.CRM.opportunity", "opportunityid": OTHER_ID.upper()},
        {"@odata.type": "#Microsoft.Dynamics.CRM.somethingelse"},
    ]
    client, script = opened(rows(*made))
    async with client:
        found = await client.qualify_lead(ID, Qualifying(creates_account=False, currency_id=OTHER_ID))
    assert [(one.table, one.id) for one in found] == [("account", ID), ("opportunity", OTHER_ID)]
    assert script.calls == [f"POST {API}/leads({ID})/Microsoft.Dynamics.CRM.QualifyLead"]


async def test_id_column_that_the_names_do_not_tell() -> None:
    client, _ = opened(answer(200, {"@odata.etag": 'W/"1"', "something": ID}))
    async with client:
        with pytest.raises(SchemaMissing, match="odd_things"):
            await client.get("odd_things", ID, select=["name"])

"""The Dataverse client against the stand-in: the same promises as against the real service."""

from datetime import date
from decimal import Decimal

import pytest

from cosell.dataverse import (
    Closing,
    DataverseClient,
    DeltaPage,
    Qualifying,
    Row,
    UpsertMode,
)
from cosell.dataverse import client as client_module
from cosell.errors import (
    AlreadyExists,
    RecordNotFound,
    RequestRejected,
    SchemaMissing,
    ServiceUnreachable,
    StaleEtag,
    Throttled,
)
from tests.emulator_process import Emulators

SET = "opportunities"
REFERRAL_ID = "aaaaaaaa-0001-4000-8000-000000000001"
KEY = {"cosell_referralid": REFERRAL_ID}
COLUMNS = ("name", "estimatedvalue", "statecode", "statuscode")
NOWHERE = "00000000-0000-4000-8000-00000000dead"


async def opportunity(dataverse: DataverseClient, **values: object) -> Row:
    body = {"name": "Ovens for Leeds", "estimatedvalue": Decimal("25000.25"), **values}
    return await dataverse.create(SET, body, select=COLUMNS)


async def changes(dataverse: DataverseClient, link: str | None) -> list[DeltaPage]:
    return [page async for page in dataverse.delta(SET, select=("name",), link=link)]


async def test_application_user_knows_itself(dataverse: DataverseClient) -> None:
    who = await dataverse.whoami()
    assert await dataverse.find("systemusers", who.user_id, select=("fullname",)) is not None


async def test_created_row_is_exact_and_labelled(dataverse: DataverseClient) -> None:
    made = await opportunity(dataverse)
    found = await dataverse.get(SET, made.id, select=COLUMNS)
    assert found.get("estimatedvalue") == Decimal("25000.25")
    assert found.etag == made.etag
    assert found.find_label("statuscode") == "In Progress"


async def test_customer_says_whether_it_is_an_account_and_can_be_read_along(dataverse: DataverseClient) -> None:
    account = await dataverse.create("accounts", {"name": "Kestrel Bakeries"}, select=("name",))
    made = await opportunity(dataverse, **{"customerid_account@odata.bind": f"/accounts({account.id})"})
    found = await dataverse.get(SET, made.id, select=("_customerid_value",), expand={"parentaccountid": ["name"]})
    assert found.find_lookup_table("_customerid_value") == "account"
    assert found.get("_customerid_value") == account.id
    assert found.find_expanded("parentaccountid") is None or found.find_expanded("parentaccountid") == {}


async def test_one_column_is_changed_in_one_call_and_a_stale_etag_is_refused(
    emulators: Emulators, dataverse: DataverseClient
) -> None:
    made = await opportunity(dataverse)
    emulators.control("DELETE", "requests")
    changed = await dataverse.update(SET, made.id, {"name": "Ovens for York"}, etag=made.etag, select=COLUMNS)
    assert emulators.count_requests() == 1
    assert (changed.get("name"), changed.etag != made.etag) == ("Ovens for York", True)
    with pytest.raises(StaleEtag, match=made.id):
        await dataverse.update(SET, made.id, {"name": "Ovens"}, etag=made.etag)


async def test_update_never_makes_a_row(dataverse: DataverseClient) -> None:
    with pytest.raises((RecordNotFound, StaleEtag)):
        await dataverse.update(SET, NOWHERE, {"name": "x"}, etag='W/"1"')
    assert await dataverse.find(SET, NOWHERE, select=("name",)) is None


async def test_upsert_by_referral_id_makes_one_row(dataverse: DataverseClient) -> None:
    first = await dataverse.upsert(SET, KEY, {"name": "Ovens"}, select=("name", "cosell_referralid"))
    second = await dataverse.upsert(SET, KEY, {"name": "More ovens"}, select=("name",))
    assert (first.is_new, second.is_new) == (True, False)
    assert first.row.id == second.row.id
    assert first.row.get("cosell_referralid") == REFERRAL_ID
    with pytest.raises(AlreadyExists):
        await dataverse.upsert(SET, KEY, {"name": "x"}, mode=UpsertMode.CREATE_ONLY)
    with pytest.raises(RecordNotFound):
        await dataverse.upsert(SET, {"cosell_referralid": NOWHERE}, {"name": "x"}, mode=UpsertMode.UPDATE_ONLY)


async def test_second_row_with_the_same_referral_id_is_refused(dataverse: DataverseClient) -> None:
    await opportunity(dataverse, **KEY)
    with pytest.raises(AlreadyExists):
        await opportunity(dataverse, **KEY)


async def test_upsert_whose_answer_is_lost_makes_one_row(emulators: Emulators, dataverse: DataverseClient) -> None:
    emulators.control("PUT", "faults", [{"method": "PATCH", "path": SET, "nth": 1, "action": {"reset": "after"}}])
    done = await dataverse.upsert(SET, KEY, {"name": "Ovens"}, select=("name",))
    rows = await dataverse.query_one_of(SET, "cosell_referralid", [REFERRAL_ID], select=("name",))
    assert [row.id for row in rows] == [done.row.id]


async def test_create_whose_answer_is_lost_is_not_repeated(emulators: Emulators, dataverse: DataverseClient) -> None:
    emulators.control("PUT", "faults", [{"method": "POST", "path": SET, "nth": 1, "action": {"reset": "after"}}])
    with pytest.raises(ServiceUnreachable, match="not known, look first"):
        await opportunity(dataverse)
    assert sum([len(page) async for page in dataverse.query(SET, select=("name",))]) == 1


async def test_pages_hold_every_row_once(emulators: Emulators, dataverse: DataverseClient) -> None:
    made = {(await opportunity(dataverse, name=f"Oven {number % 3}")).id for number in range(25)}
    emulators.control("DELETE", "requests")
    pages = [page async for page in dataverse.query(SET, select=("name",), order_by="name asc", page_size=10)]
    assert sorted(row.id for page in pages for row in page) == sorted(made)
    assert emulators.count_requests("dataverse") == len(pages) == 3


async def test_many_rows_are_read_without_a_call_for_each(
    emulators: Emulators, dataverse: DataverseClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "IDS_PER_REQUEST", 10)
    made = {(await opportunity(dataverse)).id for _ in range(25)}
    emulators.control("DELETE", "requests")
    found = await dataverse.get_many(SET, [*made, NOWHERE], select=("name",))
    assert set(found) == made
    assert emulators.count_requests("dataverse") == 3


async def test_rows_are_found_by_a_lookup(dataverse: DataverseClient) -> None:
    one, other = await opportunity(dataverse), await opportunity(dataverse)
    for parent in (one, one, other):
        bind = {"cosell_OpportunityId@odata.bind": f"/opportunities({parent.id})"}
        await dataverse.create("cosell_microsoftsolutions", {"cosell_name": "Oven Watch", **bind})
    found = await dataverse.query_one_of(
        "cosell_microsoftsolutions", "_cosell_opportunityid_value", [one.id], select=("_cosell_opportunityid_value",)
    )
    assert [row.get("_cosell_opportunityid_value") for row in found] == [one.id, one.id]


async def test_filter_with_a_quote_and_an_umlaut(dataverse: DataverseClient) -> None:
    made = await dataverse.create("accounts", {"name": "O'Hara & Söhne + Co"})
    pages = dataverse.query("accounts", select=("name",), filter_="name eq 'o''hara & söhne + co'")
    assert [row.id async for page in pages for row in page] == [made.id]


async def test_changes_are_told_once_and_deletes_by_id(dataverse: DataverseClient) -> None:
    kept, gone = await opportunity(dataverse), await opportunity(dataverse)
    start = await changes(dataverse, None)
    assert {row.id for page in start for row in page.rows} >= {kept.id, gone.id}
    await dataverse.update(SET, kept.id, {"name": "Ovens for York"}, etag=kept.etag)
    await dataverse.delete(SET, gone.id)
    (moved,) = await changes(dataverse, start[-1].delta_link)
    assert [row.get("name") for row in moved.rows] == ["Ovens for York"]
    assert moved.deleted_ids == (gone.id,)
    (nothing,) = await changes(dataverse, moved.delta_link)
    assert (nothing.rows, nothing.deleted_ids) == ((), ())


async def test_first_read_of_changes_comes_in_pages(dataverse: DataverseClient) -> None:
    made = {(await opportunity(dataverse)).id for _ in range(25)}
    pages = [page async for page in dataverse.delta(SET, select=("name",), link=None, page_size=10)]
    assert sorted(row.id for page in pages for row in page.rows) == sorted(made)
    assert [page.delta_link is None for page in pages] == [True, True, False]


async def test_table_without_change_tracking(dataverse: DataverseClient) -> None:
    with pytest.raises((SchemaMissing, RequestRejected)):
        _ = [page async for page in dataverse.delta("transactioncurrencies", select=("isocurrencycode",), link=None)]


async def test_won_opportunity(dataverse: DataverseClient) -> None:
    made = await opportunity(dataverse)
    closing = Closing(subject="Won with Microsoft", closed_on=date(2026, 3, 2), revenue=Decimal("26000.25"))
    won = await dataverse.win(made.id, closing, select=("actualvalue", "actualclosedate"))
    assert (won.get("statecode"), won.get("statuscode")) == (1, 3)
    assert (won.get("actualvalue"), won.get("actualclosedate")) == (Decimal("26000.25"), "2026-03-02")
    again = await dataverse.win(made.id, closing)
    assert again.etag == won.etag
    with pytest.raises(StaleEtag):
        await dataverse.lose(made.id, Closing(subject="Lost"))


async def test_lost_opportunity_can_be_reopened(dataverse: DataverseClient) -> None:
    made = await opportunity(dataverse)
    lost = await dataverse.lose(made.id, Closing(subject="Out-sold"), status=5)
    assert (lost.get("statecode"), lost.get("statuscode")) == (2, 5)
    opened = await dataverse.update(SET, made.id, {"statecode": 0, "statuscode": 1}, etag=lost.etag, select=COLUMNS)
    assert opened.get("statecode") == 0


async def test_win_whose_answer_is_lost_is_done(emulators: Emulators, dataverse: DataverseClient) -> None:
    made = await opportunity(dataverse)
    emulators.control("PUT", "faults", [{"path": "WinOpportunity", "nth": 1, "action": {"reset": "after"}}])
    won = await dataverse.win(made.id, Closing(subject="Won"))
    assert won.get("statecode") == 1


async def test_closing_by_an_ordinary_update_is_refused(dataverse: DataverseClient) -> None:
    made = await opportunity(dataverse)
    with pytest.raises(RequestRejected, match="0x80100005"):
        await dataverse.update(SET, made.id, {"statecode": 1, "statuscode": 3}, etag=made.etag)


async def test_text_that_is_too_long_names_the_column_and_not_the_text(dataverse: DataverseClient) -> None:
    with pytest.raises(RequestRejected) as raised:
        await opportunity(dataverse, name="Jo Marlow " * 50)
    assert raised.value.origin.field == "name"
    assert "Marlow" not in str(raised.value)
    assert raised.value.origin.request_id


async def test_unknown_column_is_told(dataverse: DataverseClient) -> None:
    with pytest.raises(RequestRejected, match="cosell doctor"):
        await opportunity(dataverse, nothing_like_it="x")
    with pytest.raises(RequestRejected, match="cosell doctor"):
        _ = [page async for page in dataverse.query(SET, select=("nothing_like_it",))]


async def test_unknown_table_is_not_taken_for_an_unknown_row(dataverse: DataverseClient) -> None:
    with pytest.raises(SchemaMissing):
        await dataverse.find("nothing_like_its", NOWHERE, select=("name",))


async def test_throttling_is_waited_out_or_passed_on(emulators: Emulators, dataverse: DataverseClient) -> None:
    body = {"error": {"code": "0x80072322", "message": "Number of requests exceeded"}}
    for seconds, served in (("0", True), ("300", False)):
        action = {"status": 429, "headers": {"Retry-After": seconds}, "body": body}
        emulators.control("PUT", "faults", [{"path": "WhoAmI", "nth": 1, "action": action}])
        if served:
            await dataverse.whoami()
            continue
        with pytest.raises(Throttled) as raised:
            await dataverse.whoami()
        assert raised.value.retry_after == 300


@pytest.mark.parametrize("action", [{"reset": "before"}, {"truncate": True}, {"status": 503}, {"status": 502}])
async def test_read_survives_one_broken_answer(
    emulators: Emulators, dataverse: DataverseClient, action: dict[str, object]
) -> None:
    emulators.control("PUT", "faults", [{"path": "WhoAmI", "nth": 1, "action": action}])
    assert (await dataverse.whoami()).user_id


async def test_table_of_opportunities_is_as_installed(emulators: Emulators, dataverse: DataverseClient) -> None:
    emulators.control("DELETE", "requests")
    table = await dataverse.get_table("opportunity")
    assert emulators.count_requests("dataverse") == 9
    assert (table.set_name, table.id_column, table.name_column) == (SET, "opportunityid", "name")
    assert table.is_change_tracked
    assert table.columns["name"].max_length == 300
    assert table.columns["cosell_help"].find_option("general or other") is not None
    assert [key.columns for key in table.keys if key.is_active] == [("cosell_referralid",)]
    assert {lookup.navigation for lookup in table.find_lookups("customerid")} == {
        "customerid_account",
        "customerid_contact",
    }
    reasons = {reason.label: (reason.state, reason.value) for reason in table.status_reasons}
    assert reasons["In Progress"] == (0, 1)
    assert reasons["Canceled"] == (2, 4)
    assert await dataverse.find_table("nothing_like_it") is None


async def test_qualified_lead_becomes_an_opportunity(dataverse: DataverseClient) -> None:
    lead = await dataverse.create("leads", {"lastname": "Brook", "companyname": "Kestrel", "subject": "Ovens"})
    made = await dataverse.qualify_lead(lead.id, Qualifying())
    assert {one.table for one in made} == {"account", "contact", "opportunity"}
    with pytest.raises(StaleEtag):
        await dataverse.qualify_lead(lead.id, Qualifying())


async def test_seller_s_edit_is_seen_as_a_change(emulators: Emulators, dataverse: DataverseClient) -> None:
    made = await opportunity(dataverse)
    link = (await changes(dataverse, None))[-1].delta_link
    async with emulators.crm_as("seller@contoso-partner.example") as seller:
        response = await seller.patch(f"opportunities({made.id})", json={"name": "Typed by the seller"})
    assert response.status_code == 204, response.text
    (moved,) = await changes(dataverse, link)
    assert [row.get("name") for row in moved.rows] == ["Typed by the seller"]

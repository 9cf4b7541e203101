from collections.abc import Mapping

import httpx
import pytest

from tests.emulators.dataverse.conftest import RETURN, error_of, make


def closing(row: Mapping[str, object], status: object, **more: object) -> dict[str, object]:
    bind = {"opportunityid@odata.bind": f"/opportunities({row['opportunityid']})"}
    return {"Status": status, "OpportunityClose": {"subject": "Closed", **bind, **more}}


@pytest.fixture
async def deal(api: httpx.AsyncClient) -> dict[str, object]:
    return await make(api, "opportunities", {"name": "deal", "estimatedvalue": 10})


def address(deal: dict[str, object]) -> str:
    return f"opportunities({deal['opportunityid']})"


@pytest.mark.parametrize(("state", "word"), [(1, "won"), (2, "lost")])
async def test_s12_an_update_cannot_close(
    api: httpx.AsyncClient, deal: dict[str, object], state: int, word: str
) -> None:
    reply = await api.patch(address(deal), json={"statecode": state})
    assert error_of(reply) == (400, "0x80100005")
    assert reply.json()["error"]["message"] == (
        f"This message can not be used to set the state of opportunity to {word}. In order to set state of opportunity "
        f"to {word}, use the {word} message instead."
    )


async def test_s12_status_must_fit_the_state(api: httpx.AsyncClient, deal: dict[str, object]) -> None:
    assert error_of(await api.patch(address(deal), json={"statuscode": 3})) == (400, "0x80048408")
    assert error_of(await api.post("opportunities", json={"name": "x", "statuscode": 4})) == (400, "0x80048408")
    assert (await api.patch(address(deal), json={"statuscode": 2})).status_code == 204
    assert error_of(await api.patch(address(deal), json={"statuscode": 77})) == (400, "0x8004431a")


async def test_s12_winning_writes_the_activity_and_the_actuals(api: httpx.AsyncClient, deal: dict[str, object]) -> None:
    body = closing(deal, 3, actualrevenue=9.5, actualend="2026-12-31", description="signed")
    reply = await api.post("WinOpportunity", json=body)
    assert (reply.status_code, reply.content) == (204, b"")
    won = (await api.get(address(deal))).json()
    assert (won["statecode"], won["statuscode"], won["actualvalue"]) == (1, 3, 9.5)
    assert won["actualclosedate"] == "2026-12-31"
    wanted = f"_opportunityid_value eq {deal['opportunityid']}"
    activity = (await api.get(f"opportunitycloses?$filter={wanted}")).json()["value"][0]
    assert (activity["subject"], activity["actualrevenue"], activity["statecode"]) == ("Closed", 9.5, 1)
    assert activity["description"] == "signed"


async def test_s12_losing_takes_a_default_status(api: httpx.AsyncClient, deal: dict[str, object]) -> None:
    assert error_of(await api.post("LoseOpportunity", json=closing(deal, 3))) == (400, "0x80048408")
    assert (await api.post("LoseOpportunity", json=closing(deal, -1))).status_code == 204
    lost = (await api.get(address(deal))).json()
    assert (lost["statecode"], lost["statuscode"]) == (2, 4)


async def test_s12_a_closed_deal_cannot_be_closed_again_but_reopened_once(
    api: httpx.AsyncClient, deal: dict[str, object]
) -> None:
    await api.post("WinOpportunity", json=closing(deal, 3))
    again = await api.post("LoseOpportunity", json=closing(deal, 4))
    assert error_of(again) == (400, "0x80040515")
    assert (await api.patch(address(deal), json={"description": "late note"})).status_code == 204
    reopen = {"statecode": 0, "statuscode": 1}
    reopened = await api.patch(address(deal), json=reopen, headers=RETURN)
    assert (reopened.status_code, reopened.json()["statecode"]) == (200, 0)
    assert error_of(await api.patch(address(deal), json=reopen)) == (400, "0x8004051a")


async def test_s12_closing_needs_its_parameters(api: httpx.AsyncClient) -> None:
    assert error_of(await api.post("WinOpportunity", json={"Status": 3})) == (400, "0x80040203")
    gone = {"opportunityid": "00000000-0000-4000-8000-000000000001"}
    assert error_of(await api.post("WinOpportunity", json=closing(gone, 3))) == (404, "0x80040217")


async def test_s12_a_qualified_lead_becomes_three_rows(api: httpx.AsyncClient) -> None:
    lead = await make(
        api,
        "leads",
        {
            "subject": "New platform",
            "firstname": "Elif",
            "lastname": "Haddad",
            "companyname": "Coho",
            "emailaddress1": "elif@coho.example",
            "estimatedamount": 5000.5,
            "address1_country": "TR",
        },
    )
    assert lead["fullname"] == "Elif Haddad"
    body = {"CreateAccount": True, "CreateContact": True, "CreateOpportunity": True, "Status": 3}
    reply = await api.post(f"leads({lead['leadid']})/Microsoft.Dynamics.CRM.QualifyLead", json=body)
    assert reply.status_code == 200
    made = reply.json()["value"]
    assert [one["@odata.type"].rpartition(".")[2] for one in made] == ["account", "contact", "opportunity"]
    deal = (await api.get(f"opportunities({made[2]['opportunityid']})?$expand=customerid_account")).json()
    assert (deal["name"], deal["estimatedvalue"]) == ("New platform", 5000.5)
    assert deal["_originatingleadid_value"] == lead["leadid"]
    assert deal["customerid_account"]["address1_country"] == "TR"
    contact = (await api.get(f"contacts({made[1]['contactid']})")).json()
    assert contact["_parentcustomerid_value"] == made[0]["accountid"]
    qualified = (await api.get(f"leads({lead['leadid']})")).json()
    assert (qualified["statecode"], qualified["statuscode"]) == (1, 3)
    assert qualified["_qualifyingopportunityid_value"] == deal["opportunityid"]
    again = await api.post(f"leads({lead['leadid']})/Microsoft.Dynamics.CRM.QualifyLead", json=body)
    assert error_of(again) == (400, "0x80040519")


async def test_s12_a_lead_is_disqualified_and_reopened_by_update(api: httpx.AsyncClient) -> None:
    lead = await make(api, "leads", {"lastname": "Ito"})
    where = f"leads({lead['leadid']})"
    assert (await api.patch(where, json={"statecode": 2, "statuscode": 5})).status_code == 204
    assert (await api.patch(where, json={"statecode": 0, "statuscode": 1})).status_code == 204
    assert error_of(await api.patch(where, json={"statecode": 2, "statuscode": 3})) == (400, "0x80048408")


async def test_s12_qualifying_takes_a_customer_and_a_currency(api: httpx.AsyncClient) -> None:
    lead = await make(api, "leads", {"lastname": "Ito"})
    account = await make(api, "accounts", {"name": "Known"})
    found = (await api.get("transactioncurrencies?$filter=isocurrencycode eq 'CHF'")).json()["value"][0]
    prefix = "Microsoft.Dynamics.CRM"
    body = {
        "CreateAccount": False,
        "CreateContact": False,
        "CreateOpportunity": True,
        "Status": 3,
        "OpportunityCurrencyId": {
            "transactioncurrencyid": found["transactioncurrencyid"],
            "@odata.type": f"{prefix}.transactioncurrency",
        },
        "OpportunityCustomerId": {"accountid": account["accountid"], "@odata.type": f"{prefix}.account"},
    }
    reply = await api.post(f"leads({lead['leadid']})/{prefix}.QualifyLead", json=body)
    deal = (await api.get(f"opportunities({reply.json()['value'][0]['opportunityid']})")).json()
    assert deal["_customerid_value"] == account["accountid"]
    assert deal["_transactioncurrencyid_value"] == found["transactioncurrencyid"]


async def test_s13_a_customer_takes_the_deals_along_and_they_their_children(api: httpx.AsyncClient) -> None:
    account = await make(api, "accounts", {"name": "Coho"})
    bind = {"customerid_account@odata.bind": f"/accounts({account['accountid']})"}
    deal = await make(api, "opportunities", {"name": "deal", **bind})
    other = await make(
        api, "opportunities", {"name": "x", "parentaccountid@odata.bind": f"/accounts({account['accountid']})"}
    )
    child = {"cosell_OpportunityId@odata.bind": f"/opportunities({deal['opportunityid']})", "cosell_name": "s"}
    solution = await make(api, "cosell_microsoftsolutions", child)
    assert (await api.delete(f"accounts({account['accountid']})")).status_code == 204
    assert (await api.get(f"opportunities({deal['opportunityid']})")).status_code == 404
    assert (await api.get(f"cosell_microsoftsolutions({solution['cosell_microsoftsolutionid']})")).status_code == 404
    kept = (await api.get(f"opportunities({other['opportunityid']})")).json()
    assert kept["_parentaccountid_value"] is None

import httpx

from tests.emulators.dataverse.conftest import RETURN, Crm, error_of, make


async def test_a_deal_from_first_write_to_won(api: httpx.AsyncClient, seller: httpx.AsyncClient) -> None:
    me = (await api.get("WhoAmI")).json()
    assert me["UserId"] != (await seller.get("WhoAmI")).json()["UserId"]

    account = await make(api, "accounts", {"name": "Fabrikam Foods"})
    euro = (await api.get("transactioncurrencies?$filter=isocurrencycode eq 'eur'&$select=exchangerate")).json()[
        "value"
    ][0]
    body = {
        "name": "Cloud move",
        "customerid_account@odata.bind": f"/accounts({account['accountid']})",
        "transactioncurrencyid@odata.bind": f"/transactioncurrencies({euro['transactioncurrencyid']})",
        "estimatedvalue": 920.5,
        "cosell_help": 273100002,
    }
    first = await api.patch("opportunities(cosell_referralid='r-1')", json=body)
    assert first.status_code == 204
    assert first.headers["OData-EntityId"].endswith("opportunities(cosell_referralid='r-1')")
    again = await api.patch("opportunities(cosell_referralid='R-1')", json={"stepname": "x"}, headers=RETURN)
    assert again.status_code == 200
    row = again.json()
    assert (row["estimatedvalue"], row["estimatedvalue_base"], row["exchangerate"]) == (920.5, 1000.5435, 0.92)

    tracked = await api.get("opportunities?$select=name", headers={"Prefer": "odata.track-changes"})
    link = tracked.json()["@odata.deltaLink"]

    stale = await api.patch(f"opportunities({row['opportunityid']})", json={"name": "x"}, headers={"If-Match": 'W/"1"'})
    assert error_of(stale) == (412, "0x80060882")
    fine = await seller.patch(
        f"opportunities({row['opportunityid']})", json={"name": "y"}, headers={"If-Match": row["@odata.etag"]}
    )
    assert fine.status_code == 204

    delta = (await api.get(link)).json()
    assert [one["name"] for one in delta["value"]] == ["y"]

    won = await api.post(
        "WinOpportunity",
        json={
            "Status": 3,
            "OpportunityClose": {
                "subject": "Won",
                "opportunityid@odata.bind": f"/opportunities({row['opportunityid']})",
                "actualrevenue": 900,
                "actualend": "2026-12-31",
            },
        },
    )
    assert won.status_code == 204, won.text
    found = (
        await api.get(
            f"opportunities({row['opportunityid']})?$select=statecode,actualvalue,actualclosedate"
            "&$expand=customerid_account($select=name),Opportunity_OpportunityClose($select=subject)"
        )
    ).json()
    assert (found["statecode"], found["actualvalue"], found["actualclosedate"]) == (1, 900.0, "2026-12-31")
    assert found["customerid_account"]["name"] == "Fabrikam Foods"
    assert found["Opportunity_OpportunityClose"][0]["subject"] == "Won"

    gone = await api.delete(f"accounts({account['accountid']})")
    assert gone.status_code == 204
    delta = (await api.get(delta["@odata.deltaLink"])).json()
    assert delta["value"][-1]["reason"] == "deleted"


async def test_an_activation_check_finds_columns_choices_keys(api: httpx.AsyncClient) -> None:
    opportunity = "EntityDefinitions(LogicalName='opportunity')"
    flags = (
        await api.get(f"{opportunity}?$select=ChangeTrackingEnabled,EntitySetName,IsOptimisticConcurrencyEnabled")
    ).json()
    assert (flags["ChangeTrackingEnabled"], flags["EntitySetName"]) == (True, "opportunities")
    columns = (await api.get(f"{opportunity}/Attributes?$select=LogicalName,AttributeType")).json()["value"]
    assert {"LogicalName": "cosell_audit", "AttributeType": "Memo"}.items() <= next(
        one for one in columns if one["LogicalName"] == "cosell_audit"
    ).items()
    choices = (
        await api.get(
            f"{opportunity}/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
            "?$select=LogicalName&$expand=OptionSet($select=Options)"
        )
    ).json()["value"]
    help_options = next(one for one in choices if one["LogicalName"] == "cosell_help")["OptionSet"]["Options"]
    assert len(help_options) == 6
    keys = (await api.get(f"{opportunity}/Keys?$select=KeyAttributes,EntityKeyIndexStatus")).json()["value"]
    assert [(key["KeyAttributes"], key["EntityKeyIndexStatus"]) for key in keys] == [(["cosell_referralid"], "Active")]
    one = (await api.get(f"{opportunity}/Attributes(LogicalName='name')")).json()
    assert one["@odata.type"] == "#Microsoft.Dynamics.CRM.StringAttributeMetadata"
    assert one["MaxLength"] == 300


async def test_without_a_token_nothing_is_said(crm: Crm) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(crm.app), base_url="https://crm.example") as nobody:
        reply = await nobody.get("/api/data/v9.2/WhoAmI")
    assert error_of(reply) == (401, "0x80044302")

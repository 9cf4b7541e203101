import httpx
import pytest

from tests.emulators.dataverse.conftest import RETURN, Crm, error_of, make


async def test_s07_an_unknown_property_is_refused_by_name(crm: Crm, api: httpx.AsyncClient) -> None:
    reply = await api.post("opportunities", json={"name": "x", "bogus": 1})
    assert error_of(reply) == (400, "0x80048d19")
    message = reply.json()["error"]["message"]
    assert message.startswith("Error identified in Payload provided by the user for Entity :'opportunities'")
    assert "The property 'bogus' does not exist on type 'Microsoft.Dynamics.CRM.opportunity'." in message
    assert [one.rule for one in crm.world.violations] == ["0x80048d19"]


@pytest.mark.parametrize(
    ("set_name", "body"),
    [
        ("opportunities", {"Name": "x"}),
        ("opportunities", {"CustomerId_account@odata.bind": "/accounts(00000000-0000-4000-8000-000000000001)"}),
        ("opportunities", {"customerid@odata.bind": "/accounts(00000000-0000-4000-8000-000000000001)"}),
        ("opportunities", {"_customerid_value": "00000000-0000-4000-8000-000000000001"}),
        ("opportunities", {"parentaccountid": "00000000-0000-4000-8000-000000000001"}),
        ("cosell_microsoftsolutions", {"cosell_opportunityid@odata.bind": "/opportunities(x)"}),
    ],
)
async def test_s07_names_are_exact(api: httpx.AsyncClient, set_name: str, body: dict[str, object]) -> None:
    assert error_of(await api.post(set_name, json=body)) == (400, "0x80048d19")


async def test_s07_a_custom_lookup_is_bound_by_its_schema_name(api: httpx.AsyncClient) -> None:
    deal = await make(api, "opportunities", {"name": "deal"})
    bind = {"cosell_OpportunityId@odata.bind": f"opportunities({deal['opportunityid']})"}
    row = await make(api, "cosell_microsoftsolutions", {"cosell_name": "s", **bind})
    assert row["_cosell_opportunityid_value"] == deal["opportunityid"]


async def test_s07_read_only_columns_are_ignored(api: httpx.AsyncClient) -> None:
    body = {"name": "x", "createdon": "2001-01-01T00:00:00Z", "totalamount": 5, "exchangerate": 7, "versionnumber": 1}
    row = await make(api, "opportunities", body)
    assert (row["totalamount"], row["exchangerate"]) == (None, 1.0)
    assert not str(row["createdon"]).startswith("2001")


async def test_s07_a_bind_to_a_missing_or_wrong_row_is_refused(api: httpx.AsyncClient) -> None:
    missing = "00000000-0000-4000-8000-000000000001"
    reply = await api.post("opportunities", json={"customerid_account@odata.bind": f"/accounts({missing})"})
    assert error_of(reply) == (404, "0x80040217")
    contact = await make(api, "contacts", {"lastname": "Ito"})
    wrong = {"customerid_account@odata.bind": f"/contacts({contact['contactid']})"}
    assert error_of(await api.post("opportunities", json=wrong)) == (400, "0x80048d19")


@pytest.mark.parametrize("body", [b'{"name": ', b'{"name": "\\ud800"}', b'{"name": "\xed\xa0\x80"}', b"[" * 200_000])
async def test_s07_broken_json_is_refused(api: httpx.AsyncClient, body: bytes) -> None:
    reply = await api.post("accounts", content=body, headers={"Content-Type": "application/json"})
    assert error_of(reply) == (400, "0x80048d19")


async def test_s07_deep_inserts_and_binds_by_key(api: httpx.AsyncClient) -> None:
    detail = {"cosell_name": "Backup", "cosell_solutionidentifier": "sol-1"}
    await make(api, "cosell_microsoftsolutiondetails", detail)
    deal = await make(
        api,
        "opportunities",
        {
            "name": "deal",
            "customerid_account": {"name": "New customer", "primarycontactid": {"lastname": "Ito"}},
            "Opportunity_Tasks": [{"subject": "call"}],
            "cosell_opportunity_microsoftsolution": [
                {
                    "cosell_name": "s",
                    "cosell_SolutionDetailId@odata.bind": (
                        "/cosell_microsoftsolutiondetails(cosell_solutionidentifier='sol-1')"
                    ),
                }
            ],
        },
        "?$select=name&$expand=customerid_account($select=name),Opportunity_Tasks($select=subject),"
        "cosell_opportunity_microsoftsolution($select=cosell_name,_cosell_solutiondetailid_value)",
    )
    assert deal["customerid_account"]["name"] == "New customer"
    assert deal["Opportunity_Tasks"][0]["subject"] == "call"
    child = deal["cosell_opportunity_microsoftsolution"][0]
    assert child["_cosell_solutiondetailid_value"]


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (
            {"name": "x" * 301},
            "0x80044331",
            "A validation error occurred.  The length of the 'name' attribute of the 'opportunity' entity exceeded the "
            "maximum allowed length of '300'.",
        ),
        (
            {"description": "x" * 2001},
            "0x80044331",
            "A validation error occurred.  The length of the 'description' attribute of the 'opportunity' entity "
            "exceeded the maximum allowed length of '2000'.",
        ),
        (
            {"opportunityratingcode": 99},
            "0x8004431a",
            "A validation error occurred. The value 99 of 'opportunityratingcode' on record of type 'opportunity' is "
            "outside the valid range.",
        ),
        (
            {"closeprobability": 101},
            "0x8004432f",
            "A validation error occurred.  The value of 'closeprobability' on record of type 'opportunity' is outside "
            "the valid range.",
        ),
        (
            {"estimatedvalue": 1_000_000_000_001},
            "0x80044330",
            "A validation error occurred.  The value of 'estimatedvalue' on record of type 'opportunity' is outside "
            "the valid range.",
        ),
    ],
)
async def test_s08_bounds(api: httpx.AsyncClient, body: dict[str, object], code: str, text: str) -> None:
    reply = await api.post("opportunities", json=body)
    assert error_of(reply) == (400, code)
    assert reply.json()["error"]["message"] == text


@pytest.mark.parametrize(
    "body",
    [
        {"name": 5},
        {"estimatedvalue": "50"},
        {"estimatedvalue": True},
        {"closeprobability": 5.5},
        {"opportunityratingcode": "1"},
        {"decisionmaker": "true"},
        {"decisionmaker": 1},
        {"estimatedclosedate": "2026-12-31T00:00:00Z"},
        {"estimatedclosedate": "31.12.2026"},
        {"overriddencreatedon": "2026-02-30"},
        {"cosell_help": "273100000,273100001"},
        {"cosell_help": [273100000]},
    ],
)
async def test_s08_types_are_not_guessed(api: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert error_of(await api.post("opportunities", json=body)) == (400, "0x80048d19")


async def test_s08_an_empty_text_is_null(api: httpx.AsyncClient) -> None:
    row = await make(api, "opportunities", {"name": "x", "stepname": ""})
    assert row["stepname"] is None


async def test_s09_stamps_and_owner(crm: Crm, api: httpx.AsyncClient, seller: httpx.AsyncClient) -> None:
    app_id = (await api.get("WhoAmI")).json()["UserId"]
    seller_id = (await seller.get("WhoAmI")).json()["UserId"]
    row = await make(api, "opportunities", {"name": "x", "ownerid@odata.bind": f"/systemusers({seller_id})"})
    assert (row["_createdby_value"], row["_ownerid_value"], row["_owninguser_value"]) == (app_id, seller_id, seller_id)
    crm.world.clock.advance(3600)
    moved = (await seller.patch(f"opportunities({row['opportunityid']})", json={"name": "y"}, headers=RETURN)).json()
    assert moved["_modifiedby_value"] == seller_id
    assert moved["modifiedon"] > moved["createdon"] == row["createdon"]
    team = (await api.get("teams?$select=teamid")).json()["value"][0]["teamid"]
    bind = {"ownerid@odata.bind": f"/teams({team})"}
    handed = (await api.patch(f"opportunities({row['opportunityid']})", json=bind, headers=RETURN)).json()
    assert (handed["_owningteam_value"], handed["_owninguser_value"]) == (team, None)


@pytest.mark.parametrize("header", ["MSCRMCallerID", "CallerObjectId"])
async def test_s09_impersonation_names_both(api: httpx.AsyncClient, header: str) -> None:
    app_id = (await api.get("WhoAmI")).json()["UserId"]
    wanted = "internalemailaddress eq 'seller@contoso-partner.example'"
    found = await api.get(f"systemusers?$select=azureactivedirectoryobjectid&$filter={wanted}")
    user = found.json()["value"][0]
    value = user["systemuserid"] if header == "MSCRMCallerID" else user["azureactivedirectoryobjectid"]
    row = (await api.post("accounts", json={"name": "x"}, headers={header: value, **RETURN})).json()
    assert (row["_createdby_value"], row["_createdonbehalfby_value"]) == (user["systemuserid"], app_id)
    assert (row["_modifiedby_value"], row["_modifiedonbehalfby_value"]) == (user["systemuserid"], app_id)
    assert row["_ownerid_value"] == user["systemuserid"]


async def test_s09_a_seller_cannot_act_for_others(api: httpx.AsyncClient, seller: httpx.AsyncClient) -> None:
    app_id = (await api.get("WhoAmI")).json()["UserId"]
    reply = await seller.get("WhoAmI", headers={"MSCRMCallerID": app_id})
    assert error_of(reply) == (403, "0x80040220")
    assert "prvActOnBehalfOfAnotherUser" in reply.json()["error"]["message"]


async def test_s10_money_goes_by_its_currency(api: httpx.AsyncClient) -> None:
    found = (await api.get("transactioncurrencies?$select=isocurrencycode,exchangerate")).json()["value"]
    rates = {one["isocurrencycode"]: one for one in found}
    bind = f"/transactioncurrencies({rates['JPY']['transactioncurrencyid']})"
    row = await make(
        api, "opportunities", {"name": "x", "estimatedvalue": 1000.6, "transactioncurrencyid@odata.bind": bind}
    )
    assert (row["estimatedvalue"], row["exchangerate"], row["estimatedvalue_base"]) == (1001.0, 149.5, 6.6957)
    euro = f"/transactioncurrencies({rates['EUR']['transactioncurrencyid']})"
    body = {"transactioncurrencyid@odata.bind": euro, "estimatedvalue_base": 5}
    moved = (await api.patch(f"opportunities({row['opportunityid']})", json=body, headers=RETURN)).json()
    assert (moved["exchangerate"], moved["estimatedvalue_base"]) == (0.92, 1088.0435)


async def test_s10_the_currency_comes_with_the_amount_and_has_a_default(api: httpx.AsyncClient) -> None:
    row = await make(api, "opportunities", {"name": "x", "estimatedvalue": 12.345})
    found = (await api.get(f"opportunities({row['opportunityid']})?$select=estimatedvalue")).json()
    assert list(found)[2:] == ["estimatedvalue", "_transactioncurrencyid_value", "opportunityid"]
    assert found["estimatedvalue"] == 12.35


async def test_s10_system_calculated_revenue_overwrites(api: httpx.AsyncClient) -> None:
    row = await make(api, "opportunities", {"name": "x", "isrevenuesystemcalculated": True, "estimatedvalue": 7})
    assert row["estimatedvalue"] == 0.0


async def test_s10_a_currency_in_use_stays(api: httpx.AsyncClient) -> None:
    row = await make(api, "opportunities", {"name": "x"})
    reply = await api.delete(f"transactioncurrencies({row['_transactioncurrencyid_value']})")
    assert error_of(reply) == (405, "0x80040227")


async def test_s11_multi_select_is_a_normalised_text(api: httpx.AsyncClient) -> None:
    labels = [{"Value": value, "Label": {"LocalizedLabels": [{"Label": f"L{value}"}]}} for value in (1, 2, 10)]
    column = {
        "@odata.type": "Microsoft.Dynamics.CRM.MultiSelectPicklistAttributeMetadata",
        "SchemaName": "new_Kinds",
        "OptionSet": {"IsGlobal": False, "OptionSetType": "Picklist", "Options": labels},
    }
    assert (await api.post("EntityDefinitions(LogicalName='account')/Attributes", json=column)).status_code == 204
    row = await make(api, "accounts", {"name": "x", "new_kinds": "10, 2"}, "?$select=new_kinds")
    assert row["new_kinds"] == "2,10"
    assert error_of(await api.post("accounts", json={"new_kinds": "3"})) == (400, "0x8004431a")
    assert error_of(await api.post("accounts", json={"new_kinds": ["2"]})) == (400, "0x80048d19")
    shown = await api.get(
        f"accounts({row['accountid']})?$select=new_kinds", headers={"Prefer": 'odata.include-annotations="*"'}
    )
    assert shown.json()["new_kinds@OData.Community.Display.V1.FormattedValue"] == "L2; L10"
    for condition, hits in [
        ("Microsoft.Dynamics.CRM.ContainValues(PropertyName='new_kinds',PropertyValues=['2'])", 1),
        ("Microsoft.Dynamics.CRM.DoesNotContainValues(PropertyName='new_kinds',PropertyValues=['2'])", 0),
        ("new_kinds eq '10,2'", 1),
        ("new_kinds ne null", 1),
    ]:
        assert len((await api.get(f"accounts?$filter={condition}")).json()["value"]) == hits
    cleared = await api.patch(f"accounts({row['accountid']})", json={"new_kinds": None}, headers=RETURN)
    assert cleared.json()["new_kinds"] is None

import logging
from pathlib import Path

import httpx
import pytest

from cosell.emulators.world import Store, World
from tests.emulators.dataverse.conftest import RETURN, Crm, error_of, make

ALL = {"Prefer": 'odata.include-annotations="*"'}


async def test_s29_environment_variables_are_ordinary_rows(api: httpx.AsyncClient) -> None:
    body = {"schemaname": "cosell_DealValueField", "displayname": "Deal value field", "type": 100000000}
    made = await make(api, "environmentvariabledefinitions", body | {"defaultvalue": "estimatedvalue"})
    ask = "RetrieveEnvironmentVariableValue(DefinitionSchemaName='cosell_DealValueField')"
    assert (await api.get(ask)).json()["Value"] == "estimatedvalue"
    where = f"/environmentvariabledefinitions({made['environmentvariabledefinitionid']})"
    await make(
        api, "environmentvariablevalues", {"value": "actualvalue", "EnvironmentVariableDefinitionId@odata.bind": where}
    )
    assert (await api.get(ask)).json()["Value"] == "actualvalue"
    found = await api.get(
        "environmentvariabledefinitions?$select=schemaname,defaultvalue,type&$filter=startswith(schemaname,'cosell_')"
        "&$expand=environmentvariabledefinition_environmentvariablevalue($select=value)"
    )
    row = found.json()["value"][0]
    assert row["environmentvariabledefinition_environmentvariablevalue"][0]["value"] == "actualvalue"
    by_alias = "RetrieveEnvironmentVariableValue(DefinitionSchemaName=@n)?@n='cosell_dealvaluefield'"
    assert (await api.get(by_alias)).json()["Value"] == "actualvalue"


async def test_s29_solutions_publishers_and_their_components(api: httpx.AsyncClient) -> None:
    found = await api.get(
        "solutions?$filter=uniquename eq 'cosellsync'&$expand=publisherid($select=customizationprefix)"
    )
    solution = found.json()["value"][0]
    assert (solution["version"], solution["publisherid"]["customizationprefix"]) == ("1.0.0.0", "cosell")
    wanted = f"_solutionid_value eq {solution['solutionid']}"
    assert int((await api.get(f"solutioncomponents/$count?$filter={wanted}")).text) > 20
    in_use = await api.delete(f"publishers({solution['_publisherid_value']})")
    assert error_of(in_use) == (405, "0x80040227")
    for prefix in ("x", "toolongprefix", "1abc", "mscrmx"):
        body = {"uniquename": prefix, "friendlyname": prefix, "customizationprefix": prefix}
        assert (await api.post("publishers", json=body)).status_code == 400


async def test_s29_messages_and_endpoints_are_there(api: httpx.AsyncClient) -> None:
    messages = (await api.get("sdkmessages?$select=name")).json()["value"]
    assert {"Create", "Update", "Delete"} <= {one["name"] for one in messages}
    endpoint = await make(
        api, "serviceendpoints", {"name": "h", "contract": 8, "url": "https://x.example", "authvalue": "s"}
    )
    assert "authvalue" not in endpoint
    assert error_of(await api.get("serviceendpoints?$select=authvalue")) == (400, "0x80060888")


async def test_s30_headers_of_data_and_of_nothing(api: httpx.AsyncClient) -> None:
    reply = await api.get("WhoAmI")
    assert reply.headers["OData-Version"] == "4.0"
    assert reply.headers["Content-Type"].startswith("application/json; odata.metadata=minimal;")
    assert reply.headers["x-ms-service-request-id"]
    assert "REQ_ID" not in reply.headers
    empty = await api.post("accounts", json={"name": "x"})
    assert "Content-Type" not in empty.headers
    assert empty.headers["OData-Version"] == "4.0"
    row = await make(api, "accounts", {"name": "x"})
    assert (await api.get(f"accounts({row['accountid']})")).headers["ETag"] == row["@odata.etag"]


async def test_s30_headers_and_details_of_refusals(api: httpx.AsyncClient) -> None:
    reply = await api.get("accounts(00000000-0000-4000-8000-000000000001)")
    assert reply.headers["REQ_ID"] == reply.headers["x-ms-service-request-id"]
    assert reply.headers["Content-Type"].startswith("application/json; odata.metadata=minimal")
    assert set(reply.json()["error"]) == {"code", "message"}
    detailed = (await api.get("accounts(00000000-0000-4000-8000-000000000001)", headers=ALL)).json()["error"]
    assert detailed["@Microsoft.PowerApps.CDS.InnerError.Message"] == detailed["message"]
    assert "80040217" in detailed["@Microsoft.PowerApps.CDS.HelpLink"]


async def test_s30_older_versions_answer_too_and_unknown_ones_do_not(api: httpx.AsyncClient) -> None:
    old = (await api.get("https://crm.example/api/data/v9.0/WhoAmI")).json()
    assert old["@odata.context"].startswith("https://crm.example/api/data/v9.0/")
    assert (await api.get("https://crm.example/api/data/v7.0/WhoAmI")).status_code == 404


@pytest.mark.parametrize(
    ("function", "member"),
    [
        ("RetrieveAvailableLanguages", "LocaleIds"),
        ("RetrieveInstalledLanguagePacks", "RetrieveInstalledLanguagePacks"),
        ("RetrieveProvisionedLanguages", "RetrieveProvisionedLanguages"),
    ],
)
async def test_languages_are_told_to_clients_that_ask_at_start(
    api: httpx.AsyncClient, function: str, member: str
) -> None:
    assert (await api.get(f"{function}()")).json()[member] == [1033]


async def test_what_is_not_modelled_is_refused_and_logged(
    api: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "cosell.emulators"):
        assert (await api.get("quotes")).status_code == 404
        assert (await api.post("GrantAccess", json={})).status_code == 404
    assert "quotes" in caplog.text
    assert "GrantAccess" in caplog.text


async def test_duplicate_detection_only_when_asked(api: httpx.AsyncClient) -> None:
    await make(api, "contacts", {"lastname": "Ito", "emailaddress1": "ito@coho.example"})
    body = {"lastname": "Other", "emailaddress1": "ITO@coho.example"}
    checked = await api.post("contacts", json=body, headers={"MSCRM.SuppressDuplicateDetection": "false"})
    assert error_of(checked) == (412, "0x80040333")
    assert (await api.post("contacts", json=body)).status_code == 204


async def test_a_seed_is_the_same_each_time_and_not_all_clean(crm: Crm, api: httpx.AsyncClient) -> None:
    async def told() -> list[object]:
        crm.service.reset()
        crm.service.seed(60, seed=5)
        rows = (await api.get("opportunities?$select=name,estimatedvalue,_customerid_value,statecode")).json()["value"]
        return [(row["opportunityid"], row["name"], row["estimatedvalue"], row["_customerid_value"]) for row in rows]

    first = await told()
    assert first == await told()
    assert len(first) == 60
    crm.service.seed(60, seed=6)
    assert (await api.get("opportunities/$count")).text == "120"
    blank = await api.get("opportunities/$count?$filter=estimatedvalue eq null")
    assert int(blank.text) > 0
    named = (await api.get("opportunities?$top=1&$filter=statecode eq 0", headers=RETURN)).json()["value"][0]
    changed = await api.patch(f"opportunities({named['opportunityid']})", json={"name": "edited"})
    assert changed.status_code == 204


async def test_a_restart_comes_back_with_rows_schema_and_users(tmp_path: Path) -> None:
    where = tmp_path / "world.sqlite"
    first = Crm(world=World(store=Store(where)))
    api = first.client()
    await make(api, "opportunities", {"name": "kept", "cosell_referralid": "r1"})
    column = {"@odata.type": "Microsoft.Dynamics.CRM.MemoAttributeMetadata", "SchemaName": "new_Kept", "MaxLength": 9}
    await api.post("EntityDefinitions(LogicalName='account')/Attributes", json=column)
    link = (await api.get("opportunities?$select=name", headers={"Prefer": "odata.track-changes"})).json()
    await first.close()
    second = Crm(world=World(store=Store(where)))
    api = second.client()
    assert (await api.get("opportunities(cosell_referralid='r1')?$select=name")).json()["name"] == "kept"
    await make(api, "accounts", {"name": "x", "new_kept": "y"})
    assert (await api.get(link["@odata.deltaLink"])).json()["value"] == []
    await second.close()


async def test_a_reset_turns_knobs_and_limits_back(crm: Crm, api: httpx.AsyncClient) -> None:
    crm.service.limits.enabled, crm.service.limits.requests = True, 0
    crm.service.knobs.expired_status = 410
    assert (await api.get("WhoAmI")).status_code == 429
    crm.service.reset()
    assert (await api.get("WhoAmI")).status_code == 200
    assert crm.service.knobs.expired_status == 400


async def test_a_lost_race_is_no_violation(crm: Crm, api: httpx.AsyncClient) -> None:
    deal = await make(api, "opportunities", {"name": "x"})
    bind = {"opportunityid@odata.bind": f"/opportunities({deal['opportunityid']})"}
    for _ in range(2):
        await api.post("WinOpportunity", json={"Status": 3, "OpportunityClose": bind})
    stale = {"If-Match": str(deal["@odata.etag"])}
    await api.patch(f"opportunities({deal['opportunityid']})", json={"name": "y"}, headers=stale)
    assert crm.world.violations == []
    await api.patch(f"opportunities({deal['opportunityid']})", json={"name": "y" * 301})
    assert [one.rule for one in crm.world.violations] == ["0x80044331"]

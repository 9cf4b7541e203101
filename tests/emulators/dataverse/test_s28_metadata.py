from xml.etree import ElementTree

import httpx
import pytest

from tests.emulators.dataverse.conftest import RETURN, ROOT, Crm, error_of, make

TYPE = "Microsoft.Dynamics.CRM"
ACCOUNT = "EntityDefinitions(LogicalName='account')"


def label(text: str) -> dict[str, object]:
    return {"LocalizedLabels": [{"@odata.type": f"{TYPE}.LocalizedLabel", "Label": text, "LanguageCode": 1033}]}


def column(kind: str, name: str, **more: object) -> dict[str, object]:
    return {"@odata.type": f"{TYPE}.{kind}AttributeMetadata", "SchemaName": name, "DisplayName": label(name), **more}


def table(name: str = "acme_Partner") -> dict[str, object]:
    return {
        "@odata.type": f"{TYPE}.EntityMetadata",
        "SchemaName": name,
        "DisplayName": label("Partner"),
        "DisplayCollectionName": label("Partners"),
        "OwnershipType": "UserOwned",
        "IsActivity": False,
        "HasActivities": False,
        "HasNotes": False,
        "Attributes": [column("String", f"{name.split('_')[0]}_Name", MaxLength=100, IsPrimaryName=True)],
    }


@pytest.fixture
async def installer(bare_crm: Crm) -> httpx.AsyncClient:
    api = bare_crm.client()
    publisher = {"uniquename": "acme", "friendlyname": "Acme", "customizationprefix": "acme"}
    made = await make(api, "publishers", publisher | {"customizationoptionvalueprefix": 12345})
    solution = {"uniquename": "acmesync", "friendlyname": "Acme", "version": "1.0.0.0"}
    await make(api, "solutions", solution | {"publisherid@odata.bind": f"/publishers({made['publisherid']})"})
    api.headers["MSCRM.SolutionUniqueName"] = "acmesync"
    return api


async def test_s28_a_bare_environment_lacks_our_columns(bare_crm: Crm) -> None:
    api = bare_crm.client()
    assert error_of(await api.get("opportunities?$select=cosell_referralid")) == (400, "0x80060888")
    assert (await api.get("EntityDefinitions(LogicalName='cosell_microsoftsolution')")).status_code == 404


async def test_s28_a_table_is_made_and_used_at_once(installer: httpx.AsyncClient) -> None:
    reply = await installer.post("EntityDefinitions", json=table())
    assert reply.status_code == 204
    assert reply.headers["OData-EntityId"].startswith(f"{ROOT}EntityDefinitions(")
    definition = (await installer.get(reply.headers["OData-EntityId"])).json()
    assert (definition["LogicalName"], definition["EntitySetName"]) == ("acme_partner", "acme_partners")
    assert (definition["PrimaryIdAttribute"], definition["PrimaryNameAttribute"]) == ("acme_partnerid", "acme_name")
    assert (definition["ChangeTrackingEnabled"], definition["IsOptimisticConcurrencyEnabled"]) == (False, True)
    for body in (
        column("Money", "acme_Budget"),
        column("DateTime", "acme_Since", Format="DateOnly", DateTimeBehavior={"Value": "DateOnly"}),
        column("DateTime", "acme_Seen", Format="DateOnly"),
        column("Boolean", "acme_Active", DefaultValue=True),
        column("Decimal", "acme_Rate", Precision=3, MinValue=0, MaxValue=1),
        column("Memo", "acme_Notes", MaxLength=5000),
    ):
        made = await installer.post("EntityDefinitions(LogicalName='acme_partner')/Attributes", json=body)
        assert made.status_code == 204, made.text
    relationship = {
        "@odata.type": f"{TYPE}.OneToManyRelationshipMetadata",
        "SchemaName": "acme_opportunity_partner",
        "ReferencedEntity": "opportunity",
        "ReferencingEntity": "acme_partner",
        "CascadeConfiguration": {"Delete": "Cascade"},
        "Lookup": column("Lookup", "acme_DealId"),
    }
    assert (await installer.post("RelationshipDefinitions", json=relationship)).status_code == 204
    deal = await make(installer, "opportunities", {"name": "deal"})
    row = await make(
        installer,
        "acme_partners",
        {
            "acme_name": "P",
            "acme_budget": 12.5,
            "acme_since": "2026-01-02",
            "acme_seen": "2026-01-02T00:00:00Z",
            "acme_rate": 0.12345,
            "acme_DealId@odata.bind": f"/opportunities({deal['opportunityid']})",
        },
    )
    assert (row["acme_budget_base"], row["acme_active"], row["acme_rate"]) == (12.5, True, 0.123)
    assert row["_ownerid_value"]
    listed = await installer.get(f"opportunities({deal['opportunityid']})/acme_opportunity_partner?$select=acme_name")
    assert listed.json()["value"][0]["acme_name"] == "P"
    await installer.delete(f"opportunities({deal['opportunityid']})")
    assert (await installer.get("acme_partners/$count")).text == "0"


async def test_s28_the_schema_outlives_a_restart(bare_crm: Crm, installer: httpx.AsyncClient) -> None:
    await installer.post("EntityDefinitions", json=table())
    await make(installer, "acme_partners", {"acme_name": "P"})
    bare_crm.service.log.reload()
    assert (await installer.get("acme_partners?$select=acme_name")).json()["value"][0]["acme_name"] == "P"


async def test_s28_polymorphic_types_and_casts(api: httpx.AsyncClient) -> None:
    where = "EntityDefinitions(LogicalName='opportunity')/Attributes"
    every = (await api.get(where)).json()["value"]
    kinds = {one["LogicalName"]: one["@odata.type"] for one in every}
    assert kinds["name"] == f"#{TYPE}.StringAttributeMetadata"
    assert kinds["customerid"] == f"#{TYPE}.LookupAttributeMetadata"
    assert kinds["statuscode"] == f"#{TYPE}.StatusAttributeMetadata"
    assert error_of(await api.get(f"{where}?$select=MaxLength")) == (400, "0x80060888")
    texts = (await api.get(f"{where}/{TYPE}.StringAttributeMetadata?$select=LogicalName,MaxLength")).json()["value"]
    assert {one["LogicalName"]: one["MaxLength"] for one in texts}["cosell_referralid"] == 100
    assert set(texts[0]) == {"LogicalName", "MaxLength", "MetadataId"}
    status = (await api.get(f"{where}/{TYPE}.StatusAttributeMetadata?$expand=OptionSet")).json()["value"][0]
    pairs = [(one["Value"], one["State"]) for one in status["OptionSet"]["Options"]]
    assert pairs == [(1, 0), (2, 0), (3, 1), (4, 2), (5, 2)]
    one = await api.get(f"{where}(LogicalName='cosell_help')/{TYPE}.PicklistAttributeMetadata?$expand=OptionSet")
    labels = [option["Label"]["UserLocalizedLabel"]["Label"] for option in one.json()["OptionSet"]["Options"]]
    assert labels[2] == "Proof of concept or demo"
    wrong = await api.get(f"{where}(LogicalName='cosell_help')/{TYPE}.StringAttributeMetadata")
    assert wrong.status_code == 404
    assert (await api.get(f"{where}(LogicalName='bogus')")).status_code == 404


async def test_s28_tables_expand_and_filter_without_functions(api: httpx.AsyncClient) -> None:
    query = "EntityDefinitions?$select=LogicalName&$filter=SchemaName eq 'Account'"
    query += "&$expand=Keys,Attributes($select=LogicalName)"
    found = (await api.get(query)).json()["value"]
    assert [one["LogicalName"] for one in found] == ["account"]
    assert {"LogicalName", "MetadataId", "@odata.type"} >= set(found[0]["Attributes"][0])
    custom = (await api.get("EntityDefinitions?$select=LogicalName&$filter=IsCustomEntity eq true")).json()["value"]
    assert sorted(one["LogicalName"] for one in custom) == [
        "cosell_microsoftsolution",
        "cosell_microsoftsolutiondetail",
    ]
    refused = await api.get("EntityDefinitions?$filter=startswith(LogicalName,'cosell_')")
    assert error_of(refused) == (501, "0x8006088a")
    single = (await api.get("EntityDefinitions(LogicalName='opportunity')?$select=CanChangeTrackingBeEnabled")).json()
    assert single["CanChangeTrackingBeEnabled"]["Value"] is True
    relations = "RelationshipDefinitions(SchemaName='cosell_opportunity_microsoftsolution')"
    assert (await api.get(f"{relations}/{TYPE}.OneToManyRelationshipMetadata")).json()["CascadeConfiguration"][
        "Delete"
    ] == "Cascade"


async def test_s28_updates_are_put_of_the_whole_definition(installer: httpx.AsyncClient) -> None:
    patched = await installer.patch(ACCOUNT, json={"ChangeTrackingEnabled": True})
    assert error_of(patched) == (405, "0x80060888")
    assert error_of(await installer.put(ACCOUNT, json={"HasNotes": True})) == (400, "0x80048d19")
    await installer.post(f"{ACCOUNT}/Attributes", json=column("String", "acme_Code", MaxLength=10))
    where = f"{ACCOUNT}/Attributes(LogicalName='acme_code')"
    definition = (await installer.get(f"{where}/{TYPE}.StringAttributeMetadata")).json()
    definition |= {"@odata.type": f"{TYPE}.StringAttributeMetadata", "MaxLength": 20}
    assert (await installer.put(where, json=definition, headers={"MSCRM.MergeLabels": "true"})).status_code == 204
    assert (await installer.post("accounts", json={"name": "x", "acme_code": "y" * 20})).status_code == 204
    assert (await installer.post("PublishAllXml")).status_code == 204


async def test_s28_names_need_the_prefix_of_the_solutions_publisher(installer: httpx.AsyncClient) -> None:
    for name in ("Plain", "new_Other", "wrong_Prefix"):
        reply = await installer.post(f"{ACCOUNT}/Attributes", json=column("String", name, MaxLength=10))
        assert error_of(reply) == (400, "0x80044366")
    twice = column("String", "acme_Code", MaxLength=10)
    assert (await installer.post(f"{ACCOUNT}/Attributes", json=twice)).status_code == 204
    assert error_of(await installer.post(f"{ACCOUNT}/Attributes", json=twice)) == (400, "0x80044192")
    no_solution = await installer.post("EntityDefinitions", json=table(), headers={"MSCRM.SolutionUniqueName": "none"})
    assert no_solution.status_code == 400


async def test_s28_global_choices_and_their_options(installer: httpx.AsyncClient) -> None:
    body = {
        "@odata.type": f"{TYPE}.OptionSetMetadata",
        "Name": "acme_kind",
        "IsGlobal": True,
        "OptionSetType": "Picklist",
        "DisplayName": label("Kind"),
        "Options": [{"Value": 123450000, "Label": label("One")}],
    }
    made = await installer.post("GlobalOptionSetDefinitions", json=body)
    found = (await installer.get("GlobalOptionSetDefinitions(Name='acme_kind')")).json()
    assert found["MetadataId"] in made.headers["OData-EntityId"]
    multi = column("MultiSelectPicklist", "acme_Kinds")
    multi["GlobalOptionSet@odata.bind"] = f"/GlobalOptionSetDefinitions({found['MetadataId']})"
    assert (await installer.post(f"{ACCOUNT}/Attributes", json=multi)).status_code == 204
    shown = (
        await installer.get(
            f"{ACCOUNT}/Attributes(LogicalName='acme_kinds')/{TYPE}.MultiSelectPicklistAttributeMetadata"
            "?$select=AttributeType,AttributeTypeName&$expand=GlobalOptionSet($select=Name)"
        )
    ).json()
    assert (shown["AttributeType"], shown["AttributeTypeName"]["Value"]) == ("Virtual", "MultiSelectPicklistType")
    assert shown["GlobalOptionSet"]["Name"] == "acme_kind"
    insert = {"OptionSetName": "acme_kind", "Value": 123450001, "Label": label("Two")}
    assert (await installer.post("InsertOptionValue", json=insert)).json()["NewOptionValue"] == 123450001
    assert (await installer.post("accounts", json={"acme_kinds": "123450000,123450001"})).status_code == 204
    remove = {"OptionSetName": "acme_kind", "Value": 123450001}
    assert (await installer.post("DeleteOptionValue", json=remove)).status_code == 204
    assert error_of(await installer.post("accounts", json={"acme_kinds": "123450001"})) == (400, "0x8004431a")
    in_use = await installer.delete("GlobalOptionSetDefinitions(Name='acme_kind')")
    assert error_of(in_use) == (400, "0x8004f01f")


async def test_s28_a_key_over_twins_fails_and_can_be_tried_again(installer: httpx.AsyncClient) -> None:
    rows = [await make(installer, "accounts", {"name": "x", "accountnumber": "1"}) for _ in range(2)]
    key = {"SchemaName": "acme_NumberKey", "DisplayName": label("Number"), "KeyAttributes": ["accountnumber"]}
    await installer.post(f"{ACCOUNT}/Keys", json=key)
    where = f"{ACCOUNT}/Keys(LogicalName='acme_numberkey')?$select=EntityKeyIndexStatus"
    assert (await installer.get(where)).json()["EntityKeyIndexStatus"] == "Failed"
    await installer.delete(f"accounts({rows[0]['accountid']})")
    again = {"EntityLogicalName": "account", "EntityKeyLogicalName": "acme_numberkey"}
    assert (await installer.post("ReactivateEntityKey", json=again)).status_code == 204
    assert (await installer.get(where)).json()["EntityKeyIndexStatus"] == "Active"
    assert (await installer.get("accounts(accountnumber='1')")).status_code == 200
    unfit = key | {"SchemaName": "acme_OtherKey", "KeyAttributes": ["description"]}
    assert (await installer.post(f"{ACCOUNT}/Keys", json=unfit)).status_code == 400


async def test_s28_a_customer_lookup_leads_to_two_tables(installer: httpx.AsyncClient) -> None:
    relationships = [
        {"SchemaName": f"acme_task_{name}", "ReferencedEntity": name, "ReferencingEntity": "task"}
        for name in ("account", "contact")
    ]
    body = {"Lookup": column("Lookup", "acme_Customer"), "OneToManyRelationships": relationships}
    reply = await installer.post("CreateCustomerRelationships", json=body)
    assert (reply.status_code, len(reply.json()["RelationshipIds"])) == (200, 2)
    contact = await make(installer, "contacts", {"lastname": "Ito"})
    bind = {"acme_Customer_contact@odata.bind": f"/contacts({contact['contactid']})"}
    row = await make(installer, "tasks", {"subject": "x", **bind})
    assert row["_acme_customer_value"] == contact["contactid"]


async def test_s28_what_is_made_can_be_removed(installer: httpx.AsyncClient) -> None:
    await installer.post("EntityDefinitions", json=table())
    await installer.post(f"{ACCOUNT}/Attributes", json=column("String", "acme_Code", MaxLength=10))
    assert (await installer.delete(f"{ACCOUNT}/Attributes(LogicalName='acme_code')")).status_code == 204
    assert error_of(await installer.get("accounts?$select=acme_code")) == (400, "0x80060888")
    assert (await installer.delete("EntityDefinitions(LogicalName='acme_partner')")).status_code == 204
    assert (await installer.get("acme_partners")).status_code == 404
    assert (await installer.delete(ACCOUNT)).status_code == 400


async def test_s28_the_schema_looks_old_without_strong_consistency(crm: Crm, api: httpx.AsyncClient) -> None:
    crm.service.knobs.stale_metadata_seconds = 30
    await api.post(f"{ACCOUNT}/Attributes", json=column("String", "new_Late", MaxLength=10))
    where = f"{ACCOUNT}/Attributes(LogicalName='new_late')?$select=LogicalName"
    assert (await api.get(where)).status_code == 404
    assert (await api.get(where, headers={"Consistency": "Strong"})).status_code == 200
    crm.world.clock.advance(31)
    assert (await api.get(where)).status_code == 200


async def test_s28_the_csdl_document_names_every_set(api: httpx.AsyncClient) -> None:
    reply = await api.get("$metadata")
    assert reply.headers["Content-Type"].startswith("application/xml")
    root = ElementTree.fromstring(reply.text)  # noqa: S314 - our own document
    sets = {one.get("Name") for one in root.iter("{http://docs.oasis-open.org/odata/ns/edm}EntitySet")}
    assert {"opportunities", "cosell_microsoftsolutions", "transactioncurrencies"} <= sets
    listed = {one["name"] for one in (await api.get("")).json()["value"]}
    assert listed == sets


async def test_s28_a_failed_change_leaves_the_schema_as_it_was(installer: httpx.AsyncClient) -> None:
    bad = table()
    bad["Attributes"] = []
    assert (await installer.post("EntityDefinitions", json=bad)).status_code == 400
    assert (await installer.get("EntityDefinitions(LogicalName='acme_partner')")).status_code == 404
    assert (await installer.post("EntityDefinitions", json=table(), headers=RETURN)).status_code == 204

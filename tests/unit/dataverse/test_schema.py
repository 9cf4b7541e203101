"""What the CRM says about a table, read in a few calls."""

import httpx
import pytest

from cosell.errors import SchemaMissing
from tests.unit.dataverse.test_client import opened, refusal, rows
from tests.unit.http.fakes import answer


def label(text: str) -> dict[str, object]:
    return {"UserLocalizedLabel": {"Label": text, "LanguageCode": 1033}, "LocalizedLabels": []}


ANSWERS: dict[str, object] = {
    "": {
        "EntitySetName": "opportunities",
        "PrimaryIdAttribute": "opportunityid",
        "PrimaryNameAttribute": "name",
        "ChangeTrackingEnabled": True,
    },
    "/Attributes": [
        {"LogicalName": "name", "AttributeType": "String", "AttributeTypeName": {"Value": "StringType"}},
        {
            "LogicalName": "cosell_help",
            "AttributeType": "Virtual",
            "AttributeTypeName": {"Value": "MultiSelectPicklistType"},
        },
        {
            "LogicalName": "estimatedvalue_base",
            "AttributeType": "Money",
            "AttributeTypeName": None,
            "IsValidForCreate": False,
            "IsValidForUpdate": False,
        },
    ],
    "String": [{"LogicalName": "name", "MaxLength": 300}],
    "Memo": [],
    "Picklist": [],
    "MultiSelectPicklist": [
        {
            "LogicalName": "cosell_help",
            "OptionSet": None,
            "GlobalOptionSet": {"Options": [{"Value": 1, "Label": label("General or other")}]},
        }
    ],
    "Status": [
        {
            "LogicalName": "statuscode",
            "OptionSet": {"Options": [{"Value": 1, "State": 0, "Label": label("In Progress")}]},
        }
    ],
    "/Keys": [
        {"LogicalName": "cosell_referralkey", "KeyAttributes": ["cosell_referralid"], "EntityKeyIndexStatus": "Pending"}
    ],
    "/ManyToOneRelationships": [
        {
            "ReferencingAttribute": "customerid",
            "ReferencedEntity": target,
            "ReferencingEntityNavigationPropertyName": f"customerid_{target}",
        }
        for target in ("account", "contact")
    ],
}


def definitions(request: httpx.Request) -> httpx.Response:
    path = request.url.path.partition("EntityDefinitions(LogicalName='opportunity')")[2]
    assert request.headers["consistency"] == "Strong"
    if path.endswith("AttributeMetadata"):
        path = path.rpartition(".")[2].removesuffix("AttributeMetadata")
    found = ANSWERS[path]
    return rows(*found) if isinstance(found, list) else answer(200, found)


async def test_table_is_known_after_nine_calls() -> None:
    client, script = opened(*[definitions] * 9)
    async with client:
        table = await client.get_table("opportunity")
    assert script.steps == []
    assert (table.set_name, table.id_column, table.is_change_tracked) == ("opportunities", "opportunityid", True)
    assert table.columns["name"].max_length == 300
    assert table.columns["cosell_help"].kind == "MultiSelectPicklistType"
    assert table.columns["cosell_help"].find_option(" general OR other") == 1
    assert table.columns["cosell_help"].find_option("something else") is None
    assert table.columns["estimatedvalue_base"].kind == "MoneyType"
    assert not table.columns["estimatedvalue_base"].is_for_update
    assert [(reason.value, reason.state, reason.label) for reason in table.status_reasons] == [(1, 0, "In Progress")]
    assert [lookup.navigation for lookup in table.find_lookups("customerid")] == [
        "customerid_account",
        "customerid_contact",
    ]
    assert not table.keys[0].is_active


async def test_table_that_does_not_exist() -> None:
    client, _ = opened(refusal(404, "0x80060888"), refusal(404, ""))
    async with client:
        assert await client.find_table("cosell_nothing") is None
        with pytest.raises(SchemaMissing):
            await client.get_table("cosell_nothing")

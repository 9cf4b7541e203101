"""What Dataverse answers to those who only read. Currencies and users are read: every environment has some."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.contract.wire.crm import ANNOTATIONS
from tests.contract.wire.services import Json, Services, at_home, bearer, refusal

NOWHERE = "00000000-0000-4000-8000-00000000dead"
FORMATTED = "@OData.Community.Display.V1.FormattedValue"
QUERY = "Query data using the Web API"
HEADERS = "Compose HTTP requests and handle errors"
TRACKING = "Use change tracking to synchronize data with external systems"
CURRENCIES = "transactioncurrencies"
TRACK = {"Prefer": "odata.track-changes,odata.maxpagesize=5"}


@pytest.fixture(scope="module")
def currency(dataverse: httpx.Client) -> dict[str, Any]:
    row: dict[str, Any] = dataverse.get(f"{CURRENCIES}?$select=isocurrencycode&$top=1").json()["value"][0]
    return row


def rows(dataverse: httpx.Client, query: str, **headers: str) -> list[dict[str, Json]]:
    answer = dataverse.get(query, headers=headers)
    assert answer.status_code == 200
    value: list[dict[str, Json]] = answer.json()["value"]
    return value


@pytest.mark.documented("Use OAuth authentication with Dataverse")
def test_without_a_token_the_challenge_names_the_authority(dataverse: httpx.Client) -> None:
    answer = dataverse.get("WhoAmI", headers={"Authorization": ""})
    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer")
    assert "authorization_uri=" in challenge


@pytest.mark.documented("Use OAuth authentication with Dataverse")
def test_a_token_for_another_service_is_refused(services: Services, dataverse: httpx.Client) -> None:
    foreign = services.partner_token(to="COSELL_PARTNER_CENTER__WEBHOOK_API_URL")
    assert dataverse.get("WhoAmI", headers=bearer(foreign)).status_code == 401


@pytest.mark.documented("WhoAmI function")
def test_whoami_tells_three_ids_and_the_user_exists(dataverse: httpx.Client) -> None:
    told = dataverse.get("WhoAmI").json()
    assert {"BusinessUnitId", "UserId", "OrganizationId"} <= set(told)
    assert dataverse.get(f"systemusers({told['UserId']})?$select=systemuserid").status_code == 200


@pytest.mark.documented(HEADERS)
def test_every_answer_says_which_odata_it_speaks(dataverse: httpx.Client) -> None:
    headers = dataverse.get(f"{CURRENCIES}?$top=1").headers
    assert headers["OData-Version"] == "4.0"
    assert headers["Content-Type"].startswith("application/json; odata.metadata=minimal")


@pytest.mark.seen("answers logged by public clients")
def test_every_answer_has_an_id_for_support(dataverse: httpx.Client) -> None:
    assert dataverse.get("WhoAmI").headers["x-ms-service-request-id"]


@pytest.mark.documented(HEADERS)
def test_an_error_is_a_code_and_a_message(dataverse: httpx.Client) -> None:
    told = dataverse.get(f"accounts({NOWHERE})").json()
    assert set(told) == {"error"}
    assert set(told["error"]) == {"code", "message"}


@pytest.mark.documented(HEADERS)
def test_an_error_says_more_when_annotations_are_asked_for(dataverse: httpx.Client) -> None:
    told = dataverse.get(f"accounts({NOWHERE})", headers=ANNOTATIONS).json()["error"]
    assert [name for name in told if name.startswith("@Microsoft.PowerApps.CDS.")]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        pytest.param("accounts?$skip=1", 400, "0x80060888", id="$skip", marks=pytest.mark.documented(QUERY)),
        pytest.param("accounts?$search=x", 400, "0x80060888", id="$search", marks=pytest.mark.documented(QUERY)),
        pytest.param(
            "accounts?$filter=tolower(name) eq 'x'", 400, "0x80060888", id="tolower",
            marks=pytest.mark.documented(QUERY),
        ),
        pytest.param(
            "accounts?$filter=numberofemployees add 1 eq 2", 400, "0x80060888", id="arithmetic",
            marks=pytest.mark.documented(QUERY),
        ),
        pytest.param(
            "accounts?$select=no_such_column", 400, "0x80060888", id="unknown column", marks=pytest.mark.seen("issues")
        ),
        pytest.param(
            "opportunities?$select=customeridname", 400, "0x80060888", id="name of a lookup",
            marks=pytest.mark.seen("issues"),
        ),
        pytest.param("no_such_set", 404, "0x8006088a", id="unknown set", marks=pytest.mark.seen("issues")),
        pytest.param(
            f"accounts({NOWHERE})", 404, "0x80040217", id="unknown row",
            marks=pytest.mark.documented("Web service error codes: ObjectDoesNotExist"),
        ),
        pytest.param(
            "accounts(name='no key')", 400, "0x80060890", id="column that is no key",
            marks=pytest.mark.documented("Web service error codes: EntityKeyNotDefined"),
        ),
    ],
)  # fmt: skip
def test_it_refuses(dataverse: httpx.Client, query: str, status: int, code: str) -> None:
    assert refusal(dataverse.get(query)) == (status, code)


@pytest.mark.documented(QUERY)
def test_key_and_etag_come_unasked_and_nothing_else(dataverse: httpx.Client) -> None:
    (row,) = rows(dataverse, f"{CURRENCIES}?$select=isocurrencycode&$top=1")
    assert set(row) == {"@odata.etag", "isocurrencycode", "transactioncurrencyid"}
    assert str(row["@odata.etag"]).startswith('W/"')


@pytest.mark.documented(QUERY)
def test_annotations_come_when_asked_for(dataverse: httpx.Client) -> None:
    query = "systemusers?$select=_businessunitid_value&$top=1"
    (plain,) = rows(dataverse, query)
    assert not [name for name in plain if "@" in name[1:]]
    (row,) = rows(dataverse, query, **ANNOTATIONS)
    assert row["_businessunitid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "businessunit"
    assert f"_businessunitid_value{FORMATTED}" in row


@pytest.mark.documented(QUERY)
def test_texts_compare_without_regard_to_case(dataverse: httpx.Client, currency: dict[str, Any]) -> None:
    code = str(currency["isocurrencycode"])
    for spelled in (code.lower(), code.upper()):
        assert rows(dataverse, f"{CURRENCIES}?$select=isocurrencycode&$filter=isocurrencycode eq '{spelled}'")


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param("transactioncurrencyid eq {id}", id="bare guid", marks=pytest.mark.documented(QUERY)),
        pytest.param("transactioncurrencyid eq '{id}'", id="quoted guid", marks=pytest.mark.seen("public code")),
        pytest.param("transactioncurrencyid eq @p&@p={id}", id="alias", marks=pytest.mark.documented(QUERY)),
        pytest.param(
            "Microsoft.Dynamics.CRM.In(PropertyName='isocurrencycode',PropertyValues=['{code}'])", id="In",
            marks=pytest.mark.documented("In query function"),
        ),
        pytest.param("isocurrencycode+eq+'{code}'", id="plus is a space", marks=pytest.mark.seen("public code")),
        pytest.param(
            "_createdby_value eq _modifiedby_value or isocurrencycode eq '{code}'", id="column against column",
            marks=pytest.mark.documented("Filter rows using the Web API"),
        ),
    ],
)  # fmt: skip
def test_it_reads_a_filter(dataverse: httpx.Client, currency: dict[str, Any], condition: str) -> None:
    wanted = condition.format(id=currency["transactioncurrencyid"], code=currency["isocurrencycode"])
    found = rows(dataverse, f"{CURRENCIES}?$select=isocurrencycode&$filter={wanted}")
    assert currency["transactioncurrencyid"] in [row["transactioncurrencyid"] for row in found]


@pytest.mark.documented("Page results using the Web API")
def test_pages_are_asked_for_by_preference_and_followed_by_a_cookie(dataverse: httpx.Client) -> None:
    one = {"Prefer": "odata.maxpagesize=1"}
    first = dataverse.get("systemusers?$select=systemuserid", headers=one).json()
    link = first["@odata.nextLink"]
    assert parse_qs(urlsplit(link).query)["$skiptoken"][0].startswith("<cookie ")
    second = dataverse.get(at_home(dataverse, link), headers=one).json()
    assert [len(page["value"]) for page in (first, second)] == [1, 1]
    assert first["value"][0]["systemuserid"] != second["value"][0]["systemuserid"]


@pytest.mark.documented("Page results using the Web API: send the same preference with each page")
def test_a_page_without_the_preference_has_another_size(dataverse: httpx.Client) -> None:
    first = dataverse.get("systemusers?$select=systemuserid", headers={"Prefer": "odata.maxpagesize=1"}).json()
    total = int(dataverse.get("systemusers/$count").text.lstrip("\ufeff"))
    if total < 3:
        pytest.skip("too few users to tell")
    assert len(dataverse.get(at_home(dataverse, first["@odata.nextLink"])).json()["value"]) > 1


@pytest.mark.documented("Count rows using the Web API")
def test_a_count_is_a_number_beside_the_rows(dataverse: httpx.Client) -> None:
    told = dataverse.get(f"{CURRENCIES}?$select=isocurrencycode&$top=1&$count=true").json()
    assert told["@odata.count"] >= 1
    assert int(dataverse.get(f"{CURRENCIES}/$count").text.lstrip("\ufeff")) == told["@odata.count"]


@pytest.mark.documented("Perform conditional operations using the Web API")
def test_an_unchanged_row_is_304_unless_annotations_are_asked_for(
    dataverse: httpx.Client, currency: dict[str, Any]
) -> None:
    address = f"{CURRENCIES}({currency['transactioncurrencyid']})?$select=isocurrencycode"
    known = {"If-None-Match": str(currency["@odata.etag"])}
    assert dataverse.get(address, headers=known).status_code == 304
    assert dataverse.get(address, headers=known | ANNOTATIONS).status_code == 200


@pytest.mark.documented(TRACKING)
def test_tracking_is_acknowledged_and_every_page_leads_on(dataverse: httpx.Client) -> None:
    answer = dataverse.get("accounts?$select=accountid", headers=TRACK)
    assert "odata.track-changes" in answer.headers["Preference-Applied"]
    told = answer.json()
    assert ("@odata.nextLink" in told) != ("@odata.deltaLink" in told)


@pytest.mark.parametrize("option", ["$filter=name eq 'x'", "$orderby=name", "$expand=primarycontactid", "$top=1"])
@pytest.mark.documented(TRACKING)
def test_tracking_does_not_go_with(dataverse: httpx.Client, option: str) -> None:
    assert dataverse.get(f"accounts?{option}", headers=TRACK).status_code == 400


@pytest.mark.inferred("code documented; the status of an expired token is not")
def test_an_expired_delta_token_is_400_and_asks_for_a_full_sync(dataverse: httpx.Client) -> None:
    old = "$deltatoken=1%2101%2f01%2f2017%2000%3a00%3a00"
    assert refusal(dataverse.get(f"accounts?$select=accountid&{old}")) == (400, "0x80044352")


@pytest.mark.parametrize("table", ["opportunity", "lead", "account", "contact"])
@pytest.mark.inferred("believed on at first for the four tables, said nowhere")
def test_changes_are_tracked_for(dataverse: httpx.Client, table: str) -> None:
    address = f"EntityDefinitions(LogicalName='{table}')?$select=ChangeTrackingEnabled,IsOptimisticConcurrencyEnabled"
    told = dataverse.get(address).json()
    assert (told["ChangeTrackingEnabled"], told["IsOptimisticConcurrencyEnabled"]) == (True, True)


@pytest.mark.documented("opportunity table reference")
def test_a_status_reason_names_its_state_in_the_metadata(dataverse: httpx.Client) -> None:
    cast = "Attributes/Microsoft.Dynamics.CRM.StatusAttributeMetadata?$select=LogicalName&$expand=OptionSet"
    (column,) = dataverse.get(f"EntityDefinitions(LogicalName='opportunity')/{cast}").json()["value"]
    states = {option["Value"]: option["State"] for option in column["OptionSet"]["Options"]}
    assert {1: 0, 2: 0, 3: 1, 4: 2, 5: 2}.items() <= states.items()


@pytest.mark.documented("Retrieve table definitions: an option set is selected by a cast, a value by its label")
def test_single_valued_lookups_of_a_deal_have_their_names(dataverse: httpx.Client) -> None:
    address = "EntityDefinitions(LogicalName='opportunity')/ManyToOneRelationships"
    told = dataverse.get(f"{address}?$select=ReferencingEntityNavigationPropertyName").json()["value"]
    names = {each["ReferencingEntityNavigationPropertyName"] for each in told}
    assert {"customerid_account", "customerid_contact", "parentaccountid", "transactioncurrencyid"} <= names


@pytest.mark.documented("organization table reference")
def test_the_organization_says_how_long_changes_are_kept(dataverse: httpx.Client) -> None:
    (row,) = rows(dataverse, "organizations?$select=expirechangetrackingindays")
    days = row["expirechangetrackingindays"]
    assert days is None or 0 <= days <= 365

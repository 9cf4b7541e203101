"""What Dataverse answers to those who write rows: statuses, conditions, checks, and what it makes of the values."""

from typing import Any

import pytest

from tests.contract.wire.crm import ANNOTATIONS, REPRESENTATION, Crm, address_of
from tests.contract.wire.services import Json, refusal

CREATE = "Create a table row using the Web API"
UPDATE = "Update and delete table rows using the Web API"
CONDITIONS = "Perform conditional operations using the Web API"
FILTER = "Filter rows using the Web API"
LOOKUPS = "Web API navigation properties"
CURRENCY = "Transaction currency (currency) entity"


def free_id(crm: Crm) -> str:
    """Return an id that was just set free."""
    row = crm.account()
    assert crm.http.delete(address_of(row, "accounts")).status_code == 204
    return str(row["accountid"])


@pytest.mark.documented(CREATE)
def test_a_create_answers_204_and_where_the_row_is(crm: Crm) -> None:
    answer = crm.http.post("accounts", json={"name": crm.named()})
    assert (answer.status_code, answer.content) == (204, b"")
    assert "/accounts(" in answer.headers["OData-EntityId"]


@pytest.mark.documented(CREATE)
def test_a_create_answers_201_and_the_row_when_asked_to(crm: Crm) -> None:
    answer = crm.http.post("accounts?$select=name", json={"name": crm.named()}, headers=REPRESENTATION)
    assert answer.status_code == 201
    assert answer.headers["Preference-Applied"] == "return=representation"
    assert {"@odata.etag", "name", "accountid"} <= set(answer.json())


@pytest.mark.documented(UPDATE)
def test_an_update_answers_204_or_200_and_the_row(crm: Crm) -> None:
    where = address_of(crm.account(), "accounts")
    plain = crm.http.patch(where, json={"telephone1": "1"})
    assert (plain.status_code, plain.content) == (204, b"")
    told = crm.http.patch(f"{where}?$select=telephone1", json={"telephone1": "2"}, headers=REPRESENTATION)
    assert (told.status_code, told.json()["telephone1"]) == (200, "2")


@pytest.mark.documented(UPDATE)
def test_a_delete_answers_204_and_then_404(crm: Crm) -> None:
    where = address_of(crm.account(), "accounts")
    assert crm.http.delete(where).status_code == 204
    assert refusal(crm.http.delete(where)) == (404, "0x80040217")


@pytest.mark.documented("Use Upsert to create or update a record")
def test_an_update_of_nothing_creates(crm: Crm) -> None:
    where = f"accounts({free_id(crm)})"
    assert crm.http.patch(where, json={"name": crm.named()}).status_code == 204
    assert crm.http.get(f"{where}?$select=name").status_code == 200


@pytest.mark.documented(CONDITIONS)
def test_if_match_star_never_creates(crm: Crm) -> None:
    answer = crm.http.patch(f"accounts({free_id(crm)})", json={"name": crm.named()}, headers={"If-Match": "*"})
    assert refusal(answer) == (404, "0x80040217")


@pytest.mark.documented(CONDITIONS)
def test_if_none_match_star_never_updates(crm: Crm) -> None:
    where = address_of(crm.account(), "accounts")
    answer = crm.http.patch(where, json={"telephone1": "1"}, headers={"If-None-Match": "*"})
    assert refusal(answer) == (412, "0x80040237")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.documented(CONDITIONS)
def test_a_stale_etag_is_refused(crm: Crm, method: str) -> None:
    row = crm.account()
    where, stale = address_of(row, "accounts"), {"If-Match": str(row["@odata.etag"])}
    assert crm.http.patch(where, json={"telephone1": "1"}, headers=stale).status_code == 204
    answer = crm.http.request(method, where, json={"telephone1": "2"}, headers=stale)
    assert refusal(answer) == (412, "0x80060882")


@pytest.mark.seen("public accounts of the version number")
def test_every_write_makes_a_new_etag_even_one_that_changes_nothing(crm: Crm) -> None:
    row = crm.account(telephone1="1")
    again = crm.http.patch(address_of(row, "accounts"), json={"telephone1": "1"}, headers=REPRESENTATION)
    assert again.json()["@odata.etag"] != row["@odata.etag"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param({"no_such_column": 1}, "0x80048d19", id="unknown column", marks=pytest.mark.seen("issues")),
        pytest.param({"Name": "x"}, "0x80048d19", id="column in capitals", marks=pytest.mark.seen("issues")),
        pytest.param(
            {"CustomerId_account@odata.bind": "/accounts(00000000-0000-4000-8000-00000000dead)"}, "0x80048d19",
            id="lookup in capitals", marks=pytest.mark.documented(LOOKUPS),
        ),
        pytest.param(
            {"_customerid_value": "00000000-0000-4000-8000-00000000dead"}, "0x80048d19", id="value of a lookup",
            marks=pytest.mark.seen("issues"),
        ),
        pytest.param({"estimatedvalue": "50"}, "0x80048d19", id="number as text", marks=pytest.mark.seen("issues")),
        pytest.param(
            {"name": "x" * 301}, "0x80044331", id="too long",
            marks=pytest.mark.documented("Web service error codes: StringLengthTooLong"),
        ),
        pytest.param(
            {"opportunityratingcode": 99}, "0x8004431a", id="unknown choice",
            marks=pytest.mark.documented("Web service error codes: PicklistValueOutOfRange"),
        ),
        pytest.param(
            {"statuscode": 4}, "0x80048408", id="status of another state",
            marks=pytest.mark.documented("Web service error codes: InvalidStateCodeStatusCode"),
        ),
    ],
)  # fmt: skip
def test_it_refuses_a_deal_with(crm: Crm, body: dict[str, Json], code: str) -> None:
    assert refusal(crm.http.post("opportunities", json={"name": crm.named(), **body})) == (400, code)


@pytest.mark.seen("public accounts of how texts are stored")
def test_an_empty_text_is_kept_as_null(crm: Crm) -> None:
    assert crm.account(telephone1="")["telephone1"] is None


@pytest.mark.documented(FILTER)
def test_columns_without_a_value_are_there_as_null(crm: Crm) -> None:
    where = address_of(crm.account(), "accounts")
    assert crm.http.get(f"{where}?$select=fax,telephone1").json()["fax"] is None


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        pytest.param("accountnumber eq 'WIRE-a1'", 1, id="case", marks=pytest.mark.documented(FILTER)),
        pytest.param("contains(accountnumber,'re-%1')", 1, id="percent", marks=pytest.mark.documented(FILTER)),
        pytest.param("startswith(accountnumber,'w_re')", 1, id="underscore", marks=pytest.mark.documented(FILTER)),
        pytest.param("endswith(accountnumber,'[ab]1')", 1, id="brackets", marks=pytest.mark.documented(FILTER)),
        pytest.param("accountnumber ne 'wire-a1'", 0, id="ne", marks=pytest.mark.documented(FILTER)),
        pytest.param(
            "telephone1 ne 'x'", 1, id="ne finds null", marks=pytest.mark.inferred("seen in Advanced Find only")
        ),
        pytest.param(
            "not (telephone1 eq 'x')", 1, id="not finds null", marks=pytest.mark.inferred("as for ne")
        ),
        pytest.param("telephone1 eq null", 1, id="null", marks=pytest.mark.documented(FILTER)),
        pytest.param("primarycontactid/lastname eq null", 1, id="path", marks=pytest.mark.documented(FILTER)),
    ],
)  # fmt: skip
def test_a_filter_finds_by(crm: Crm, condition: str, count: int) -> None:
    row = crm.account(accountnumber="wire-a1")
    mine = f"accountid eq {row['accountid']} and ({condition})"
    found = crm.http.get("accounts", params={"$select": "name", "$filter": mine}).json()["value"]
    assert len(found) == count


@pytest.mark.parametrize("kind", ["account", "contact"])
@pytest.mark.documented(LOOKUPS)
def test_a_customer_says_what_it_is_in_an_annotation_only(crm: Crm, kind: str) -> None:
    set_name = f"{kind}s"
    customer = crm.created(set_name, {"name" if kind == "account" else "lastname": crm.named()})
    bind = {f"customerid_{kind}@odata.bind": f"/{address_of(customer, set_name)}"}
    where = f"{address_of(crm.opportunity(**bind), 'opportunities')}?$select=_customerid_value"
    told = crm.http.get(where, headers=ANNOTATIONS).json()
    assert told["_customerid_value"] == customer[f"{kind}id"]
    assert told["_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == kind
    assert told["_customerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"] == f"customerid_{kind}"
    assert not [name for name in crm.http.get(where).json() if "@Microsoft" in name]


@pytest.mark.parametrize("way", ["PATCH null", "DELETE $ref"])
@pytest.mark.documented("Associate and disassociate table rows using the Web API")
def test_a_lookup_is_cleared_by(crm: Crm, way: str) -> None:
    contact = crm.created("contacts", {"lastname": crm.named()})
    row = crm.account(**{"primarycontactid@odata.bind": f"/{address_of(contact, 'contacts')}"})
    where = address_of(row, "accounts")
    if way == "PATCH null":
        answer = crm.http.patch(where, json={"primarycontactid@odata.bind": None})
    else:
        answer = crm.http.delete(f"{where}/primarycontactid/$ref")
    assert answer.status_code == 204
    assert crm.http.get(f"{where}?$select=_primarycontactid_value").json()["_primarycontactid_value"] is None


@pytest.mark.documented(CREATE)
def test_related_rows_are_created_along(crm: Crm) -> None:
    body = {"name": crm.named(), "primarycontactid": {"lastname": crm.named("contact")}}
    query = "?$select=name&$expand=primarycontactid($select=lastname)"
    row = crm.created("accounts", body, query)
    crm.owe(address_of(row, "accounts"))
    crm.owe(f"contacts({row['primarycontactid']['contactid']})")
    assert row["primarycontactid"]["lastname"] == crm.named("contact")


@pytest.mark.documented(CURRENCY)
def test_an_amount_has_a_base_amount_by_the_currencys_rate(crm: Crm) -> None:
    row = crm.opportunity(estimatedvalue=25000.25)
    assert abs(row["estimatedvalue_base"] - row["estimatedvalue"] / row["exchangerate"]) < 0.01


@pytest.mark.documented(CURRENCY)
def test_an_amount_brings_its_currency_unasked(crm: Crm) -> None:
    where = address_of(crm.opportunity(estimatedvalue=5), "opportunities")
    told: dict[str, Any] = crm.http.get(f"{where}?$select=estimatedvalue").json()
    assert told["_transactioncurrencyid_value"]


@pytest.mark.documented("Behavior and format of the date and time column")
def test_a_date_is_a_date_and_a_time_is_utc_to_the_second(crm: Crm) -> None:
    row = crm.opportunity(estimatedclosedate="2027-12-31")
    assert row["estimatedclosedate"] == "2027-12-31"
    assert len(row["createdon"]) == len("2026-11-22T10:00:00Z")
    assert row["createdon"].endswith("Z")


@pytest.mark.documented("opportunity table reference: Delete cascades from account")
def test_a_customer_takes_its_deals_along(crm: Crm) -> None:
    account = crm.account()
    where = address_of(account, "accounts")
    deal = crm.opportunity(**{"customerid_account@odata.bind": f"/{where}"})
    assert crm.http.delete(where).status_code == 204
    assert crm.http.get(address_of(deal, "opportunities")).status_code == 404

"""Addresses and filters are spelled as Dataverse wants them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from cosell.dataverse.odata import literal, one_of, options, row_path, stable_order
from cosell.dataverse.reading import twin_hosts
from cosell.dataverse.rows import id_column_candidates
from cosell.errors import RequestRejected

ID = "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (Decimal("1E+2"), "100"),
        (date(2026, 12, 31), "2026-12-31"),
        (datetime(2026, 12, 31, 10, 5, 1, 99, tzinfo=UTC), "2026-12-31T10:05:01Z"),
        ("O'Hara", "'O''Hara'"),
    ],
)
def test_literal(value: object, spelled: str) -> None:
    assert literal(value) == spelled


def test_float_is_no_literal() -> None:
    with pytest.raises(TypeError):
        literal(0.5)


def test_row_by_id_in_any_spelling() -> None:
    assert row_path("opportunities", "{00000000-0000-4000-8000-00000000000A}") == (
        "opportunities(00000000-0000-4000-8000-00000000000a)"
    )


def test_row_by_alternate_key() -> None:
    assert row_path("accounts", {"accountnumber": "O'Hara 1"}) == "accounts(accountnumber='O''Hara%201')"
    assert row_path("x", {"_parent_value": ID, "number": 2}) == f"x(_parent_value={ID},number=2)"


@pytest.mark.parametrize("value", ["a/b", "a&b", "a%b", "a?b", "a+b", "a:b"])
def test_key_value_that_dataverse_cannot_find_is_refused_before_it_is_sent(value: str) -> None:
    with pytest.raises(RequestRejected, match="accountnumber"):
        row_path("accounts", {"accountnumber": value})


def test_id_that_is_none_never_becomes_an_address() -> None:
    with pytest.raises(ValueError, match="GUID"):
        row_path("accounts", "x) or (1")


def test_options_have_no_plus() -> None:
    query = options(
        select=["name", "statecode"], filter_="name eq 'a b'", order_by="name asc", expand={"o": ["x", "y"]}
    )
    assert query == "?$select=name,statecode&$filter=name%20eq%20'a%20b'&$orderby=name%20asc&$expand=o($select=x,y)"
    assert options() == ""


def test_many_values_in_one_filter() -> None:
    assert one_of("cosell_referralid", ["a", "b'c"]) == (
        "Microsoft.Dynamics.CRM.In(PropertyName='cosell_referralid',PropertyValues=['a','b''c'])"
    )
    assert one_of("_x_value", [ID, ID]) == f"_x_value eq {ID} or _x_value eq {ID}"


def test_order_ends_with_the_id() -> None:
    assert stable_order("name desc", "accountid") == "name desc,accountid asc"
    assert stable_order("accountid asc", "accountid") == "accountid asc"


@pytest.mark.parametrize(
    ("set_", "column"),
    [
        ("opportunities", "opportunityid"),
        ("accounts", "accountid"),
        ("transactioncurrencies", "transactioncurrencyid"),
        ("cosell_microsoftsolutiondetails", "cosell_microsoftsolutiondetailid"),
        ("opportunitycloses", "activityid"),
        ("contoso_boxes", "contoso_boxid"),
        ("contoso_cases", "contoso_casid"),
    ],
)
def test_id_column_by_the_naming_rules(set_: str, column: str) -> None:
    assert id_column_candidates(set_)[0] == column


def test_both_names_of_an_organisation() -> None:
    names = ("fabrikam.crm4.dynamics.com", "fabrikam.api.crm4.dynamics.com")
    assert twin_hosts("https://fabrikam.crm4.dynamics.com/api") == names
    assert twin_hosts("https://fabrikam.api.crm4.dynamics.com/api") == names
    assert twin_hosts("http://127.0.0.1:8400/api") == ("127.0.0.1",)

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest

from cosell.domain.money import Money
from cosell.mapping.fields import (
    Reading,
    read_opportunity,
    read_referral,
    select_columns,
    to_columns,
    to_json_patch,
)
from cosell.mapping.loader import load_mappings
from cosell.mapping.variables import Variables
from tests.codes import CODES, CURRENCIES, EURO_ID

MAPPING = Variables().fill_in(load_mappings()).opportunity
REFERRAL: Mapping[str, object] = {
    "id": "0B000000-0000-4000-8000-000000000001",
    "name": "Wingtip @ Suite ",
    "externalReferenceId": "",
    "details": {
        "notes": "One\r\ntwo",
        "dealValue": 50000,
        "currency": "EUR",
        "closingDateTime": "2027-03-31T00:00:00.0000000Z",
        "requirements": {
            "additionalRequirements": {
                "attributes": [
                    {"type": "PartnerRole", "id": "Deployment"},
                    {"type": "CustomerMarketplaceIntent", "id": "HaveNotDecided"},
                ]
            }
        },
    },
    "trackingInfo": {"microsoftMsxId": None},
    "consent": {"consentToShareReferralWithMicrosoftSellers": True},
    "salesStage": "20",
    "campaignId": "",
}
OPPORTUNITY: Mapping[str, object] = {
    "opportunityid": "0a000000-0000-4000-8000-000000000001",
    "name": "✔ Wingtip @ Suite",
    "estimatedvalue": Decimal("50000.0000"),
    "_transactioncurrencyid_value": EURO_ID,
    "estimatedclosedate": "2027-03-31",
    "description": "One\ntwo",
    "cosell_referralid": "0b000000-0000-4000-8000-000000000001",
    "cosell_referrallink": "https://p.example/0b000000-0000-4000-8000-000000000001",
    "cosell_microsoftcrmid": None,
    "cosell_help": None,
    "cosell_visibletomicrosoft": True,
    "cosell_purchaseintent": 273_100_002,
    "cosell_campaignid": None,
    "salesstage": 273_100_000,
    "cosell_referralprogram": None,
}


def read_theirs(**changed: object) -> Reading:
    return read_referral({**REFERRAL, **changed}, MAPPING, codes=CODES, link_template="https://p.example/{id}")


def read_ours(**changed: object) -> Reading:
    return read_opportunity({**OPPORTUNITY, **changed}, MAPPING, codes=CODES)


def details(**changed: object) -> dict[str, object]:
    known = REFERRAL["details"]
    return {**(known if isinstance(known, dict) else {}), **changed}


def test_both_sides_say_the_same_in_their_own_spelling() -> None:
    theirs, ours = read_theirs(), read_ours()
    assert theirs.snapshot | {"help": None} == {**ours.snapshot, "crm_id": None}
    assert {**theirs.parked, **ours.parked} == {}


def test_fields_have_canonical_values() -> None:
    assert read_ours().snapshot == {
        "name": "Wingtip @ Suite",
        "deal_value": Money(amount=Decimal(50000), currency="EUR"),
        "closing_date": date(2027, 3, 31),
        "notes": "One\ntwo",
        "crm_id": "0a000000-0000-4000-8000-000000000001",
        "referral_id": "0b000000-0000-4000-8000-000000000001",
        "referral_link": "https://p.example/0b000000-0000-4000-8000-000000000001",
        "microsoft_crm_id": None,
        "help": None,
        "visibility": True,
        "purchase_intent": "HaveNotDecided",
        "campaign": None,
        "sales_stage": "20",
        "referral_program": None,
    }


def test_columns_which_were_not_read_are_left_out() -> None:
    reading = read_opportunity({"name": "Wingtip"}, MAPPING, codes=CODES)
    assert reading == Reading(snapshot={"name": "Wingtip"})


def test_amount_whose_currency_was_not_read_is_left_out() -> None:
    reading = read_opportunity({"estimatedvalue": 5}, MAPPING, codes=CODES)
    assert reading == Reading()


@pytest.mark.parametrize("name", ["✔ Deal", "✖ ✔ Deal", "✓Deal"])
def test_marks_travel_from_neither_side(name: str) -> None:
    assert read_theirs(name=name).snapshot["name"] == "Deal"
    assert read_ours(name=name).snapshot["name"] == "Deal"


def test_value_which_is_not_understood_is_parked_and_the_rest_is_read() -> None:
    reading = read_theirs(details=details(closingDateTime="soon", dealValue="much"))
    assert reading.parked == {
        "deal_value": "the referral's value is not understood: not a number",
        "closing_date": "the referral's value is not understood: not a date",
    }
    assert not {"deal_value", "closing_date"} & set(reading.snapshot)
    assert reading.snapshot["name"] == "Wingtip @ Suite"


def test_parked_text_never_tells_the_value() -> None:
    reading = read_theirs(details=details(closingDateTime="Ines Holm, 0431 5550100"))
    assert "Ines" not in str(reading.parked)


def test_value_of_the_crm_which_is_not_understood_is_parked() -> None:
    reading = read_ours(estimatedclosedate="soon")
    assert reading.parked == {"closing_date": "the opportunity's value is not understood: not a date"}


def test_currency_which_the_crm_lacks_is_parked() -> None:
    reading = read_theirs(details=details(currency="SEK"))
    assert reading.parked == {"deal_value": "the CRM has no currency SEK"}
    assert "deal_value" not in reading.snapshot


def test_currency_row_which_is_not_known_is_parked() -> None:
    assert set(read_ours(_transactioncurrencyid_value="other").parked) == {"deal_value"}


def test_amount_with_too_many_digits_is_parked() -> None:
    assert set(read_theirs(details=details(dealValue="1e30")).parked) == {"deal_value"}


def test_object_where_a_text_should_be_is_parked() -> None:
    assert set(read_theirs(name={"en": "Wingtip"}).parked) == {"name"}


def test_lead_without_a_deal_value_has_none() -> None:
    assert read_theirs(details=details(dealValue=0, currency=None)).snapshot["deal_value"] is None


def test_details_may_be_missing_as_a_whole() -> None:
    reading = read_theirs(details=None, trackingInfo=None)
    assert reading.snapshot["deal_value"] is None
    assert not reading.parked


def test_text_longer_than_the_crms_column_is_cut_and_kept_whole_beside() -> None:
    long = "n" * 2001
    reading = read_theirs(details=details(notes=long))
    assert reading.snapshot["notes"] == "n" * 1999 + "…"
    assert reading.whole == {"notes": long}


def test_link_is_made_from_the_id_and_nothing_without_one() -> None:
    assert read_theirs().snapshot["referral_link"] == "https://p.example/0b000000-0000-4000-8000-000000000001"
    assert read_theirs(id=None).snapshot["referral_link"] is None


def test_other_braces_in_the_link_template_stay() -> None:
    reading = read_referral(REFERRAL, MAPPING, codes=CODES, link_template="https://p.example/{x}/{id}")
    assert reading.snapshot["referral_link"] == "https://p.example/{x}/0b000000-0000-4000-8000-000000000001"


def test_changes_are_spelled_as_columns() -> None:
    body = to_columns(
        {
            "name": "Wingtip",
            "deal_value": Money(amount=Decimal(5), currency="USD"),
            "closing_date": date(2027, 3, 31),
            "notes": None,
        },
        MAPPING,
        codes=CODES,
    )
    assert body == {
        "name": "Wingtip",
        "estimatedvalue": Decimal("5.00"),
        "transactioncurrencyid@odata.bind": "/transactioncurrencies(0c000000-0000-4000-8000-000000000002)",
        "estimatedclosedate": "2027-03-31",
        "description": None,
    }


def test_what_is_written_into_the_crm_always_fits() -> None:
    body = to_columns({"name": "n" * 500}, MAPPING, codes=CODES)
    assert body == {"name": "n" * 297 + "…"}


def test_changes_are_spelled_as_json_patch_with_replace_only() -> None:
    operations = to_json_patch(
        {"name": "Wingtip", "deal_value": Money(amount=Decimal(5), currency="USD"), "closing_date": date(2027, 3, 31)},
        MAPPING,
        REFERRAL,
    )
    assert operations == [
        {"op": "replace", "path": "/name", "value": "Wingtip"},
        {"op": "replace", "path": "/details/dealValue", "value": Decimal("5.00")},
        {"op": "replace", "path": "/details/currency", "value": "USD"},
        {"op": "replace", "path": "/details/closingDateTime", "value": "2027-03-31T00:00:00Z"},
    ]


def test_what_no_row_names_is_not_written() -> None:
    assert to_json_patch({"other": "x"}, MAPPING, REFERRAL) == []
    assert to_columns({"other": "x"}, MAPPING, codes=CODES) == {}


def test_currencies_are_found_by_code() -> None:
    assert CURRENCIES.find_id("EUR") == EURO_ID
    assert CURRENCIES.find_id("SEK") is None


def test_every_column_is_asked_for_once() -> None:
    columns = select_columns(MAPPING)
    assert len(columns) == len(set(columns))
    assert {row.dataverse for row in MAPPING.fields} < set(columns)
    assert {"_transactioncurrencyid_value", "statecode", "cosell_audit"} < set(columns)

"""A referral is read as the service sends it, in any case of key, with nothing where there is nothing."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cosell.errors import RequestRejected
from cosell.http.plain_json import parse_json, to_json
from cosell.partner_center.models import Referral, ValidationResult
from cosell.partner_center.reading import read_model
from tests.unit.partner_center.samples import OURS, referral


def read(**changes: object) -> Referral:
    return read_model(Referral, referral(**changes), record="referral 1")


def test_seven_digits_of_a_second_are_read() -> None:
    assert read().created_date_time == datetime(2026, 2, 25, 17, 54, 36, 196174, tzinfo=UTC)


def test_deal_value_is_exact() -> None:
    document = parse_json('{"id": "1", "details": {"dealValue": 100000.55}}')
    assert read_model(Referral, document, record="").details.deal_value == Decimal("100000.55")
    assert read(details={"dealValue": "10000"}).details.deal_value == Decimal(10000)


def test_null_empty_and_missing_say_the_same() -> None:
    texts = [read(externalReferenceId=None), read(externalReferenceId="")]
    missing = {name: value for name, value in referral().items() if name != "externalReferenceId"}
    texts.append(read_model(Referral, missing, record=""))
    assert {text.external_reference_id for text in texts} == {None}
    assert read(team=None).team == read(team=[]).team == []
    assert read(details=None).details.deal_value is None


def test_keys_are_read_in_any_case() -> None:
    shouted = {name[0].upper() + name[1:]: value for name, value in referral().items()}
    shouted["Details"] = {"DEALVALUE": 5, "currency": "EUR"}
    shouted["Etag"] = shouted.pop("ETag")
    found = read_model(Referral, shouted, record="")
    assert found.details.deal_value == 5
    assert found.etag == referral()["eTag"]
    assert found.customer_profile.team[0].first_name == "Ada "


def test_unknown_members_and_values_stay() -> None:
    found = read(status="Paused", mood="hopeful")
    assert found.status == "Paused"
    assert found.model_extra == {"mood": "hopeful"}


def test_deal_that_we_began_is_ours_although_it_says_incoming() -> None:
    assert read().is_ours
    assert not read(inviteContext={"invitedBy": {"organizationId": "msft"}}).is_ours


def test_direction_only_tells_when_nobody_is_named() -> None:
    assert read(inviteContext=None, direction="Outgoing").is_ours
    assert not read(inviteContext=None, direction="Incoming").is_ours


def test_microsofts_copy_is_told_by_its_target_or_its_owner() -> None:
    target = [{"type": "BusinessProfileLocation", "id": "msft"}]
    assert read(target=target).is_microsofts_copy
    assert read(organizationId="msft").is_microsofts_copy
    assert not read(target=target).is_ours
    assert not read().is_microsofts_copy


def test_microsofts_crm_id() -> None:
    assert read(trackingInfo={"microsoftMsxId": "7-ABC"}).microsoft_crm_id == "7-ABC"
    assert read(trackingInfo=None).microsoft_crm_id is None


def test_what_cannot_be_read_is_told_by_field_and_never_by_value() -> None:
    with pytest.raises(RequestRejected) as raised:
        read(details={"requirements": "as Jo said"})
    assert "details.requirements" in str(raised.value)
    assert "Jo" not in str(raised.value)


@pytest.mark.parametrize("value", ["a lot", {"amount": 5}, "NaN", True])
def test_deal_value_that_cannot_be_read_stays_as_it_came(value: object) -> None:
    found = read(details={"dealValue": value})
    assert found.model_dump(by_alias=True)["details"]["dealValue"] == value


@pytest.mark.parametrize("value", ["Jo's birthday", "2031-02-30T00:00:00Z", 20310331, "20310331", False])
def test_moment_that_cannot_be_read_stays_in_the_deal_and_is_nothing_elsewhere(value: object) -> None:
    found = read(details={"closingDateTime": value}, updatedDateTime=value)
    assert found.model_dump(by_alias=True)["details"]["closingDateTime"] == value
    assert found.updated_date_time is None


def test_number_where_a_text_belongs_is_read_as_text() -> None:
    assert read(customerProfile={"address": {"postalCode": 80331}}).customer_profile.address.postal_code == "80331"


def test_model_goes_back_to_the_names_of_the_service() -> None:
    sent = read().model_dump(mode="json", by_alias=True)
    assert sent["consent"]["consentToToShareInfoWithOthers"] is True
    assert sent["organizationId"] == OURS
    assert to_json(sent)


def test_result_of_a_validation_event() -> None:
    result = ValidationResult.model_validate({"status": "completed", "results": [{"responseCode": "OK"}]})
    assert result.is_completed
    assert result.is_delivered
    refused = ValidationResult.model_validate({"status": "completed", "results": [{"responseCode": "NotFound"}]})
    assert not refused.is_delivered

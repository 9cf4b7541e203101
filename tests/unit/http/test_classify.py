"""Each answer of the services becomes the error that says what to do."""

from datetime import UTC, datetime

import pytest

from cosell import errors
from cosell.http.answer import Answer
from cosell.http.classify import classify_answer
from cosell.http.plain_json import parse_json
from cosell.http.service import Service, SignIn

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PARTNER_CENTER = Service(
    name="Partner Center",
    base_url="https://api.partner.microsoft.com/v1.0",
    settings_prefix="COSELL_PARTNER_CENTER__",
    url_setting="COSELL_PARTNER_CENTER__API_URL",
    sign_in=SignIn.PERSON,
)
DATAVERSE = Service(
    name="Dataverse",
    base_url="https://fabrikam.crm4.dynamics.com/api/data/v9.2",
    settings_prefix="COSELL_DATAVERSE__",
    url_setting="COSELL_DATAVERSE__URL",
    sign_in=SignIn.APPLICATION,
)


def classify(status: int, body: str = "", *, service: Service = PARTNER_CENTER, **headers: str) -> errors.CosellError:
    try:
        document = parse_json(body)
    except ValueError:
        document = None
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Answer(status=status, headers=named, body=body.encode(), document=document)
    return classify_answer(answer, service=service, record="referral 1", now=NOW)


def coded(code: str, message: str = "Jo Marlow") -> str:
    return f'{{"error": {{"code": "{code}", "message": "{message}"}}}}'


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, errors.RequestRejected),
        (403, errors.AccessDenied),
        (404, errors.RecordNotFound),
        (405, errors.RequestRejected),
        (409, errors.StaleEtag),
        (410, errors.RecordNotFound),
        (412, errors.StaleEtag),
        (413, errors.RequestRejected),
        (415, errors.RequestRejected),
        (422, errors.RequestRejected),
        (423, errors.StaleEtag),
        (429, errors.Throttled),
        (500, errors.ServiceUnavailable),
        (501, errors.RequestRejected),
        (502, errors.ServiceUnavailable),
        (503, errors.ServiceUnavailable),
        (504, errors.ServiceUnavailable),
        (507, errors.ServiceUnavailable),
        (509, errors.Throttled),
    ],
)
@pytest.mark.parametrize(
    "body", ["", "<html><h1>Jo Marlow</h1></html>", "[1, 2]", '{"error": null}', '{"error": "x y"}']
)
def test_status_alone_is_enough(status: int, body: str, error: type[Exception]) -> None:
    raised = classify(status, body)
    assert type(raised) is error
    assert "Marlow" not in str(raised)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, coded("resourceModified"), errors.StaleEtag),
        (400, coded("RESOURCEMODIFIED"), errors.StaleEtag),
        (400, coded("preconditionFailed"), errors.StaleEtag),
        (400, '{"code": 2055, "description": "ETag no longer valid"}', errors.StaleEtag),
        (400, '{"code": "2055", "description": "ETag no longer valid"}', errors.StaleEtag),
        (400, coded("itemNotFound"), errors.RecordNotFound),
        (400, coded("accessDenied"), errors.AccessDenied),
        (400, coded("serviceNotAvailable"), errors.ServiceUnavailable),
        (401, '{"code": "900420", "description": "x"}', errors.CredentialsRejected),
        (403, '{"error": "insufficient_claims"}', errors.SignInRequired),
        (400, '{"error":{"code":"invalidRequest","innerError":{"code":"ResourceModified"}}}', errors.StaleEtag),
        (
            400,
            '{"Error":{"Code":"x","InnerError":{"code":"y","innererror":{"code":"itemNotFound"}}}}',
            errors.RecordNotFound,
        ),
        (400, coded("invalidRequest"), errors.RequestRejected),
    ],
)
def test_partner_center_codes(status: int, body: str, error: type[Exception]) -> None:
    assert type(classify(status, body)) is error


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (412, "0x80060882", errors.StaleEtag),
        (412, "0x80040237", errors.AlreadyExists),
        (412, "0x80060892", errors.AlreadyExists),
        (412, "0x80040333", errors.AlreadyExists),
        (500, "0x80040333", errors.AlreadyExists),
        (400, "0x80044352", errors.DeltaExpired),
        (410, "0x80044352", errors.DeltaExpired),
        (429, "0x80072322", errors.Throttled),
        (429, "0x80072321", errors.Throttled),
        (429, "0x80072326", errors.Throttled),
        (400, "0x80072491", errors.SchemaMissing),
        (400, "0x80060890", errors.SchemaMissing),
        (404, "0x8006088A", errors.SchemaMissing),
        (500, "0x80044150", errors.ServiceUnavailable),
        (500, "0x80044151", errors.ServiceUnavailable),
        (400, "0x80040216", errors.ServiceUnavailable),
        (404, "0x80040217", errors.RecordNotFound),
        (404, "0x80060891", errors.RecordNotFound),
        (403, "0x80040220", errors.AccessDenied),
        (400, "0x80048D19", errors.RequestRejected),
        (400, "0x80040265", errors.RequestRejected),
        (400, "0x80040515", errors.StaleEtag),
        (404, "", errors.RecordNotFound),
        (412, "0x0", errors.StaleEtag),
    ],
)
def test_dataverse_codes(status: int, code: str, error: type[Exception]) -> None:
    raised = classify(status, coded(code), service=DATAVERSE)
    assert type(raised) is error
    assert "Marlow" not in str(raised)


def test_expired_delta_link_is_known_by_its_text_when_there_is_no_code() -> None:
    body = coded("", "Version stamp associated with the client has expired. Please perform a full sync.")
    assert isinstance(classify(404, body, service=DATAVERSE), errors.DeltaExpired)


def test_conditional_access_in_the_challenge_needs_a_new_sign_in() -> None:
    raised = classify(403, www_authenticate='Bearer error="insufficient_claims", claims="e30="')
    assert isinstance(raised, errors.SignInRequired)
    assert "cosell connect partner-center" in str(raised)


def test_text_names_service_record_code_and_request_id() -> None:
    raised = classify(400, coded("invalidRequest"), request_id="r-77")
    assert str(raised) == (
        "Partner Center did not accept what was sent (record referral 1, code invalidRequest, request id r-77)"
    )


def test_column_that_is_too_short_is_named_but_not_its_content() -> None:
    message = (
        "The length of the 'name' attribute of the 'opportunity' entity exceeded the maximum allowed length of '300'."
    )
    raised = classify(400, coded("0x80044331", message), service=DATAVERSE)
    assert raised.origin.field == "name"


def test_code_that_is_no_code_is_not_shown() -> None:
    assert "Marlow" not in str(classify(400, coded("Jo Marlow, 12 High Street")))


def test_retry_after_travels_with_the_error() -> None:
    raised = classify(503, retry_after="17")
    assert isinstance(raised, errors.RetryableError)
    assert raised.retry_after == 17


def test_roles_are_named_by_who_is_signed_in() -> None:
    assert "Referrals admin" in str(classify(403))
    assert "application user" in str(classify(403, service=DATAVERSE))

import json

import pytest

from cosell.webhooks.dataverse import check_secret, parse_context
from cosell.webhooks.refusal import Reason, Refused

ORGANIZATION_ID = "0f0f0f0f-1111-4222-8333-444444444444"
ROW_ID = "bb7b2e6d-0000-4000-8000-0000000000a1"


def context(**changes: object) -> bytes:
    """Build a context as Dataverse writes it; the parameters are there to be ignored."""
    target = {
        "__type": "Entity:http://schemas.microsoft.com/xrm/2011/Contracts",
        "Attributes": [{"key": "name", "value": "Fabrikam roll-out"}],
        "Id": ROW_ID,
        "LogicalName": "opportunity",
    }
    content: dict[str, object] = {
        "InputParameters": [{"key": "Target", "value": target}],
        "MessageName": "Update",
        "Mode": 1,
        "OperationCreatedOn": "/Date(1506409448000-0700)/",
        "OrganizationId": ORGANIZATION_ID,
        "OrganizationName": "OrgName",
        "PrimaryEntityId": ROW_ID,
        "PrimaryEntityName": "opportunity",
        "Stage": 40,
    }
    return json.dumps({**content, **changes}).encode()


def secret_refusal(
    expected: str | None, *, headers: dict[str, str] | None = None, parameters: dict[str, str] | None = None
) -> Reason | None:
    try:
        check_secret(expected, headers=(headers or {}).items(), parameters=(parameters or {}).items())
    except Refused as refused:
        return refused.reason
    return None


def test_context_names_organization_table_row_and_message() -> None:
    call = parse_context(context())
    assert (call.organization_id, call.entity, call.record_id, call.message) == (
        ORGANIZATION_ID,
        "opportunity",
        ROW_ID,
        "Update",
    )


def test_context_that_was_cut_down_for_its_size_is_enough() -> None:
    content = json.loads(context())
    del content["InputParameters"]
    assert parse_context(json.dumps(content).encode()).record_id == ROW_ID


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"[" * 250_000,
        b'{"a":' * 50_000,
        context(PrimaryEntityId=None),
        context(PrimaryEntityId="x"),
        context(PrimaryEntityName=5),
        context(PrimaryEntityName=""),
        context(PrimaryEntityName="x" * 500),
        context(OrganizationId=None),
        context(MessageName={}),
    ],
)
def test_anything_else_is_malformed(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        parse_context(body)
    assert refused.value.reason is Reason.MALFORMED


def test_secret_is_taken_from_each_place_where_dataverse_can_send_it() -> None:
    assert secret_refusal("s3cret", parameters={"code": "s3cret"}) is None
    assert secret_refusal("s3cret", parameters={"x-cosell-key": "s3cret"}) is None
    assert secret_refusal("s3cret", headers={"X-Cosell-Key": "s3cret"}) is None


@pytest.mark.parametrize("given", ["", "s3cre", "s3cret ", "S3CRET", "\udcff", "ß" * 6])
def test_another_secret_is_refused(given: str) -> None:
    assert secret_refusal("s3cret", parameters={"code": given}) is Reason.SECRET_WRONG
    assert secret_refusal("s3cret", headers={"x-cosell-key": given}) is Reason.SECRET_WRONG


def test_no_secret_sent_is_refused() -> None:
    assert secret_refusal("s3cret", headers={"authorization": "s3cret"}) is Reason.SECRET_WRONG


@pytest.mark.parametrize("expected", [None, ""])
def test_without_a_configured_secret_everything_is_refused(expected: str | None) -> None:
    assert secret_refusal(expected, parameters={"code": ""}) is Reason.SECRET_NOT_CONFIGURED

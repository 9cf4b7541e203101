"""A batch is written with CRLF and read part by part, the way Microsoft's samples look."""

from decimal import Decimal

import httpx
import pytest

from cosell.dataverse.batch import BatchOperation, ChangeSet, batch_body, read_batch, spread
from cosell.errors import RequestRejected
from cosell.http.answer import Answer
from tests.unit.dataverse.test_client import opened

GET = BatchOperation(method="GET", path="accounts?$select=name")
PATCH = BatchOperation(method="PATCH", path="$1", body={"revenue": Decimal("1.50")}, headers={"If-Match": 'W/"1"'})
POST = BatchOperation(method="POST", path="accounts", body={"name": "Kestrel Bakeries"})


def part(status: str, body: str = "", *headers: str) -> str:
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary", "", f"HTTP/1.1 {status}", *headers]
    return "\r\n".join([*lines, "", body])


def multipart(boundary: str, *parts: str) -> str:
    return "".join(f"--{boundary}\r\n{one}\r\n" for one in parts) + f"--{boundary}--\r\n"


def reply(body: str) -> Answer:
    return Answer(status=200, headers={"content-type": "multipart/mixed; boundary=b_1"}, body=body.encode())


DONE = part("204 No Content", "", "OData-Version: 4.0", "OData-EntityId: https://x/accounts(1)")
FOUND = part("200 OK", '{"value": [{"revenue": 1.50}]}', "Content-Type: application/json; odata.metadata=minimal")
REFUSED = part("400 Bad Request", '{"error":{"code":"0x80044331","message":"Jo"}}', "REQ_ID: r-5")


def test_body_is_written_with_crlf_and_change_sets_are_numbered() -> None:
    content_type, body = batch_body([ChangeSet((POST, PATCH)), GET], api_path="/api/data/v9.2")
    text = body.decode()
    assert content_type.startswith('multipart/mixed; boundary="batch_')
    assert text.count("\n") == text.count("\r\n")
    assert "Content-ID: 1\r\n\r\nPOST /api/data/v9.2/accounts HTTP/1.1\r\n" in text
    assert 'PATCH $1 HTTP/1.1\r\nAccept: application/json\r\nIf-Match: W/"1"\r\n' in text
    assert '\r\n\r\n{"revenue":1.50}\r\n--changeset_' in text
    assert "GET /api/data/v9.2/accounts?$select=name HTTP/1.1\r\n" in text


def test_parts_are_read_whether_or_not_they_end_with_a_line() -> None:
    answers = read_batch(reply(multipart("b_1", FOUND, DONE, REFUSED)))
    assert [answer.status for answer in answers] == [200, 204, 400]
    assert answers[0].find_object() == {"value": [{"revenue": Decimal("1.50")}]}
    assert answers[1].headers["odata-entityid"] == "https://x/accounts(1)"
    assert answers[2].request_id == "r-5"


def test_change_set_is_unfolded_and_a_failed_one_answers_for_all_of_its_operations() -> None:
    inner = 'Content-Type: multipart/mixed; boundary="c_1"\r\n\r\n' + multipart("c_1", DONE, DONE)
    steps: list[BatchOperation | ChangeSet] = [ChangeSet((POST, PATCH)), GET]
    assert [one.status for one in spread(steps, read_batch(reply(multipart("b_1", inner, FOUND))))] == [204, 204, 200]
    assert [one.status for one in spread(steps, read_batch(reply(multipart("b_1", REFUSED, FOUND))))] == [400, 400, 200]


def test_batch_that_is_too_large_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match="1000"):
        batch_body([GET] * 1001, api_path="/api")


async def test_each_operation_has_its_own_result() -> None:
    content = multipart("b_1", DONE, REFUSED).encode()
    client, script = opened(
        httpx.Response(200, content=content, headers={"Content-Type": "multipart/mixed; boundary=b_1"})
    )
    async with client:
        first, second = await client.batch([POST, POST])
    assert first.error is None
    assert isinstance(second.error, RequestRejected)
    assert second.error.origin.request_id == "r-5"
    assert script.requests[0].headers["prefer"] == "odata.continue-on-error"
    assert script.requests[0].headers["content-type"].startswith("multipart/mixed")

import email.parser
import email.policy
import json

import httpx

from tests.emulators.dataverse.conftest import Crm, error_of, make

MULTIPART = {"Content-Type": 'multipart/mixed; boundary="batch_1"'}


def request(method: str, url: str, body: object = None, *headers: str) -> str:
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary", *headers, ""]
    lines += [f"{method} {url} HTTP/1.1"]
    if body is not None:
        lines += ["Content-Type: application/json; type=entry", "", json.dumps(body)]
    else:
        lines += ["", ""]
    return "\r\n".join(lines)


def multipart(boundary: str, *parts: str) -> str:
    return "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"


def change_set(*parts: str) -> str:
    return 'Content-Type: multipart/mixed; boundary="changeset_1"\r\n\r\n' + multipart("changeset_1", *parts)


def answers(reply: httpx.Response) -> list[tuple[int, str]]:
    """Return status and body of each part, read by Python's own MIME parser."""
    head = f"Content-Type: {reply.headers['Content-Type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + reply.content)
    found = []
    for part in message.walk():
        if part.get_content_type() == "application/http":
            payload = part.get_payload(decode=True)
            text = payload.decode() if isinstance(payload, bytes) else ""
            first, _, rest = text.partition("\r\n")
            found.append((int(first.split(" ")[1]), rest.partition("\r\n\r\n")[2]))
    return found


async def send(api: httpx.AsyncClient, content: str, **headers: str) -> httpx.Response:
    return await api.post("$batch", content=content.encode(), headers=MULTIPART | headers)


async def test_s23_the_first_failure_ends_the_batch_with_its_status(api: httpx.AsyncClient) -> None:
    bad = request("POST", "/api/data/v9.2/tasks", {"subject": "x" * 201})
    good = request("POST", "/api/data/v9.2/tasks", {"subject": "two"})
    reply = await send(api, multipart("batch_1", bad, good))
    assert reply.status_code == 400
    assert reply.headers["Content-Type"].startswith("multipart/mixed; boundary=batchresponse_")
    (status, body), *rest = answers(reply)
    assert (status, rest) == (400, [])
    assert json.loads(body)["error"]["code"] == "0x80044331"
    assert b"\r\nREQ_ID: " in reply.content


async def test_s23_continue_on_error_answers_every_part(api: httpx.AsyncClient) -> None:
    bad = request("POST", "/api/data/v9.2/tasks", {"subject": "x" * 201})
    good = request("POST", "https://crm.example/api/data/v9.2/tasks", {"subject": "two"})
    read = request("GET", "tasks?$select=subject")
    reply = await send(api, multipart("batch_1", bad, good, read), Prefer="odata.continue-on-error")
    assert reply.status_code == 200
    assert [status for status, _ in answers(reply)] == [400, 204, 200]
    assert json.loads(answers(reply)[2][1])["value"][0]["subject"] == "two"
    assert b"\r\nOData-EntityId: https://crm.example/api/data/v9.2/tasks(" in reply.content
    assert b"HTTP/1.1 204 No Content\r\n" in reply.content


async def test_s23_a_change_set_refers_to_what_it_made(api: httpx.AsyncClient) -> None:
    content = multipart(
        "batch_1",
        change_set(
            request("POST", "/api/data/v9.2/accounts", {"name": "Account"}, "Content-ID: 1"),
            request("POST", "/api/data/v9.2/contacts", {"firstname": "Contact"}, "Content-ID: 2"),
            request("PATCH", "$1", {"primarycontactid@odata.bind": "$2"}, "Content-ID: 3"),
        ),
        request("GET", "/api/data/v9.2/accounts?$expand=primarycontactid($select=firstname)"),
    )
    reply = await send(api, content)
    assert reply.status_code == 200
    found = answers(reply)
    assert [status for status, _ in found] == [204, 204, 204, 200]
    assert json.loads(found[3][1])["value"][0]["primarycontactid"]["firstname"] == "Contact"
    assert reply.content.count(b"Content-ID: ") == 3


async def test_s23_a_change_set_is_all_or_nothing(crm: Crm, api: httpx.AsyncClient) -> None:
    row = await make(api, "accounts", {"name": "before"})
    content = multipart(
        "batch_1",
        change_set(
            request("POST", "/api/data/v9.2/contacts", {"lastname": "Ito"}, "Content-ID: 1"),
            request("PATCH", f"/api/data/v9.2/accounts({row['accountid']})", {"name": "after"}, "Content-ID: 2"),
            request("POST", "/api/data/v9.2/tasks", {"subject": "x" * 201}, "Content-ID: 3"),
        ),
    )
    reply = await send(api, content)
    assert reply.status_code == 400
    assert [status for status, _ in answers(reply)] == [400]
    assert (await api.get("contacts/$count")).text == "0"
    found = (await api.get(f"accounts({row['accountid']})")).json()
    assert (found["name"], found["@odata.etag"]) == ("before", row["@odata.etag"])
    assert crm.service.environment.uncommitted == []


async def test_s23_conditions_count_part_by_part(api: httpx.AsyncClient) -> None:
    row = await make(api, "accounts", {"name": "x"})
    part = (
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        f"PATCH /api/data/v9.2/accounts({row['accountid']}) HTTP/1.1\r\nContent-Type: application/json\r\n"
        'If-Match: W/"1"\r\n\r\n{"name":"y"}'
    )
    reply = await send(api, multipart("batch_1", part))
    assert (reply.status_code, [status for status, _ in answers(reply)]) == (412, [412])


async def test_s23_what_a_batch_may_not_hold(api: httpx.AsyncClient) -> None:
    early = change_set(request("PATCH", "$2", {"name": "x"}, "Content-ID: 1"))
    reply = await send(api, multipart("batch_1", early))
    assert reply.status_code == 400
    assert "Content-ID Reference: '$2' does not exist in the batch context." in reply.text
    reading = change_set(request("GET", "/api/data/v9.2/accounts", None, "Content-ID: 1"))
    assert (await send(api, multipart("batch_1", reading))).status_code == 400
    nameless = change_set(request("POST", "/api/data/v9.2/accounts", {"name": "x"}))
    assert (await send(api, multipart("batch_1", nameless))).status_code == 400
    nested = request("POST", "/api/data/v9.2/$batch", {})
    assert (await send(api, multipart("batch_1", nested))).status_code == 400


async def test_s23_line_feeds_alone_are_refused(api: httpx.AsyncClient) -> None:
    content = multipart("batch_1", request("GET", "/api/data/v9.2/accounts")).replace("\r\n", "\n")
    assert error_of(await send(api, content)) == (400, "0x80060888")
    assert error_of(await api.post("$batch", json={})) == (400, "0x80060888")


def typed(table: str, /, **values: object) -> dict[str, object]:
    return {"@odata.type": f"Microsoft.Dynamics.CRM.{table}", **values}


async def test_s24_many_are_created_updated_and_upserted(api: httpx.AsyncClient) -> None:
    create = "accounts/Microsoft.Dynamics.CRM.CreateMultiple"
    reply = await api.post(create, json={"Targets": [typed("account", name="A"), typed("account", name="B")]})
    ids = reply.json()["Ids"]
    assert (reply.status_code, len(ids)) == (200, 2)
    assert reply.json()["@odata.context"].endswith("$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse")
    update = "accounts/Microsoft.Dynamics.CRM.UpdateMultiple"
    targets = [typed("account", accountid=ids[0], name="A2")]
    assert (await api.post(update, json={"Targets": targets})).status_code == 204
    assert (await api.get(f"accounts({ids[0]})")).json()["name"] == "A2"
    upsert = "opportunities/Microsoft.Dynamics.CRM.UpsertMultiple"
    for name in ("new", "newer"):
        row = typed("opportunity", name=name) | {"@odata.id": "opportunities(cosell_referralid='R1')"}
        assert (await api.post(upsert, json={"Targets": [row]})).status_code == 204
    found = (await api.get("opportunities(cosell_referralid='r1')")).json()
    assert found["name"] == "newer"


async def test_s24_one_failure_fails_all(api: httpx.AsyncClient) -> None:
    create = "accounts/Microsoft.Dynamics.CRM.CreateMultiple"
    reply = await api.post(create, json={"Targets": [typed("account", name="A"), typed("account", bogus=1)]})
    assert error_of(reply) == (400, "0x80048d19")
    assert (await api.get("accounts/$count")).text == "0"
    doubled = typed("opportunity", cosell_referralid="R1") | {"@odata.id": "opportunities(cosell_referralid='R1')"}
    upsert = "opportunities/Microsoft.Dynamics.CRM.UpsertMultiple"
    assert error_of(await api.post(upsert, json={"Targets": [doubled]})) == (400, "0x80040216")
    delete = "accounts/Microsoft.Dynamics.CRM.DeleteMultiple"
    assert error_of(await api.post(delete, json={"Targets": []})) == (400, "0x80040800")


async def test_s24_availability_can_be_asked(api: httpx.AsyncClient) -> None:
    for table, is_there in (("opportunity", True), ("annotation", False)):
        condition = f"sdkmessageid/name eq 'CreateMultiple' and primaryobjecttypecode eq '{table}'"
        found = (await api.get(f"sdkmessagefilters?$select=sdkmessagefilterid&$filter={condition}")).json()["value"]
        assert bool(found) is is_there


async def test_s25_a_thousand_is_the_most(api: httpx.AsyncClient) -> None:
    content = multipart("batch_1", *[request("GET", "WhoAmI")] * 1001)
    assert (await send(api, content)).status_code == 400
    targets = [typed("account", name="x")] * 1001
    reply = await api.post("accounts/Microsoft.Dynamics.CRM.CreateMultiple", json={"Targets": targets})
    assert reply.status_code == 400
    fine = await api.post("accounts/Microsoft.Dynamics.CRM.CreateMultiple", json={"Targets": targets[:1000]})
    assert len(fine.json()["Ids"]) == 1000

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.emulators.dataverse.conftest import Crm, error_of, make

SECRET = '<settings><setting name="x-cosell-key" value="s3cret" /></settings>'


class Receiver:
    """A customer's endpoint: keeps what it got and answers what it is told, 200 when nothing is left."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.answers: list[int | Exception] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer)

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]


@pytest.fixture
def receiver(crm: Crm) -> Receiver:
    made = Receiver()
    crm.service.webhooks.transport = httpx.MockTransport(made)
    return made


async def register(
    api: httpx.AsyncClient, table: str, message: str, *, columns: str = "", auth: int = 5, value: str = SECRET
) -> str:
    """Register a webhook as an installer does, and return the step's id."""
    endpoint = await make(
        api,
        "serviceendpoints",
        {
            "name": "hook",
            "contract": 8,
            "connectionmode": 1,
            "messageformat": 2,
            "authtype": auth,
            "authvalue": value,
            "url": "https://sync.example/hooks/dataverse",
        },
    )
    assert "authvalue" not in endpoint
    condition = f"primaryobjecttypecode eq '{table}' and sdkmessageid/name eq '{message}'"
    found = await api.get(f"sdkmessagefilters?$filter={condition}&$expand=sdkmessageid($select=name)")
    row = found.json()["value"][0]
    assert row["sdkmessageid"]["name"] == message
    step = await make(
        api,
        "sdkmessageprocessingsteps",
        {
            "name": f"Cosell: {table} {message}",
            "mode": 1,
            "stage": 40,
            "rank": 1,
            "supporteddeployment": 0,
            "asyncautodelete": True,
            "filteringattributes": columns or None,
            "sdkmessageid@odata.bind": f"/sdkmessages({row['sdkmessageid']['sdkmessageid']})",
            "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({row['sdkmessagefilterid']})",
            "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({endpoint['serviceendpointid']})",
        },
    )
    return str(step["sdkmessageprocessingstepid"])


def attributes(entity: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: one["value"] for one in entity["Attributes"]}


async def test_s26_too_many_requests(crm: Crm, api: httpx.AsyncClient, seller: httpx.AsyncClient) -> None:
    crm.service.limits.enabled = True
    crm.service.limits.requests = 3
    for left in ("2", "1", "0"):
        reply = await api.get("WhoAmI")
        assert reply.headers["x-ms-ratelimit-burst-remaining-xrm-requests"] == left
    refused = await api.get("WhoAmI")
    assert error_of(refused) == (429, "0x80072322")
    assert refused.json()["error"]["message"] == (
        "Number of requests exceeded the limit of 3 over time window of 300 seconds."
    )
    assert 0 < int(refused.headers["Retry-After"]) <= 300
    assert (await seller.get("WhoAmI")).status_code == 200
    crm.world.clock.advance(int(refused.headers["Retry-After"]) + 1)
    assert (await api.get("WhoAmI")).status_code == 200


async def test_s26_too_much_time_and_too_many_at_once(crm: Crm, api: httpx.AsyncClient) -> None:
    limits = crm.service.limits
    limits.enabled = True
    limits.execution_seconds = 0.0
    slow = await api.get("WhoAmI")
    assert error_of(slow) == (429, "0x80072321")
    assert "Combined execution time of incoming requests exceeded limit of 0 milliseconds" in slow.text
    limits.execution_seconds, limits.concurrency = 1200.0, 0
    crowded = await api.get("WhoAmI")
    assert (error_of(crowded), crowded.headers["Retry-After"]) == ((429, "0x80072326"), "1")


async def test_s26_limits_are_off_by_default_and_the_hint_is_there(crm: Crm, api: httpx.AsyncClient) -> None:
    reply = await api.get("WhoAmI")
    assert reply.headers["x-ms-dop-hint"] == "52"
    assert "x-ms-ratelimit-burst-remaining-xrm-requests" not in reply.headers
    assert not crm.service.limits.enabled


async def test_s27_a_create_is_told_in_microsofts_encoding(
    crm: Crm, api: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(api, "opportunity", "Create")
    account = await make(api, "accounts", {"name": "Coho"})
    bind = {"customerid_account@odata.bind": f"/accounts({account['accountid']})"}
    body = {"name": "deal", "estimatedvalue": 50000, "estimatedclosedate": "2026-09-30", "cosell_help": 273100001}
    deal = await make(api, "opportunities", body | bind, "?tag=cosell-sync")
    assert await crm.service.webhooks.drain() == 1
    request = receiver.requests[0]
    assert request.headers["x-cosell-key"] == "s3cret"
    assert request.headers["x-ms-dynamics-entity-name"] == "opportunity"
    assert request.headers["x-ms-dynamics-request-name"] == "Create"
    assert request.headers["x-ms-dynamics-organization"] == "crm.example"
    assert "x-ms-dynamics-msg-size-exceeded" not in request.headers
    context = receiver.bodies()[0]
    assert (context["MessageName"], context["PrimaryEntityId"]) == ("Create", deal["opportunityid"])
    assert context["SharedVariables"] == [{"key": "tag", "value": "cosell-sync"}]
    target = context["InputParameters"][0]["value"]
    assert target["__type"] == "Entity:http://schemas.microsoft.com/xrm/2011/Contracts"
    found = attributes(target)
    assert found["estimatedvalue"]["Value"] == 50000.0
    assert found["estimatedvalue"]["__type"].startswith("Money:")
    assert found["cosell_help"]["__type"].startswith("OptionSetValue:")
    assert found["customerid"]["LogicalName"] == "account"
    assert found["estimatedclosedate"] == "/Date(1790726400000)/"
    assert context["OperationCreatedOn"].endswith("+0000)/")
    assert context["PostEntityImages"][-1]["key"] == "AsynchronousStepPrimaryName"


async def test_s27_an_update_is_told_only_for_the_columns_asked(
    crm: Crm, api: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(api, "opportunity", "Update", columns="name,statecode", auth=4, value="key")
    deal = await make(api, "opportunities", {"name": "deal"})
    where = f"opportunities({deal['opportunityid']})"
    await api.patch(where, json={"stepname": "x"})
    assert await crm.service.webhooks.drain() == 0
    await api.patch(where, json={"name": "y"})
    await api.post("WinOpportunity", json={"Status": 3, "OpportunityClose": {"opportunityid@odata.bind": f"/{where}"}})
    assert await crm.service.webhooks.drain() == 2
    assert dict(receiver.requests[0].url.params) == {"code": "key"}
    told = [attributes(body["InputParameters"][0]["value"]) for body in receiver.bodies()]
    assert {"name", "modifiedon", "modifiedby"} <= set(told[0])
    assert told[1]["statecode"]["Value"] == 1


async def test_s27_a_delete_names_the_row_and_images_hold_the_rest(
    crm: Crm, api: httpx.AsyncClient, receiver: Receiver
) -> None:
    step = await register(api, "account", "Delete", auth=6)
    image = {
        "name": "pre",
        "entityalias": "pre",
        "imagetype": 0,
        "messagepropertyname": "Target",
        "attributes": "name",
        "sdkmessageprocessingstepid@odata.bind": f"/sdkmessageprocessingsteps({step})",
    }
    await make(api, "sdkmessageprocessingstepimages", image)
    account = await make(api, "accounts", {"name": "Coho"})
    await api.delete(f"accounts({account['accountid']})")
    await crm.service.webhooks.drain()
    assert dict(receiver.requests[0].url.params) == {"x-cosell-key": "s3cret"}
    context = receiver.bodies()[0]
    assert context["InputParameters"][0]["value"]["__type"].startswith("EntityReference:")
    assert context["PreEntityImages"][0]["key"] == "pre"
    assert attributes(context["PreEntityImages"][0]["value"])["name"] == "Coho"


@pytest.mark.parametrize(
    ("answers", "calls", "code"),
    [
        ([503, 200], 2, None),
        ([502, 504], 2, -2147155455),
        ([500], 1, -2147155455),
        ([httpx.ReadTimeout("late")], 1, -2147155454),
        ([httpx.ConnectError("gone")], 1, -2147155451),
    ],
)
async def test_s27_one_more_try_at_most_and_a_failed_job(
    crm: Crm,
    api: httpx.AsyncClient,
    receiver: Receiver,
    answers: list[int | Exception],
    calls: int,
    code: int | None,
) -> None:
    step = await register(api, "account", "Create")
    receiver.answers = answers
    await make(api, "accounts", {"name": "Coho"})
    await crm.service.webhooks.drain()
    assert len(receiver.requests) == calls
    query = f"asyncoperations?$select=statuscode,errorcode&$filter=_owningextensionid_value eq {step}"
    jobs = (await api.get(query)).json()["value"]
    assert [(job["statuscode"], job["errorcode"]) for job in jobs] == ([] if code is None else [(31, code)])


async def test_s27_a_malformed_secret_shows_only_at_the_call(
    crm: Crm, api: httpx.AsyncClient, receiver: Receiver
) -> None:
    step = await register(api, "account", "Create", value="not xml")
    await make(api, "accounts", {"name": "Coho"})
    await crm.service.webhooks.drain()
    assert receiver.requests == []
    jobs = await api.get(f"asyncoperations?$select=errorcode&$filter=_owningextensionid_value eq {step}")
    assert jobs.json()["value"][0]["errorcode"] == -2147155453


async def test_s27_a_large_body_loses_its_heavy_parts(crm: Crm, api: httpx.AsyncClient, receiver: Receiver) -> None:
    await register(api, "annotation", "Create")
    await make(api, "annotations", {"subject": "x", "documentbody": "x" * 300_000})
    await crm.service.webhooks.drain()
    assert receiver.requests[0].headers["x-ms-dynamics-msg-size-exceeded"] == "true"
    context = receiver.bodies()[0]
    assert not {"InputParameters", "ParentContext", "PreEntityImages", "PostEntityImages"} & set(context)
    assert context["PrimaryEntityName"] == "annotation"


async def test_s27_nothing_is_told_of_what_was_rolled_back_and_order_is_not_promised(
    crm: Crm, api: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(api, "account", "Create")
    crm.service.knobs.webhook_shuffle = True
    targets = [{"@odata.type": "Microsoft.Dynamics.CRM.account", "name": "A"}]
    create = "accounts/Microsoft.Dynamics.CRM.CreateMultiple"
    await api.post(create, json={"Targets": [*targets, {**targets[0], "bogus": 1}]})
    assert await crm.service.webhooks.drain() == 0
    for at in range(12):
        await make(api, "accounts", {"name": f"a{at}"})
    await crm.service.webhooks.drain()
    names = [attributes(body["InputParameters"][0]["value"])["name"] for body in receiver.bodies()]
    assert sorted(names) == sorted(f"a{at}" for at in range(12))
    assert names != [f"a{at}" for at in range(12)]


async def test_s27_a_started_service_delivers_by_itself(crm: Crm, api: httpx.AsyncClient) -> None:
    arrived = asyncio.Event()

    def receive(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "sync.example"
        arrived.set()
        return httpx.Response(202)

    crm.service.webhooks.transport = httpx.MockTransport(receive)
    await register(api, "account", "Create")
    await crm.service.start()
    await make(api, "accounts", {"name": "Coho"})
    await asyncio.wait_for(arrived.wait(), 10)
    await crm.service.stop()

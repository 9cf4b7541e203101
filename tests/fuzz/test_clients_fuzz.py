"""Whatever the services answer, the clients return what was asked for or raise one of our errors, and follow no link
to another host."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosell.dataverse import BatchOperation, DataverseClient, open_dataverse
from cosell.domain.clock import utc_clock
from cosell.domain.ids import EngagementId, ReferralId
from cosell.errors import CosellError
from cosell.http.tokens import DraftVault
from cosell.partner_center import PartnerCenterClient, WebhookClient, open_partner_center, open_webhooks
from tests.fuzz.mutations import ANY_JSON, broken, spelled, wrong
from tests.sync.stand import FixedToken, _settings

ID = "8d5fb1c2-0000-4000-8000-000000000001"
BASE = "https://localhost"
SETTINGS = _settings()
URLS = (SETTINGS.dataverse.url, SETTINGS.partner_center.api_url, SETTINGS.partner_center.webhook_api_url)
OURS = {str(url.host) for url in URLS}
STATUSES = st.sampled_from([200, 200, 200, 200, 201, 204, 301, 304, 400, 403, 404, 409, 412, 429, 500, 503])
REFERRAL: Any = {
    "id": ID,
    "engagementId": ID,
    "eTag": '"1"',
    "organizationId": ID,
    "name": "Ovens",
    "status": "Active",
    "substatus": "Accepted",
    "createdDateTime": "2026-01-01T00:00:00Z",
    "updatedDateTime": "2026-01-02T00:00:00.1234567Z",
    "direction": "Incoming",
    "details": {
        "notes": "",
        "dealValue": 1.5,
        "currency": "EUR",
        "closingDateTime": "2026-03-01T00:00:00Z",
        "requirements": {"solutions": [{"id": "SOL", "name": "S", "quantity": 1}]},
    },
    "customerProfile": {"name": "B", "address": {"country": "DE"}, "team": [{"email": "a@b.example"}]},
    "consent": {"consentToShareReferralWithMicrosoftSellers": True},
    "inviteContext": {"invitedBy": {"organizationId": "msft"}},
    "trackingInfo": {"microsoftMsxId": None},
    "links": {"self": {"uri": f"{BASE}/v1.0/x"}},
}
PAGE: Any = {"value": [REFERRAL], "@nextLink": None}
ROW: Any = {"@odata.etag": 'W/"1"', "opportunityid": ID, "name": "Ovens", "estimatedvalue": 1.5}
ROWS: Any = {
    "@odata.context": "x",
    "value": [ROW],
    "@odata.deltaLink": f"{BASE}/api/data/v9.2/opportunities?$deltatoken=1",
}
TABLE: Any = {
    "LogicalName": "opportunity",
    "EntitySetName": "opportunities",
    "ChangeTrackingEnabled": True,
    "Attributes": [{"LogicalName": "name", "AttributeType": "String", "MaxLength": 300}],
    "Keys": [{"LogicalName": "k", "KeyAttributes": ["name"], "EntityKeyIndexStatus": "Active"}],
}
REGISTRATION: Any = {"WebhookUrl": "https://x.example", "WebhookEvents": ["referral-updated"]}
BATCH = (
    b"--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"opportunityid":"1"}\r\n--b--\r\n'
)
WAYS_OF_THE_CRM: dict[str, Callable[[DataverseClient], Awaitable[object]]] = {
    "get": lambda crm: crm.get("opportunities", ID, select=("name",)),
    "find": lambda crm: crm.find("opportunities", ID, select=("name",)),
    "query": lambda crm: _all(crm.query("opportunities", select=("name",))),
    "delta": lambda crm: _all(crm.delta("opportunities", select=("name",), link=None)),
    "many": lambda crm: crm.get_many("opportunities", [ID], select=("name",)),
    "create": lambda crm: crm.create("opportunities", {"name": "x"}, select=("name",)),
    "update": lambda crm: crm.update("opportunities", ID, {"name": "x"}, etag='W/"1"', select=("name",)),
    "upsert": lambda crm: crm.upsert("opportunities", {"name": ID}, {"name": "x"}, select=("name",)),
    "delete": lambda crm: crm.delete("opportunities", ID),
    "whoami": lambda crm: crm.whoami(),
    "table": lambda crm: crm.find_table("opportunity"),
    "choices": lambda crm: crm.get_choices("opportunity"),
    "status reasons": lambda crm: crm.get_status_reasons("opportunity"),
}
WAYS_OF_PARTNER_CENTER: dict[str, Callable[[PartnerCenterClient], Awaitable[object]]] = {
    "get": lambda portal: portal.get_referral(ReferralId(ID)),
    "find": lambda portal: portal.find_referral(ReferralId(ID)),
    "list": lambda portal: _all(portal.iter_referrals(order_by="updatedDateTime desc")),
    "engagement": lambda portal: portal.get_engagement(EngagementId(ID)),
    "create": lambda portal: portal.create_referral({"name": "x"}),
    "update": lambda portal: portal.update_referral(
        ReferralId(ID), [{"op": "replace", "path": "/name", "value": "x"}], etag='"1"'
    ),
    "access": lambda portal: portal.try_access(),
}
WAYS_OF_THE_WEBHOOKS: dict[str, Callable[[WebhookClient], Awaitable[object]]] = {
    "events": lambda api: api.get_events(),
    "registration": lambda api: api.find_registration(),
    "create": lambda api: api.create_registration(url="https://x.example", events=["referral-updated"]),
    "validate": lambda api: api.send_validation_event(),
    "result": lambda api: api.get_validation_result(ID),
}


class Service:
    """Answers each call with the same, five times at most, and knows who was asked."""

    def __init__(self, status: int, body: bytes, content_type: str) -> None:
        self._answer = (status, body, content_type)
        self.hosts: set[str] = set()
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.hosts.add(request.url.host)
        self.asked += 1
        status, body, content_type = self._answer
        if self.asked > 5:
            return httpx.Response(400, json={"error": {"code": "enough", "message": "Enough."}})
        return httpx.Response(status, content=body, headers={"Content-Type": content_type})


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


def answers(good: Any) -> st.SearchStrategy[tuple[int, bytes, str]]:  # noqa: ANN401  any JSON
    """Return statuses and bodies: any, and the good one with something wrong in it."""
    body = st.one_of(broken(spelled(good)), ANY_JSON.map(spelled), wrong(good).map(spelled))
    kinds = st.sampled_from(["application/json", "application/json; odata.metadata=minimal", "text/html", ""])
    return st.tuples(STATUSES, body, kinds)


async def _no_wait(_: float) -> None:
    """Let no time pass."""


@asynccontextmanager
async def opened(open_: Callable[..., Any], service: Service) -> AsyncIterator[Any]:
    """Open a client which speaks to this service."""
    transport = httpx.MockTransport(service)
    client = open_(
        _settings(), DraftVault(b""), tokens=FixedToken("x"), clock=utc_clock, sleep=_no_wait, transport=transport
    )
    async with client:
        yield client


async def _all(pages: AsyncIterator[object]) -> list[object]:
    return [page async for page in pages]


async def ask(open_: Callable[..., Any], way: Callable[[Any], Awaitable[object]], service: Service) -> None:
    """Ask once; only our own errors may come of it, and no other host may be asked."""
    async with opened(open_, service) as client:
        with suppress(CosellError):
            await way(client)
    assert service.hosts <= OURS


@settings(max_examples=40)
@given(way=st.sampled_from(sorted(WAYS_OF_THE_CRM)), answer=st.one_of(answers(ROWS), answers(ROW), answers(TABLE)))
def test_whatever_the_crm_answers_is_read_or_one_of_our_errors(
    runner: asyncio.Runner, way: str, answer: tuple[int, bytes, str]
) -> None:
    runner.run(ask(open_dataverse, WAYS_OF_THE_CRM[way], Service(*answer)))


@settings(max_examples=40)
@given(way=st.sampled_from(sorted(WAYS_OF_PARTNER_CENTER)), answer=st.one_of(answers(REFERRAL), answers(PAGE)))
def test_whatever_partner_center_answers_is_read_or_one_of_our_errors(
    runner: asyncio.Runner, way: str, answer: tuple[int, bytes, str]
) -> None:
    runner.run(ask(open_partner_center, WAYS_OF_PARTNER_CENTER[way], Service(*answer)))


@settings(max_examples=40)
@given(way=st.sampled_from(sorted(WAYS_OF_THE_WEBHOOKS)), answer=answers(REGISTRATION))
def test_whatever_the_webhook_api_answers_is_read_or_one_of_our_errors(
    runner: asyncio.Runner, way: str, answer: tuple[int, bytes, str]
) -> None:
    runner.run(ask(open_webhooks, WAYS_OF_THE_WEBHOOKS[way], Service(*answer)))


@settings(max_examples=40)
@given(body=broken(BATCH), boundary=st.sampled_from(["b", "", '"b"', "x; charset=utf-8", "b" * 200]))
def test_whatever_a_batch_answers_is_read_or_one_of_our_errors(
    runner: asyncio.Runner, body: bytes, boundary: str
) -> None:
    step = BatchOperation(method="GET", path=f"opportunities({ID})")
    service = Service(200, body, f"multipart/mixed; boundary={boundary}")
    runner.run(ask(open_dataverse, lambda crm: crm.batch([step]), service))


@settings(max_examples=10)
@given(host=st.sampled_from(["evil.example", "localhost.evil.example", "localhost@evil.example", "LOCALHOST:81"]))
def test_next_link_to_another_host_is_never_followed(runner: asyncio.Runner, host: str) -> None:
    for open_, way, page in (
        (open_dataverse, WAYS_OF_THE_CRM["query"], {**ROWS, "@odata.nextLink": f"https://{host}/api/data/v9.2/x"}),
        (open_partner_center, WAYS_OF_PARTNER_CENTER["list"], {**PAGE, "@nextLink": f"https://{host}/v1.0/x"}),
        (open_partner_center, WAYS_OF_PARTNER_CENTER["list"], {**PAGE, "@odata.nextLink": f"https://{host}/v1.0/x"}),
    ):
        service = Service(200, spelled(page), "application/json")
        runner.run(ask(open_, way, service))
        assert service.asked <= 5

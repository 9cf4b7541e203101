"""The transport waits as told, repeats what may be repeated, and never what may not."""

import asyncio
import re
from datetime import UTC, datetime

import httpx
import pytest

from cosell.errors import (
    CredentialsRejected,
    RequestRejected,
    ServiceUnavailable,
    ServiceUnreachable,
    SignInRequired,
    StaleEtag,
    Throttled,
)
from cosell.http import transport as transport_module
from cosell.http.connections import open_connections
from cosell.http.pace import Pace
from cosell.http.retry import RetryBudget
from cosell.http.service import Service, SignIn
from cosell.http.transport import ServiceClient
from tests.unit.http.fakes import FakeTime, FakeTokens, Script, Step, answer

BUDGET = RetryBudget(max_attempts=4, max_wait_seconds=30, first_wait_seconds=0.5, spread=lambda: 1.0)


class Rig:
    """A client on a scripted service, in a time of its own."""

    def __init__(self, *steps: Step, sign_in: SignIn = SignIn.APPLICATION) -> None:
        self.time = FakeTime()
        self.tokens = FakeTokens()
        self.script = Script(steps)
        self.service = Service(
            name="Dataverse",
            base_url="https://fabrikam.crm4.dynamics.com/api/data/v9.2",
            settings_prefix="COSELL_DATAVERSE__",
            url_setting="COSELL_DATAVERSE__URL",
            sign_in=sign_in,
            correlation_headers=("client-request-id", "MS-CorrelationId"),
            idempotency_header="MS-RequestId",
        )
        self.pace = Pace(max_in_flight=4, clock=self.time.clock, sleep=self.time.sleep)
        self.client = ServiceClient(
            self.service,
            tokens=self.tokens,
            http=open_connections(ca_bundle=None, max_connections=4, transport=self.script),
            pace=self.pace,
            clock=self.time.clock,
            sleep=self.time.sleep,
            budget=BUDGET,
        )


async def test_request_carries_the_token_and_one_guid_for_the_operation() -> None:
    rig = Rig(answer(200, {"name": "Kestrel Bakeries"}, request_id="r-1"))
    async with rig.client as client:
        got = await client.request("GET", "accounts")
    sent = rig.script.requests[0]
    assert got.find_object() == {"name": "Kestrel Bakeries"}
    assert got.request_id == "r-1"
    assert sent.headers["authorization"] == "Bearer token-1"
    assert sent.headers["client-request-id"] == sent.headers["ms-correlationid"]
    assert re.fullmatch(r"[0-9a-f-]{36}", sent.headers["client-request-id"])


async def test_clock_is_held_against_the_date_of_the_last_answer() -> None:
    rig = Rig(answer(200, {}), answer(200, {}, Date="Mon, 02 Mar 2026 08:00:00 GMT"), answer(200, {}, Date="soon"))
    async with rig.client as client:
        await client.request("GET", "accounts")
        assert client.clock_skew is None, "an answer without a date"
        await client.request("GET", "accounts")
        assert client.clock_skew == rig.time.clock() - datetime(2026, 3, 2, 8, tzinfo=UTC)
        await client.request("GET", "accounts")
        assert client.clock_skew is None, "a date that is none"


async def test_retry_after_in_seconds_is_obeyed_exactly() -> None:
    rig = Rig(answer(429, Retry_After="7"), answer(200, {}))
    async with rig.client as client:
        await client.request("GET", "accounts")
    assert rig.time.slept == [7.0]


async def test_retry_after_as_a_date_is_obeyed() -> None:
    rig = Rig(answer(503, Retry_After="Mon, 02 Mar 2026 09:00:09 GMT"), answer(200, {}))
    async with rig.client as client:
        await client.request("GET", "accounts")
    assert rig.time.slept == [9.0]


async def test_gateway_that_tells_the_wait_only_in_words_is_understood() -> None:
    body = {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 12 seconds."}
    rig = Rig(answer(429, body), answer(200, {}))
    async with rig.client as client:
        await client.request("GET", "accounts")
    assert rig.time.slept == [12.0]


async def test_longer_wait_than_the_budget_is_left_to_the_task_and_nothing_is_sent_meanwhile() -> None:
    rig = Rig(answer(429, Retry_After="300"), answer(200, {}))
    async with rig.client as client:
        with pytest.raises(Throttled) as first:
            await client.request("GET", "accounts")
        with pytest.raises(Throttled) as second:
            await client.request("GET", "contacts")
        assert first.value.retry_after == second.value.retry_after == 300
        assert len(rig.script.requests) == 1
        await rig.time.sleep(300)
        await client.request("GET", "contacts")


async def test_throttled_create_is_sent_again_because_nothing_was_done() -> None:
    rig = Rig(answer(429, Retry_After="1"), answer(201, {"id": "x"}))
    async with rig.client as client:
        await client.request("POST", "accounts", json={"name": "Kestrel Bakeries"}, idempotent=False)
    assert len(rig.script.requests) == 2


async def test_create_that_got_no_answer_is_not_sent_again_and_says_that_its_effect_is_unknown() -> None:
    rig = Rig(httpx.ReadError("reset"))
    async with rig.client as client:
        with pytest.raises(ServiceUnreachable, match="not known, look first"):
            await client.request("POST", "accounts", json={"name": "Kestrel Bakeries"})
    assert len(rig.script.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_create_that_failed_on_their_side_is_not_sent_again(status: int) -> None:
    rig = Rig(answer(status, Retry_After="1"))
    async with rig.client as client:
        with pytest.raises(ServiceUnavailable):
            await client.request("POST", "accounts", json={}, idempotent=False)
    assert len(rig.script.requests) == 1


async def test_create_that_never_left_is_sent_again() -> None:
    rig = Rig(httpx.ConnectError("refused"), answer(201, {}))
    async with rig.client as client:
        await client.request("POST", "accounts", json={}, idempotent=False)
    assert len(rig.script.requests) == 2


async def test_dropped_read_is_repeated_with_growing_waits_then_raised() -> None:
    rig = Rig(*[httpx.ReadError("reset") for _ in range(4)])
    async with rig.client as client:
        with pytest.raises(ServiceUnreachable):
            await client.request("GET", "accounts")
    assert rig.time.slept == [0.5, 1.0, 2.0]


async def test_dropped_write_with_an_etag_is_repeated() -> None:
    rig = Rig(httpx.ReadError("reset"), answer(412, {"error": {"code": "0x80060882", "message": "x"}}))
    async with rig.client as client:
        with pytest.raises(StaleEtag):
            await client.request("PATCH", "accounts(1)", json={}, headers={"If-Match": 'W/"1"'})
    assert len(rig.script.requests) == 2


async def test_answer_whose_json_is_cut_off_counts_as_dropped() -> None:
    cut = httpx.Response(200, content=b'{"value": [', headers={"Content-Type": "application/json"})
    rig = Rig(cut, answer(200, {"value": []}))
    async with rig.client as client:
        got = await client.request("GET", "accounts")
    assert got.find_object() == {"value": []}


async def test_refused_token_is_renewed_once_even_for_a_create() -> None:
    rig = Rig(answer(401), answer(201, {}))
    async with rig.client as client:
        await client.request("POST", "accounts", json={}, idempotent=False)
    assert [sent.headers["authorization"] for sent in rig.script.requests] == ["Bearer token-1", "Bearer token-2"]
    assert rig.tokens.forced == 1


@pytest.mark.parametrize(
    ("sign_in", "error"), [(SignIn.APPLICATION, CredentialsRejected), (SignIn.PERSON, SignInRequired)]
)
async def test_token_refused_twice_needs_a_person(sign_in: SignIn, error: type[Exception]) -> None:
    rig = Rig(answer(401), answer(401), sign_in=sign_in)
    async with rig.client as client:
        with pytest.raises(error):
            await client.request("GET", "accounts")


async def test_token_that_a_neighbour_renewed_already_is_used() -> None:
    rig = Rig()

    def refuse(request: httpx.Request) -> httpx.Response:  # noqa: ARG001
        rig.tokens.number = 5
        return answer(401)

    rig.script.steps = [refuse, answer(200, {})]
    async with rig.client as client:
        await client.request("GET", "accounts")
    assert rig.tokens.forced == 0
    assert rig.script.requests[1].headers["authorization"] == "Bearer token-5"


async def test_idempotency_key_stays_when_no_answer_came_and_changes_after_one() -> None:
    rig = Rig(httpx.ReadError("reset"), answer(503), answer(200, {}))
    async with rig.client as client:
        await client.request("PUT", "registration", json={})
    first, second, third = (sent.headers["ms-requestid"] for sent in rig.script.requests)
    assert first == second != third
    assert len({sent.headers["ms-correlationid"] for sent in rig.script.requests}) == 1


async def test_redirect_is_not_followed() -> None:
    rig = Rig(answer(302, Location="https://evil.example/"))
    async with rig.client as client:
        with pytest.raises(RequestRejected, match="COSELL_DATAVERSE__URL"):
            await client.request("GET", "accounts")


async def test_cookies_are_never_sent_back() -> None:
    rig = Rig(answer(200, {}, Set_Cookie="ARRAffinity=abc; Path=/"), answer(200, {}))
    async with rig.client as client:
        await client.request("GET", "accounts")
        await client.request("GET", "accounts")
    assert "cookie" not in rig.script.requests[1].headers


async def test_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "MAX_ANSWER_BYTES", 10)
    rig = Rig(answer(200, {"value": "x" * 100}))
    async with rig.client as client:
        with pytest.raises(RequestRejected):
            await client.request("GET", "accounts")


async def test_errors_hold_neither_token_nor_the_service_s_words() -> None:
    body = {"error": {"code": "invalidRequest", "message": "Jo Marlow is unknown"}}
    rig = Rig(answer(400, body, request_id="r-9"))
    async with rig.client as client:
        with pytest.raises(RequestRejected) as raised:
            await client.request("GET", "accounts", record="account 1")
    text = str(raised.value)
    assert "Marlow" not in text
    assert "token-1" not in text
    assert "request id r-9" in text
    assert "account 1" in text


async def test_no_more_requests_at_once_than_the_service_recommends() -> None:
    under_way, most = 0, 0
    rig = Rig()

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:  # noqa: ARG002
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            for _ in range(5):
                await asyncio.sleep(0)
            under_way -= 1
            return answer(200, {}, x_ms_dop_hint="2")

    client = ServiceClient(
        rig.service,
        tokens=rig.tokens,
        http=open_connections(ca_bundle=None, max_connections=8, transport=Slow()),
        pace=rig.pace,
        clock=rig.time.clock,
        sleep=rig.time.sleep,
    )
    async with client:
        await client.request("GET", "accounts")
        most = 0
        await asyncio.gather(*(client.request("GET", "accounts") for _ in range(10)))
    assert most == 2


async def test_no_more_than_five_requests_start_within_any_second() -> None:
    time = FakeTime()
    pace = Pace(max_in_flight=2, per_second=5, clock=time.clock, sleep=time.sleep)
    starts = []
    for _ in range(12):
        async with pace.slot(max_wait_seconds=30):
            starts.append(time.now)
    assert all((later - earlier).total_seconds() >= 1 for earlier, later in zip(starts, starts[5:], strict=False))
    assert sum(time.slept) == pytest.approx(2.0)


async def test_cancelled_waiter_does_not_take_a_turn_with_it() -> None:
    time = FakeTime()
    pace = Pace(max_in_flight=1, clock=time.clock, sleep=time.sleep)
    async with pace.slot(max_wait_seconds=1):
        waiter = asyncio.create_task(_hold(pace))
        other = asyncio.create_task(_hold(pace))
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.sleep(0)
    await other


async def _hold(pace: Pace) -> None:
    async with pace.slot(max_wait_seconds=1):
        pass

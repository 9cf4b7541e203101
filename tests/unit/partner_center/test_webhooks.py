"""The webhook registration: looked at before it is touched, and proven by a delivered event."""

import pytest

from cosell.errors import Throttled
from cosell.partner_center import WebhookClient, open_webhooks
from tests.unit.http.fakes import FakeTime, FakeTokens, FakeVault, Script, Step, answer, made_up_settings

URL = "https://sync.fabrikam.example/webhooks/partner-center"
EVENTS = ["referral-created", "test-created"]
REGISTRATION = {"SubscriberId": "s-1", "WebhookUrl": URL, "WebhookEvents": EVENTS}


def opened(*steps: Step) -> tuple[WebhookClient, Script]:
    script, time = Script(steps), FakeTime()
    client = open_webhooks(
        made_up_settings(),
        FakeVault(),
        clock=time.clock,
        sleep=time.sleep,
        tokens=FakeTokens(),
        transport=script,
    )
    return client, script


@pytest.mark.parametrize("nothing", [answer(404), answer(200, {}), answer(200), answer(200, {"WebhookUrl": ""})])
async def test_nothing_is_registered(nothing: Step) -> None:
    client, _ = opened(nothing)
    async with client:
        assert await client.find_registration() is None


async def test_registration_is_read() -> None:
    client, script = opened(answer(200, REGISTRATION))
    async with client:
        found = await client.find_registration()
    assert found is not None
    assert (found.webhook_url, found.webhook_events) == (URL, EVENTS)
    assert script.calls == ["GET /webhooks/v1/registration"]
    assert script.requests[0].url.host == "api.partnercenter.microsoft.com"
    assert script.requests[0].headers["ms-contract-version"] == "v1"


async def test_registration_is_made_and_replaced() -> None:
    client, script = opened(answer(200, REGISTRATION), answer(200))
    async with client:
        made = await client.create_registration(url=URL, events=EVENTS)
        replaced = await client.update_registration(url=URL, events=EVENTS[:1])
    assert made.subscriber_id == "s-1"
    assert replaced.webhook_events == EVENTS[:1]
    assert script.body(0) == {"WebhookUrl": URL, "WebhookEvents": EVENTS}
    assert [call.split()[0] for call in script.calls] == ["POST", "PUT"]


async def test_events_one_can_register_for() -> None:
    client, _ = opened(answer(200, ["test-created", "referral-created"]))
    async with client:
        assert await client.get_events() == ["test-created", "referral-created"]


async def test_validation_event_and_its_fate() -> None:
    result = {"correlationId": "c-1", "status": "completed", "results": [{"responseCode": "OK", "systemError": False}]}
    client, script = opened(answer(200, {"correlationId": "c-1"}), answer(200, result))
    async with client:
        correlation_id = await client.send_validation_event()
        fate = await client.get_validation_result(correlation_id)
    assert fate.is_delivered
    assert script.calls == [
        "POST /webhooks/v1/registration/validationEvents",
        "GET /webhooks/v1/registration/validationEvents/c-1",
    ]


async def test_validation_event_too_soon_after_the_last_is_left_to_the_caller() -> None:
    client, _ = opened(answer(429, {"code": "429", "description": "x"}, Retry_After="60"))
    async with client:
        with pytest.raises(Throttled):
            await client.send_validation_event()

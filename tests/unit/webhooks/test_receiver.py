import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives import hashes

from cosell.errors import ServiceUnavailable
from cosell.settings import ReceiverSettings
from cosell.store import Door, Hint, HintKind
from cosell.webhooks.app import Limits, create_receiver
from tests.unit.webhooks.authority import CERTIFICATE_URL, ISSUER_URL, REFERRAL_ID, issue, notification
from tests.unit.webhooks.conftest import SECRET, Receiver
from tests.unit.webhooks.test_dataverse import context

BODY = notification()


async def post_wake_up(receiver: Receiver, body: bytes, secret: str = SECRET) -> int:
    return (await receiver.client.post("/webhooks/dataverse", params={"code": secret}, content=body)).status_code


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("referral-created", HintKind.REFERRAL),
        ("referral-updated", HintKind.REFERRAL),
        ("related-referral-created", HintKind.RELATED_REFERRAL),
        ("related-referral-updated", HintKind.RELATED_REFERRAL),
    ],
)
async def test_signed_notification_becomes_a_hint_and_wakes_the_dispatcher(
    receiver: Receiver, event: str, kind: HintKind
) -> None:
    answer = await receiver.post(notification(event))
    assert answer.status_code == 202
    (hint,) = receiver.inbox.waiting.values()
    changed_at = datetime(2026, 11, 22, 11, 59, 58, 548548, tzinfo=UTC)
    assert hint == Hint(door=Door.PARTNER_CENTER, kind=kind, record_id=REFERRAL_ID, changed_at=changed_at)
    assert len(receiver.wakes) == 1


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [("rsa-sha256", hashes.SHA256()), ("RSA-SHA384", hashes.SHA384()), ("rsa-sha512", hashes.SHA512())],
)
async def test_each_strong_algorithm_and_microsofts_own_header_are_understood(
    receiver: Receiver, name: str, algorithm: hashes.HashAlgorithm
) -> None:
    headers = receiver.world.signer.headers(BODY)
    del headers["Authorization"]
    headers |= {"x-ms-signature": receiver.world.signer.sign(BODY, algorithm), "X-MS-Signature-Algorithm": name}
    assert (await receiver.post(BODY, headers)).status_code == 202


async def test_validation_event_is_answered_and_remembered_but_not_stored(receiver: Receiver) -> None:
    assert (await receiver.client.get("/readyz")).json()["test_created_seen_at"] is None
    answer = await receiver.post(notification("test-created", ResourceUri="http://localhost/registration/test"))
    assert answer.status_code == 202
    assert not receiver.inbox.waiting
    assert not receiver.wakes
    assert (await receiver.client.get("/readyz")).json()["test_created_seen_at"] == "2026-11-22T12:00:00+00:00"


async def test_unknown_event_is_answered_counted_and_not_stored(receiver: Receiver) -> None:
    assert (await receiver.post(notification("subscription-updated"))).status_code == 202
    assert not receiver.inbox.waiting
    assert 'cosell_receiver_notifications_total{door="partner_center",kind="unknown"} 1.0' in await receiver.metrics()


async def test_proven_but_malformed_notification_is_400(receiver: Receiver) -> None:
    answer = await receiver.post(b'{"EventName":"referral-updated"}')
    assert (answer.status_code, answer.json()) == (400, {"message": "The body is not what this address expects."})


async def test_missing_headers_are_told_apart_as_the_contract_does(receiver: Receiver) -> None:
    headers = receiver.world.signer.headers(BODY)
    missing = {name: await receiver.post(BODY, {k: v for k, v in headers.items() if k != name}) for name in headers}
    assert {name: answer.status_code for name, answer in missing.items()} == {
        "Authorization": 401,
        "X-MS-Certificate-Url": 400,
        "X-MS-Signature-Algorithm": 400,
        "Content-Type": 202,
    }
    assert missing["Authorization"].headers["www-authenticate"] == "Signature"


async def test_certificate_replaced_under_its_address_is_taken_up(receiver: Receiver) -> None:
    assert (await receiver.post(BODY)).status_code == 202
    replaced = issue("notifications", issuer=receiver.world.intermediate, issuer_url=ISSUER_URL)
    receiver.shelf.content[CERTIFICATE_URL] = replaced.der
    assert (await receiver.post(BODY, replaced.headers(BODY))).status_code == 401
    receiver.clock.advance(timedelta(minutes=11))
    assert (await receiver.post(BODY, replaced.headers(BODY))).status_code == 202


@pytest.mark.parametrize(
    ("table", "message", "kind"),
    [
        ("opportunity", "Update", HintKind.POLL),
        ("opportunity", "Delete", HintKind.POLL),
        ("Opportunity", "Create", HintKind.POLL),
        ("account", "Update", HintKind.POLL),
        ("contact", "Update", HintKind.POLL),
        ("lead", "Create", HintKind.POLL),
        ("cosell_microsoftsolution", "Delete", HintKind.POLL_SOLUTIONS),
    ],
)
async def test_wake_up_of_the_crm_asks_for_a_poll(receiver: Receiver, table: str, message: str, kind: HintKind) -> None:
    assert await post_wake_up(receiver, context(PrimaryEntityName=table, MessageName=message)) == 202
    assert list(receiver.inbox.waiting.values()) == [Hint(door=Door.DATAVERSE, kind=kind, record_id=table.lower())]
    assert len(receiver.wakes) == 1


async def test_wake_up_about_another_table_is_answered_and_not_stored(receiver: Receiver) -> None:
    assert await post_wake_up(receiver, context(PrimaryEntityName="invoice")) == 202
    assert not receiver.inbox.waiting


async def test_wake_up_with_a_wrong_secret_is_401(receiver: Receiver) -> None:
    assert await post_wake_up(receiver, context(), secret="guess") == 401
    assert await post_wake_up(receiver, b"{", secret="guess") == 401
    assert not receiver.inbox.waiting


async def test_wake_up_is_401_when_no_secret_is_configured(
    open_receiver: Callable[..., Receiver], settings: ReceiverSettings
) -> None:
    receiver = open_receiver(changed=settings.model_copy(update={"dataverse_secret": None}))
    assert await post_wake_up(receiver, context(), secret="") == 401


async def test_malformed_wake_up_is_400(receiver: Receiver) -> None:
    assert await post_wake_up(receiver, b"{}") == 400


async def test_body_at_the_limit_is_read_and_one_byte_more_is_413(receiver: Receiver) -> None:
    padding = " " * (300 * 1024 - len(context()))
    assert await post_wake_up(receiver, context() + padding.encode()) == 202
    assert await post_wake_up(receiver, context() + padding.encode() + b" ") == 413
    assert (await receiver.post(b" " * (16 * 1024 + 1))).status_code == 413


async def test_number_beyond_all_bounds_is_413(receiver: Receiver) -> None:
    headers = receiver.world.signer.headers(BODY) | {"Content-Length": "9" * 5000}
    answer = await receiver.post(b"", headers)
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")


async def test_endless_body_is_413_though_it_has_no_end(receiver: Receiver) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b"x" * 65_536

    headers = receiver.world.signer.headers(BODY)
    answer = await receiver.client.post("/webhooks/partner-center", content=body(), headers=headers)
    assert answer.status_code == 413
    assert sent < 17_000_000


async def test_body_that_trickles_in_is_given_up(open_receiver: Callable[..., Receiver]) -> None:
    receiver = open_receiver(limits=Limits(body_seconds=0.01))

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    headers = receiver.world.signer.headers(BODY)
    answer = await receiver.client.post("/webhooks/partner-center", content=body(), headers=headers)
    assert answer.status_code == 408


@pytest.mark.parametrize("error", [ServiceUnavailable("The ledger is locked."), OSError("disk"), RuntimeError("other")])
async def test_hint_that_cannot_be_stored_is_503_and_makes_the_receiver_not_ready(
    receiver: Receiver, error: Exception
) -> None:
    receiver.inbox.error = error
    answer = await receiver.post(BODY)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert not receiver.wakes
    receiver.inbox.error = None
    assert (await receiver.client.get("/readyz")).status_code == 503
    assert (await receiver.post(BODY)).status_code == 202
    assert (await receiver.client.get("/readyz")).status_code == 200


async def test_doubt_about_the_inbox_ends_by_itself(receiver: Receiver) -> None:
    receiver.inbox.error = ServiceUnavailable("The ledger is locked.")
    await receiver.post(BODY)
    receiver.inbox.error = None
    receiver.clock.advance(timedelta(seconds=31))
    assert (await receiver.client.get("/readyz")).status_code == 200


async def test_inbox_that_hangs_is_503(open_receiver: Callable[..., Receiver]) -> None:
    receiver = open_receiver(limits=Limits(store_seconds=0.01))
    receiver.inbox.gate = asyncio.Event()
    assert (await receiver.post(BODY)).status_code == 503
    receiver.inbox.gate.set()


async def test_inbox_that_cannot_be_read_makes_the_receiver_not_ready_but_alive(receiver: Receiver) -> None:
    receiver.inbox.error = ServiceUnavailable("The ledger is locked.")
    assert (await receiver.client.get("/readyz")).status_code == 503
    assert (await receiver.client.get("/healthz")).json() == {"status": "alive"}
    assert "cosell_receiver_inbox_waiting NaN" in await receiver.metrics()


async def test_burst_is_stored_in_few_transactions(receiver: Receiver) -> None:
    await receiver.post(BODY)
    receiver.inbox.gate = asyncio.Event()
    posts = [asyncio.create_task(receiver.post(notification(referral_id=str(uuid4())))) for _ in range(100)]
    for _ in range(500):
        await asyncio.sleep(0)
    receiver.inbox.gate.set()
    assert {answer.status_code for answer in await asyncio.gather(*posts)} == {202}
    assert len(receiver.inbox.waiting) == 101
    assert receiver.inbox.calls <= 5


async def test_dispatcher_that_cannot_be_woken_does_not_lose_the_answer(
    settings: ReceiverSettings, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("queue of Ada Example is full")

    app = create_receiver(settings, receiver.inbox, wake=fail, clock=receiver.clock, fetch=receiver.shelf)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver.test") as client:
        answer = await client.post("/webhooks/dataverse", params={"code": SECRET}, content=context())
    assert answer.status_code == 202
    assert "RuntimeError" in caplog.text
    assert "Ada" not in caplog.text


async def test_other_addresses_and_methods_are_answered_plainly(receiver: Receiver) -> None:
    missing = await receiver.client.get("/webhooks/somewhere<script>")
    assert (missing.status_code, missing.json()) == (404, {"message": "There is nothing at this address."})
    wrong = await receiver.client.get("/webhooks/partner-center")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")


async def test_metrics_are_prometheus_text_and_belong_to_one_receiver(
    receiver: Receiver, open_receiver: Callable[..., Receiver]
) -> None:
    await receiver.post(BODY)
    await receiver.post(BODY)
    page = await receiver.client.get("/metrics")
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'cosell_receiver_answers_total{door="partner_center",status="202"} 2.0' in page.text
    assert 'cosell_receiver_hints_total{outcome="accepted"} 1.0' in page.text
    assert 'cosell_receiver_hints_total{outcome="duplicate"} 1.0' in page.text
    assert "cosell_receiver_certificate_fetches_total 2.0" in page.text
    assert 'status="202"' not in await open_receiver().metrics()


async def test_refusal_is_one_line_with_its_reason_and_nothing_of_the_request(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    url = "https://evil.example/cert/ada.example.cer"
    answer = await receiver.post(BODY, receiver.world.signer.headers(BODY, url))
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("cosell")]
    assert ours == ["partner_center: refused with 401: certificate_url_refused"]
    assert "evil" not in answer.text


async def test_wrong_secret_is_never_logged(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    await post_wake_up(receiver, context(), secret="guess-4711")
    ours = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("cosell"))
    assert "secret_wrong" in ours
    assert "4711" not in ours

"""Webhook registration, and the signed callbacks that follow from it."""

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from cosell.emulators.pki import Pki
from tests.emulators.stand import CALLBACK, FOUR_EVENTS, REGISTRATION, WEBHOOK_API, Json, Stand, invitation_of


async def _call(stand: Stand, method: str, url: str, body: Json = None, **headers: str) -> httpx.Response:
    token = await stand.sign_in(audience=WEBHOOK_API)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await stand.http.request(method, url, json=body, headers={**token, **named})


def _wanted(**changes: Json) -> dict[str, Any]:
    return {"WebhookUrl": CALLBACK, "WebhookEvents": FOUR_EVENTS, **changes}


async def test_the_events_include_those_of_referrals(stand: Stand) -> None:
    events = (await _call(stand, "GET", f"{REGISTRATION}/events")).json()

    assert set(FOUR_EVENTS) <= set(events)
    assert "test-created" in events


async def test_a_registration_is_made_viewed_and_replaced(stand: Stand) -> None:
    none_yet = await _call(stand, "GET", REGISTRATION)
    made = await _call(stand, "POST", REGISTRATION, _wanted(), MS_RequestId="r1", MS_CorrelationId="c1")
    viewed = await _call(stand, "GET", REGISTRATION)
    replaced = await _call(stand, "PUT", REGISTRATION, _wanted(WebhookEvents=["referral-created"]))

    assert (none_yet.status_code, none_yet.json()["code"]) == (404, "1000")
    assert made.json()["SubscriberId"] == replaced.json()["SubscriberId"]
    assert (made.headers["MS-RequestId"], made.headers["MS-CorrelationId"]) == ("r1", "c1")
    assert viewed.json() == {"WebhookUrl": CALLBACK, "WebhookEvents": FOUR_EVENTS}
    assert (await _call(stand, "GET", REGISTRATION)).json()["WebhookEvents"] == ["referral-created"]


async def test_a_second_registration_is_refused_but_a_retry_is_answered_again(stand: Stand) -> None:
    first = await _call(stand, "POST", REGISTRATION, _wanted(), MS_RequestId="r1")

    retried = await _call(stand, "POST", REGISTRATION, _wanted(), MS_RequestId="r1")
    again = await _call(stand, "POST", REGISTRATION, _wanted(), MS_RequestId="r2")

    assert retried.json() == first.json()
    assert again.status_code == 409


@pytest.mark.parametrize(
    "changes",
    [
        {"WebhookUrl": "http://connector.example/hook"},
        {"WebhookUrl": "http://localhost.evil.example/"},
        {"WebhookUrl": None},
        {"WebhookEvents": "referral-created"},
        {"WebhookEvents": ["referral-vanished"]},
    ],
)
async def test_a_registration_has_its_rules(stand: Stand, changes: dict[str, Any]) -> None:
    answer = await _call(stand, "POST", REGISTRATION, _wanted(**changes))

    assert (answer.status_code, answer.json()["source"]) == (400, "PartnerCenter")
    assert len(await stand.violated()) == 1


async def test_plain_http_is_taken_on_this_machine(stand: Stand) -> None:
    body = _wanted(WebhookUrl="http://127.0.0.1:8080/webhooks/partner-center")

    assert (await _call(stand, "POST", REGISTRATION, body)).status_code == 200


async def test_replacing_what_is_not_there_is_not_found(stand: Stand) -> None:
    assert (await _call(stand, "PUT", REGISTRATION, _wanted())).status_code == 404
    assert (await _call(stand, "DELETE", REGISTRATION)).status_code == 405


async def test_a_validation_event_tells_how_its_delivery_went(stand: Stand) -> None:
    await stand.register()
    stand.receiver.answers = [500, httpx.ConnectError("refused"), 202]

    started = (await _call(stand, "POST", f"{REGISTRATION}/validationEvents")).json()
    results = f"{REGISTRATION}/validationEvents/{started['correlationId']}"
    before = (await _call(stand, "GET", results)).json()
    for seconds in (0, 1, 2):
        await stand.control("POST", "clock", {"advance_seconds": seconds})
        await stand.deliver()
    after = (await _call(stand, "GET", results)).json()

    assert (before["status"], before["results"]) == ("pending", [])
    assert (after["status"], after["callbackUrl"]) == ("completed", CALLBACK)
    codes = [(each["responseCode"], each["systemError"]) for each in after["results"]]
    assert codes == [("InternalServerError", False), ("ConnectFailure", True), ("Accepted", False)]
    assert stand.receiver.events() == ["test-created"] * 3


async def test_validation_needs_its_event_and_patience(stand: Stand) -> None:
    url = f"{REGISTRATION}/validationEvents"
    assert (await _call(stand, "POST", url)).status_code == 404
    await _call(stand, "POST", REGISTRATION, _wanted())
    assert (await _call(stand, "POST", url)).status_code == 400
    await _call(stand, "PUT", REGISTRATION, _wanted(WebhookEvents=["test-created"]))

    answers = [await _call(stand, "POST", url) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    await stand.control("POST", "clock", {"advance_seconds": 61})
    assert (await _call(stand, "POST", url)).status_code == 200


async def test_results_are_kept_for_a_week(stand: Stand) -> None:
    await stand.register()
    started = (await _call(stand, "POST", f"{REGISTRATION}/validationEvents")).json()
    await stand.deliver()

    await stand.control("POST", "clock", {"advance_seconds": 8 * 86_400})

    late = await _call(stand, "GET", f"{REGISTRATION}/validationEvents/{started['correlationId']}")
    assert late.status_code == 404


async def test_our_own_writes_echo_and_microsofts_are_told_as_related(stand: Stand) -> None:
    await stand.register()
    own = await stand.created()
    await stand.patch(own["id"], {"/name": "Renamed"})
    await stand.created(invitation_of(own))
    await stand.control("POST", f"microsoft/referrals/{own['id']}/decline")

    await stand.deliver()

    assert stand.receiver.events() == [
        "referral-created",
        "referral-updated",
        "related-referral-created",
        "related-referral-updated",
    ]
    first = stand.receiver.bodies()[0]
    assert list(first) == ["EventName", "ResourceUri", "ResourceName", "AuditUri", "ResourceChangeUtcDate"]
    assert first["ResourceUri"] == f"{WEBHOOK_API}/engagements/v1/referrals/{own['id']}"
    assert first["ResourceName"] == "referral"
    assert stand.receiver.requests[0].content == json.dumps(first, separators=(",", ":")).encode()


async def test_only_registered_events_are_told(stand: Stand) -> None:
    await stand.register("referral-updated")

    own = await stand.created()
    await stand.patch(own["id"], {"/name": "Renamed"})
    await stand.deliver()

    assert stand.receiver.events() == ["referral-updated"]


@pytest.mark.parametrize(("wanted", "organization"), [("related", "msft"), ("own", None)])
async def test_a_related_event_names_the_copy_it_is_told_to(
    stand: Stand, wanted: str, organization: str | None
) -> None:
    await stand.control("POST", "options", {"related_event_id": wanted})
    await stand.register("related-referral-created")
    own = await stand.created()
    invitation = await stand.created(invitation_of(own))

    await stand.deliver()

    named = stand.receiver.bodies()[0]["ResourceUri"].rpartition("/")[2]
    assert named == (invitation if organization else own)["id"]


async def test_a_callback_is_signed_by_a_chain_of_microsoft_corporation(stand: Stand, pki: Pki) -> None:
    await stand.register()
    await stand.created()
    await stand.deliver()
    callback = stand.receiver.requests[0]

    word, _, signature = callback.headers["Authorization"].partition(" ")
    assert (word, callback.headers["X-MS-Signature-Algorithm"]) == ("Signature", "rsa-sha256")
    leaf = x509.load_der_x509_certificate((await stand.http.get(callback.headers["X-MS-Certificate-Url"])).content)
    key = leaf.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(base64.b64decode(signature), callback.content, padding.PKCS1v15(), hashes.SHA256())

    access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value[0]
    assert access.access_method == AuthorityInformationAccessOID.CA_ISSUERS
    issuer = x509.load_der_x509_certificate((await stand.http.get(access.access_location.value)).content)
    for name in (leaf.subject, leaf.issuer):
        assert name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Microsoft Corporation"
    leaf.verify_directly_issued_by(issuer)
    issuer.verify_directly_issued_by(pki.signing_root.certificate)


@pytest.mark.parametrize(("form", "starts"), [("word", "Signature "), ("bare", "")])
async def test_the_signature_moves_to_its_own_header_when_registered_so(stand: Stand, form: str, starts: str) -> None:
    await stand.control("POST", "options", {"signature_form": form})
    await stand.register(SignatureTokenToMsSignatureHeader=True)
    await stand.created()
    await stand.deliver()

    headers = stand.receiver.requests[0].headers
    assert "Authorization" not in headers
    signature = headers["x-ms-signature"]
    assert signature.startswith(starts)
    assert len(base64.b64decode(signature.removeprefix(starts), validate=True)) == 256


async def test_a_callback_is_tried_ten_times_with_growing_pauses(stand: Stand) -> None:
    await stand.register()
    stand.receiver.answers = [503] * 20
    await stand.created()

    for pause in (0, 1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30):
        await stand.control("POST", "clock", {"advance_seconds": pause})
        await stand.deliver()

    told = await stand.control("GET", "deliveries")
    assert len(stand.receiver.requests) == 10
    assert told["counts"] == {"abandoned": 1}


async def test_a_callback_that_was_taken_is_not_repeated(stand: Stand) -> None:
    await stand.register()
    await stand.created()

    for _ in range(3):
        await stand.deliver()
        await stand.control("POST", "clock", {"advance_seconds": 60})

    assert len(stand.receiver.requests) == 1


@pytest.mark.parametrize(("fault", "count"), [("drop", 0), ("duplicate", 2)])
async def test_callbacks_are_lost_and_doubled_on_demand(stand: Stand, fault: str, count: int) -> None:
    await stand.register()
    await stand.control("PUT", "faults", [{"webhook": fault, "times": 1}])

    await stand.created()
    await stand.deliver()

    assert len(stand.receiver.requests) == count


async def test_a_callback_is_late_on_demand(stand: Stand) -> None:
    await stand.register()
    await stand.control("PUT", "faults", [{"action": {"webhook": "delay", "delay_ms": 5000}, "times": 1}])
    await stand.created()

    await stand.deliver()
    assert stand.receiver.events() == []
    await stand.control("POST", "clock", {"advance_seconds": 5})
    await stand.deliver()
    assert stand.receiver.events() == ["referral-created"]


async def test_callbacks_overtake_one_another_on_demand(stand: Stand) -> None:
    await stand.register()
    await stand.control("PUT", "faults", [{"webhook": "reorder", "event": "referral-created"}])
    own = await stand.created()
    await stand.deliver()

    await stand.patch(own["id"], {"/name": "Renamed"})
    await stand.deliver()

    assert stand.receiver.events() == ["referral-updated", "referral-created"]


async def test_the_certificate_rotates_by_its_address(stand: Stand) -> None:
    await stand.register()
    await stand.created()
    await stand.deliver()

    told = await stand.control("POST", "certificate/rotate")
    await stand.created()
    await stand.deliver()

    first, second = (request.headers["X-MS-Certificate-Url"] for request in stand.receiver.requests)
    assert second == told["certificate_url"] != first
    ders = [(await stand.http.get(url)).content for url in (first, second)]
    assert len(set(ders)) == 2
    assert (await stand.http.get(f"{first}.old")).status_code == 404


async def test_callbacks_are_sent_in_the_background_once_started(stand: Stand) -> None:
    arrived = asyncio.Event()

    def receive(_: httpx.Request) -> httpx.Response:
        arrived.set()
        return httpx.Response(202)

    stand.emulators.partner_center.dispatcher._transport = httpx.MockTransport(receive)
    await stand.emulators.start()
    await stand.register()
    await stand.created()

    await asyncio.wait_for(arrived.wait(), 5)

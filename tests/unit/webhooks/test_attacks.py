"""Promise 11: a forged, altered or replayed callback changes nothing, and nobody can make us fetch what they name."""

import asyncio
import base64
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cosell.settings import ReceiverSettings
from cosell.webhooks.app import Limits, create_receiver
from cosell.webhooks.fetching import HttpsFetcher
from cosell.webhooks.refusal import Reason
from tests.unit.webhooks.authority import CERTIFICATE_URL, HOST, ISSUER_URL, NOW, Issued, issue, notification
from tests.unit.webhooks.conftest import ListedInbox, Receiver

BODY = notification()


async def assert_refused(receiver: Receiver, headers: dict[str, str], body: bytes = BODY, *, reason: Reason) -> None:
    answer = await receiver.post(body, headers)
    assert answer.status_code == 401
    assert answer.json() == {"message": "The sender is not proven to be Microsoft."}
    assert not receiver.inbox.waiting
    assert not receiver.wakes
    assert f'cosell_receiver_refused_total{{door="partner_center",reason="{reason}"}} 1.0' in await receiver.metrics()


async def assert_refused_unfetched(receiver: Receiver, url: str) -> None:
    await assert_refused(receiver, receiver.world.signer.headers(BODY, url), reason=Reason.CERTIFICATE_URL_REFUSED)
    assert receiver.shelf.asked == []


def put_on_shelf(receiver: Receiver, signer: Issued) -> dict[str, str]:
    receiver.shelf.content[CERTIFICATE_URL] = signer.der
    return signer.headers(BODY)


async def test_certificate_of_another_host_is_not_fetched(receiver: Receiver) -> None:
    await assert_refused_unfetched(receiver, "https://evil.example/cert/notifications.cer")


@pytest.mark.parametrize(
    "url",
    [
        f"https://{HOST}@evil.example/cert/notifications.cer",
        f"https://{HOST}:443@evil.example/cert/notifications.cer",
        f"https://evil@{HOST}/cert/notifications.cer",
        f"https://evil.example\\@{HOST}/cert/notifications.cer",
        f"https://evil.example#@{HOST}/cert/notifications.cer",
    ],
)
async def test_host_hidden_in_user_info_is_not_fetched(receiver: Receiver, url: str) -> None:
    await assert_refused_unfetched(receiver, url)


@pytest.mark.parametrize(
    "url",
    [
        f"https://{HOST}.evil.example/cert/notifications.cer",
        f"https://evil-{HOST}/cert/notifications.cer",
        f"https://{HOST}./cert/notifications.cer",
        "https://127.0.0.1/cert/notifications.cer",
        "https://[::1]/cert/notifications.cer",
        "https://169.254.169.254/cert/notifications.cer",
        f"https://\uff43{HOST[1:]}/cert/notifications.cer".encode().decode("latin-1"),
    ],
)
async def test_host_that_only_resembles_the_allowed_one_is_not_fetched(receiver: Receiver, url: str) -> None:
    await assert_refused_unfetched(receiver, url)


@pytest.mark.parametrize("port", ["444", "8443", "80", "0", "65536", "99999", "+443", ""])
async def test_another_port_is_not_fetched(receiver: Receiver, port: str) -> None:
    await assert_refused_unfetched(receiver, f"https://{HOST}:{port}/cert/notifications.cer")


@pytest.mark.parametrize("scheme", ["http", "file", "ftp", "gopher", "data", ""])
async def test_another_scheme_is_not_fetched(receiver: Receiver, scheme: str) -> None:
    await assert_refused_unfetched(receiver, f"{scheme}://{HOST}/cert/notifications.cer")


@pytest.mark.parametrize(
    "path",
    [
        "/cert/%6eotifications.cer",
        "/cert/..%2fprivate%2fa.cer",
        "/cert/../private/a.cer",
        "/cert//a.cer",
        "/cert/a/b.cer",
        "/certificates/a.cer",
        "/a.cer",
        "/cert/a.cer?x=1",
        "/cert/a.cer#x",
        "/cert/a.cer/",
        "/cert/a.cer%00",
        "/cert/a.pem",
        "/cert/.cer/../../x",
        "/cert/" + "a" * 600 + ".cer",
    ],
)
async def test_another_or_an_encoded_path_is_not_fetched(receiver: Receiver, path: str) -> None:
    await assert_refused_unfetched(receiver, f"https://{HOST}{path}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_not_followed(
    settings: ReceiverSettings, inbox: ListedInbox, receiver: Receiver, status: int
) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(status, headers={"location": "https://evil.example/cert/notifications.cer"})

    app = create_receiver(
        settings,
        inbox,
        wake=lambda: None,
        clock=receiver.clock,
        fetch=HttpsFetcher(transport=lambda: httpx.MockTransport(answer)),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver.test") as client:
        headers = receiver.world.signer.headers(BODY)
        result = await client.post("/webhooks/partner-center", content=BODY, headers=headers)
    assert result.status_code == 401
    assert asked == [CERTIFICATE_URL]
    assert not inbox.waiting


@pytest.mark.parametrize(
    "algorithm", ["none", "rsa-sha1", "sha1", "rsa-md5", "hs256", "ecdsa-sha256", "rsa-sha256,none"]
)
async def test_weak_or_unknown_algorithm_is_refused_before_anything_is_fetched(
    receiver: Receiver, algorithm: str
) -> None:
    signature = receiver.world.signer.sign(BODY, hashes.SHA1())  # noqa: S303 - the attack
    headers = receiver.world.signer.headers(BODY) | {
        "X-MS-Signature-Algorithm": algorithm,
        "Authorization": f"Signature {signature}",
    }
    await assert_refused(receiver, headers, reason=Reason.ALGORITHM_REFUSED)
    assert receiver.shelf.asked == []


async def test_sha1_signature_named_sha256_is_refused(receiver: Receiver) -> None:
    signature = receiver.world.signer.sign(BODY, hashes.SHA1())  # noqa: S303 - the attack
    await assert_refused(
        receiver,
        receiver.world.signer.headers(BODY) | {"Authorization": f"Signature {signature}"},
        reason=Reason.SIGNATURE_WRONG,
    )


async def test_altered_body_is_refused(receiver: Receiver) -> None:
    other = notification(referral_id=str(uuid4()))
    await assert_refused(receiver, receiver.world.signer.headers(BODY), other, reason=Reason.SIGNATURE_WRONG)


async def test_body_written_differently_with_the_same_meaning_is_refused(receiver: Receiver) -> None:
    await assert_refused(
        receiver, receiver.world.signer.headers(BODY), BODY.replace(b":", b": "), reason=Reason.SIGNATURE_WRONG
    )


async def test_unreadable_body_is_not_parsed_before_it_is_proven(receiver: Receiver) -> None:
    await assert_refused(receiver, receiver.world.signer.headers(BODY), b"{not json", reason=Reason.SIGNATURE_WRONG)


async def test_replay_is_answered_and_stored_once(receiver: Receiver) -> None:
    answers = [await receiver.post(BODY) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [202] * 5
    assert len(receiver.inbox.waiting) == 1


async def test_expired_certificate_is_refused(receiver: Receiver) -> None:
    expired = issue("notifications", issuer=receiver.world.intermediate, valid_until=NOW - timedelta(seconds=1))
    await assert_refused(receiver, put_on_shelf(receiver, expired), reason=Reason.CERTIFICATE_NOT_VALID_NOW)


async def test_certificate_that_is_not_valid_yet_is_refused(receiver: Receiver) -> None:
    early = issue("notifications", issuer=receiver.world.intermediate, valid_from=NOW + timedelta(hours=1))
    await assert_refused(receiver, put_on_shelf(receiver, early), reason=Reason.CERTIFICATE_NOT_VALID_NOW)


async def test_certificate_that_expires_while_it_is_known_is_refused_from_then_on(receiver: Receiver) -> None:
    short = issue("notifications", issuer=receiver.world.intermediate, valid_until=NOW + timedelta(minutes=5))
    receiver.shelf.content[CERTIFICATE_URL] = short.pem + receiver.world.intermediate.pem
    assert (await receiver.post(BODY, short.headers(BODY))).status_code == 202
    receiver.inbox.waiting.clear()
    receiver.wakes.clear()
    receiver.clock.advance(timedelta(minutes=6))
    await assert_refused(receiver, short.headers(BODY), reason=Reason.CERTIFICATE_NOT_VALID_NOW)


async def test_certificate_of_an_expired_authority_is_refused(receiver: Receiver) -> None:
    stale = issue("Old CA", issuer=receiver.world.root, is_authority=True, valid_until=NOW - timedelta(days=1))
    signer = issue("notifications", issuer=stale)
    receiver.shelf.content[CERTIFICATE_URL] = signer.pem + stale.pem
    await assert_refused(receiver, signer.headers(BODY), reason=Reason.CERTIFICATE_UNTRUSTED)


async def test_another_organization_is_refused_though_its_chain_is_trusted(receiver: Receiver) -> None:
    authority = issue("Honest CA", issuer=receiver.world.root, organization="Example Trust", is_authority=True)
    signer = issue("notifications", issuer=authority, organization="Somebody Else")
    receiver.shelf.content[CERTIFICATE_URL] = signer.pem + authority.pem
    await assert_refused(receiver, signer.headers(BODY), reason=Reason.CERTIFICATE_NOT_MICROSOFTS)


async def test_name_that_only_resembles_microsofts_is_refused(receiver: Receiver) -> None:
    authority = issue("Honest CA", issuer=receiver.world.root, organization="Example Trust", is_authority=True)
    signer = issue("O=Microsoft Corporation", issuer=authority, organization="Microsoft Corporation Ltd")
    receiver.shelf.content[CERTIFICATE_URL] = signer.pem + authority.pem
    await assert_refused(receiver, signer.headers(BODY), reason=Reason.CERTIFICATE_NOT_MICROSOFTS)


async def test_self_signed_certificate_in_microsofts_name_is_refused(receiver: Receiver) -> None:
    await assert_refused(receiver, put_on_shelf(receiver, issue("notifications")), reason=Reason.CERTIFICATE_UNTRUSTED)


async def test_self_signed_copy_of_the_trusted_roots_name_is_refused(receiver: Receiver) -> None:
    impostor = issue("Trusted root", organization="Example Trust", is_authority=True)
    signer = issue("notifications", issuer=impostor)
    receiver.shelf.content[CERTIFICATE_URL] = signer.pem + impostor.pem
    await assert_refused(receiver, signer.headers(BODY), reason=Reason.CERTIFICATE_UNTRUSTED)


async def test_chain_to_another_root_is_refused(receiver: Receiver) -> None:
    authority = issue("Issuing CA", issuer=receiver.world.foreign_root, is_authority=True)
    signer = issue("notifications", issuer=authority)
    receiver.shelf.content[CERTIFICATE_URL] = signer.pem + authority.pem + receiver.world.foreign_root.pem
    await assert_refused(receiver, signer.headers(BODY), reason=Reason.CERTIFICATE_UNTRUSTED)


async def test_certificate_issued_by_one_that_is_no_authority_is_refused(receiver: Receiver) -> None:
    signer = issue("notifications", issuer=receiver.world.signer)
    receiver.shelf.content[CERTIFICATE_URL] = signer.pem + receiver.world.signer.pem + receiver.world.intermediate.pem
    await assert_refused(receiver, signer.headers(BODY), reason=Reason.CERTIFICATE_UNTRUSTED)


async def test_certificate_below_an_authority_that_may_have_none_below_is_refused(receiver: Receiver) -> None:
    last = issue("Last CA", issuer=receiver.world.root, is_authority=True, path_length=0)
    beyond = issue("Beyond CA", issuer=last, is_authority=True)
    signer = issue("notifications", issuer=beyond)
    receiver.shelf.content[CERTIFICATE_URL] = signer.pem + beyond.pem + last.pem
    await assert_refused(receiver, signer.headers(BODY), reason=Reason.CERTIFICATE_UNTRUSTED)


async def test_authoritys_own_certificate_does_not_sign_notifications(receiver: Receiver) -> None:
    await assert_refused(
        receiver, put_on_shelf(receiver, receiver.world.intermediate), reason=Reason.CERTIFICATE_UNTRUSTED
    )


async def test_certificate_not_made_for_signatures_is_refused(receiver: Receiver) -> None:
    signer = issue("notifications", issuer=receiver.world.intermediate, issuer_url=ISSUER_URL, may_sign=False)
    await assert_refused(receiver, put_on_shelf(receiver, signer), reason=Reason.CERTIFICATE_UNTRUSTED)


async def test_elliptic_key_is_refused(receiver: Receiver) -> None:
    signer = issue(
        "notifications",
        issuer=receiver.world.intermediate,
        issuer_url=ISSUER_URL,
        key=ec.generate_private_key(ec.SECP256R1()),
    )
    receiver.shelf.content[CERTIFICATE_URL] = signer.der
    await assert_refused(receiver, receiver.world.signer.headers(BODY), reason=Reason.CERTIFICATE_UNTRUSTED)


async def test_key_that_can_be_broken_is_refused(receiver: Receiver) -> None:
    weak = issue(
        "notifications",
        issuer=receiver.world.intermediate,
        issuer_url=ISSUER_URL,
        key=rsa.generate_private_key(public_exponent=65537, key_size=1024),  # noqa: S505 - the attack
    )
    await assert_refused(receiver, put_on_shelf(receiver, weak), reason=Reason.CERTIFICATE_UNTRUSTED)


@pytest.mark.parametrize("content", [b"", b"<html></html>", b"\x30\x82", b"-----BEGIN CERTIFICATE-----\n!!\n", b"MIIB"])
async def test_rubbish_instead_of_a_certificate_is_refused(receiver: Receiver, content: bytes) -> None:
    receiver.shelf.content[CERTIFICATE_URL] = content
    await assert_refused(receiver, receiver.world.signer.headers(BODY), reason=Reason.CERTIFICATE_UNREADABLE)


async def test_oversized_certificate_is_refused_and_not_read_to_its_end(
    settings: ReceiverSettings, inbox: ListedInbox, receiver: Receiver
) -> None:
    sent = 0

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
            nonlocal sent
            while True:
                sent += 4096
                yield b"\x30" * 4096

    fetch = HttpsFetcher(transport=lambda: httpx.MockTransport(lambda _: httpx.Response(200, stream=Endless())))
    app = create_receiver(settings, inbox, wake=lambda: None, clock=receiver.clock, fetch=fetch)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver.test") as client:
        headers = receiver.world.signer.headers(BODY)
        answer = await client.post("/webhooks/partner-center", content=BODY, headers=headers)
    assert answer.status_code == 401
    assert sent <= 64 * 1024 + 4096


async def test_oversized_certificate_of_any_fetcher_is_refused(receiver: Receiver) -> None:
    receiver.shelf.content[CERTIFICATE_URL] = receiver.world.signer.pem + b"\n" * 70_000
    await assert_refused(receiver, receiver.world.signer.headers(BODY), reason=Reason.CERTIFICATE_UNAVAILABLE)


async def test_slow_certificate_is_given_up(open_receiver: Callable[..., Receiver]) -> None:
    receiver = open_receiver(limits=Limits(fetch_seconds=0.01))
    receiver.shelf.gate = asyncio.Event()
    await assert_refused(receiver, receiver.world.signer.headers(BODY), reason=Reason.CERTIFICATE_UNAVAILABLE)


async def test_flood_of_forgeries_naming_the_real_certificate_costs_no_outgoing_request(receiver: Receiver) -> None:
    assert (await receiver.post(BODY)).status_code == 202
    receiver.shelf.asked.clear()
    forged = receiver.world.signer.headers(BODY) | {
        "Authorization": f"Signature {base64.b64encode(b'x' * 256).decode()}"
    }
    answers = await asyncio.gather(*(receiver.post(notification(referral_id=str(uuid4())), forged) for _ in range(300)))
    assert {answer.status_code for answer in answers} == {401}
    assert receiver.shelf.asked == []
    assert len(receiver.inbox.waiting) == 1


async def test_flood_naming_foreign_hosts_costs_no_outgoing_request(receiver: Receiver) -> None:
    urls = [f"https://{number}.evil.example/cert/a.cer" for number in range(300)]
    await asyncio.gather(*(receiver.post(BODY, receiver.world.signer.headers(BODY, url)) for url in urls))
    assert receiver.shelf.asked == []


async def test_flood_naming_ever_new_certificates_is_held_down_by_the_budget(receiver: Receiver) -> None:
    headers = receiver.world.signer.headers(BODY)
    urls = [f"https://{HOST}/cert/{number}.cer" for number in range(500)]
    answers = await asyncio.gather(*(receiver.post(BODY, headers | {"X-MS-Certificate-Url": url}) for url in urls))
    assert {answer.status_code for answer in answers} == {401}
    assert len(receiver.shelf.asked) <= 6


async def test_flood_does_not_push_the_real_certificate_out(receiver: Receiver) -> None:
    assert (await receiver.post(BODY)).status_code == 202
    receiver.shelf.asked.clear()
    headers = receiver.world.signer.headers(BODY)
    for number in range(400):
        receiver.clock.advance(timedelta(seconds=11))
        await receiver.post(BODY, headers | {"X-MS-Certificate-Url": f"https://{HOST}/cert/{number}.cer"})
    asked = len(receiver.shelf.asked)
    assert (await receiver.post(BODY)).status_code == 202
    assert len(receiver.shelf.asked) == asked


async def test_certificate_may_not_name_where_else_we_fetch(receiver: Receiver) -> None:
    signer = issue(
        "notifications", issuer=receiver.world.intermediate, issuer_url="http://169.254.169.254/latest/a.cer"
    )
    await assert_refused(receiver, put_on_shelf(receiver, signer), reason=Reason.CERTIFICATE_UNTRUSTED)
    assert receiver.shelf.asked == [CERTIFICATE_URL]

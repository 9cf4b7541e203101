from datetime import UTC, datetime

import pytest

from cosell.webhooks.events import EventName, parse_notification
from cosell.webhooks.refusal import Reason, Refused
from tests.unit.webhooks.authority import REFERRAL_ID, notification

REFERRAL_EVENTS = [name for name in EventName if name is not EventName.TEST_CREATED]


@pytest.mark.parametrize("event", REFERRAL_EVENTS)
def test_referral_event_names_its_referral(event: EventName) -> None:
    parsed = parse_notification(notification(event))
    assert (parsed.event, parsed.record_id) == (event, REFERRAL_ID)
    assert parsed.changed_at == datetime(2026, 11, 22, 11, 59, 58, 548548, tzinfo=UTC)


@pytest.mark.parametrize(
    "uri",
    [
        REFERRAL_ID,
        f"/engagements/v1/referrals/{REFERRAL_ID.upper()}/",
        f"http://localhost:1/{REFERRAL_ID}?select=all#x",
        f"https://user@evil.example/{{{REFERRAL_ID}}}",
    ],
)
def test_only_the_last_path_segment_of_the_address_counts(uri: str) -> None:
    assert parse_notification(notification(ResourceUri=uri)).record_id == REFERRAL_ID


def test_members_are_read_in_any_case_and_unknown_ones_left_alone() -> None:
    body = (
        f'{{"eventName":"referral-created","resourceuri":"x/{REFERRAL_ID}","AuditUrl":"https://a.example","New":[1]}}'
    )
    parsed = parse_notification(body.encode())
    assert (parsed.record_id, parsed.changed_at) == (REFERRAL_ID, None)


def test_test_created_names_no_record() -> None:
    body = notification("test-created", ResourceUri="http://localhost:16722/v1/webhooks/registration/test")
    parsed = parse_notification(body)
    assert (parsed.event, parsed.record_id) == (EventName.TEST_CREATED, None)


def test_unknown_event_is_no_error() -> None:
    assert parse_notification(notification("subscription-updated", ResourceUri=None)).event is None


@pytest.mark.parametrize("time", ["yesterday", "", None, 5, "0001-01-01T00:00:00+14:00"])
def test_odd_time_does_not_lose_the_hint(time: object) -> None:
    parsed = parse_notification(notification(ResourceChangeUtcDate=time))
    assert (parsed.record_id, parsed.changed_at) == (REFERRAL_ID, None)


def test_time_without_a_zone_is_utc() -> None:
    parsed = parse_notification(notification(ResourceChangeUtcDate="2026-11-22T10:00:00"))
    assert parsed.changed_at == datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"{}",
        b'{"EventName":null}',
        b'{"EventName":""}',
        b'{"EventName":["referral-updated"]}',
        b'{"EventName":"referral-updated"}',
        b"[" * 16_000,
        b'{"a":' * 3_000,
        notification(ResourceUri=None),
        notification(ResourceUri="https://x.example/referrals/"),
        notification(ResourceUri="https://x.example/referrals/not-a-guid"),
        notification(ResourceUri="https://[x/" + REFERRAL_ID),
        notification(ResourceUri=f"https://x.example/{REFERRAL_ID}/team"),
        notification(ResourceUri={"id": REFERRAL_ID}),
    ],
)
def test_anything_else_is_malformed(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        parse_notification(body)
    assert refused.value.reason is Reason.MALFORMED

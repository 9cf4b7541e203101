"""Read what Partner Center's notifications say: which referral to look at. Bytes in, one small value out, no I/O.

A notification is a hint. Nothing of it but the referral's id is used, and that only to look the referral up.
Source: Microsoft, "Partner Center webhook events".
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import urlsplit

from cosell.domain.ids import ReferralId, parse_guid
from cosell.webhooks.refusal import Reason, Refused

LARGEST_NOTIFICATION = 16 * 1024


class EventName(StrEnum):
    """The events which the receiver knows, in Partner Center's spelling."""

    REFERRAL_CREATED = "referral-created"
    REFERRAL_UPDATED = "referral-updated"
    RELATED_REFERRAL_CREATED = "related-referral-created"
    RELATED_REFERRAL_UPDATED = "related-referral-updated"
    TEST_CREATED = "test-created"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What a notification says. `event` is None for one we have no use for; only referral events have a `record_id`."""

    event: EventName | None
    record_id: ReferralId | None = None
    changed_at: datetime | None = None


def parse_notification(body: bytes) -> Notification:
    """Read a notification whose signature has been verified.

    The id is the last path segment of `ResourceUri`; host and path there are not those of the API that works, so the
    address itself is never used. `AuditUri` (or `AuditUrl`, as the property table has it) is of no use to us.

    Raises:
        Refused: it is not a notification, or one about a referral which it does not name.
    """
    members = _read_object(body)
    name = members.get("eventname")
    if not isinstance(name, str) or not name:
        raise Refused(Reason.MALFORMED)
    changed_at = _read_time(members.get("resourcechangeutcdate"))
    if name not in set(EventName):
        return Notification(event=None, changed_at=changed_at)
    event = EventName(name)
    if event is EventName.TEST_CREATED:
        return Notification(event=event, changed_at=changed_at)
    return Notification(event=event, record_id=_read_id(members.get("resourceuri")), changed_at=changed_at)


def _read_object(body: bytes) -> dict[str, object]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(Reason.MALFORMED) from None
    if not isinstance(content, dict):
        raise Refused(Reason.MALFORMED)
    return {key.lower(): value for key, value in content.items()}


def _read_id(uri: object) -> ReferralId:
    try:
        return ReferralId(parse_guid(urlsplit(str(uri)).path.rstrip("/").rpartition("/")[2]))
    except ValueError:
        raise Refused(Reason.MALFORMED) from None


def _read_time(text: object) -> datetime | None:
    """Read a time with up to seven digits of a second; an odd one is no reason to lose the hint."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        return None if moment is None else moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None

"""Read what the CRM's wake-up calls say: which row of which table to look at. Bytes in, one small value out, no I/O.

Dataverse posts its `RemoteExecutionContext`; there is no signature, only a secret of ours which it sends along. The
values in it are never taken for truth: the row is read afresh. Source: Microsoft, "Use webhooks to create external
handlers for server events".
"""

import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass

from cosell.domain.ids import parse_guid
from cosell.webhooks.refusal import Reason, Refused

# Dataverse cuts a context down at 256 KB; the rest is room for what it leaves in.
LARGEST_CONTEXT = 300 * 1024
SECRET_HEADER = "x-cosell-key"  # noqa: S105 - the header's name
SECRET_PARAMETERS = ("code", SECRET_HEADER)
_MOST_CANDIDATES = 4
_LONGEST_NAME = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeUp:
    """Which row moved, and what happened to it in Dataverse's word (`message`): Create, Update, Delete and more."""

    organization_id: str
    entity: str
    record_id: str
    message: str


def check_secret(
    expected: str | None, *, headers: Iterable[tuple[str, str]], parameters: Iterable[tuple[str, str]]
) -> None:
    """Compare, in constant time, what the CRM sent along with the configured secret.

    A service endpoint of type "WebhookKey" sends it as `?code=…`; "HttpHeader" and "HttpQueryString" send it under the
    name they were given, for which we take `x-cosell-key`.

    Raises:
        Refused: another secret, none, or none is configured.
    """
    if not expected:
        raise Refused(Reason.SECRET_NOT_CONFIGURED)
    candidates = [value for name, value in headers if name.lower() == SECRET_HEADER]
    candidates += [value for name, value in parameters if name in SECRET_PARAMETERS]
    matches = [_equal(value, expected) for value in candidates[:_MOST_CANDIDATES]]
    if not any(matches):
        raise Refused(Reason.SECRET_WRONG)


def parse_context(body: bytes) -> WakeUp:
    """Read a `RemoteExecutionContext`; above 256 KB it comes without its parameters, and the rest is enough.

    Raises:
        Refused: it is none, or names no row.
    """
    try:
        context = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(Reason.MALFORMED) from None
    if not isinstance(context, dict):
        raise Refused(Reason.MALFORMED)
    try:
        return WakeUp(
            organization_id=parse_guid(_text(context, "OrganizationId")),
            entity=_text(context, "PrimaryEntityName").lower(),
            record_id=parse_guid(_text(context, "PrimaryEntityId")),
            message=_text(context, "MessageName"),
        )
    except ValueError:
        raise Refused(Reason.MALFORMED) from None


def _text(context: dict[str, object], name: str) -> str:
    value = context.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME:
        raise ValueError(name)
    return value


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass"))

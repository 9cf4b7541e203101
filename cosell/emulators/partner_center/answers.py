"""What Partner Center's two APIs answer with: headers, and the two formats of an error.

The Partner API (referrals) nests `code`, `message`, `target`, `innerError`; the Partner Center API (webhooks) answers
`code`, `description`, `data`, `source` (Microsoft: "Error codes" of either API).
"""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cosell.emulators.partner_center.shape import Json


class PartnerApiError(Exception):
    """A refusal of the referrals API. With `rule`, it is noted as a violation: a good connector does not get there."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str = "referral",
        rule: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Note what will be answered."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.rule = rule
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Return the error in the service's format."""
        error: dict[str, Any] = {"code": self.code, "message": self.message[:1024], "target": self.target}
        if self.rule:
            error["innerError"] = {"code": self.rule, "message": self.message[:1024]}
        return {"error": error}


class PartnerCenterApiError(Exception):
    """A refusal of the webhook registration API; `rule` as above."""

    def __init__(self, status: int, code: str, description: str, *, rule: str | None = None) -> None:
        """Note what will be answered."""
        super().__init__(description)
        self.status = status
        self.code = code
        self.description = description
        self.rule = rule

    def body(self) -> dict[str, Any]:
        """Return the error in the service's format."""
        return {"code": self.code, "description": self.description, "data": [], "source": "PartnerCenter"}


def invalid(rule: str, message: str, *, target: str = "referral") -> PartnerApiError:
    """A 400 for a broken rule."""
    return PartnerApiError(400, "invalidRequest", message, target=target, rule=rule)


def not_found(target: str = "referral") -> PartnerApiError:
    """A 404, also for what the caller may not see."""
    return PartnerApiError(404, "itemNotFound", "The resource could not be found.", target=target)


def answer(
    request: Request,
    body: Json = None,
    *,
    text: str | None = None,
    status: int = 200,
    headers: dict[str, str] | None = None,
    etag: str | None = None,
) -> Response:
    """Build a response of the referrals API with its tracing headers; `text` is JSON that is ready already."""
    sent = request.headers
    request_id = str(uuid.uuid4())
    client_id = sent.get("client-request-id") or sent.get("ms-correlationid") or request_id
    told = {
        "request-id": request_id,
        "client-request-id": client_id,
        "x-ms-ags-diagnostic": '{"ServerInfo":{"DataCenter":"Emulated","Slice":"SliceC","Ring":"1"}}',
        "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}Z",
        **(headers or {}),
    }
    if etag:
        told["ETag"] = etag
    if status == 204:
        return Response(status_code=status, headers=told)
    content = text if text is not None else json.dumps(body, ensure_ascii=False)
    return Response(content, status_code=status, headers=told, media_type="application/json")


def center_answer(request: Request, body: Json = None, *, status: int = 200) -> Response:
    """Build a response of the webhook registration API with its tracing headers."""
    sent = request.headers
    told = {
        "MS-RequestId": sent.get("ms-requestid") or str(uuid.uuid4()),
        "MS-CorrelationId": sent.get("ms-correlationid") or str(uuid.uuid4()),
        "MS-CV": uuid.uuid4().hex[:16] + ".0",
    }
    return Response(json.dumps(body), status_code=status, headers=told, media_type="application/json")


def throttled(seconds: int) -> Response:
    """Build the gateway's 429, which has a format of its own."""
    message = f"Rate limit is exceeded. Try again in {seconds} seconds."
    content = json.dumps({"statusCode": 429, "message": message})
    return Response(content, status_code=429, headers={"Retry-After": str(seconds)}, media_type="application/json")

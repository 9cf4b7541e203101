"""Where Partner Center sends notifications to: looked at, registered, proven (Microsoft: Partner Center webhooks)."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from cosell.errors import Origin, RecordNotFound, RequestRejected
from cosell.http.transport import ServiceClient
from cosell.partner_center.models import Registration, ValidationResult
from cosell.partner_center.reading import SERVICE_NAME, read_answer

REGISTRATION = "/webhooks/v1/registration"
EVENTS = f"{REGISTRATION}/events"
VALIDATION_EVENTS = f"{REGISTRATION}/validationEvents"
_RECORD = "webhook registration"


class WebhookClient:
    """The one registration of the partner account. An async context manager."""

    def __init__(self, service: ServiceClient) -> None:
        """Send through `service`, which has an address and an audience of its own."""
        self._service = service

    async def __aenter__(self) -> Self:
        """Open the connections."""
        await self._service.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._service.__aexit__(kind, error, traceback)

    async def get_events(self) -> list[str]:
        """Return the names of the events one can register for."""
        answer = await self._service.request("GET", EVENTS, record=_RECORD)
        document = answer.document
        return [event for event in document if isinstance(event, str)] if isinstance(document, list) else []

    async def find_registration(self) -> Registration | None:
        """Return what is registered; None when nothing is, which the service says by 404 or by an empty object."""
        try:
            answer = await self._service.request("GET", REGISTRATION, record=_RECORD)
        except RecordNotFound:
            return None
        if not answer.find_object():
            return None
        registration = read_answer(Registration, answer, record=_RECORD)
        return registration if registration.webhook_url else None

    async def create_registration(self, *, url: str, events: Sequence[str]) -> Registration:
        """Register `url` where nothing is registered yet."""
        return await self._register("POST", url=url, events=events)

    async def update_registration(self, *, url: str, events: Sequence[str]) -> Registration:
        """Register `url` in place of what is registered; `events` replace all of the earlier ones."""
        return await self._register("PUT", url=url, events=events)

    async def _register(self, method: str, *, url: str, events: Sequence[str]) -> Registration:
        body = {"WebhookUrl": url, "WebhookEvents": list(events)}
        answer = await self._service.request(method, REGISTRATION, json=body, record=_RECORD, idempotent=True)
        if answer.find_object():
            return read_answer(Registration, answer, record=_RECORD)
        return Registration(webhook_url=url, webhook_events=list(events))

    async def send_validation_event(self) -> str:
        """Have a `test-created` event sent to the registered address; return the id to ask for its fate."""
        answer = await self._service.request("POST", VALIDATION_EVENTS, record=_RECORD, idempotent=True)
        result = read_answer(ValidationResult, answer, record=_RECORD)
        if result.correlation_id is None:
            origin = Origin(service=SERVICE_NAME, record=_RECORD, request_id=answer.request_id)
            raise RequestRejected("Partner Center did not say which validation event it sent", origin=origin)
        return result.correlation_id

    async def get_validation_result(self, correlation_id: str) -> ValidationResult:
        """Return how the delivery of a validation event went so far."""
        record = f"validation event {correlation_id}"
        answer = await self._service.request("GET", f"{VALIDATION_EVENTS}/{correlation_id}", record=record)
        return read_answer(ValidationResult, answer, record=record)

"""The webhook registration API: events, the tenant's one registration, and validation events with their results."""

import json
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cosell.emulators import identities
from cosell.emulators.json_bodies import parse_json
from cosell.emulators.partner_center.access import Door
from cosell.emulators.partner_center.answers import PartnerCenterApiError, center_answer, throttled
from cosell.emulators.partner_center.notifications import EVENTS, Notifications, Registration, is_acceptable_url
from cosell.emulators.partner_center.shape import Json
from cosell.emulators.world import World

SERVICE = "partner_center_webhooks"
_VALIDATIONS_PER_MINUTE = 2
_KEPT = timedelta(days=7)
Handler = Callable[[Request], Awaitable[Response]]


class WebhookEndpoints:
    """Handles the paths under /webhooks/v1/registration."""

    def __init__(self, world: World, door: Door, notifications: Notifications) -> None:
        """Work on what the service holds."""
        self._world = world
        self._door = door
        self._notifications = notifications
        self._validated_at: list[datetime] = []
        self._answered: dict[str, tuple[int, dict[str, Any]]] = {}

    def reset(self) -> None:
        """Forget the validations of the last minute and the answered request ids."""
        self._validated_at.clear()
        self._answered.clear()

    async def events(self, request: Request) -> Response:
        """Answer …/events: what one can register for."""
        return await self._guarded(request, {"GET": self._events})

    async def registration(self, request: Request) -> Response:
        """Answer …/registration."""
        return await self._guarded(request, {"GET": self._view, "POST": self._create, "PUT": self._replace})

    async def validations(self, request: Request) -> Response:
        """Answer …/validationEvents."""
        return await self._guarded(request, {"POST": self._validate})

    async def validation(self, request: Request) -> Response:
        """Answer …/validationEvents/{correlation_id}."""
        return await self._guarded(request, {"GET": self._result})

    async def _guarded(self, request: Request, handlers: dict[str, Handler]) -> Response:
        try:
            self._door.admit_to_webhooks(request)
            handler = handlers.get(request.method)
            if handler is None:
                raise PartnerCenterApiError(405, "405", f"{request.method} is not allowed here.")
            return await handler(request)
        except PartnerCenterApiError as error:
            if error.rule and request.method in {"POST", "PUT"}:
                self._world.violate(SERVICE, error.rule, request.url.path, error.description)
            return center_answer(request, error.body(), status=error.status)

    async def _events(self, request: Request) -> Response:
        return center_answer(request, list(EVENTS))

    async def _view(self, request: Request) -> Response:
        registration = self._notifications.registration()
        if registration is None:
            raise PartnerCenterApiError(404, "1000", "There is no webhook registration.")
        body = {"WebhookUrl": registration.url, "WebhookEvents": list(registration.events)}
        return center_answer(request, body)

    async def _create(self, request: Request) -> Response:
        if (known := self._known_answer(request)) is not None:
            return known
        if self._notifications.registration() is not None:
            text = "A webhook registration exists already; replace it by PUT."
            raise PartnerCenterApiError(409, "2000", text, rule="registrationExists")
        return await self._write(request, subscriber_id=str(uuid.uuid4()))

    async def _replace(self, request: Request) -> Response:
        registration = self._notifications.registration()
        if registration is None:
            raise PartnerCenterApiError(404, "1000", "There is no webhook registration.")
        return await self._write(request, subscriber_id=registration.subscriber_id)

    async def _write(self, request: Request, *, subscriber_id: str) -> Response:
        wanted = _wanted(await _json_body(request), subscriber_id)
        self._notifications.register(wanted)
        told = {"SubscriberId": subscriber_id, "WebhookUrl": wanted.url, "WebhookEvents": list(wanted.events)}
        return self._remember(request, told)

    async def _validate(self, request: Request) -> Response:
        if (known := self._known_answer(request)) is not None:
            return known
        now = self._world.clock.now()
        self._validated_at = [each for each in self._validated_at if now - each < timedelta(minutes=1)]
        if len(self._validated_at) >= _VALIDATIONS_PER_MINUTE:
            return throttled(60 - int((now - self._validated_at[0]).total_seconds()))
        registration = self._notifications.registration()
        if registration is None:
            raise PartnerCenterApiError(404, "1000", "There is no webhook registration.")
        if "test-created" not in registration.events:
            text = "Register for the test-created event first."
            raise PartnerCenterApiError(400, "2002", text, rule="testEventNotRegistered")
        self._validated_at.append(now)
        correlation_id = str(uuid.uuid4())
        self._notifications.emit_test(correlation_id)
        return self._remember(request, {"correlationId": correlation_id})

    async def _result(self, request: Request) -> Response:
        correlation_id = request.path_params["correlation_id"]
        rows = self._world.store.execute(
            "SELECT * FROM pc_deliveries WHERE correlation_id = ? ORDER BY seq", (correlation_id,)
        ).fetchall()
        oldest = (self._world.clock.now() - _KEPT).timestamp()
        if not rows or rows[0]["created_at"] < oldest:
            raise PartnerCenterApiError(404, "1000", "There is no such validation event.")
        is_over = all(row["state"] in {"delivered", "abandoned"} for row in rows)
        body = {
            "correlationId": correlation_id,
            "partnerId": identities.ORGANIZATION_ID,
            "status": "completed" if is_over else "pending",
            "callbackUrl": rows[0]["url"],
            "results": [result for row in rows for result in json.loads(row["results"])],
        }
        return center_answer(request, body)

    def _known_answer(self, request: Request) -> Response | None:
        """Return the first answer again when the MS-RequestId was seen: it marks a retry after a lost answer."""
        known = self._answered.get(f"{request.url.path} {request.headers.get('ms-requestid', '')}")
        return center_answer(request, known[1], status=known[0]) if known else None

    def _remember(self, request: Request, body: dict[str, Any]) -> Response:
        if request_id := request.headers.get("ms-requestid"):
            self._answered[f"{request.url.path} {request_id}"] = (200, body)
        return center_answer(request, body)


async def _json_body(request: Request) -> Json:
    try:
        return parse_json(await request.body())
    except ValueError:
        raise PartnerCenterApiError(400, "2001", "The body is not JSON.", rule="malformedBody") from None


def _wanted(body: Json, subscriber_id: str) -> Registration:
    members = {name.lower(): value for name, value in body.items()} if isinstance(body, dict) else {}
    url, events = members.get("webhookurl"), members.get("webhookevents")
    if not isinstance(url, str) or not is_acceptable_url(url):
        raise PartnerCenterApiError(400, "2001", "WebhookUrl must be an https address.", rule="webhookUrl")
    if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
        raise PartnerCenterApiError(400, "2001", "WebhookEvents must be a list of events.", rule="webhookEvents")
    if unknown := [event for event in events if event not in EVENTS]:
        raise PartnerCenterApiError(400, "2001", f"Unknown events: {', '.join(unknown)}.", rule="webhookEvents")
    return Registration(
        subscriber_id=subscriber_id,
        url=url,
        events=tuple(dict.fromkeys(events)),
        is_ms_header=members.get("signaturetokentomssignatureheader") is True,
    )

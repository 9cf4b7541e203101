"""The receiver's web application: two doors for hints, three windows to look in from outside.

A notification is answered once its hint is safe in the inbox; reading the record and everything after is somebody
else's work. The body of a notification is never data.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cosell.domain.clock import Clock
from cosell.domain.ids import DEFAULT_TENANT, TenantName
from cosell.domain.tenants import tenant_path
from cosell.settings import ReceiverSettings
from cosell.store import Door, Hint, HintKind
from cosell.webhooks.body import Body, EarlyAnswer
from cosell.webhooks.chain import load_trust
from cosell.webhooks.dataverse import LARGEST_CONTEXT, WakeUp, check_secret, parse_context
from cosell.webhooks.events import LARGEST_NOTIFICATION, EventName, Notification, parse_notification
from cosell.webhooks.fetching import CertificateFetcher, HttpsFetcher
from cosell.webhooks.intake import HintInbox, Intake
from cosell.webhooks.metrics import CONTENT_TYPE, Metrics
from cosell.webhooks.refusal import Reason, Refused
from cosell.webhooks.signature import Proof, parse_hosts, read_proof, verify_signature
from cosell.webhooks.signers import Signers

logger = logging.getLogger(__name__)

PARTNER_CENTER_PATH = "/webhooks/partner-center"
DATAVERSE_PATH = "/webhooks/dataverse"

KIND_OF_EVENT: dict[EventName, HintKind] = {
    EventName.REFERRAL_CREATED: HintKind.REFERRAL,
    EventName.REFERRAL_UPDATED: HintKind.REFERRAL,
    EventName.RELATED_REFERRAL_CREATED: HintKind.RELATED_REFERRAL,
    EventName.RELATED_REFERRAL_UPDATED: HintKind.RELATED_REFERRAL,
}
KIND_OF_TABLE: dict[str, HintKind] = {
    "opportunity": HintKind.POLL,
    "lead": HintKind.POLL,
    "account": HintKind.POLL,
    "contact": HintKind.POLL,
    "cosell_microsoftsolution": HintKind.POLL_SOLUTIONS,
}
"""A wake-up asks for a poll, whatever it says: change tracking knows what moved, in one call for a thousand of them."""

_PLAIN = {404: "There is nothing at this address.", 405: "This address does not take this method."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long each step of an answer may take. Microsoft's sender waits a few seconds; we answer before that."""

    body_seconds: float = 10.0
    fetch_seconds: float = 4.0
    store_seconds: float = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A tenant behind doors of its own: its inbox, and the secret which its CRM's wake-up calls carry."""

    name: TenantName = DEFAULT_TENANT
    inbox: HintInbox
    secret: SecretStr | None


def create_receiver(
    settings: ReceiverSettings,
    inbox: HintInbox,
    *,
    wake: Callable[[], None],
    clock: Clock,
    fetch: CertificateFetcher | None = None,
    limits: Limits | None = None,
    others: Sequence[Tenant] = (),
    tenant: TenantName = DEFAULT_TENANT,
) -> Starlette:
    """Build the application for a tenant, and for `others` beside it: what comes in by a door is its tenant's alone.

    `wake` is called after hints were stored and must not block. `fetch` gets signing certificates; give an
    `HttpsFetcher(ca_bundle=…)` when the network has certificate authorities of its own.

    Raises:
        ConfigurationError: the trusted roots or the allow-list of hosts cannot be used.
    """
    limits = limits or Limits()
    metrics = Metrics()
    hosts = parse_hosts(settings.certificate_hosts)
    signers = Signers(
        fetch=fetch or HttpsFetcher(),
        hosts=hosts,
        trust=load_trust(settings.trust_roots),
        clock=clock,
        fetch_seconds=limits.fetch_seconds,
        count_fetch=metrics.count_fetch,
    )
    first = Tenant(name=tenant, inbox=inbox, secret=settings.dataverse_secret)
    intakes = {
        served: Intake(
            served.inbox, wake=wake, clock=clock, store_seconds=limits.store_seconds, count=metrics.count_hints
        )
        for served in (first, *others)
    }
    state = _State()

    async def receive_notification(request: Request, incoming: Body, tenant: Tenant) -> None:
        proof = read_proof(request.headers.items(), hosts)
        body = await incoming.read(limit=LARGEST_NOTIFICATION, seconds=limits.body_seconds)
        await _prove(proof, body, signers)
        notification = parse_notification(body)
        metrics.count_notification(Door.PARTNER_CENTER, notification.event or "unknown")
        if notification.event is EventName.TEST_CREATED:
            state.test_seen_at = clock()
            metrics.note_test_seen(state.test_seen_at)
            logger.info("partner_center: the validation event (test-created) has arrived")
        hint = hint_of_notification(notification)
        if hint is not None:
            await intakes[tenant].store(hint)

    async def receive_wake_up(request: Request, incoming: Body, tenant: Tenant) -> None:
        secret = tenant.secret.get_secret_value() if tenant.secret else None
        check_secret(secret, headers=request.headers.items(), parameters=request.query_params.multi_items())
        body = await incoming.read(limit=LARGEST_CONTEXT, seconds=limits.body_seconds)
        hint = hint_of_wake_up(parse_context(body))
        metrics.count_notification(Door.DATAVERSE, hint.kind if hint else "unknown")
        if hint is not None:
            await intakes[tenant].store(hint)

    async def count_waiting() -> int | None:
        counts = [await intake.count_waiting() for intake in intakes.values()]
        return None if None in counts else sum(filter(None, counts))

    async def report_health(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def report_readiness(_: Request) -> Response:
        waiting = await count_waiting()
        content = {
            "status": "not ready: the inbox cannot be used" if waiting is None else "ready",
            "inbox_waiting": waiting,
            "test_created_seen_at": state.test_seen_at.isoformat() if state.test_seen_at else None,
        }
        return JSONResponse(content, status_code=503 if waiting is None else 200)

    async def report_metrics(_: Request) -> Response:
        page = metrics.render(waiting=await count_waiting())
        return Response(page, headers={"content-type": CONTENT_TYPE})

    return Starlette(
        routes=[
            *(
                Route(tenant_path(path, served.name), _door(door, served, receive, metrics=metrics), methods=["POST"])
                for served in intakes
                for door, path, receive in (
                    (Door.PARTNER_CENTER, PARTNER_CENTER_PATH, receive_notification),
                    (Door.DATAVERSE, DATAVERSE_PATH, receive_wake_up),
                )
            ),
            Route("/healthz", report_health, methods=["GET"]),
            Route("/readyz", report_readiness, methods=["GET"]),
            Route("/metrics", report_metrics, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _answer_plainly, 500: _answer_broken},
    )


Receive = Callable[[Request, Body, Tenant], Awaitable[None]]


@dataclass(slots=True)
class _State:
    test_seen_at: datetime | None = None


def hint_of_notification(notification: Notification) -> Hint | None:
    """Return what to look at; None when there is nothing to look at."""
    kind = KIND_OF_EVENT.get(notification.event) if notification.event else None
    if kind is None or notification.record_id is None:
        return None
    return Hint(
        door=Door.PARTNER_CENTER, kind=kind, record_id=notification.record_id, changed_at=notification.changed_at
    )


def hint_of_wake_up(call: WakeUp) -> Hint | None:
    """Return what to look at; None for a table which is not synchronised."""
    kind = KIND_OF_TABLE.get(call.entity)
    return None if kind is None else Hint(door=Door.DATAVERSE, kind=kind, record_id=call.entity)


async def _prove(proof: Proof, body: bytes, signers: Signers) -> None:
    signer = await signers.get(proof.certificate_url)
    try:
        verify_signature(proof, body, signer.key)
    except Refused:
        newer = await signers.find_newer(proof.certificate_url, signer)
        if newer is None:
            raise
        verify_signature(proof, body, newer.key)


def _door(
    door: Door, tenant: Tenant, receive: Receive, *, metrics: Metrics
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        with metrics.time_answer(door):
            response = await _answer(door, tenant, receive, request, metrics=metrics)
        metrics.count_answer(door, status=response.status_code)
        return response

    return answer


async def _answer(door: Door, tenant: Tenant, receive: Receive, request: Request, *, metrics: Metrics) -> Response:
    incoming = Body(request)
    try:
        await receive(request, incoming, tenant)
    except Refused as refused:
        metrics.count_refusal(door, refused.reason)
        logger.warning("%s: refused with %s: %s", door.value, refused.status, refused.reason.value)
        content, status, headers = {"message": refused.message}, refused.status, _headers_of(refused)
        if incoming.is_complete:
            return JSONResponse(content, status_code=status, headers=headers)
        return EarlyAnswer(content, body=incoming, status_code=status, headers=headers)
    return JSONResponse({"message": "Received."}, status_code=202)


def _headers_of(refused: Refused) -> dict[str, str]:
    if refused.status == 401:
        return {"WWW-Authenticate": "Signature"}
    return {"Retry-After": "5"} if refused.reason is Reason.NOT_STORED else {}


async def _answer_plainly(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return JSONResponse({"message": _PLAIN.get(status, "Refused.")}, status_code=status, headers=headers)


async def _answer_broken(_: Request, _error: Exception) -> Response:
    return JSONResponse({"message": "The receiver has a fault; it is in its log."}, status_code=500)

"""Clients for Partner Center, put together from the settings."""

import asyncio

import httpx

from cosell.domain.clock import Clock, utc_clock
from cosell.http.auth import UserTokens
from cosell.http.budget import Booking, Limit
from cosell.http.certificates import certificate_of
from cosell.http.connections import open_connections
from cosell.http.entra import Identity
from cosell.http.pace import Pace, Sleep
from cosell.http.service import Service, SignIn, scope_of
from cosell.http.tokens import TokenSource, TokenVault
from cosell.http.transport import ServiceClient
from cosell.http.turns import Turns
from cosell.partner_center.client import PartnerCenterClient
from cosell.partner_center.reading import SERVICE_NAME
from cosell.partner_center.webhooks import WebhookClient
from cosell.settings import Settings

VAULT_NAME = "partner-center"
PREFIX = "COSELL_PARTNER_CENTER__"
MAX_IN_FLIGHT = 2
BLOCK = 2
LATE_SECONDS = 0.05


def partner_center_identity(settings: Settings) -> Identity:
    """Return who we are for Entra when we speak to Partner Center."""
    own = settings.partner_center
    return Identity(
        authority=str(settings.authority),
        tenant_id=own.tenant_id,
        client_id=own.client_id,
        client_secret=own.client_secret,
        certificate=certificate_of(own, settings_prefix=PREFIX),
        settings_prefix=PREFIX,
        url_setting=f"{PREFIX}API_URL",
        ca_bundle=settings.ca_bundle,
    )


def partner_center_scope(settings: Settings) -> str:
    """Return the scope of the Partner API, for signing in."""
    return scope_of(str(settings.partner_center.api_url))


def partner_center_tokens(settings: Settings, *, url: str, vault: TokenVault, clock: Clock) -> UserTokens:
    """Return tokens for one of the two APIs; both come from the same sign-in."""
    return UserTokens(
        partner_center_identity(settings),
        scope=scope_of(url),
        vault=vault,
        vault_name=VAULT_NAME,
        clock=clock,
        first_refresh_token=settings.partner_center.refresh_token,
    )


def partner_center_limit(settings: Settings, *, per_second: int | None = None) -> Limit:
    """Return what a partner tenant is to be asked at most: so many requests within any second.

    A request may start a moment later than it was booked for; so a second is taken a little longer than it is.
    """
    own = settings.partner_center
    return Limit(
        account=f"partner-center:{own.tenant_id.lower()}",
        lanes=per_second or own.requests_per_second,
        interval_seconds=1.0 + LATE_SECONDS,
        block=BLOCK,
    )


def open_partner_center(
    settings: Settings,
    vault: TokenVault,
    *,
    clock: Clock = utc_clock,
    sleep: Sleep = asyncio.sleep,
    tokens: TokenSource | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    per_second: int | None = None,
    booking: Booking | None = None,
) -> PartnerCenterClient:
    """Return a client for referrals, to be used with `async with`.

    Two requests at once and five a second are our own limits: Microsoft names none, and asks for restraint. With
    `booking`, those of a second are shared with all processes which book there, too.
    """
    limit = partner_center_limit(settings, per_second=per_second)
    turns = Turns(booking, limit, clock=clock, sleep=sleep) if booking else None
    url = str(settings.partner_center.api_url)
    service = Service(
        name=SERVICE_NAME,
        base_url=url,
        settings_prefix=PREFIX,
        url_setting=f"{PREFIX}API_URL",
        sign_in=SignIn.PERSON,
        correlation_headers=("client-request-id", "MS-CorrelationId"),
    )
    own = partner_center_tokens(settings, url=url, vault=vault, clock=clock)
    return PartnerCenterClient(
        ServiceClient(
            service,
            tokens=tokens or own,
            http=open_connections(ca_bundle=settings.ca_bundle, max_connections=MAX_IN_FLIGHT, transport=transport),
            pace=Pace(max_in_flight=MAX_IN_FLIGHT, per_second=limit.lanes, clock=clock, sleep=sleep, turns=turns),
            clock=clock,
            sleep=sleep,
            on_sign_in_lost=None if tokens else own.note_refused,
        )
    )


def open_webhooks(
    settings: Settings,
    vault: TokenVault,
    *,
    clock: Clock = utc_clock,
    sleep: Sleep = asyncio.sleep,
    tokens: TokenSource | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> WebhookClient:
    """Return a client for the webhook registration, to be used with `async with`."""
    url = str(settings.partner_center.webhook_api_url)
    service = Service(
        name=SERVICE_NAME,
        base_url=url,
        settings_prefix=PREFIX,
        url_setting=f"{PREFIX}WEBHOOK_API_URL",
        sign_in=SignIn.PERSON,
        headers={"MS-Contract-Version": "v1"},
        correlation_headers=("MS-CorrelationId",),
        idempotency_header="MS-RequestId",
    )
    own = partner_center_tokens(settings, url=url, vault=vault, clock=clock)
    return WebhookClient(
        ServiceClient(
            service,
            tokens=tokens or own,
            http=open_connections(ca_bundle=settings.ca_bundle, max_connections=1, transport=transport),
            pace=Pace(max_in_flight=1, per_second=2, clock=clock, sleep=sleep),
            clock=clock,
            sleep=sleep,
            on_sign_in_lost=None if tokens else own.note_refused,
        )
    )

"""The client for Dataverse, put together from the settings."""

import asyncio
from collections.abc import Mapping

import httpx

from cosell.dataverse.client import DataverseClient
from cosell.dataverse.reading import SERVICE_NAME
from cosell.domain.clock import Clock, utc_clock
from cosell.http.auth import AppTokens
from cosell.http.budget import Booking, Limit
from cosell.http.certificates import certificate_of
from cosell.http.connections import open_connections
from cosell.http.entra import Identity
from cosell.http.pace import Pace, Sleep
from cosell.http.service import Service, SignIn, scope_of
from cosell.http.tokens import TokenSource, TokenVault
from cosell.http.transport import ServiceClient
from cosell.http.turns import Turns
from cosell.settings import Settings

VAULT_NAME = "dataverse"
PREFIX = "COSELL_DATAVERSE__"
API = "api/data/v9.2"
MAX_IN_FLIGHT = 8
REQUESTS, WINDOW_SECONDS = 6000, 300.0
"""What Dataverse lets one user ask (Microsoft: Service protection API limits)."""
BURST_SECONDS = 30.0
BLOCK = 10


def dataverse_limit(settings: Settings) -> Limit:
    """Return our share of what the application user may ask: evenly spaced, with room for a burst after a quiet time.

    Within any window no more than the share: what a burst may catch up is taken off the even rate.
    """
    own = settings.dataverse
    host = (own.url.host or "").lower()
    return Limit(
        account=f"dataverse:{host}:{own.client_id.lower()}",
        interval_seconds=(WINDOW_SECONDS + BURST_SECONDS) / (REQUESTS * own.share_of_limit - BLOCK),
        burst_seconds=BURST_SECONDS,
        block=BLOCK,
    )


def dataverse_tokens(settings: Settings, *, vault: TokenVault, clock: Clock) -> AppTokens:
    """Return tokens of the application user."""
    own = settings.dataverse
    identity = Identity(
        authority=str(settings.authority),
        tenant_id=own.tenant_id,
        client_id=own.client_id,
        client_secret=own.client_secret,
        certificate=certificate_of(own, settings_prefix=PREFIX),
        settings_prefix=PREFIX,
        url_setting=f"{PREFIX}URL",
        ca_bundle=settings.ca_bundle,
    )
    return AppTokens(identity, scope=scope_of(str(own.url)), vault=vault, vault_name=VAULT_NAME, clock=clock)


def open_dataverse(
    settings: Settings,
    vault: TokenVault,
    *,
    clock: Clock = utc_clock,
    sleep: Sleep = asyncio.sleep,
    tokens: TokenSource | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    id_columns: Mapping[str, str] | None = None,
    booking: Booking | None = None,
) -> DataverseClient:
    """Return a client, to be used with `async with`; the service may want fewer requests at once."""
    service = open_dataverse_service(
        settings,
        vault,
        clock=clock,
        sleep=sleep,
        tokens=tokens,
        transport=transport,
        booking=booking,
    )
    return DataverseClient(service, id_columns=id_columns)


def open_dataverse_service(
    settings: Settings,
    vault: TokenVault,
    *,
    clock: Clock = utc_clock,
    sleep: Sleep = asyncio.sleep,
    tokens: TokenSource | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    booking: Booking | None = None,
) -> ServiceClient:
    """Return what sends requests to Dataverse, for those who need more than rows.

    With `booking`, the limit of the application user is shared with all processes which book there, too.
    """
    limit = dataverse_limit(settings)
    turns = Turns(booking, limit, clock=clock, sleep=sleep) if booking else None
    service = Service(
        name=SERVICE_NAME,
        base_url=f"{str(settings.dataverse.url).rstrip('/')}/{API}",
        settings_prefix=PREFIX,
        url_setting=f"{PREFIX}URL",
        sign_in=SignIn.APPLICATION,
        headers={"OData-MaxVersion": "4.0", "OData-Version": "4.0"},
        correlation_headers=("x-ms-client-request-id",),
    )
    return ServiceClient(
        service,
        tokens=tokens or dataverse_tokens(settings, vault=vault, clock=clock),
        http=open_connections(ca_bundle=settings.ca_bundle, max_connections=MAX_IN_FLIGHT, transport=transport),
        pace=Pace(max_in_flight=MAX_IN_FLIGHT, clock=clock, sleep=sleep, turns=turns),
        clock=clock,
        sleep=sleep,
    )

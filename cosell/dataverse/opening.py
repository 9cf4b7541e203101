"""The client for Dataverse, put together from the settings."""

import asyncio
from collections.abc import Mapping

import httpx

from cosell.dataverse.client import DataverseClient
from cosell.dataverse.reading import SERVICE_NAME
from cosell.domain.clock import Clock, utc_clock
from cosell.http.auth import AppTokens
from cosell.http.certificates import certificate_of
from cosell.http.connections import open_connections
from cosell.http.entra import Identity
from cosell.http.pace import Pace, Sleep
from cosell.http.service import Service, SignIn, scope_of
from cosell.http.tokens import TokenSource, TokenVault
from cosell.http.transport import ServiceClient
from cosell.settings import Settings

VAULT_NAME = "dataverse"
PREFIX = "COSELL_DATAVERSE__"
API = "api/data/v9.2"
MAX_IN_FLIGHT = 8


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
    max_in_flight: int = MAX_IN_FLIGHT,
    id_columns: Mapping[str, str] | None = None,
) -> DataverseClient:
    """Return a client, to be used with `async with`; the service's own hint may lower `max_in_flight`."""
    service = open_dataverse_service(
        settings, vault, clock=clock, sleep=sleep, tokens=tokens, transport=transport, max_in_flight=max_in_flight
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
    max_in_flight: int = MAX_IN_FLIGHT,
) -> ServiceClient:
    """Return what sends requests to Dataverse, for those who need more than rows."""
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
        http=open_connections(ca_bundle=settings.ca_bundle, max_connections=max_in_flight, transport=transport),
        pace=Pace(max_in_flight=max_in_flight, clock=clock, sleep=sleep),
        clock=clock,
        sleep=sleep,
    )

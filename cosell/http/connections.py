"""Open connections the way every client needs them: trusted, patient, without cookies and without redirects."""

import logging
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx

from cosell.http.tls import tls_context

# httpx logs whole addresses (a filter may name a customer), httpcore headers (with the token), msal who signed in.
_TALKATIVE = ("httpx", "httpcore", "msal")

TIMEOUT = httpx.Timeout(connect=10, read=120, write=30, pool=30)


def open_connections(
    *, ca_bundle: Path | None, max_connections: int, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """Return a client for one service; `transport` replaces the network in tests.

    Cookies are refused, because Dataverse's affinity cookie would pin everything to one of its servers (Microsoft:
    Send parallel requests).
    """
    hush_wire_logs()
    return httpx.AsyncClient(
        verify=tls_context(ca_bundle) if transport is None else True,
        transport=transport,
        timeout=TIMEOUT,
        limits=httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections),
        follow_redirects=False,
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        headers={"User-Agent": "cosell-sync"},
    )


def hush_wire_logs() -> None:
    """Keep addresses and headers out of the logs, whatever level somebody asks for; what matters we log ourselves."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)

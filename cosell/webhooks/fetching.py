"""Get a certificate's bytes from an address that was checked before: no redirects, little data, little time."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import certifi
import httpx

from cosell.errors import ConfigurationError

LARGEST_CERTIFICATE = 64 * 1024
CONNECT_SECONDS = 2.0


class CertificateUnavailable(Exception):
    """The certificate did not come: no answer, not a plain 200, or too much."""


class CertificateFetcher(Protocol):
    """Anything that gets the bytes behind an address; whoever calls it limits the time."""

    async def __call__(self, url: str, /) -> bytes:
        """Return the bytes.

        Raises:
            CertificateUnavailable: they cannot be had.
        """
        ...


class HttpsFetcher:
    """Fetches over the network; certificates are fetched so seldom that each gets a connection of its own."""

    def __init__(
        self, *, ca_bundle: Path | None = None, transport: Callable[[], httpx.AsyncBaseTransport] | None = None
    ) -> None:
        """Trust the system's authorities for the connection, and those in `ca_bundle`.

        Raises:
            ConfigurationError: the bundle cannot be read.
        """
        self._context = _build_context(ca_bundle)
        self._transport = transport

    async def __call__(self, url: str, /) -> bytes:
        """Return what one plain GET answers."""
        try:
            async with (
                httpx.AsyncClient(
                    verify=self._context,
                    follow_redirects=False,
                    timeout=CONNECT_SECONDS,
                    transport=self._transport() if self._transport else None,
                ) as client,
                client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
            ):
                return await _read(response)
        except httpx.HTTPError as error:
            raise CertificateUnavailable(type(error).__name__) from None


async def _read(response: httpx.Response) -> bytes:
    if response.status_code != 200:
        raise CertificateUnavailable(f"status {response.status_code}")
    content = bytearray()
    # Raw, so that a packed answer cannot grow in our hands; a packed certificate is simply unreadable.
    async for part in response.aiter_raw():
        content += part
        if len(content) > LARGEST_CERTIFICATE:
            raise CertificateUnavailable("too large")
    return bytes(content)


def _build_context(ca_bundle: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    if ca_bundle is not None:
        try:
            context.load_verify_locations(ca_bundle)
        except (OSError, ssl.SSLError):
            raise ConfigurationError(
                "COSELL_CA_BUNDLE names a file which cannot be read as PEM certificates; "
                "mend the path or leave the setting out."
            ) from None
    return context

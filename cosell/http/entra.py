"""Entra's side of a sign-in: msal applications, and what Entra's refusals mean for the person who set us up.

msal runs on our own HTTP connections, so that one TLS policy holds for all; it blocks, so it is called in a thread.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msal
from pydantic import SecretStr

from cosell.errors import (
    CosellError,
    CredentialsRejected,
    Origin,
    ServiceUnavailable,
    ServiceUnreachable,
    SignInRequired,
)
from cosell.http.certificates import CertificateFile
from cosell.http.connections import hush_wire_logs
from cosell.http.tls import tls_context

_AADSTS = re.compile(r"AADSTS(\d{4,8})")
_WRONG_SETTING = {
    "7000215": ("CLIENT_SECRET", "the client secret is wrong"),
    "7000222": ("CLIENT_SECRET", "the client secret has expired"),
    "7000218": ("CLIENT_SECRET", "the application needs a client secret or a certificate"),
    "700025": ("CLIENT_SECRET", "the application is a public client and has no client secret"),
    "700027": ("CERTIFICATE", "the certificate has expired or is not registered for the application"),
    "700024": ("CERTIFICATE", "what was signed with the certificate is out of its time, as is this machine's clock"),
    "700023": ("TENANT_ID", "what was signed with the certificate was meant for another tenant"),
    "700016": ("CLIENT_ID", "there is no such application in this tenant"),
    "700038": ("CLIENT_ID", "this is no application id"),
    "65001": ("CLIENT_ID", "nobody has granted this application consent to the API; an administrator of Entra can"),
    "90002": ("TENANT_ID", "there is no such tenant"),
    "900023": ("TENANT_ID", "this is no tenant"),
    "500011": ("{url}", "Entra knows no service at this address"),
}
GONE_SIGN_IN = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required"})
"""Refusals after which a person has to sign in again: password changed, revoked, unused for 90 days, a new policy."""
_NOT_NOW = frozenset({"temporarily_unavailable", "server_error"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who we are for Entra; `settings_prefix` begins the settings it comes from, `url_setting` names the service's."""

    authority: str
    tenant_id: str
    client_id: str
    client_secret: SecretStr | None
    certificate: CertificateFile | None = None
    settings_prefix: str
    url_setting: str
    ca_bundle: Path | None = None
    transport: httpx.BaseTransport | None = field(default=None, repr=False)


class MsalConnections:
    """The little of an HTTP client that msal asks for, on httpx (Microsoft: MSAL for Python, http_client).

    Every call has a connection of its own: tokens are rarely asked for, and nothing stays open that nobody closes.
    """

    def __init__(self, identity: Identity) -> None:
        """Read the roots once."""
        hush_wire_logs()
        self._transport = identity.transport
        self._verify = tls_context(identity.ca_bundle) if identity.transport is None else True

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **_: object,
    ) -> httpx.Response:
        """Send a GET."""
        with self._open() as http:
            return http.get(url.strip(), params=params, headers=_without_none(headers))

    def post(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str | None] | None = None,
        headers: Mapping[str, str] | None = None,
        **_: object,
    ) -> httpx.Response:
        """Send a form."""
        with self._open() as http:
            return http.post(url, params=params, data=_without_none(data), headers=_without_none(headers))

    def close(self) -> None:
        """Nothing stays open."""

    def _open(self) -> httpx.Client:
        return httpx.Client(
            verify=self._verify,
            transport=self._transport,
            # Two calls, discovery and token, have to end before the vault's lock does.
            timeout=httpx.Timeout(15, connect=10),
            follow_redirects=False,
        )


class DeviceApplication(msal.ConfidentialClientApplication):  # type: ignore[misc]  # msal has no types
    """An application which proves itself and signs a person in by code; msal foresees that for public ones only.

    A confidential application has to prove itself there too, else Entra answers AADSTS7000218.
    """

    DEVICE_FLOW_CORRELATION_ID = msal.PublicClientApplication.DEVICE_FLOW_CORRELATION_ID
    initiate_device_flow = msal.PublicClientApplication.initiate_device_flow
    acquire_token_by_device_flow = msal.PublicClientApplication.acquire_token_by_device_flow


def build_application(identity: Identity, *, cache: msal.TokenCache) -> Any:  # noqa: ANN401 - msal has no types
    """Return msal's application for this identity: public without secret and certificate. Asks Entra for its ways.

    Raises:
        CosellError: Entra cannot be reached, or does not know the tenant; the certificate cannot be used.
    """
    authority = f"{identity.authority.rstrip('/')}/{identity.tenant_id}"
    credential = _credential(identity)
    kind = msal.PublicClientApplication if credential is None else DeviceApplication

    def build() -> Any:  # noqa: ANN401 - msal has no types
        try:
            return kind(
                identity.client_id,
                client_credential=credential,
                authority=authority,
                instance_discovery=False,
                token_cache=cache,
                http_client=MsalConnections(identity),
            )
        except (ValueError, KeyError):
            raise CredentialsRejected(
                f"Entra does not know the tenant; look at {identity.settings_prefix}TENANT_ID and COSELL_AUTHORITY",
                origin=Origin(service="Entra"),
            ) from None

    return ask_entra(build)


def _credential(identity: Identity) -> str | dict[str, str] | None:
    """Return what proves the application, in the forms which msal takes."""
    if identity.certificate is not None:
        loaded = identity.certificate.load()
        return {"private_key": loaded.private_key, "public_certificate": loaded.certificate}
    return identity.client_secret.get_secret_value() if identity.client_secret else None


def ask_entra(question: Callable[[], Any]) -> Any:  # noqa: ANN401 - msal has no types
    """Run one of msal's questions; what goes wrong on the way becomes one of our errors, without msal's own words."""
    origin = Origin(service="Entra")
    try:
        return question()
    except httpx.ConnectError:
        message = "Entra cannot be reached; look at COSELL_AUTHORITY and COSELL_CA_BUNDLE"
        failure: CosellError = ServiceUnreachable(message, origin=origin)
    except httpx.HTTPError:
        failure = ServiceUnreachable("The connection to Entra broke off before the answer", origin=origin)
    except (msal.exceptions.MsalError, ValueError, KeyError, RuntimeError):
        failure = ServiceUnavailable("Entra cannot answer now", origin=origin)
    raise failure


def entra_error(result: Mapping[str, object], identity: Identity) -> CosellError:
    """Return the error that msal's unsuccessful `result` stands for; Entra's own sentence is never passed on."""
    kind = str(result.get("error", ""))
    told = _AADSTS.search(str(result.get("error_description", "")))
    number = told.group(1) if told else ""
    origin = Origin(
        service="Entra",
        code=f"AADSTS{number}" if number else kind,
        request_id=str(result.get("trace_id") or result.get("correlation_id") or ""),
    )
    if number in _WRONG_SETTING:
        name, reason = _WRONG_SETTING[number]
        if name == "CLIENT_SECRET" and identity.certificate is not None:
            name, reason = "CERTIFICATE", "the certificate has expired or is not registered for the application"
        setting = identity.url_setting if name == "{url}" else identity.settings_prefix + name
        return CredentialsRejected(f"Entra does not accept who we are: {reason}; look at {setting}", origin=origin)
    if kind in GONE_SIGN_IN:
        return SignInRequired(
            "The sign-in to Partner Center has ended; a Referrals admin has to run `cosell connect partner-center`",
            origin=origin,
        )
    if kind in _NOT_NOW:
        return ServiceUnavailable("Entra cannot answer now", origin=origin)
    return CredentialsRejected(
        f"Entra does not accept who we are; look at {identity.settings_prefix}CLIENT_ID and "
        f"{identity.settings_prefix}{'CERTIFICATE' if identity.certificate else 'CLIENT_SECRET'}",
        origin=origin,
    )


def _without_none(pairs: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Leave out what is None, and spell out bytes (msal's assertions), which httpx would send as Python writes them."""
    if not pairs:
        return None
    given = {name: value for name, value in pairs.items() if value is not None}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in given.items()}

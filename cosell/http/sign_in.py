"""Signing in to Partner Center by device code, for `cosell connect partner-center` (Microsoft: device code flow)."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msal
from pydantic import SecretStr

from cosell.domain.clock import Clock
from cosell.errors import SignInRequired
from cosell.http.auth import Stored
from cosell.http.entra import Identity, ask_entra, build_application, entra_error
from cosell.http.pace import Sleep
from cosell.http.tokens import TokenVault

_STILL_WAITING = frozenset({"authorization_pending", "slow_down"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSignIn:
    """A sign-in under way: a person opens `verification_url`, enters `user_code` and signs in before `expires_at`."""

    user_code: str
    verification_url: str
    expires_at: datetime
    flow: dict[str, Any] = field(repr=False)
    application: Any = field(repr=False)
    cache: msal.SerializableTokenCache = field(repr=False)
    client_secret: SecretStr | None = None


async def start_device_sign_in(identity: Identity, *, scope: str, clock: Clock) -> DeviceSignIn:
    """Ask Entra for a code; the sign-in itself happens in a browser, with the person's second factor.

    Raises:
        CredentialsRejected: Entra does not know the tenant or the application.
    """
    cache = msal.SerializableTokenCache()
    public = Identity(
        authority=identity.authority,
        tenant_id=identity.tenant_id,
        client_id=identity.client_id,
        client_secret=None,
        settings_prefix=identity.settings_prefix,
        url_setting=identity.url_setting,
        ca_bundle=identity.ca_bundle,
        transport=identity.transport,
    )
    application = await asyncio.to_thread(build_application, public, cache=cache)
    flow = await asyncio.to_thread(ask_entra, lambda: application.initiate_device_flow(scopes=[scope]))
    if "user_code" not in flow:
        raise entra_error(flow, identity)
    flow["interval"] = max(1, int(flow["interval"]))
    return DeviceSignIn(
        user_code=flow["user_code"],
        verification_url=flow["verification_uri"],
        expires_at=clock() + timedelta(seconds=int(flow["expires_in"])),
        flow=flow,
        application=application,
        cache=cache,
        client_secret=identity.client_secret,
    )


async def finish_device_sign_in(
    started: DeviceSignIn, *, identity: Identity, vault: TokenVault, vault_name: str, clock: Clock, sleep: Sleep
) -> None:
    """Wait until the person has signed in, then keep the sign-in in the vault in place of any earlier one.

    Raises:
        SignInRequired: the code has expired, or the sign-in was declined.
    """
    interval = float(started.flow.get("interval", 5))
    while True:
        result = await asyncio.to_thread(_poll_once, started)
        if "access_token" in result:
            break
        if result.get("error") not in _STILL_WAITING:
            raise _sign_in_failed(result, identity)
        if clock() >= started.expires_at:
            raise SignInRequired("The code has expired before anybody signed in; run the command again")
        if result.get("error") == "slow_down":
            interval += 5
        await sleep(interval)
    async with vault.lock(vault_name):
        await vault.save(vault_name, Stored(cache=started.cache.serialize()).to_bytes())


def _poll_once(started: DeviceSignIn) -> dict[str, Any]:
    """Ask once. A confidential client shows its secret here too, else Entra answers AADSTS7000218."""
    started.flow.pop("latest_attempt_at", None)  # msal looks at the machine's clock, we wait by the one passed in
    secret = {"client_secret": started.client_secret.get_secret_value()} if started.client_secret else {}
    result: dict[str, Any] = ask_entra(
        lambda: started.application.acquire_token_by_device_flow(
            started.flow,
            data=secret,
            exit_condition=lambda flow: True,  # noqa: ARG005 - msal passes it by name
        ),
    )
    return result


def _sign_in_failed(result: dict[str, Any], identity: Identity) -> Exception:
    if result.get("error") in ("expired_token", "code_expired"):
        return SignInRequired("The code has expired before anybody signed in; run the command again")
    if result.get("error") in ("authorization_declined", "access_denied"):
        return SignInRequired("The sign-in was declined; run the command again")
    return entra_error(result, identity)

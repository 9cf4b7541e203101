"""Signing in to Partner Center by device code, for `cosell connect partner-center` (Microsoft: device code flow).

What a sign-in gives is handed back, not kept: whoever asked for it proves first that it opens something.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msal

from cosell.domain.clock import Clock
from cosell.errors import SignInRequired
from cosell.http.entra import Identity, ask_entra, build_application, entra_error
from cosell.http.kept import Stored
from cosell.http.pace import Sleep

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


async def start_device_sign_in(identity: Identity, *, scope: str, clock: Clock) -> DeviceSignIn:
    """Ask Entra for a code; the sign-in itself happens in a browser, with the person's second factor.

    Raises:
        CredentialsRejected: Entra does not know the tenant or the application.
    """
    cache = msal.SerializableTokenCache()
    application = await asyncio.to_thread(build_application, identity, cache=cache)
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
    )


async def finish_device_sign_in(started: DeviceSignIn, *, identity: Identity, clock: Clock, sleep: Sleep) -> Stored:
    """Wait until the person has signed in; return the sign-in as the vault would keep it.

    Raises:
        SignInRequired: the code has expired, or the sign-in was declined.
    """
    interval = float(started.flow.get("interval", 5))
    while True:
        result = await asyncio.to_thread(_poll_once, started)
        if "access_token" in result:
            return Stored(cache=started.cache.serialize(), signed_in_at=clock().isoformat())
        if result.get("error") not in _STILL_WAITING:
            raise _sign_in_failed(result, identity)
        if clock() >= started.expires_at:
            raise SignInRequired("The code has expired before anybody signed in; run the command again")
        if result.get("error") == "slow_down":
            interval += 5
        await sleep(interval)


def _poll_once(started: DeviceSignIn) -> dict[str, Any]:
    started.flow.pop("latest_attempt_at", None)  # msal looks at the machine's clock, we wait by the one passed in
    result: dict[str, Any] = ask_entra(
        lambda: started.application.acquire_token_by_device_flow(
            started.flow,
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

"""Checks of this machine: the mapping files, the ledger, the age of the sign-in, the receiver next door."""

import ipaddress
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import httpx

from cosell.cli.checks.finding import Said, Verdict
from cosell.domain.clock import Clock
from cosell.mapping.loader import load_mappings
from cosell.settings import Settings
from cosell.store import Ledger

IDLE_LIMIT = timedelta(days=90)
"""A refresh token which nobody uses ends after this (Microsoft: Refresh tokens, token lifetime)."""
WARN_AFTER = timedelta(days=76)
SIGN_IN_AGAIN = "Let a Referrals admin run `cosell connect partner-center`."
RECEIVER_SECONDS = 5


async def check_mappings(settings: Settings) -> str:
    """Read the mapping files, the user's own laid over those that ship."""
    mappings = load_mappings(settings.mappings_dir)
    own = f", with your own from {settings.mappings_dir}" if settings.mappings_dir else ""
    return f"{len(mappings.opportunity.fields)} fields of the opportunity are mapped{own}."


async def check_ledger(ledger: Ledger) -> str:
    """Make sure that the ledger can be written."""
    await ledger.meta.check_writable()
    return f"Reachable and writable; {await ledger.inbox.count_waiting()} hints wait."


async def check_sign_in_age(settings: Settings, saved_at: datetime | None, *, clock: Clock) -> Said:
    """Judge how long ago the sign-in to Partner Center was used last."""
    if saved_at is None:
        if settings.partner_center.refresh_token is None:
            return Said(told="Nobody has signed in yet.", verdict=Verdict.FAILED, todo=SIGN_IN_AGAIN)
        return Said(told="Not used yet; it begins with COSELL_PARTNER_CENTER__REFRESH_TOKEN.")
    age = clock() - saved_at
    told = f"Used last {max(age.days, 0)} days ago; it ends after {IDLE_LIMIT.days} days without use."
    if age >= IDLE_LIMIT:
        return Said(told=told, verdict=Verdict.FAILED, todo=SIGN_IN_AGAIN)
    if age >= WARN_AFTER:
        return Said(told=told, verdict=Verdict.WARNING, todo="Activate the flows, or sign in again before that.")
    return Said(told=told)


async def check_receiver(settings: Settings) -> Said:
    """Ask the receiver whether it is alive, if it is on this machine: no other address is ever fetched."""
    url = settings.receiver.public_url
    if url is None:
        return Said(
            told="COSELL_RECEIVER__PUBLIC_URL is missing.",
            verdict=Verdict.WARNING,
            todo="Set it to the address under which Microsoft reaches the receiver; until then only schedules work.",
        )
    if not is_loopback(urlsplit(str(url)).hostname or ""):
        told = f"{url} is not on this machine and was not fetched; the validation event of `cosell activate` proves it."
        return Said(told=told, verdict=Verdict.SKIPPED)
    address = f"{str(url).rstrip('/')}/healthz"
    try:
        async with httpx.AsyncClient(timeout=RECEIVER_SECONDS, follow_redirects=False, trust_env=False) as http:
            answer = await http.get(address)
    except httpx.HTTPError:
        return Said(told=f"Nobody answers at {address}.", verdict=Verdict.FAILED, todo="Start `cosell up`.")
    if not answer.is_success:
        todo = "Does another program listen there? Look at COSELL_RECEIVER__PORT."
        return Said(told=f"{address} answers {answer.status_code}.", verdict=Verdict.FAILED, todo=todo)
    return Said(told=f"Alive at {url}")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, without asking anybody."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

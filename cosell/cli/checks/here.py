"""Checks of this machine: the mapping files, the ledger, the age of the sign-in, the receiver next door."""

import ipaddress
from collections import Counter
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import httpx

from cosell.cli.checks.finding import Said, Verdict
from cosell.cli.opening import read_variable_sheet
from cosell.domain.clock import Clock
from cosell.errors import ConfigurationError
from cosell.http.kept import describe_sign_in
from cosell.http.lifetimes import SIGN_IN_AGAIN, Lifetime, Standing, judge_applications, judge_sign_in
from cosell.mapping.loader import load_mappings
from cosell.partner_center.opening import VAULT_NAME
from cosell.settings import Settings
from cosell.store import Ledger, LostSignIn

RECEIVER_SECONDS = 5
TEST_MODE = "what is created carries [TEST] before its name, and Microsoft sees no deal of it."


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInSeen:
    """What the ledger knows of the sign-in to Partner Center."""

    used_at: datetime | None = None
    signed_in_at: datetime | None = None
    lost: LostSignIn | None = None


async def check_mappings(settings: Settings) -> str:
    """Read the mapping files, the user's own laid over those that ship."""
    mappings = load_mappings(settings.mappings_dir)
    own = f", with your own from {settings.mappings_dir}" if settings.mappings_dir else ""
    return f"{len(mappings.opportunity.fields)} fields of the opportunity are mapped{own}."


async def check_test_mode() -> Said:
    """Say that everything which is created now is a test."""
    return Said(
        told=f"On: {TEST_MODE}", verdict=Verdict.WARNING, todo="Take COSELL_TEST_MODE out where deals are real."
    )


async def check_variables(settings: Settings) -> Said:
    """Read the variables which people edit, wherever they do."""
    sheet = await read_variable_sheet(settings)
    if sheet.problems:
        told = f"These values are not allowed: {'; '.join(sheet.problems)}."
        todo = "Mend them there; until then no flow runs."
        return Said(told=told, verdict=Verdict.FAILED, todo=todo)
    edited = [row for row in sheet.rows if row.value != row.variable.default]
    differing = ", ".join(f"{row.variable.name} is {row.value} ({row.where})" for row in edited)
    return Said(told=f"{differing}." if differing else "All have their defaults.")


async def check_ledger(ledger: Ledger) -> str:
    """Make sure that the ledger can be written."""
    await ledger.meta.check_writable()
    waiting, reminded = await ledger.inbox.count_waiting(), await ledger.links.count_reminded()
    return f"Reachable and writable; {waiting} hints wait, deadlines of {reminded} deals are watched."


async def check_dead_letters(ledger: Ledger) -> Said:
    """Remind of what was given up on: it is never forgotten while nobody has decided."""
    filed = await ledger.dead_letters.list_open()
    if not filed:
        return Said(told="There are none.")
    counts = Counter(item.letter.cause for item in filed)
    causes = ", ".join(f"{count} {cause}" for cause, count in counts.most_common())
    given_up = sum(item.due_at is None for item in filed)
    only = f"; {given_up} are not tried again by themselves" if given_up else "; all are tried again by themselves"
    oldest = min(item.first_at for item in filed)
    return Said(
        told=f"{len(filed)} open since {oldest:%Y-%m-%d}: {causes}{only}.",
        verdict=Verdict.WARNING,
        todo="`cosell dead-letters` says what is wrong with each, retries and dismisses.",
    )


async def check_sign_in_age(settings: Settings, seen: SignInSeen, *, clock: Clock) -> Said:
    """Judge the sign-in to Partner Center: whether it has ended, and how long ago it was used last."""
    if seen.lost:
        told = f"Ended; everything waits since {seen.lost.lost_at:%Y-%m-%d %H:%M} UTC. {seen.lost.told}"
        return Said(told=told, verdict=Verdict.FAILED, todo=SIGN_IN_AGAIN)
    said = _say(judge_sign_in(settings, used_at=seen.used_at, now=clock()))
    since = f" Signed in on {seen.signed_in_at:%Y-%m-%d}." if seen.signed_in_at else ""
    return Said(told=said.told + since, verdict=said.verdict, todo=said.todo)


async def look_at_sign_in(ledger: Ledger) -> SignInSeen:
    """Look at what the ledger knows of the sign-in; ask before anybody uses it, which would renew it."""
    signed_in_at = None
    with suppress(ConfigurationError):  # kept with another key: the check of Partner Center says so
        signed_in_at = describe_sign_in(await ledger.vault.load(VAULT_NAME)).signed_in_at
    return SignInSeen(
        used_at=await ledger.vault.find_saved_at(VAULT_NAME),
        signed_in_at=signed_in_at,
        lost=await ledger.sign_ins.find_lost(VAULT_NAME),
    )


def check_applications(settings: Settings, *, clock: Clock) -> Iterator[tuple[str, Awaitable[Said]]]:
    """Judge how long the secrets or certificates of both applications last, each with the name of its check."""

    async def say(each: Lifetime) -> Said:
        return _say(each)

    for each in judge_applications(settings, now=clock()):
        yield each.what, say(each)


def _say(each: Lifetime) -> Said:
    verdict = {Standing.ENDED: Verdict.FAILED, Standing.ENDS_SOON: Verdict.WARNING}.get(each.standing, Verdict.FINE)
    return Said(told=each.told, verdict=verdict, todo=each.todo)


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

"""The part of `cosell status` about credentials: whose sign-in it is, whether it has ended, what ends soon."""

from dataclasses import dataclass, field
from datetime import datetime

from cosell.cli.showing import terminal
from cosell.errors import ConfigurationError
from cosell.http.kept import SignInFacts, describe_sign_in
from cosell.http.lifetimes import SIGN_IN_AGAIN, Lifetime, judge_lifetimes
from cosell.partner_center.opening import VAULT_NAME
from cosell.settings import Settings
from cosell.store import Ledger, LostSignIn

RECONNECT = "Reconnect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """How everything stands with which we sign in; `facts` name a person and are for a terminal alone."""

    facts: SignInFacts = field(repr=False)
    lost: LostSignIn | None
    lifetimes: list[Lifetime]


async def read_credentials(settings: Settings, ledger: Ledger, *, now: datetime) -> Credentials:
    """Read it from ledger, settings and certificates; neither service is asked."""
    try:
        facts = describe_sign_in(await ledger.vault.load(VAULT_NAME))
    except ConfigurationError:
        facts = SignInFacts(user=None, signed_in_at=None)
    used_at = await ledger.vault.find_saved_at(VAULT_NAME)
    return Credentials(
        facts=facts,
        lost=await ledger.sign_ins.find_lost(VAULT_NAME),
        lifetimes=judge_lifetimes(settings, sign_in_used_at=used_at, now=now),
    )


def show_credentials(credentials: Credentials) -> None:
    """Print who signed in, and whatever wants attention."""
    out, lost = terminal(), credentials.lost
    if lost:
        out.print(f"✖ {RECONNECT}: the flows wait since {lost.lost_at:%Y-%m-%d %H:%M} UTC. {lost.told}", style="red")
        out.print(f"  {SIGN_IN_AGAIN} Nothing is lost meanwhile, and the flows go on by themselves.")
    elif credentials.facts.signed_in_at:
        who = credentials.facts.user or "somebody"
        out.print(f"Signed in to Partner Center: {who}, since {credentials.facts.signed_in_at:%Y-%m-%d %H:%M} UTC")
    for each in credentials.lifetimes:
        if each.wants_attention:
            out.print(f"! {each.what}: {each.told} {each.todo}".rstrip(), style="yellow")


def describe_credentials(credentials: Credentials) -> dict[str, object]:
    """Return the same for scripts, without anybody's name: what scripts read ends up in logs."""
    facts, lost = credentials.facts, credentials.lost
    return {
        "sign_in": {
            "state": RECONNECT if lost else "fine" if facts.signed_in_at else "none",
            "signed_in_at": facts.signed_in_at.isoformat() if facts.signed_in_at else None,
            "lost_at": lost.lost_at.isoformat() if lost else None,
            "told": lost.told if lost else None,
        },
        "credentials": [
            {
                "what": each.what,
                "standing": each.standing.value,
                "told": each.told,
                "todo": each.todo,
                "ends_at": each.ends_at.isoformat() if each.ends_at else None,
            }
            for each in credentials.lifetimes
        ],
    }

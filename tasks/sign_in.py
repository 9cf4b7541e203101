"""The sign-in to Partner Center as the flows see it: whether it has ended, whether it works again, what ends soon.

An ended sign-in is met once and told once: the run that meets it fails, those after it return at once, cancelled, until
somebody signs in. Their hints stay in the inbox.
"""

import logging
from datetime import timedelta

from cosell.errors import CosellError, SignInRequired
from cosell.http.lifetimes import Lifetime, judge_lifetimes
from cosell.partner_center.opening import VAULT_NAME
from cosell.settings import load_settings
from cosell.store import LostSignIn
from cosell.sync.workspace import Workspace
from tasks.policy import step
from tasks.workspace import get_workspace

LOG = logging.getLogger(__name__)
TRIAL_EVERY = timedelta(minutes=10)
"""How often one run tries an ended sign-in: a policy may have been mended, or the settings hold a new token."""


async def find_lost_sign_in(workspace: Workspace) -> LostSignIn | None:
    """Find whether a person has to sign in again before anything can be done; now and then, try whether that is so."""
    sign_ins = workspace.ledger.sign_ins
    lost = await sign_ins.find_lost(VAULT_NAME)
    if lost is None or not await sign_ins.claim_trial(VAULT_NAME, every=TRIAL_EVERY):
        return lost
    return await try_lost_sign_in(workspace, lost)


async def try_lost_sign_in(workspace: Workspace, lost: LostSignIn) -> LostSignIn | None:
    """Let the sign-in list one referral; if that works, note down that it is good and return None."""
    try:
        await workspace.partner_center.try_access()
    except CosellError:
        return lost
    if await workspace.ledger.sign_ins.note_good(VAULT_NAME):
        LOG.warning("The sign-in to Partner Center works again; the flows go on.")
    return None


async def clear_lost_sign_in() -> None:
    """Try a sign-in which is said to have ended, whoever may have tried it just before."""
    workspace = get_workspace()
    lost = await workspace.ledger.sign_ins.find_lost(VAULT_NAME)
    if lost:
        await try_lost_sign_in(workspace, lost)


async def describe_lost_sign_in() -> SignInRequired:
    """Return the error with which the sign-in has ended, as whoever met it first noted it down."""
    lost = await get_workspace().ledger.sign_ins.find_lost(VAULT_NAME)
    return SignInRequired(lost.told if lost else "The sign-in had ended, and somebody has just signed in again")


def waits_for_sign_in(lost: LostSignIn) -> str:
    """Return the sentence with which a run stops that cannot do anything before somebody signs in."""
    return f"Not run: since {lost.lost_at:%Y-%m-%d %H:%M} UTC everything waits for a sign-in. {lost.told}"


@step(name="check-credentials", run_name="check how long credentials last", tags={"credentials"})
async def check_credentials() -> list[dict[str, str]]:
    """Return how each credential stands, for a table, and log those which end within two weeks."""
    workspace = get_workspace()
    used_at = await workspace.ledger.vault.find_saved_at(VAULT_NAME)
    judged = judge_lifetimes(load_settings(), sign_in_used_at=used_at, now=workspace.clock())
    for each in judged:
        if each.wants_attention:
            LOG.warning("%s: %s %s", each.what, each.told, each.todo)
    return [_row(each) for each in judged]


def _row(each: Lifetime) -> dict[str, str]:
    warning = f"{each.what}: {each.told} {each.todo}".rstrip() if each.wants_attention else ""
    return {"what": each.what, "is": each.told, "warning": warning}

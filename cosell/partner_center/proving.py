"""Proves that a sign-in opens Partner Center, before it takes the place of the one that is kept."""

from dataclasses import dataclass, field

from cosell.domain.clock import Clock, utc_clock
from cosell.errors import AccessDenied, CredentialsRejected, SignInRequired
from cosell.http.kept import Stored
from cosell.http.tokens import DraftVault
from cosell.partner_center.opening import open_partner_center, open_webhooks
from cosell.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A sign-in which was let in: `secret` is for the vault, `webhook_problem` says why webhooks are refused, if so."""

    secret: bytes = field(repr=False)
    webhook_problem: str = ""


async def prove_sign_in(settings: Settings, kept: Stored, *, clock: Clock = utc_clock) -> Proof:
    """Let a new sign-in list referrals and look at the webhook registration; nothing is written anywhere.

    Raises:
        SignInRequired: it was made without a second factor, or Partner Center does not accept it.
        AccessDenied: whoever signed in has no role for referrals.
    """
    # The refresh token of the settings must not step in for the one that is to be proved.
    own = settings.partner_center.model_copy(update={"refresh_token": None})
    draft, alone = DraftVault(kept.to_bytes()), settings.model_copy(update={"partner_center": own})
    async with open_partner_center(alone, draft, clock=clock) as referrals:
        try:
            has_second_factor = await referrals.try_access()
        except SignInRequired as error:
            raise SignInRequired(_NOT_ACCEPTED, origin=error.origin) from None
        except AccessDenied as error:
            raise AccessDenied(_NO_ROLE, origin=error.origin) from None
    if has_second_factor is False:
        raise SignInRequired(_NO_SECOND_FACTOR)
    return Proof(webhook_problem=await _find_webhook_problem(alone, draft, clock=clock), secret=draft.secret)


async def _find_webhook_problem(settings: Settings, draft: DraftVault, *, clock: Clock) -> str:
    """Return why webhooks are refused to somebody whom referrals are shown; that needs more roles or consents."""
    async with open_webhooks(settings, draft, clock=clock) as webhooks:
        try:
            await webhooks.find_registration()
        except (AccessDenied, SignInRequired, CredentialsRejected) as error:
            return str(error)
    return ""


_NO_SECOND_FACTOR = (
    "Partner Center says that this sign-in has no second factor, and refuses such ones. Nothing was kept. Let an "
    "administrator of Entra demand multifactor authentication of this user, then run the command again"
)
_NOT_ACCEPTED = (
    "Partner Center does not accept this sign-in, most often because it was made without a second factor. Nothing was "
    "kept. Let an administrator of Entra demand multifactor authentication of this user, then run the command again"
)
_NO_ROLE = (
    "Whoever signed in has no role for referrals in Partner Center. Nothing was kept. Sign in as a Referrals admin, or "
    "let one be made under Account settings, User management"
)

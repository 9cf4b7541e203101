"""Who may call the referrals API: a signed-in person with a second factor, a token for this host, and a role."""

from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request

from cosell.emulators.origins import origin_of
from cosell.emulators.partner_center.answers import PartnerApiError, PartnerCenterApiError
from cosell.emulators.partner_center.behaviour import Behaviour
from cosell.emulators.world import Caller, World


class Roles(Protocol):
    """Knows the role of a person in Partner Center."""

    def role_of(self, user: str) -> str:
        """Return `referrals_admin`, `referrals_user` or `none`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """An admitted caller; a Referrals user sees only deals whose team holds them, so `team_email` is set."""

    caller: Caller
    team_email: str | None


class Door:
    """Lets callers in, or says why not in the format of the API they called."""

    def __init__(self, world: World, behaviour: Behaviour, roles: Roles) -> None:
        """Look tokens up in the world's book."""
        self._world = world
        self._behaviour = behaviour
        self._roles = roles

    def admit_to_referrals(self, request: Request) -> Access:
        """Return who is calling; raise `PartnerApiError` 401 or 403."""
        caller = self._caller(request)
        if caller is None:
            raise _unauthenticated("The access token is missing, unknown or expired.")
        if not self._world.is_for(caller, origin_of(request)):
            raise _unauthenticated("The access token was issued for another audience.")
        if caller.user is None:
            raise _denied("Only user access is supported; the token is app-only.", rule="appOnlyToken")
        if self._behaviour.mfa_required and not caller.has_mfa:
            challenge = 'Bearer error="insufficient_claims"'
            raise PartnerApiError(
                403,
                "accessDenied",
                "The token lacks the multi-factor authentication claim.",
                rule="insufficient_claims",
                headers={"WWW-Authenticate": challenge},
            )
        role = self._roles.role_of(caller.user)
        if role not in {"referrals_admin", "referrals_user"}:
            raise _denied("The user has no referrals role.", rule="missingRole")
        return Access(caller=caller, team_email=None if role == "referrals_admin" else caller.user)

    def admit_to_webhooks(self, request: Request) -> Caller:
        """Return who is calling; raise `PartnerCenterApiError` 401 or 403."""
        caller = self._caller(request)
        if caller is None:
            raise PartnerCenterApiError(401, "400", "Access denied")
        if not self._world.is_for(caller, origin_of(request)):
            raise PartnerCenterApiError(401, "900420", "The audience of the token is not valid for this resource.")
        if caller.user is not None:
            if self._behaviour.mfa_required and not caller.has_mfa:
                raise PartnerCenterApiError(401, "900421", "The token lacks the multi-factor authentication claim.")
            if self._roles.role_of(caller.user) != "referrals_admin":
                raise PartnerCenterApiError(403, "400", "Access denied", rule="missingRole")
        return caller

    def mfa_told(self, request: Request) -> dict[str, str]:
        """Answer `ValidateMfa: true` by a header which says whether the token has the claim."""
        if request.headers.get("validatemfa", "").lower() != "true":
            return {}
        caller = self._caller(request)
        return {"isMfaCompliant": "true" if caller and caller.has_mfa else "false"}

    def _caller(self, request: Request) -> Caller | None:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        return self._world.tokens.find(bearer.strip(), self._world.clock.now())


def _unauthenticated(message: str) -> PartnerApiError:
    return PartnerApiError(401, "unauthenticated", message, headers={"WWW-Authenticate": "Bearer"})


def _denied(message: str, *, rule: str) -> PartnerApiError:
    return PartnerApiError(403, "accessDenied", message, rule=rule)

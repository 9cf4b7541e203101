"""How long our credentials last, as far as anybody but Entra can know, and what to do before they end.

One place for `cosell doctor`, `cosell status` and the daily check of flow 1, so that all three say the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from cosell.errors import SettingsInvalid
from cosell.http.certificates import certificate_of
from cosell.settings import DELIMITER, PREFIX, DataverseSettings, PartnerCenterSettings, Settings

WARN_AHEAD = timedelta(days=14)
IDLE_LIMIT = timedelta(days=90)
"""A refresh token which nobody uses ends after this (Microsoft: Refresh tokens, token lifetime)."""
SIGN_IN = "sign-in"
SIGN_IN_AGAIN = "Let a Referrals admin run `cosell connect partner-center`."


class Standing(StrEnum):
    """How a credential stands today."""

    LASTS = "lasts"
    UNKNOWN = "unknown"
    ENDS_SOON = "ends soon"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """`what` is the credential, `told` how it stands, `todo` what a person does; no secret, no name of anybody."""

    what: str
    standing: Standing
    told: str
    todo: str = ""
    ends_at: datetime | None = None

    @property
    def wants_attention(self) -> bool:
        """Whether a person should do something now."""
        return self.standing in {Standing.ENDS_SOON, Standing.ENDED}


def judge_lifetimes(settings: Settings, *, sign_in_used_at: datetime | None, now: datetime) -> list[Lifetime]:
    """Judge all credentials."""
    return [*judge_applications(settings, now=now), judge_sign_in(settings, used_at=sign_in_used_at, now=now)]


def judge_applications(settings: Settings, *, now: datetime) -> Iterator[Lifetime]:
    """Judge the secrets or certificates of both applications. Reads the certificates' files."""
    owners: tuple[tuple[str, str, DataverseSettings | PartnerCenterSettings], ...] = (
        ("CRM credential", "DATAVERSE", settings.dataverse),
        ("Partner Center credential", "PARTNER_CENTER", settings.partner_center),
    )
    for what, group, own in owners:
        prefix = f"{PREFIX}{group}{DELIMITER}"
        try:
            yield _judge_application(own, what=what, prefix=prefix, now=now)
        except SettingsInvalid as error:
            yield Lifetime(what=what, standing=Standing.ENDED, told=error.message)


def _judge_application(
    own: DataverseSettings | PartnerCenterSettings, *, what: str, prefix: str, now: datetime
) -> Lifetime:
    file = certificate_of(own, settings_prefix=prefix)
    if file is not None:
        todo = f"Register a new certificate for the application in Entra, then let {prefix}CERTIFICATE name it."
        return _judge(what, "The certificate", file.load().expires_at, todo=todo, now=now)
    if own.client_secret is None:
        return Lifetime(what=what, standing=Standing.LASTS, told="A public client: there is nothing that could end.")
    setting = f"{prefix}CLIENT_SECRET_EXPIRES_ON"
    if own.client_secret_expires_on is None:
        told = f"Only Entra knows when the client secret ends; set {setting} to be warned."
        return Lifetime(what=what, standing=Standing.UNKNOWN, told=told)
    todo = f"Make a new secret for the application in Entra, then set {prefix}CLIENT_SECRET and {setting}."
    return _judge(what, "The client secret", _begin_of(own.client_secret_expires_on), todo=todo, now=now)


def judge_sign_in(settings: Settings, *, used_at: datetime | None, now: datetime) -> Lifetime:
    """Judge the sign-in to Partner Center by when it was used last."""
    if used_at is None:
        if settings.partner_center.refresh_token is None:
            return Lifetime(what=SIGN_IN, standing=Standing.ENDED, told="Nobody has signed in yet.", todo=SIGN_IN_AGAIN)
        told = "Not used yet; it begins with COSELL_PARTNER_CENTER__REFRESH_TOKEN, whose age is not known."
        return Lifetime(what=SIGN_IN, standing=Standing.UNKNOWN, told=told)
    ends_at = used_at + IDLE_LIMIT
    days = max((now - used_at).days, 0)
    told = f"Used last {days} days ago; it ends after {IDLE_LIMIT.days} days without use."
    if now >= ends_at:
        return Lifetime(what=SIGN_IN, standing=Standing.ENDED, told=told, todo=SIGN_IN_AGAIN, ends_at=ends_at)
    if now >= ends_at - WARN_AHEAD:
        todo = "Activate the flows, which use it, or sign in again before that."
        return Lifetime(what=SIGN_IN, standing=Standing.ENDS_SOON, told=told, todo=todo, ends_at=ends_at)
    return Lifetime(what=SIGN_IN, standing=Standing.LASTS, told=told, ends_at=ends_at)


def _judge(what: str, subject: str, ends_at: datetime, *, todo: str, now: datetime) -> Lifetime:
    day = f"{ends_at:%Y-%m-%d}"
    if now >= ends_at:
        return Lifetime(
            what=what, standing=Standing.ENDED, told=f"{subject} ended on {day}.", todo=todo, ends_at=ends_at
        )
    if now >= ends_at - WARN_AHEAD:
        told = f"{subject} ends on {day}, in {(ends_at - now).days} days."
        return Lifetime(what=what, standing=Standing.ENDS_SOON, told=told, todo=todo, ends_at=ends_at)
    return Lifetime(what=what, standing=Standing.LASTS, told=f"{subject} lasts until {day}.", ends_at=ends_at)


def _begin_of(day: date) -> datetime:
    """Return the first moment of a day: a secret may end at any hour of its last one."""
    return datetime.combine(day, time.min, UTC)

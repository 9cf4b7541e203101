"""What rests in the vault under the name of a service: msal's cache, and the story of the sign-in it came from."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import SecretStr

_MEMBERS = ("seed", "signed_in_at")


@dataclass(slots=True, kw_only=True)
class Stored:
    """One sign-in as it is kept, encrypted by the vault.

    `seed` is the hash of the refresh token from the settings it began with, if it began so; `signed_in_at` (ISO 8601)
    tells one sign-in from the next. Who signed in stands in msal's cache, hence nowhere unencrypted.
    """

    cache: str | None = field(default=None, repr=False)
    seed: str = ""
    signed_in_at: str = ""

    @classmethod
    def from_bytes(cls, secret: bytes | None) -> "Stored":
        """Read what `to_bytes` wrote, an older version of it too; something else counts as nothing."""
        if secret is None:
            return cls()
        try:
            document = json.loads(secret)
            return cls(cache=document["cache"], **{name: str(document.get(name, "")) for name in _MEMBERS})
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def to_bytes(self) -> bytes:
        """Return this for the vault."""
        return json.dumps({"cache": self.cache, "seed": self.seed, "signed_in_at": self.signed_in_at}).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInFacts:
    """Who signed in and when, as far as is known; the name is for a terminal, never for a log."""

    user: str | None = field(repr=False)
    signed_in_at: datetime | None


def describe_sign_in(secret: bytes | None) -> SignInFacts:
    """Return whose sign-in it is that the vault gave out, and since when."""
    stored = Stored.from_bytes(secret)
    at = datetime.fromisoformat(stored.signed_in_at) if stored.signed_in_at else None
    return SignInFacts(user=_find_user(stored.cache), signed_in_at=at)


def fingerprint(seed: SecretStr) -> str:
    """Return what tells two refresh tokens apart without being one."""
    return hashlib.sha256(seed.get_secret_value().encode()).hexdigest()


def _find_user(cache: str | None) -> str | None:
    try:
        accounts = json.loads(cache or "{}").get("Account", {}).values()
        return next((str(account["username"]) for account in accounts if account.get("username")), None)
    except (ValueError, AttributeError):
        return None

"""Access tokens: asked for once, shared by all processes through the vault, renewed before they end.

`AppTokens` speak for an application (Dataverse), `UserTokens` for the person who signed in (Partner Center). Both keep
msal's own token cache in the vault. What is there and still good is used without a call to anybody; to renew it, the
vault's lock is held, so that two processes never redeem the same refresh token: the second finds what the first got.
"""

import asyncio
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msal
from pydantic import SecretStr

from cosell.domain.clock import Clock
from cosell.errors import SignInRequired
from cosell.http.entra import Identity, ask_entra, build_application, entra_error
from cosell.http.tokens import TokenVault

_MARGIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    token: str = field(repr=False)
    expires_at: datetime


class _MsalTokens(ABC):
    """What both kinds share: hold a token, renew it under the lock, keep the cache."""

    def __init__(self, identity: Identity, *, scope: str, vault: TokenVault, vault_name: str, clock: Clock) -> None:
        self._identity = identity
        self._scopes = [scope]
        self._vault = vault
        self._vault_name = vault_name
        self._clock = clock
        self._lock = asyncio.Lock()
        self._cache = msal.SerializableTokenCache()
        self._application: Any = None
        self._held: _Held | None = None

    async def token(self, *, force: bool = False) -> str:
        """Return an access token; `force` asks for a new one, because the last was refused."""
        async with self._lock:
            held = self._held
            if held is None or force or held.expires_at - self._clock() < _MARGIN:
                held = self._held = await self._renew(refused=held.token if held and force else None)
            return held.token

    async def _renew(self, *, refused: str | None) -> _Held:
        """Take what another process left in the vault; else ask Entra, one process at a time."""
        stored = Stored.from_bytes(await self._vault.load(self._vault_name))
        found = self._find(stored, refused)
        if found is not None:
            return found
        async with self._vault.lock(self._vault_name):
            stored = Stored.from_bytes(await self._vault.load(self._vault_name))
            found = self._find(stored, refused)
            if found is not None:
                return found
            result = await asyncio.to_thread(self._ask, stored, refused)
            stored.cache = self._cache.serialize()
            await self._vault.save(self._vault_name, stored.to_bytes())
        seconds = int(str(result.get("expires_in", 0)))
        return _Held(token=str(result["access_token"]), expires_at=self._clock() + timedelta(seconds=seconds))

    def _find(self, stored: "Stored", refused: str | None) -> _Held | None:
        """Return a token from the stored cache which is good for a while and is not the refused one."""
        self._cache.deserialize(stored.cache)
        query = {"client_id": self._identity.client_id, "environment": urlsplit(self._identity.authority).hostname}
        kind = msal.TokenCache.CredentialType.ACCESS_TOKEN
        for entry in list(self._cache.search(kind, target=self._scopes, query=query)):
            held = _Held(token=entry["secret"], expires_at=datetime.fromtimestamp(int(entry["expires_on"]), UTC))
            if held.token != refused and held.expires_at - self._clock() >= _MARGIN:
                return held
        return None

    def _ask(self, stored: "Stored", refused: str | None) -> Mapping[str, object]:
        if self._application is None:
            self._application = build_application(self._identity, cache=self._cache)
        result = self._acquire(stored, refused)
        if result is None or "access_token" not in result:
            raise entra_error(result or {"error": "invalid_grant"}, self._identity)
        return result

    @abstractmethod
    def _acquire(self, stored: "Stored", refused: str | None) -> Mapping[str, object] | None:
        """Return msal's result; with `refused`, not that token again."""


class AppTokens(_MsalTokens):
    """Tokens by client credentials."""

    def _acquire(self, stored: "Stored", refused: str | None) -> Mapping[str, object] | None:  # noqa: ARG002
        if refused is not None:
            self._application.remove_tokens_for_client()
        result: Mapping[str, object] | None = ask_entra(
            lambda: self._application.acquire_token_for_client(self._scopes)
        )
        return result


class UserTokens(_MsalTokens):
    """Tokens on behalf of the person who signed in.

    `first_refresh_token` (from the settings) is redeemed when the vault holds no sign-in yet, or a sign-in that has
    ended while the setting has changed since. What Entra rotated to is always tried first.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        scope: str,
        vault: TokenVault,
        vault_name: str,
        clock: Clock,
        first_refresh_token: SecretStr | None = None,
    ) -> None:
        """Ask nothing yet."""
        super().__init__(identity, scope=scope, vault=vault, vault_name=vault_name, clock=clock)
        self._seed = first_refresh_token

    def _acquire(self, stored: "Stored", refused: str | None) -> Mapping[str, object] | None:
        result: Mapping[str, object] | None = None
        accounts = self._application.get_accounts()
        if accounts:
            result = ask_entra(
                lambda: self._application.acquire_token_silent_with_error(
                    self._scopes, accounts[0], force_refresh=refused is not None
                ),
            )
        if result is not None and result.get("error") != "invalid_grant":
            return result
        if self._seed is None or (accounts and stored.seed == _fingerprint(self._seed)):
            if result is None:
                raise SignInRequired(
                    "Nobody has signed in to Partner Center yet; a Referrals admin has to run "
                    "`cosell connect partner-center`"
                )
            return result
        result = self._redeem(self._seed)
        if result and "access_token" in result:
            stored.seed = _fingerprint(self._seed)
        return result

    def _redeem(self, seed: SecretStr) -> Mapping[str, object] | None:
        for account in self._application.get_accounts():
            self._application.remove_account(account)
        result: Mapping[str, object] | None = ask_entra(
            lambda: self._application.acquire_token_by_refresh_token(seed.get_secret_value(), self._scopes),
        )
        return result


@dataclass(slots=True, kw_only=True)
class Stored:
    """What rests in the vault: msal's cache, and which refresh token from the settings it began with (its hash)."""

    cache: str | None = field(default=None, repr=False)
    seed: str = ""

    @classmethod
    def from_bytes(cls, secret: bytes | None) -> "Stored":
        """Read what `to_bytes` wrote; something else counts as nothing."""
        if secret is None:
            return cls()
        try:
            document = json.loads(secret)
            return cls(cache=document["cache"], seed=document["seed"])
        except (ValueError, KeyError, TypeError):
            return cls()

    def to_bytes(self) -> bytes:
        """Return this for the vault."""
        return json.dumps({"cache": self.cache, "seed": self.seed}).encode()


def _fingerprint(seed: SecretStr) -> str:
    return hashlib.sha256(seed.get_secret_value().encode()).hexdigest()

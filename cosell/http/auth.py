"""Access tokens: asked for once, shared by all processes through the vault, renewed before they end.

`AppTokens` speak for an application (Dataverse), `UserTokens` for the person who signed in (Partner Center). Both keep
msal's own token cache in the vault. What is there and still good is used without a call to anybody; to renew it, the
vault's lock is held, so that two processes never redeem the same refresh token: the second finds what the first got.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msal
from pydantic import SecretStr

from cosell.domain.clock import Clock
from cosell.errors import SignInRequired
from cosell.http.entra import GONE_SIGN_IN, Identity, ask_entra, build_application, entra_error
from cosell.http.kept import Stored, fingerprint
from cosell.http.tokens import TokenVault

logger = logging.getLogger(__name__)

_MARGIN = timedelta(minutes=5)
_Returned = TypeVar("_Returned")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unsaved:
    """What Entra rotated to while the vault could not be written; `before` is what the vault held then."""

    before: bytes | None = field(repr=False)
    after: bytes = field(repr=False)


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
        self._unsaved: _Unsaved | None = None

    async def token(self, *, force: bool = False) -> str:
        """Return an access token; `force` asks for a new one, because the last was refused."""
        async with self._lock:
            held = self._held
            if held is None or force or held.expires_at - self._clock() < _MARGIN:
                held = self._held = await self._renew(refused=held.token if held and force else None)
            return held.token

    async def _renew(self, *, refused: str | None) -> _Held:
        """Take what another process left in the vault; else ask Entra, one process at a time."""
        found = self._find(Stored.from_bytes(await self._vault.load(self._vault_name)), refused)
        if found is not None:
            return found
        async with self._vault.lock(self._vault_name):
            secret = await self._save_unsaved(await self._vault.load(self._vault_name))
            found = self._find(Stored.from_bytes(secret), refused)
            if found is not None:
                return found
            return await _to_the_end(self._ask_and_save(secret, refused))

    async def _ask_and_save(self, secret: bytes | None, refused: str | None) -> _Held:
        stored = Stored.from_bytes(secret)
        result = await self._ask_noting(secret, stored, refused)
        stored.cache = self._cache.serialize()
        # From here on the vault's refresh token may be worth nothing: the new one must not get lost.
        self._unsaved = _Unsaved(before=secret, after=stored.to_bytes())
        await self._save_unsaved(secret)
        seconds = int(str(result.get("expires_in", 0)))
        return _Held(token=str(result["access_token"]), expires_at=self._clock() + timedelta(seconds=seconds))

    async def _save_unsaved(self, present: bytes | None) -> bytes | None:
        """Save what could not be saved before, unless another process was there since; return what the vault holds."""
        unsaved = self._unsaved
        if unsaved is None or unsaved.before != present:
            self._unsaved = None
            return present
        await self._vault.save(self._vault_name, unsaved.after)
        self._unsaved = None
        return unsaved.after

    def _find(self, stored: Stored, refused: str | None) -> _Held | None:
        """Return a token from the stored cache which is good for a while and is not the refused one."""
        self._cache.deserialize(stored.cache)
        query = {"client_id": self._identity.client_id, "environment": urlsplit(self._identity.authority).hostname}
        kind = msal.TokenCache.CredentialType.ACCESS_TOKEN
        for entry in list(self._cache.search(kind, target=self._scopes, query=query)):
            held = _Held(token=entry["secret"], expires_at=datetime.fromtimestamp(int(entry["expires_on"]), UTC))
            if held.token != refused and held.expires_at - self._clock() >= _MARGIN:
                return held
        return None

    async def _ask_noting(
        self,
        secret: bytes | None,  # noqa: ARG002  for those who remember what was refused
        stored: Stored,
        refused: str | None,
    ) -> Mapping[str, object]:
        """Ask Entra, and note down whatever has to be remembered of a refusal."""
        return await asyncio.to_thread(self._ask, stored, refused)

    def _ask(self, stored: Stored, refused: str | None) -> Mapping[str, object]:
        if self._application is None:
            self._application = build_application(self._identity, cache=self._cache)
        result = self._acquire(stored, refused)
        if result is None or "access_token" not in result:
            raise entra_error(result or {"error": "invalid_grant"}, self._identity)
        return result

    @abstractmethod
    def _acquire(self, stored: Stored, refused: str | None) -> Mapping[str, object] | None:
        """Return msal's result; with `refused`, not that token again."""


class AppTokens(_MsalTokens):
    """Tokens by client credentials."""

    def _acquire(self, stored: Stored, refused: str | None) -> Mapping[str, object] | None:  # noqa: ARG002
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
        self._sign_in = ""
        self._refused: tuple[bytes | None, SignInRequired] | None = None

    async def note_refused(self, error: SignInRequired) -> None:
        """Note down that the service itself wants a new sign-in, unless there is one since our token was got."""
        async with self._vault.lock(self._vault_name):
            stored = Stored.from_bytes(await self._vault.load(self._vault_name))
            if stored.signed_in_at == self._sign_in:
                await self._note_lost(error)

    async def _note_lost(self, error: SignInRequired) -> None:
        if await self._vault.note_lost(self._vault_name, told=str(error)):
            logger.error("%s. Until then the flows do nothing, and nothing is lost.", error)

    async def _ask_noting(self, secret: bytes | None, stored: Stored, refused: str | None) -> Mapping[str, object]:
        """Ask Entra; a sign-in that has ended is noted down, and is not shown to Entra again by this process."""
        if self._refused is not None and self._refused[0] == secret:
            raise SignInRequired(self._refused[1].message, origin=self._refused[1].origin)
        try:
            return await super()._ask_noting(secret, stored, refused)
        except SignInRequired as error:
            self._refused = (secret, error)
            await self._note_lost(error)
            raise

    def _find(self, stored: Stored, refused: str | None) -> _Held | None:
        self._sign_in = stored.signed_in_at
        return super()._find(stored, refused)

    def _acquire(self, stored: Stored, refused: str | None) -> Mapping[str, object] | None:
        result: Mapping[str, object] | None = None
        accounts = self._application.get_accounts()
        if accounts:
            result = ask_entra(
                lambda: self._application.acquire_token_silent_with_error(
                    self._scopes, accounts[0], force_refresh=refused is not None
                ),
            )
        if result is not None and result.get("error") not in GONE_SIGN_IN:
            return result
        if self._seed is None or (accounts and stored.seed == fingerprint(self._seed)):
            if result is None:
                raise SignInRequired(
                    "Nobody has signed in to Partner Center yet; a Referrals admin has to run "
                    "`cosell connect partner-center`"
                )
            return result
        result = self._redeem(self._seed)
        if result and "access_token" in result:
            stored.seed = fingerprint(self._seed)
            stored.signed_in_at = self._sign_in = self._clock().isoformat()
        return result

    def _redeem(self, seed: SecretStr) -> Mapping[str, object] | None:
        for account in self._application.get_accounts():
            self._application.remove_account(account)
        result: Mapping[str, object] | None = ask_entra(
            lambda: self._application.acquire_token_by_refresh_token(seed.get_secret_value(), self._scopes),
        )
        return result


async def _to_the_end(work: Coroutine[Any, Any, _Returned]) -> _Returned:
    """Let work come to its end even if we are cancelled meanwhile: what Entra has rotated to has to be saved."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(Exception):
            await asyncio.shield(task)
        raise

"""The token endpoint's decisions: which form of proof opens which tokens."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from cosell.emulators import identities
from cosell.emulators.entra import errors
from cosell.emulators.entra.assertions import client_named_in, verify_assertion
from cosell.emulators.entra.device_codes import DeviceCodes
from cosell.emulators.entra.directory import IDLE_LIFETIME, App, Directory, User
from cosell.emulators.entra.knobs import EntraKnobs
from cosell.emulators.entra.tokens import ACCESS_LIFETIME, Wish, audiences_in, client_info, id_token, issue_access_token
from cosell.emulators.world import World

DEVICE_GRANTS = frozenset({"urn:ietf:params:oauth:grant-type:device_code", "device_code"})
_SHARED_TENANTS = frozenset({"common", "organizations"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """One call of a token endpoint: the form, the tenant of the path, the address it came to and the API's version."""

    form: Mapping[str, str]
    tenant: str
    origin: str
    is_v1: bool
    basic: str | None = None

    def field(self, name: str) -> str:
        """Return a form field that has to be there."""
        if value := self.form.get(name):
            return value
        raise errors.missing_parameter(name)


class Grants:
    """Decides on token requests against the directory."""

    def __init__(self, world: World, directory: Directory, codes: DeviceCodes, knobs: EntraKnobs) -> None:
        """Work on what the service holds."""
        self._knobs = knobs
        self._world = world
        self._directory = directory
        self._codes = codes

    def answer(self, request: TokenRequest) -> dict[str, object]:
        """Return the members of a successful answer, or raise `EntraError`."""
        grant_type = request.field("grant_type")
        self._check_tenant(request.tenant, is_app_only=grant_type == "client_credentials")
        if grant_type == "client_credentials":
            return self._client_credentials(request)
        if grant_type == "refresh_token":
            return self._refresh_token(request)
        if grant_type in DEVICE_GRANTS:
            return self._device_code(request)
        raise errors.wrong_grant_type(grant_type)

    def _check_tenant(self, tenant: str, *, is_app_only: bool) -> None:
        known = {identities.TENANT_ID, identities.TENANT_DOMAIN}
        if tenant.lower() not in (known if is_app_only else known | _SHARED_TENANTS):
            raise errors.unknown_tenant(tenant)

    def _client_credentials(self, request: TokenRequest) -> dict[str, object]:
        app = self._proven_app(request)
        wish = Wish(
            client_id=app.client_id, audience=self._audience(request, for_app=True), scopes=(), issuer=_issuer(request)
        )
        return self._members(request, wish)

    def _refresh_token(self, request: TokenRequest) -> dict[str, object]:
        token = request.field("refresh_token")
        grant = self._directory.find_grant(token)
        app = self._proven_app(request, may_be_public=grant is not None and grant.is_public)
        if grant is None or grant.client_id != app.client_id:
            raise errors.broken_grant()
        if grant.is_revoked:
            raise errors.revoked_grant()
        if self._world.clock.now() - grant.used_at > IDLE_LIFETIME:
            raise errors.expired_grant()
        if self._knobs.refresh_tokens == "single_use" and grant.use_count:
            self._directory.revoke_grants(grant.user)
            raise errors.reused_grant()
        wish = self._wish_of(request, app, grant.user)
        if wish.user and wish.user.mfa == "required":
            raise errors.needs_mfa(wish.audience)
        self._directory.note_use(token)
        return self._members(request, wish, is_public=grant.is_public)

    def _device_code(self, request: TokenRequest) -> dict[str, object]:
        app = self._proven_app(request, may_be_public=True)
        name = "device_code" if "device_code" in request.form else "code"
        code = self._codes.redeem(request.field(name), client_id=app.client_id)
        wish = self._wish_of(request, app, code.user or "", scope=code.scope)
        return self._members(request, wish, is_public=True)

    def _wish_of(self, request: TokenRequest, app: App, user_name: str, scope: str | None = None) -> Wish:
        user = self._directory.find_user(user_name)
        if user is None:
            raise errors.revoked_grant()
        return Wish(
            client_id=app.client_id,
            audience=self._audience(request, scope=scope),
            scopes=tuple((scope or request.form.get("scope", "")).split()),
            issuer=_issuer(request),
            user=user,
            has_mfa=user.mfa != "missing",
        )

    def _members(self, request: TokenRequest, wish: Wish, *, is_public: bool = False) -> dict[str, object]:
        seconds: object = int(ACCESS_LIFETIME.total_seconds())
        members: dict[str, object] = {"token_type": "Bearer"}
        if request.is_v1:
            now = int(self._world.clock.now().timestamp())
            members |= {
                "expires_in": str(seconds),
                "ext_expires_in": str(seconds),
                "expires_on": str(now + int(ACCESS_LIFETIME.total_seconds())),
                "not_before": str(now - 300),
                "resource": wish.audience,
            }
        else:
            members |= {"expires_in": seconds, "ext_expires_in": seconds}
        members["access_token"] = issue_access_token(self._world, wish)
        if wish.user:
            scopes = f"{wish.audience}/user_impersonation {wish.audience}/.default"
            members["scope"] = "user_impersonation" if request.is_v1 else scopes
            if request.is_v1 or "offline_access" in wish.scopes or request.form["grant_type"] == "refresh_token":
                members["refresh_token"] = self._directory.add_grant(
                    client_id=wish.client_id, user=wish.user.user, has_mfa=wish.has_mfa, is_public=is_public
                )
            if "openid" in wish.scopes:
                members["id_token"] = id_token(wish, wish.user, self._world.clock.now())
            if request.form.get("client_info") == "1":
                members["client_info"] = client_info(wish.user)
        return members

    def _audience(self, request: TokenRequest, *, for_app: bool = False, scope: str | None = None) -> str:
        if request.is_v1:
            named = audiences_in(request.form.get("resource") or scope or "")
            if len(named) != 1:
                raise errors.missing_parameter("resource")
            return named.pop()
        text = scope if scope is not None else request.field("scope")
        named = audiences_in(text)
        if len(named) != 1 or (for_app and not text.strip().endswith("/.default")):
            raise errors.wrong_scope(text, for_app=for_app)
        return named.pop()

    def _proven_app(self, request: TokenRequest, *, may_be_public: bool = False) -> App:
        client_id, secret = _from_basic(request.basic)
        assertion = request.form.get("client_assertion", "")
        client_id = request.form.get("client_id") or client_id or client_named_in(assertion)
        secret = request.form.get("client_secret") or secret
        if not client_id:
            raise errors.missing_parameter("client_id")
        app = self._directory.find_app(client_id)
        if app is None:
            raise errors.unknown_app(client_id, request.tenant)
        if assertion:
            paths = ("/oauth2/v2.0/token", "/oauth2/token", "/v2.0", "/")
            audiences = {f"{request.origin}/{request.tenant}{path}" for path in paths}
            verify_assertion(
                assertion,
                certificates=app.certificates,
                client_id=client_id,
                audiences=audiences,
                now=self._world.clock.now(),
            )
        elif secret:
            if app.secret is None or secret != app.secret:
                raise errors.wrong_secret(client_id)
        elif not may_be_public:
            raise errors.missing_secret()
        return app


def _issuer(request: TokenRequest) -> str:
    return f"{request.origin}/{identities.TENANT_ID}/v2.0"


def _from_basic(header: str | None) -> tuple[str, str]:
    if not header or not header.lower().startswith("basic "):
        return "", ""
    try:
        client_id, _, secret = base64.b64decode(header[6:]).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote(client_id), unquote(secret)


def described(user: User) -> dict[str, str]:
    """Describe a person for the controls."""
    return {"user": user.user, "role": user.role, "mfa": user.mfa, "name": f"{user.first_name} {user.last_name}"}

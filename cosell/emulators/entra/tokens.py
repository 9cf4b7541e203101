"""Builds the token endpoint's answers: access tokens for the APIs, ID tokens and client info for the client library."""

import base64
import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cosell.emulators import identities
from cosell.emulators.entra.directory import User
from cosell.emulators.origins import normal_origin
from cosell.emulators.world import Caller, World

ACCESS_LIFETIME = timedelta(seconds=3599)
OIDC_SCOPES = frozenset({"openid", "profile", "offline_access", "email"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a client asked tokens for: who it is, on whose behalf, and which scopes of the one `audience`."""

    client_id: str
    audience: str
    scopes: tuple[str, ...]
    issuer: str
    user: User | None = None
    has_mfa: bool = False


def audiences_in(scope: str) -> set[str]:
    """Return the origins named by a scope text, OpenID's own scopes left out."""
    parts = [part for part in scope.split() if part not in OIDC_SCOPES]
    return {normal_origin(part) for part in parts if "://" in part}


def issue_access_token(world: World, wish: Wish) -> str:
    """Make an access token and enter it in the world's book, where the APIs look it up."""
    now = world.clock.now()
    expires_at = now + ACCESS_LIFETIME
    claims: dict[str, object] = {
        "aud": wish.audience,
        "iss": wish.issuer,
        "iat": int(now.timestamp()),
        "nbf": int(now.timestamp()),
        "exp": int(expires_at.timestamp()),
        "appid": wish.client_id,
        "tid": identities.TENANT_ID,
        "uti": secrets.token_urlsafe(16),
        "ver": "1.0",
    }
    if wish.user:
        claims |= {
            "upn": wish.user.user,
            "oid": object_id(wish.user.user),
            "amr": ["pwd", "mfa"] if wish.has_mfa else ["pwd"],
            "scp": "user_impersonation",
        }
    bearer = _unsigned(claims)
    caller = Caller(
        tenant_id=identities.TENANT_ID,
        audience=wish.audience,
        client_id=wish.client_id,
        user=wish.user.user if wish.user else None,
        has_mfa=wish.has_mfa,
        expires_at=expires_at,
    )
    world.tokens.add(bearer, caller)
    return bearer


def id_token(wish: Wish, user: User, now: datetime) -> str:
    """Make an ID token about the signed-in person."""
    return _unsigned(
        {
            "aud": wish.client_id,
            "iss": wish.issuer,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + ACCESS_LIFETIME).timestamp()),
            "name": f"{user.first_name} {user.last_name}",
            "preferred_username": user.user,
            "oid": object_id(user.user),
            "sub": object_id(f"{wish.client_id} {user.user}"),
            "tid": identities.TENANT_ID,
            "ver": "2.0",
        }
    )


def client_info(user: User) -> str:
    """Tell the client library under which account to file the tokens."""
    return _encoded({"uid": object_id(user.user), "utid": identities.TENANT_ID})


def object_id(name: str) -> str:
    """Return the directory's id of somebody, always the same for a name."""
    return str(uuid.uuid5(uuid.UUID(identities.TENANT_ID), name.lower()))


def _unsigned(claims: dict[str, object]) -> str:
    # Opaque to clients and looked up, not verified, by the APIs: so the third part is only filler.
    head = {"typ": "JWT", "alg": "RS256", "kid": "emulated"}
    return f"{_encoded(head)}.{_encoded(claims)}.{secrets.token_urlsafe(24)}"


def _encoded(value: Mapping[str, object]) -> str:
    text = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()

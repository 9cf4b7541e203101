"""Controls over identities: tokens to act as a person, people and apps, device codes, revocation."""

from dataclasses import asdict

from starlette.requests import Request

from cosell.emulators import identities
from cosell.emulators.assembly import Emulators
from cosell.emulators.controlling import Control, ControlError, Json, object_of, text_in
from cosell.emulators.entra.directory import User
from cosell.emulators.entra.grants import described
from cosell.emulators.entra.tokens import ACCESS_LIFETIME, Wish, issue_access_token
from cosell.emulators.origins import normal_origin

_ROLES = ("referrals_admin", "referrals_user", "none")
_MFA = ("done", "missing", "required")


async def _tokens(emulators: Emulators, request: Request) -> Json:
    body = await object_of(request)
    name = text_in(body, "user")
    options = emulators.options
    known = {
        "dataverse": options.partner_origin,
        "partner_center": options.partner_origin,
        "partner_center_webhooks": options.webhook_origin,
    }
    # A token nobody named an audience for is good at every address; those from Entra never are.
    wanted = text_in(body, "audience", "*")
    audience = known.get(wanted) or (wanted if wanted == "*" else normal_origin(wanted))
    user = emulators.entra.directory.find_user(name)
    if user is None:
        if emulators.dataverse and not emulators.dataverse.user_exists(name):
            raise ControlError(f"nobody called {name} is in the directory or the CRM", status=404)
        user = User(user=name, first_name="", last_name="", role="none", mfa="done")
    has_mfa = body.get("mfa", user.mfa != "missing") is True
    wish = Wish(
        client_id=identities.PARTNER_CLIENT_ID,
        audience=audience,
        scopes=(),
        issuer=f"{options.partner_origin}/{identities.TENANT_ID}/v2.0",
        user=user,
        has_mfa=has_mfa,
    )
    bearer = issue_access_token(emulators.world, wish)
    return {
        "access_token": bearer,
        "token_type": "Bearer",
        "expires_in": int(ACCESS_LIFETIME.total_seconds()),
        "audience": audience,
        "user": user.user,
    }


async def _users(emulators: Emulators, request: Request) -> Json:
    body = await object_of(request)
    name = text_in(body, "user")
    old = emulators.entra.directory.find_user(name)
    first_name, _, last_name = name.partition("@")[0].replace(".", " ").title().partition(" ")
    old = old or User(user=name, first_name=first_name, last_name=last_name, role="referrals_user", mfa="done")
    role, mfa = text_in(body, "role", old.role), text_in(body, "mfa", old.mfa)
    if role not in _ROLES or mfa not in _MFA:
        raise ControlError(f"role is one of {', '.join(_ROLES)}; mfa is one of {', '.join(_MFA)}")
    user = User(**{**asdict(old), "role": role, "mfa": mfa})
    emulators.entra.directory.put_user(user)
    return described(user)


async def _apps(emulators: Emulators, request: Request) -> Json:
    body = await object_of(request)
    client_id = text_in(body, "client_id")
    old = emulators.entra.directory.find_app(client_id)
    secret = body.get("client_secret", old.secret if old else None)
    certificates = old.certificates if old else ()
    if "certificate" in body:
        certificates = (*certificates, text_in(body, "certificate"))
    emulators.entra.directory.put_app(client_id=client_id, secret=secret, certificates=certificates)
    if emulators.dataverse:
        emulators.dataverse.add_application_user(client_id)
    return {"client_id": client_id, "has_secret": bool(secret), "certificate_count": len(certificates)}


async def _revoke(emulators: Emulators, request: Request) -> Json:
    body = await object_of(request)
    kind = text_in(body, "kind", "refresh")
    if kind == "access":
        emulators.world.tokens.forget_all()
        return {"revoked": "access"}
    if kind != "refresh":
        raise ControlError("kind is refresh or access")
    user = text_in(body, "user") if "user" in body else None
    return {"revoked": "refresh", "count": emulators.entra.directory.revoke_grants(user)}


async def _refresh_tokens(emulators: Emulators, _: Request) -> Json:
    return {"refresh_tokens": emulators.entra.directory.grants_told()}


async def _device_codes(emulators: Emulators, _: Request) -> Json:
    return {"waiting": emulators.entra.device_codes.waiting()}


async def _approve(emulators: Emulators, request: Request) -> Json:
    return await _answer_code(emulators, request, state="approved")


async def _decline(emulators: Emulators, request: Request) -> Json:
    return await _answer_code(emulators, request, state="declined")


async def _answer_code(emulators: Emulators, request: Request, *, state: str) -> Json:
    body = await object_of(request)
    user_code, user = text_in(body, "user_code"), text_in(body, "user", identities.ADMIN.user)
    if emulators.entra.directory.find_user(user) is None:
        raise ControlError(f"nobody called {user} is in the directory", status=404)
    if not emulators.entra.device_codes.answer(user_code=user_code, user=user, state=state):
        raise ControlError("no such code is waiting", status=404)
    return {"user_code": user_code, "user": user, "state": state}


IDENTITY_CONTROLS = (
    Control(method="POST", path="tokens", does='makes a bearer for {"user", "audience", "mfa"}', handler=_tokens),
    Control(method="POST", path="users", does='adds or changes {"user", "role", "mfa"}', handler=_users),
    Control(method="POST", path="apps", does='registers {"client_id", "client_secret", "certificate"}', handler=_apps),
    Control(method="POST", path="revoke", does='revokes {"kind": "refresh" or "access"}', handler=_revoke),
    Control(method="GET", path="refresh-tokens", does="lists refresh tokens and their uses", handler=_refresh_tokens),
    Control(method="GET", path="device", does="lists device codes nobody has entered", handler=_device_codes),
    Control(method="POST", path="device/approve", does='enters {"user_code", "user"}', handler=_approve),
    Control(method="POST", path="device/decline", does='refuses {"user_code", "user"}', handler=_decline),
)

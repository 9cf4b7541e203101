"""A tiny Entra for real msal: rotates refresh tokens, counts what it is asked, refuses on demand."""

import base64
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import httpx
from pydantic import SecretStr

from cosell.http.entra import Identity

AUTHORITY = "https://login.example"
TENANT = "fabrikam.example"
SECRET = "made-up-secret"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


def _part(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


@dataclass
class TinyEntra:
    """Knows one application; `refusal` is answered to every token request while it is set."""

    secret: str = SECRET
    valid_refresh_tokens: set[str] = field(default_factory=lambda: {"first-refresh-token"})
    refusal: tuple[str, str] | None = None
    grants: list[dict[str, str]] = field(default_factory=list)
    issued: int = 0
    is_down: bool = False
    pending_polls: int = 1
    device_scope: str = ""
    lifetime_seconds: int = 3600
    calls: int = 0

    def identity(self, *, secret: str | None = SECRET, tenant: str = TENANT) -> Identity:
        return Identity(
            authority=AUTHORITY,
            tenant_id=tenant,
            client_id="22222222-0000-4000-8000-000000000002",
            client_secret=SecretStr(secret) if secret else None,
            settings_prefix="COSELL_PARTNER_CENTER__",
            url_setting="COSELL_PARTNER_CENTER__API_URL",
            transport=httpx.MockTransport(self.handle),
        )

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        if self.is_down:
            raise httpx.ConnectError("made-up-secret refused")
        path = request.url.path
        if not path.startswith(f"/{TENANT}/"):
            return httpx.Response(400, json={"error": "invalid_tenant", "error_description": "AADSTS90002: no tenant"})
        if path.endswith("/openid-configuration"):
            endpoints = f"{AUTHORITY}/{TENANT}/oauth2/v2.0"
            return httpx.Response(
                200,
                json={
                    "issuer": f"{AUTHORITY}/{TENANT}/v2.0",
                    "authorization_endpoint": f"{endpoints}/authorize",
                    "token_endpoint": f"{endpoints}/token",
                    "device_authorization_endpoint": f"{endpoints}/devicecode",
                },
            )
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        if path.endswith("/devicecode"):
            self.device_scope = form["scope"]
            return httpx.Response(
                200,
                json={
                    "user_code": "ABCD-1234",
                    "device_code": "made-up-device-code",
                    "verification_uri": f"{AUTHORITY}/device",
                    "expires_in": 900,
                    "interval": 5,
                    "message": "Go there",
                },
            )
        return self._token(form)

    def _token(self, form: dict[str, str]) -> httpx.Response:
        self.grants.append(form)
        refusal = self.refusal or self._find_refusal(form)
        if refusal:
            return _refuse(*refusal)
        return self._issue(form, with_user=form["grant_type"] != "client_credentials")

    def _find_refusal(self, form: dict[str, str]) -> tuple[str, str] | None:
        grant = form["grant_type"]
        if grant == DEVICE_CODE:
            self.pending_polls -= 1
            return ("authorization_pending", "AADSTS70016: pending") if self.pending_polls >= 0 else None
        if form.get("client_secret", self.secret) != self.secret:
            return ("invalid_client", "AADSTS7000215: Invalid client secret provided.")
        if grant == "refresh_token":
            if form["refresh_token"] not in self.valid_refresh_tokens:
                return ("invalid_grant", "AADSTS50173: the grant has expired: jo.marlow@fabrikam.example")
            self.valid_refresh_tokens.remove(form["refresh_token"])
        return None

    def _issue(self, form: dict[str, str], *, with_user: bool) -> httpx.Response:
        self.issued += 1
        body: dict[str, object] = {
            "token_type": "Bearer",
            "access_token": f"access-token-{self.issued}",
            "expires_in": self.lifetime_seconds,
            "scope": form.get("scope", self.device_scope),
        }
        if with_user:
            refresh_token = f"rotated-refresh-token-{self.issued}"
            self.valid_refresh_tokens.add(refresh_token)
            body |= {
                "refresh_token": refresh_token,
                "client_info": _part({"uid": "user-1", "utid": "tenant-1"}),
                "id_token": ".".join(
                    [
                        _part({"alg": "none"}),
                        _part(
                            {
                                "iss": f"{AUTHORITY}/{TENANT}/v2.0",
                                "sub": "user-1",
                                "oid": "user-1",
                                "aud": form["client_id"],
                                "exp": 4_000_000_000,
                                "iat": 1_700_000_000,
                                "preferred_username": "jo.marlow@fabrikam.example",
                            }
                        ),
                        "",
                    ]
                ),
            }
        return httpx.Response(200, json=body)


def _refuse(error: str, description: str) -> httpx.Response:
    status = 401 if error == "invalid_client" else 400
    return httpx.Response(status, json={"error": error, "error_description": description, "trace_id": "t-1"})

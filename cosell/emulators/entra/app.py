"""Entra's endpoints: discovery, tokens, device codes, and the page where a person enters one."""

from html import escape
from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from cosell.emulators import identities
from cosell.emulators.entra.device_codes import DeviceCodes
from cosell.emulators.entra.directory import DEVICE_CODE_LIFETIME, Directory
from cosell.emulators.entra.errors import EntraError, missing_parameter, unknown_app
from cosell.emulators.entra.grants import Grants, TokenRequest
from cosell.emulators.entra.knobs import EntraKnobs
from cosell.emulators.origins import origin_of
from cosell.emulators.world import World

_SHARED = frozenset({"common", "organizations", "consumers"})


class EntraService:
    """The stand-in of Entra: `routes` to mount, `directory` and `device_codes` for the controls."""

    def __init__(self, world: World) -> None:
        """Create the directory in the world's store."""
        self._world = world
        self.directory = Directory(world)
        self.device_codes = DeviceCodes(world)
        self.knobs = EntraKnobs()
        self._grants = Grants(world, self.directory, self.device_codes, self.knobs)
        self.routes: list[BaseRoute] = [
            Route("/common/discovery/instance", self._instance),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self._configuration),
            Route("/{tenant}/.well-known/openid-configuration", self._configuration),
            Route("/{tenant}/discovery/v2.0/keys", self._keys),
            Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
            Route("/{tenant}/oauth2/token", self._token, methods=["POST"]),
            Route("/{tenant}/oauth2/v2.0/devicecode", self._device_code, methods=["POST"]),
            Route("/{tenant}/oauth2/devicecode", self._device_code, methods=["POST"]),
            Route("/devicelogin", self._device_page, methods=["GET", "POST"]),
        ]

    def reset(self) -> None:
        """Go back to the fixed identities."""
        self.directory.reset()
        self.knobs.reset()

    async def start(self) -> None:
        """Nothing runs in the background."""

    async def stop(self) -> None:
        """Nothing runs in the background."""

    async def _instance(self, request: Request) -> Response:
        """Answer msal's question whether an authority is a known one."""
        origin = origin_of(request)
        host = origin.partition("://")[2]
        return JSONResponse(
            {
                "tenant_discovery_endpoint": f"{origin}/{identities.TENANT_ID}/v2.0/.well-known/openid-configuration",
                "api-version": "1.1",
                "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
            }
        )

    async def _configuration(self, request: Request) -> Response:
        tenant = request.path_params["tenant"]
        if tenant.lower() not in {identities.TENANT_ID, identities.TENANT_DOMAIN} | _SHARED:
            text = f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
            error = EntraError("invalid_tenant", number=90002, text=text)
            return error.answer(self._world.clock.now())
        origin = origin_of(request)
        base = f"{origin}/{tenant}/oauth2/v2.0" if "/v2.0/" in request.url.path else f"{origin}/{tenant}/oauth2"
        return JSONResponse(
            {
                "issuer": f"{origin}/{identities.TENANT_ID}/v2.0",
                "token_endpoint": f"{base}/token",
                "device_authorization_endpoint": f"{base}/devicecode",
                "authorization_endpoint": f"{base}/authorize",
                "jwks_uri": f"{origin}/{tenant}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "private_key_jwt",
                    "client_secret_basic",
                ],
                "response_modes_supported": ["query", "fragment", "form_post"],
                "response_types_supported": ["code"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "tenant_region_scope": "EU",
                "cloud_instance_name": origin.partition("://")[2],
            }
        )

    async def _keys(self, request: Request) -> Response:  # noqa: ARG002 - an endpoint's signature
        return JSONResponse({"keys": []})

    async def _token(self, request: Request) -> Response:
        form = await _form(request)
        token_request = TokenRequest(
            form=form,
            tenant=request.path_params["tenant"],
            origin=origin_of(request),
            is_v1=not request.url.path.endswith("/v2.0/token"),
            basic=request.headers.get("authorization"),
        )
        try:
            members = self._grants.answer(token_request)
        except EntraError as error:
            correlation_id = request.headers.get("client-request-id")
            return error.answer(self._world.clock.now(), correlation_id=correlation_id)
        return JSONResponse(members, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    async def _device_code(self, request: Request) -> Response:
        form = await _form(request)
        client_id = form.get("client_id", "")
        scope = form.get("scope") or form.get("resource") or ""
        try:
            if not client_id or not scope:
                raise missing_parameter("scope" if client_id else "client_id")
            if self.directory.find_app(client_id) is None:
                raise unknown_app(client_id, request.path_params["tenant"])
        except EntraError as error:
            return error.answer(self._world.clock.now())
        code = self.device_codes.create(client_id=client_id, scope=scope)
        page = f"{origin_of(request)}/devicelogin"
        return JSONResponse(
            {
                "user_code": code.user_code,
                "device_code": code.device_code,
                "verification_uri": page,
                "verification_url": page,
                "expires_in": int(DEVICE_CODE_LIFETIME.total_seconds()),
                "interval": 1,
                "message": (
                    f"To sign in, use a web browser to open the page {page} "
                    f"and enter the code {code.user_code} to authenticate."
                ),
            }
        )

    async def _device_page(self, request: Request) -> Response:
        if request.method == "GET":
            return HTMLResponse(_page("Enter the code, and whom you are."))
        form = await _form(request)
        user = form.get("user") or identities.ADMIN.user
        if self.directory.find_user(user) is None:
            return HTMLResponse(_page(f"There is nobody called {user}."), status_code=HTTPStatus.BAD_REQUEST)
        found = self.device_codes.answer(user_code=form.get("user_code", ""), user=user, state="approved")
        if not found:
            return HTMLResponse(_page("No such code is waiting."), status_code=HTTPStatus.BAD_REQUEST)
        return HTMLResponse("<!doctype html><title>Signed in</title><p>You are signed in. You may close this page.")


def create_entra(world: World) -> EntraService:
    """Build the stand-in of Entra on a world."""
    return EntraService(world)


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


def _page(text: str) -> str:
    return (
        "<!doctype html><title>Emulated sign-in</title>"
        f"<p>{escape(text)}<form method=post><input name=user_code placeholder=Code> "
        f"<input name=user value='{identities.ADMIN.user}'> <button>Sign in</button></form>"
    )

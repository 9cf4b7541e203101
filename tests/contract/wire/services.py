"""The vendors' services as plain HTTP: addresses and credentials from COSELL_ variables, tokens as documented.

Nothing of the product is used here, so that the facts of this suite can contradict it. A client reads only unless it is
asked for as one that writes; whatever is sent elsewhere or written by a reading client fails the test before it leaves.
"""

import logging
import ssl
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpx
import pytest

Json: TypeAlias = Any
Control: TypeAlias = Callable[..., Any]

PREFIX = "COSELL_"
TEST_NAME = "ZZ cosell wire test"
DEFAULTS = {
    "COSELL_AUTHORITY": "https://login.microsoftonline.com",
    "COSELL_PARTNER_CENTER__API_URL": "https://api.partner.microsoft.com/v1.0",
    "COSELL_PARTNER_CENTER__WEBHOOK_API_URL": "https://api.partnercenter.microsoft.com",
}
ODATA = {
    "Accept": "application/json",
    "OData-MaxVersion": "4.0",
    "OData-Version": "4.0",
    "If-None-Match": "null",
}


class Services:
    """Where the services are, who asks, and what they answered last. Holds secrets, so it never shows its content."""

    def __init__(self, environment: Mapping[str, str], *, control: Control | None = None) -> None:
        """Take the COSELL_ variables; `control` is there for emulators only."""
        self._environment = DEFAULTS | {name: value for name, value in environment.items() if value}
        self._control = control
        self._clients: list[httpx.Client] = []
        self._tokens: dict[str, str] = {}
        self.run = uuid.uuid4().hex[:8]
        self.answers: deque[str] = deque(maxlen=3)
        self.leftovers: list[str] = []
        bundle = self._environment.get("COSELL_CA_BUNDLE")
        self._tls = ssl.create_default_context(cafile=bundle or None)
        if self.is_live:
            # Their lines hold addresses, and addresses hold what is asked for.
            for name in ("httpx", "httpcore"):
                logging.getLogger(name).disabled = True
        self._entra = self._client(self.variable("COSELL_AUTHORITY"), {}, may_write=True)

    @property
    def is_live(self) -> bool:
        """Whether these are the real services."""
        return self._control is None

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients:
            client.close()

    def variable(self, name: str) -> str:
        """Return a setting, or skip the test which needs it."""
        if name not in self._environment:
            pytest.skip(f"{name} is not set")
        return self._environment[name]

    def rehearse(self, method: str, path: str, body: Json = None) -> Json:
        """Use a control of the emulators to set the stage; a real tenant is taken as it is."""
        return self._control(method, path, body) if self._control else None

    def named(self, what: str = "") -> str:
        """Return a name for something created here that nobody takes for a customer's."""
        return f"{TEST_NAME} {self.run} {what}".strip()

    def ask_for_token(self, tenant: str, form: Mapping[str, str], *, version: str = "/v2.0") -> httpx.Response:
        """Post a form to a tenant's token endpoint."""
        return self._entra.post(f"/{tenant}/oauth2{version}/token", data=dict(form))

    def crm_form(self, **changes: str) -> dict[str, str]:
        """Return the form by which the CRM's application user signs in."""
        return {
            "grant_type": "client_credentials",
            "client_id": self.variable("COSELL_DATAVERSE__CLIENT_ID"),
            "client_secret": self.variable("COSELL_DATAVERSE__CLIENT_SECRET"),
            "scope": f"{origin_of(self.variable('COSELL_DATAVERSE__URL'))}/.default",
        } | changes

    def partner_form(self, audience: str, **changes: str) -> dict[str, str]:
        """Return the form by which the Referrals admin's refresh token becomes an access token for one API."""
        secret = self._environment.get("COSELL_PARTNER_CENTER__CLIENT_SECRET")
        return {
            "grant_type": "refresh_token",
            "client_id": self.variable("COSELL_PARTNER_CENTER__CLIENT_ID"),
            "refresh_token": self.variable("COSELL_PARTNER_CENTER__REFRESH_TOKEN"),
            "scope": f"{audience}/.default offline_access",
            **({"client_secret": secret} if secret else {}),
        } | changes

    def forget_tokens(self) -> None:
        """Ask for new tokens from now on; clients that are open keep theirs."""
        self._tokens.clear()

    def crm_token(self) -> str:
        """Return a bearer of the CRM's application user."""
        return self._token("crm", self.variable("COSELL_DATAVERSE__TENANT_ID"), self.crm_form())

    def partner_token(self, *, to: str) -> str:
        """Return a bearer of the Referrals admin, to the API which the named variable points at."""
        audience = origin_of(self.variable(to))
        tenant = self.variable("COSELL_PARTNER_CENTER__TENANT_ID")
        return self._token(audience, tenant, self.partner_form(audience))

    def dataverse(self, *, may_write: bool = False) -> httpx.Client:
        """Return a client of the Web API."""
        base = f"{origin_of(self.variable('COSELL_DATAVERSE__URL'))}/api/data/v9.2/"
        return self._client(base, ODATA | bearer(self.crm_token()), may_write=may_write)

    def partner_center(self, *, may_write: bool = False) -> httpx.Client:
        """Return a client of the Partner API, where referrals are."""
        name = "COSELL_PARTNER_CENTER__API_URL"
        headers = {"Accept": "application/json"} | bearer(self.partner_token(to=name))
        return self._client(f"{self.variable(name).rstrip('/')}/engagements/", headers, may_write=may_write)

    def webhooks(self, *, may_write: bool = False) -> httpx.Client:
        """Return a client of the Partner Center API, where webhooks are registered."""
        name = "COSELL_PARTNER_CENTER__WEBHOOK_API_URL"
        headers = {"Accept": "application/json", "MS-Contract-Version": "v1"} | bearer(self.partner_token(to=name))
        return self._client(f"{origin_of(self.variable(name))}/webhooks/v1/", headers, may_write=may_write)

    def _token(self, key: str, tenant: str, form: Mapping[str, str]) -> str:
        if key not in self._tokens:
            answer = self.ask_for_token(tenant, form)
            assert answer.status_code == 200
            self._tokens[key] = answer.json()["access_token"]
        return self._tokens[key]

    def _client(self, base_url: str, headers: Mapping[str, str], *, may_write: bool) -> httpx.Client:
        home = origin_of(base_url)

        def check(request: httpx.Request) -> None:
            assert origin_of(str(request.url)) == home, "a link led to another host: ask `at_home` for it"
            assert may_write or request.method == "GET", "this client reads only: ask for the one that writes"

        made = httpx.Client(
            base_url=base_url,
            headers=headers,
            verify=self._tls,
            trust_env=self.is_live,
            timeout=60,
            event_hooks={"request": [check], "response": [self._note]},
        )
        self._clients.append(made)
        return made

    def _note(self, response: httpx.Response) -> None:
        response.read()
        self.answers.append(f"{response.request.method} -> {response.status_code} {code_in(response)}".strip())


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def bearer(token: str) -> dict[str, str]:
    """Return the header which carries a token."""
    return {"Authorization": f"Bearer {token}"}


def at_home(client: httpx.Client, link: str) -> httpx.URL:
    """Return a link of an answer on the client's own host, whatever host it names."""
    return client.base_url.copy_with(raw_path=httpx.URL(link).raw_path)


def code_in(response: httpx.Response) -> str:
    """Return the error code of a refusal, of whichever service; texts may quote a customer and are left out."""
    if not response.is_error:
        return ""
    try:
        told = response.json()
    except ValueError:
        return "(no JSON)"
    error = told.get("error", told) if isinstance(told, dict) else {}
    code = error.get("code", error.get("statusCode", "")) if isinstance(error, dict) else error
    return str(code).lower()


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Return status and error code; spelling differs in case from one place to another."""
    return response.status_code, code_in(response)

"""The people of the demo: a seller in the CRM, a colleague in Partner Center's portal, a seller at Microsoft.

They speak to the services through the services' own APIs, with plain HTTP and tokens of their own, and share no code
with the product: what they see is what is there.
"""

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import httpx

from cosell.errors import ServiceUnreachable

SELLER = "seller@contoso-partner.example"
SOLUTION = "SOL-15974-MQF"
POLL_SECONDS = 0.5
Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """Where the emulators are, and the authority to trust."""

    http: str
    https: str
    ca: str


@dataclass(slots=True, kw_only=True)
class People:
    """Everybody, with one connection to the emulated Microsoft."""

    urls: Urls
    client: httpx.Client
    crm_token: str
    portal_token: str
    never: threading.Event = field(default_factory=threading.Event)

    @classmethod
    @contextmanager
    def at_work(cls, urls: Urls) -> Iterator["People"]:
        """Sign everybody in."""
        context = ssl.create_default_context(cafile=urls.ca)
        with httpx.Client(base_url=urls.https, verify=context, timeout=20) as client:
            crm = client.post(f"{urls.http}/_emulator/tokens", json={"user": SELLER}).raise_for_status().json()
            portal = _sign_in_to_portal(client, urls)
            yield cls(urls=urls, client=client, crm_token=crm["access_token"], portal_token=portal)

    def crm(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Document:
        """Do something in the CRM as its seller."""
        headers = {"Authorization": f"Bearer {self.crm_token}", "Prefer": "return=representation"}
        headers |= {"If-Match": "*"} if method == "PATCH" else {}
        answer = self.client.request(method, f"/api/data/v9.2/{path}", json=body, headers=headers)
        return _document(answer)

    def portal(self, method: str, path: str, body: object = None) -> Document:
        """Do something in Partner Center as a colleague of the seller."""
        headers = {"Authorization": f"Bearer {self.portal_token}"}
        answer = self.client.request(method, f"/v1.0/engagements/referrals{path}", json=body, headers=headers)
        return _document(answer)

    def microsoft_invites(self, deal: Mapping[str, object]) -> Document:
        """Let a seller of Microsoft's invite us to a deal."""
        return _document(self.client.post(f"{self.urls.http}/_emulator/microsoft/referrals", json=dict(deal)))

    def count_calls(self) -> Document:
        """Return the emulators' count of calls since the last `start_counting`."""
        return _document(self.client.get(f"{self.urls.http}/_emulator/requests"))

    def start_counting(self) -> None:
        """Count calls from nought."""
        self.client.delete(f"{self.urls.http}/_emulator/requests").raise_for_status()

    def count_violations(self) -> int:
        """Return how many writes broke a rule of one of the services."""
        return len(_document(self.client.get(f"{self.urls.http}/_emulator/violations"))["violations"])

    def add_solution(self, opportunity_id: str) -> None:
        """Put a solution of the catalogue on an opportunity, as the sub-grid of its form does."""
        self.crm(
            "POST",
            "cosell_microsoftsolutions",
            {
                "cosell_name": "Contoso Suite",
                "cosell_OpportunityId@odata.bind": f"/opportunities({opportunity_id})",
                "cosell_SolutionDetailId@odata.bind": (
                    f"/cosell_microsoftsolutiondetails({self._find_solution() or self._create_solution()})"
                ),
            },
        )

    def _find_solution(self) -> str | None:
        own = "cosell_microsoftsolutiondetails?$select=cosell_microsoftsolutiondetailid"
        found = self.crm("GET", f"{own}&$filter=cosell_solutionidentifier eq '{SOLUTION}'")["value"]
        return str(found[0]["cosell_microsoftsolutiondetailid"]) if found else None

    def _create_solution(self) -> str:
        detail = {"cosell_name": "Contoso Suite", "cosell_solutionidentifier": SOLUTION, "cosell_solutiontype": "3P"}
        made = self.crm("POST", "cosell_microsoftsolutiondetails", detail)
        return str(made["cosell_microsoftsolutiondetailid"])

    def create_opportunity(self, name: str, *, value: int, closing_on: date) -> str:
        """Write an opportunity of a new customer in euros, not shared yet; return its id."""
        account = self.crm(
            "POST",
            "accounts",
            {
                "name": "Northwind Bakeries",
                "address1_line1": "Hafenstraße 12",
                "address1_city": "Hamburg",
                "address1_postalcode": "20457",
                "address1_country": "DE",
            },
        )
        euros = self.crm("GET", "transactioncurrencies?$select=isocurrencycode&$filter=isocurrencycode eq 'EUR'")
        euro = euros["value"][0]["transactioncurrencyid"]
        made = self.crm(
            "POST",
            "opportunities",
            {
                "name": name,
                "description": "Replace the ordering system of all branches.",
                "estimatedvalue": value,
                "estimatedclosedate": closing_on.isoformat(),
                "parentaccountid@odata.bind": f"/accounts({account['accountid']})",
                "customerid_account@odata.bind": f"/accounts({account['accountid']})",
                "transactioncurrencyid@odata.bind": f"/transactioncurrencies({euro})",
            },
        )
        self.add_solution(made["opportunityid"])
        return str(made["opportunityid"])

    def wait_until(self, what: str, find: Callable[[], Document | None], *, seconds: float) -> tuple[Document, float]:
        """Wait until something is seen; return it and how long it took, in seconds.

        Raises:
            ServiceUnreachable: it was not seen in time.
        """
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            seen = find()
            if seen:
                return seen, time.monotonic() - began
            self.never.wait(POLL_SECONDS)
        raise ServiceUnreachable(f"This did not happen within {seconds:.0f} seconds: {what}.")

    def wait_for_ever(self) -> None:
        """Wait until somebody presses Ctrl-C."""
        self.never.wait()


def _sign_in_to_portal(client: httpx.Client, urls: Urls) -> str:
    settings = client.get(f"{urls.http}/_emulator/environment").raise_for_status().json()["environment"]
    own = {name.removeprefix("COSELL_PARTNER_CENTER__").lower(): value for name, value in settings.items()}
    answer = client.post(
        f"/{own['tenant_id']}/oauth2/v2.0/token",
        data={
            "grant_type": "refresh_token",
            "client_id": own["client_id"],
            "client_secret": own["client_secret"],
            "refresh_token": own["refresh_token"],
            "scope": f"{urls.https}/.default",
        },
    )
    return str(answer.raise_for_status().json()["access_token"])


def _document(answer: httpx.Response) -> Document:
    if answer.is_error:
        raise ServiceUnreachable(
            f"{answer.request.method} {answer.request.url.path} was answered {answer.status_code}."
        )
    content = answer.json() if answer.content else {}
    return content if isinstance(content, dict) else {"value": content}

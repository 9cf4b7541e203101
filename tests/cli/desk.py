"""What a person at a terminal has before them: the `cosell` command, the CRM, Partner Center's portal, the ledger.

Tests are plain functions, for each command runs an event loop of its own.
"""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from typer.testing import CliRunner, Result

from cosell.cli import app
from cosell.domain.flows import ACTIVATION_ORDER, FlowName
from cosell.settings import load_settings
from cosell.store import Ledger
from cosell.wiring import open_settings_ledger
from tests.emulator_process import Emulators

SELLER = "seller@contoso-partner.example"
COLLEAGUE = "referrals.admin@contoso-partner.example"
OPEN, ON_HOLD = 1, 2
Document = dict[str, Any]
Returned = TypeVar("Returned")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One person's desk; the seller and the colleague speak plain HTTP with tokens of their own."""

    emulators: Emulators
    http: httpx.Client
    seller: str
    colleague: str

    @classmethod
    @contextmanager
    def opened(cls, emulators: Emulators) -> Iterator["Desk"]:
        """Sign everybody in."""
        context = ssl.create_default_context(cafile=emulators.environment["COSELL_CA_BUNDLE"])
        with httpx.Client(base_url=emulators.urls["https"], verify=context, timeout=30, trust_env=False) as http:
            yield cls(
                emulators=emulators,
                http=http,
                seller=_token(emulators, SELLER),
                colleague=_token(emulators, COLLEAGUE),
            )

    # The terminal

    def type(self, *words: str) -> Result:
        """Type `cosell` and these words."""
        return CliRunner().invoke(app, list(words))

    def read(self, *words: str) -> str:
        """Type a command which succeeds; return what it prints."""
        result = self.type(*words)
        assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
        return result.output

    def read_json(self, *words: str) -> Document:
        """Type a command with `--json` which succeeds; return what it prints."""
        document: Document = json.loads(self.read(*words, "--json"))
        return document

    def ledger(self, work: Callable[[Ledger], Awaitable[Returned]]) -> Returned:
        """Do something with the ledger itself."""

        async def open_and_work() -> Returned:
            async with open_settings_ledger(load_settings()) as ledger:
                return await work(ledger)

        return asyncio.run(open_and_work())

    def activate(self, flows: tuple[FlowName, ...] = ACTIVATION_ORDER) -> None:
        """Note down that flows are active."""

        async def note_down(ledger: Ledger) -> None:
            for flow in flows:
                await ledger.activations.activate(flow, "for a test")

        self.ledger(note_down)

    # The CRM and the portal

    def crm(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Document:
        """Do something in the CRM as its seller."""
        headers = {"Authorization": f"Bearer {self.seller}", "Prefer": "return=representation"}
        return _told(self.http.request(method, f"/api/data/v9.2/{path}", json=body, headers=headers))

    def portal(self, method: str, path: str, body: object = None) -> Document:
        """Do something in Partner Center as a colleague of the seller."""
        headers = {"Authorization": f"Bearer {self.colleague}"}
        headers |= {"If-Match": self.portal("GET", path)["eTag"]} if method == "PATCH" else {}
        return _told(self.http.request(method, f"/v1.0/engagements/referrals{path}", json=body, headers=headers))

    def seller_edits(self, opportunity_id: str, **columns: object) -> None:
        """Change columns of an opportunity."""
        self.crm("PATCH", f"opportunities({opportunity_id})", columns)

    def colleague_edits(self, referral_id: str, **changes: object) -> None:
        """Change a referral; `details_notes` stands for the path `/details/notes`."""
        steps = [{"op": "replace", "path": f"/{at.replace('_', '/')}", "value": to} for at, to in changes.items()]
        self.portal("PATCH", f"/{referral_id}", steps)

    def opportunity(self, opportunity_id: str) -> Document:
        """Look at an opportunity in the CRM."""
        return self.crm("GET", f"opportunities({opportunity_id})")

    def referral(self, referral_id: str) -> Document:
        """Look at a referral in Partner Center."""
        return self.portal("GET", f"/{referral_id}")

    def microsoft_invites(self, **deal: object) -> str:
        """Let Microsoft's seller invite us; return the id of our referral."""
        told = self.emulators.control("POST", "microsoft/referrals", deal)
        assert isinstance(told, dict)
        return str(told["id"])

    def microsofts_copy(self, referral_id: str) -> str:
        """Return the id of Microsoft's copy of a deal."""
        engagement_id = self.referral(referral_id)["engagementId"]
        copies = self.portal("GET", f"?$filter=engagementId eq '{engagement_id}'")["value"]
        return str(next(copy["id"] for copy in copies if copy["id"] != referral_id))

    def count_writes(self) -> int:
        """Return how many writing calls both services have got since the last `forget_calls`."""
        told = self.emulators.control("GET", "requests")
        assert isinstance(told, dict)
        writing = ("POST", "PATCH", "PUT", "DELETE")
        return sum(
            count
            for route, count in told["counts"].items()
            if route.split()[0] in writing and "oauth2" not in route and "_emulator" not in route
        )

    def forget_calls(self) -> None:
        """Count calls from nought."""
        self.emulators.control("DELETE", "requests")

    def write_opportunity(self, **columns: object) -> str:
        """Write an opportunity which is ready to be shared, but for what is said here; return its id."""
        account = self.crm(
            "POST",
            "accounts",
            {
                "name": "Northwind Bakeries",
                "address1_line1": "4 Mill Road",
                "address1_city": "Leeds",
                "address1_postalcode": "LS1 4AP",
                "address1_country": "GB",
            },
        )["accountid"]
        found = self.crm("GET", "transactioncurrencies?$filter=isocurrencycode eq 'EUR'")["value"]
        body: Document = {
            "name": "Ordering system",
            "description": "All branches order by telephone.",
            "estimatedvalue": 48000,
            "estimatedclosedate": "2031-03-31",
            "parentaccountid@odata.bind": f"/accounts({account})",
            "customerid_account@odata.bind": f"/accounts({account})",
            "transactioncurrencyid@odata.bind": f"/transactioncurrencies({found[0]['transactioncurrencyid']})",
            "cosell_syncwithpartnercenter": True,
            **columns,
        }
        made = self.crm("POST", "opportunities", {name: value for name, value in body.items() if value != ""})
        self.add_solution(made["opportunityid"])
        return str(made["opportunityid"])

    def share(self, **columns: object) -> tuple[str, str]:
        """Write an opportunity and share it by `cosell sync`; return its id and that of its referral."""
        self.activate()
        opportunity_id = self.write_opportunity(**columns)
        self.read("sync", "--opportunity", opportunity_id)
        return opportunity_id, str(self.opportunity(opportunity_id)["cosell_referralid"])

    def add_solution(self, opportunity_id: str, identifier: str = "SOL-15974-MQF", **columns: object) -> None:
        """Put a solution on an opportunity; it comes into the catalogue first when it is not there."""
        known = self.crm("GET", "cosell_microsoftsolutiondetails")["value"]
        found = [row for row in known if row["cosell_solutionidentifier"] == identifier]
        detail = found[0] if found else self._write_solution_detail(identifier)
        row = {
            "cosell_name": "Contoso Suite",
            "cosell_OpportunityId@odata.bind": f"/opportunities({opportunity_id})",
            "cosell_SolutionDetailId@odata.bind": (
                f"/cosell_microsoftsolutiondetails({detail['cosell_microsoftsolutiondetailid']})"
            ),
            **columns,
        }
        self.crm("POST", "cosell_microsoftsolutions", row)

    def _write_solution_detail(self, identifier: str) -> Document:
        body = {
            "cosell_name": "Contoso Suite",
            "cosell_solutionidentifier": identifier,
            "cosell_solutiontype": "3P",
            "cosell_publishername": "Contoso",
        }
        return self.crm("POST", "cosell_microsoftsolutiondetails", body)


def _token(emulators: Emulators, user: str) -> str:
    told = emulators.control("POST", "tokens", {"user": user})
    assert isinstance(told, dict)
    return str(told["access_token"])


def _told(answer: httpx.Response) -> Document:
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    document: Document = answer.json() if answer.content else {}
    return document

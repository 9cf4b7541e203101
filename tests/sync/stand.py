"""Both services in process, the people who use them, and runs of the product between the two.

People speak plain HTTP with tokens of their own. A run is what a process is: a ledger connection, clients and reads of
its own, gone at its end; only the ledger's file and the services remember. All share one clock, and waiting moves it.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from typing import Any

import httpx

from cosell.dataverse import open_dataverse
from cosell.domain.ids import DEFAULT_TENANT
from cosell.emulators import identities
from cosell.emulators.assembly import Emulators
from cosell.emulators.options import Options, environment_of
from cosell.emulators.world import Caller
from cosell.http.tokens import TokenSource
from cosell.mapping.loader import load_mappings
from cosell.mapping.models import Mappings
from cosell.mapping.variables import Variables
from cosell.partner_center import open_partner_center, open_webhooks
from cosell.settings import DELIMITER, PREFIX, Settings, load_settings
from cosell.store import Cipher, Ledger, open_ledger
from cosell.sync.workspace import Workspace
from cosell.wiring import _id_columns
from tests.sync.fate import Fate, FatefulTransport, watch_ledger

ORIGIN = "https://localhost"
REFERRALS = f"{ORIGIN}/v1.0/engagements/referrals"
CRM = f"{ORIGIN}/api/data/v9.2"
KEY = b"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
LINKS = "https://partner.example/referrals/{id}"
OPEN, ON_HOLD = 1, 2
PROOF_OF_CONCEPT = 273_100_002
VARIABLES = Variables()
MAPPINGS = VARIABLES.fill_in(load_mappings())
READY_UNTIL = "2031-03-31"

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FixedToken:
    """A token which somebody already has."""

    bearer: str

    async def token(self, *, force: bool = False) -> str:
        assert not force, "the service refused the token"
        return self.bearer


@dataclass(slots=True)
class Stand:
    """The services on their first day, and an empty ledger at `ledger_url`."""

    emulators: Emulators
    http: httpx.AsyncClient
    ledger_url: str
    crm_headers: dict[str, str] = field(default_factory=dict)
    portal_headers: dict[str, str] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    mappings: Mappings = MAPPINGS
    variables: Variables = VARIABLES
    ahead_seconds: float = 0.0
    """How far the clock of the product's machine is ahead of the services'."""
    _runs: "count[int]" = field(default_factory=lambda: count(1))

    # The people

    async def crm(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Document:
        """Do something in the CRM as its seller."""
        headers = {**self.crm_headers, "Prefer": 'return=representation,odata.include-annotations="*"'}
        answer = await self.http.request(method, f"{CRM}/{path}", json=body, headers=headers)
        return _told(answer)

    async def portal(self, method: str, path: str, body: object = None) -> Document:
        """Do something in Partner Center as a colleague of the seller."""
        answer = await self.http.request(method, f"{REFERRALS}{path}", json=body, headers=self.portal_headers)
        return _told(answer)

    async def control(self, method: str, path: str, body: object = None) -> Document:
        """Use a control of the emulators."""
        return _told(await self.http.request(method, f"{ORIGIN}/_emulator/{path}", json=body))

    async def seller_edits(self, opportunity_id: str, **columns: object) -> Document:
        """Change columns of an opportunity."""
        return await self.crm("PATCH", f"opportunities({opportunity_id})", columns)

    async def colleague_edits(self, referral_id: str, changes: Mapping[str, object]) -> Document:
        """Change a referral, by pairs of path and value."""
        steps = [{"op": "replace", "path": path, "value": value} for path, value in changes.items()]
        return await self.portal("PATCH", f"/{referral_id}", steps)

    async def microsoft_invites(self, **deal: object) -> str:
        """Let Microsoft's seller invite us; return the id of our referral."""
        plain = {"closingDateTime": f"{READY_UNTIL}T00:00:00Z", "trackingInfo": {"microsoftMsxId": "7-A1B2C3D4"}}
        return str((await self.control("POST", "microsoft/referrals", {**plain, **deal}))["id"])

    async def microsoft(self, referral_id: str, action: str) -> Document:
        """Let Microsoft's seller accept, decline, win or lose its copy of the engagement; return the copy."""
        return await self.control("POST", f"microsoft/referrals/{referral_id}/{action}")

    async def opportunity(self, opportunity_id: str) -> Document:
        """Look at an opportunity in the CRM."""
        return await self.crm("GET", f"opportunities({opportunity_id})")

    async def opportunities(self) -> list[Document]:
        """Look at all opportunities, in the order in which they were made."""
        rows: list[Document] = (await self.crm("GET", "opportunities?$orderby=createdon,opportunityid"))["value"]
        return rows

    async def lead(self, lead_id: str) -> Document:
        """Look at a lead in the CRM."""
        return await self.crm("GET", f"leads({lead_id})")

    async def leads(self) -> list[Document]:
        """Look at all leads, in the order in which they were made."""
        rows: list[Document] = (await self.crm("GET", "leads?$orderby=createdon,leadid"))["value"]
        return rows

    async def referral(self, referral_id: str) -> Document:
        """Look at a referral in Partner Center."""
        return await self.portal("GET", f"/{referral_id}")

    async def referrals(self) -> list[Document]:
        """Look at all referrals of ours."""
        found: list[Document] = (await self.portal("GET", "?$orderby=createdDateTime asc"))["value"]
        return found

    async def copies(self, engagement_id: str) -> list[Document]:
        """Look at all copies of a deal."""
        found: list[Document] = (await self.portal("GET", f"?$filter=engagementId eq '{engagement_id}'"))["value"]
        return found

    async def write_opportunity(self, **columns: object) -> str:
        """Write an opportunity which is ready to be shared, but for what is said here; return its id."""
        account = await self.write_account()
        contact = await self.crm(
            "POST",
            "contacts",
            {
                "firstname": "Tove",
                "lastname": "Lindqvist",
                "emailaddress1": "tove@northwind-bakeries.example",
                "telephone1": "+44 113 496 0142",
                "parentcustomerid_account@odata.bind": f"/accounts({account})",
            },
        )
        body: Document = {
            "name": "Ordering system",
            "description": "All branches order by telephone.",
            "estimatedvalue": 48000,
            "estimatedclosedate": READY_UNTIL,
            "parentaccountid@odata.bind": f"/accounts({account})",
            "customerid_account@odata.bind": f"/accounts({account})",
            "parentcontactid@odata.bind": f"/contacts({contact['contactid']})",
            "transactioncurrencyid@odata.bind": f"/transactioncurrencies({await self.currency('EUR')})",
            "cosell_syncwithpartnercenter": True,
            **columns,
        }
        made = await self.crm("POST", "opportunities", {name: value for name, value in body.items() if value != ""})
        await self.add_solution(made["opportunityid"])
        return str(made["opportunityid"])

    async def write_account(self, **columns: object) -> str:
        """Write an account; return its id."""
        body = {
            "name": "Northwind Bakeries",
            "address1_line1": "4 Mill Road",
            "address1_city": "Leeds",
            "address1_postalcode": "LS1 4AP",
            "address1_country": "GB",
            **columns,
        }
        return str((await self.crm("POST", "accounts", body))["accountid"])

    async def add_solution(self, opportunity_id: str) -> None:
        """Put a solution of the catalogue on an opportunity."""
        known = await self.crm("GET", "cosell_microsoftsolutiondetails")
        detail = known["value"][0] if known["value"] else await self._write_solution_detail()
        row = {
            "cosell_name": "Contoso Suite",
            "cosell_OpportunityId@odata.bind": f"/opportunities({opportunity_id})",
            "cosell_SolutionDetailId@odata.bind": (
                f"/cosell_microsoftsolutiondetails({detail['cosell_microsoftsolutiondetailid']})"
            ),
        }
        await self.crm("POST", "cosell_microsoftsolutions", row)

    async def _write_solution_detail(self) -> Document:
        body = {
            "cosell_name": "Contoso Suite",
            "cosell_solutionidentifier": "SOL-15974-MQF",
            "cosell_solutiontype": "3P",
            "cosell_publishername": "Contoso",
        }
        return await self.crm("POST", "cosell_microsoftsolutiondetails", body)

    async def currency(self, code: str) -> str:
        """Return the id of a currency."""
        found = await self.crm("GET", f"transactioncurrencies?$filter=isocurrencycode eq '{code}'")
        return str(found["value"][0]["transactioncurrencyid"])

    async def sign_in(self) -> None:
        """Give the seller and the colleague their tokens."""
        seller = await self.control("POST", "tokens", {"user": identities.SELLER.user})
        self.crm_headers = {"Authorization": f"Bearer {seller['access_token']}"}
        colleague = await self.control("POST", "tokens", {"user": identities.ADMIN.user})
        self.portal_headers = {"Authorization": f"Bearer {colleague['access_token']}"}

    # The product

    @asynccontextmanager
    async def run(self, fate: Fate | None = None, variables: Variables | None = None) -> AsyncIterator[Workspace]:
        """Open what a run of the product works with; it is gone at the end, whatever happened."""
        settings, clock, run_id = _settings(), self.now, next(self._runs)
        way = fate or Fate()
        transport = FatefulTransport(way.way_to(self.http._transport), way)
        person = self._token("person", user=identities.ADMIN.user)
        app = self._token("application", user=None)
        async with AsyncExitStack() as stack:
            ledger = await stack.enter_async_context(self.ledger())
            if fate:
                watch_ledger(ledger, fate)
            common: Document = {"clock": clock, "sleep": self.wait, "transport": transport}
            partner_center = open_partner_center(settings, ledger.vault, tokens=person, per_second=10_000, **common)
            webhooks = open_webhooks(settings, ledger.vault, tokens=person, **common)
            dataverse = open_dataverse(settings, ledger.vault, tokens=app, id_columns=_id_columns(MAPPINGS), **common)
            workspace = Workspace(
                partner_center=await stack.enter_async_context(partner_center),
                webhooks=await stack.enter_async_context(webhooks),
                dataverse=await stack.enter_async_context(dataverse),
                ledger=ledger,
                mappings=self.mappings,
                variables=variables or self.variables,
                clock=clock,
                link_template=LINKS,
                holder=f"run-{run_id}",
            )
            await workspace.find_out_currency_kind()
            await workspace.leave_out_missing_columns()
            yield workspace

    @asynccontextmanager
    async def ledger(self) -> AsyncIterator[Ledger]:
        """Open the ledger by a connection of its own."""
        async with open_ledger(self.ledger_url, tenant=DEFAULT_TENANT, clock=self.now, cipher=Cipher(KEY)) as ledger:
            yield ledger

    def now(self) -> datetime:
        """Return the time by the product's clock, which may not be that of the services."""
        return self.emulators.world.clock.now() + timedelta(seconds=self.ahead_seconds)

    async def wait(self, seconds: float) -> None:
        """Let time pass for everybody at once."""
        self.waits.append(seconds)
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        """Move the clock on."""
        self.emulators.world.clock.advance(seconds)

    def _token(self, bearer: str, *, user: str | None) -> TokenSource:
        self.let_in(bearer, user=user)
        return FixedToken(bearer)

    def let_in(self, bearer: str, *, user: str | None) -> None:
        """Make a token good for a long time."""
        world = self.emulators.world
        caller = Caller(
            tenant_id=identities.TENANT_ID,
            audience="*",
            client_id=identities.PARTNER_CLIENT_ID if user else identities.CRM_CLIENT_ID,
            user=user,
            has_mfa=True,
            expires_at=world.clock.now() + timedelta(days=400),
        )
        world.tokens.add(bearer, caller)


@cache
def _settings() -> Settings:
    values: Document = {}
    for name, value in environment_of(Options()).items():
        group, _, last = name.removeprefix(PREFIX).lower().partition(DELIMITER)
        if group in {"dataverse", "partner_center"}:
            values.setdefault(group, {})[last] = value
    return load_settings(values)


def _told(answer: httpx.Response) -> Document:
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    document: Document = answer.json() if answer.content else {}
    return document

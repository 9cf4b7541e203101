"""Emulators, a ledger and workers as processes of their own, and the people who see what comes of it."""

import os
import signal
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from cosell.cli.demo.people import SELLER, People, Urls
from cosell.sync.hold import LEASE_SECONDS
from tests.emulator_process import ROOT, Emulators, running_emulators
from tests.flows.deals import list_referrals
from tests.flows.world import ADMIN, bearer_of, clean_environment

WRITES = ("POST ", "PATCH ", "PUT ", "DELETE ")
APIS = ("/v1.0/", "/api/data/")
Document = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Place:
    """One installation without Prefect."""

    emulators: Emulators
    people: People
    directory: Path
    ledger_url: str
    ahead: float = 0.0
    running: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    started: int = 0

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a worker."""
        self.started += 1
        environment = clean_environment() | {
            **self.emulators.environment,
            "COSELL_DATABASE_URL": self.ledger_url,
            "COSELL_HOME": str(self.directory / "home"),
            "PYTHONPATH": str(ROOT),
        }
        with self.log(self.started).open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.kills.hands", "--ahead", str(self.ahead), *arguments],
                cwd=self.directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.running.append(process)
        return process

    def log(self, number: int) -> Path:
        """Return where the worker with this number writes."""
        return self.directory / f"worker-{number}.log"

    def kill(self, *processes: "subprocess.Popen[bytes]") -> None:
        """End workers as the system does when it runs out of memory."""
        for process in processes:
            process.kill()
        assert {process.wait() for process in processes} == {-signal.SIGKILL}, "one had ended by itself"
        self.running = [process for process in self.running if process not in processes]

    def let_leases_expire(self) -> None:
        """Move all clocks on by as long as the dead keep their records in hand."""
        self.ahead += LEASE_SECONDS + 5
        self.emulators.control("POST", "clock", {"advance_seconds": LEASE_SECONDS + 5})
        self.sign_in()

    def sign_in(self) -> None:
        """Give the people tokens which are good now."""
        self.people.crm_token = bearer_of(self.emulators, SELLER)
        self.people.portal_token = bearer_of(self.emulators, ADMIN)

    def count_writes(self) -> int:
        """Count the writes to both services since the requests were last forgotten."""
        return sum(
            count
            for route, count in self.routes().items()
            if route.startswith(WRITES) and any(api in route for api in APIS)
        )

    def routes(self) -> dict[str, int]:
        """Return how often each route was called since the requests were last forgotten."""
        told = self.emulators.control("GET", "requests")
        assert isinstance(told, dict)
        counts: dict[str, int] = told["counts"]
        return counts

    # People

    def write_deals(self, count: int) -> list[str]:
        """Let a seller write opportunities of one customer, and share them; return their ids."""
        first = self.people.create_opportunity("Ordering system 0", value=48000, closing_on=date(2031, 3, 31))
        known = self.people.crm("GET", f"opportunities({first})")
        ids = [first, *(self._write_alike(known, number) for number in range(1, count))]
        for opportunity_id in ids:
            self.people.crm("PATCH", f"opportunities({opportunity_id})", {"cosell_syncwithpartnercenter": True})
        return ids

    def _write_alike(self, known: Document, number: int) -> str:
        account, currency = known["_parentaccountid_value"], known["_transactioncurrencyid_value"]
        body = {
            "name": f"Ordering system {number}",
            "description": known["description"],
            "estimatedvalue": 48000 + number,
            "estimatedclosedate": "2031-03-31",
            "parentaccountid@odata.bind": f"/accounts({account})",
            "customerid_account@odata.bind": f"/accounts({account})",
            "transactioncurrencyid@odata.bind": f"/transactioncurrencies({currency})",
        }
        opportunity_id = str(self.people.crm("POST", "opportunities", body)["opportunityid"])
        self.people.add_solution(opportunity_id)
        return opportunity_id

    def invite(self, count: int) -> list[str]:
        """Let Microsoft's seller invite us to deals of a few customers; return the ids of our referrals."""
        deals = ({"name": f"Robots {each}", "customerProfile": {"name": f"Bakery {each % 5}"}} for each in range(count))
        return [str(self.people.microsoft_invites(deal)["id"]) for deal in deals]

    def are_in_step(self, opportunity_ids: list[str], referral_ids: list[str]) -> bool:
        """Tell whether every deal is on both sides, with the mark before its name."""
        rows = self.opportunities()
        marked = {row["opportunityid"]: row for row in rows if row["cosell_referralid"] and row["name"][0] == "✔"}
        arrived = {row["cosell_referralid"] for row in rows}
        named = {row["opportunityid"] for row in rows if row["cosell_referralid"] in referral_ids}
        references = {item["externalReferenceId"] for item in self.referrals()}
        wanted = {*opportunity_ids, *named}
        return wanted <= set(marked) and set(referral_ids) <= arrived and wanted <= references

    def opportunities(self) -> list[Document]:
        """Return all opportunities."""
        rows: list[Document] = self.people.crm("GET", "opportunities?$select=name,cosell_referralid")["value"]
        return rows

    def referrals(self) -> list[Document]:
        """Return all referrals of ours."""
        return list_referrals(self.people)

    def assert_nothing_is_there_twice(self, opportunity_ids: list[str], referral_ids: list[str]) -> None:
        """Count what there is of each deal."""
        rows, referrals = self.opportunities(), self.referrals()
        assert len(rows) == len(referrals) == len(opportunity_ids) + len(referral_ids)
        assert Counter(row["cosell_referralid"] for row in rows) == {item["id"]: 1 for item in referrals}
        assert Counter(item["externalReferenceId"] for item in referrals) == {row["opportunityid"]: 1 for row in rows}
        customers = self.people.crm("GET", "accounts?$select=name&$filter=startswith(name,'Bakery ')")["value"]
        assert set(Counter(row["name"] for row in customers).values()) == {1}
        assert self.emulators.violations() == []


@contextmanager
def running_place(directory: Path, ledger_url: str) -> Iterator[Place]:
    """Run the emulators, with people in front of them; workers which are left are stopped in the end."""
    with running_emulators() as emulators:
        context = ssl.create_default_context(cafile=emulators.environment["COSELL_CA_BUNDLE"])
        with httpx.Client(base_url=emulators.urls["https"], verify=context, timeout=60, trust_env=False) as client:
            urls = Urls(
                http=emulators.urls["http"],
                https=emulators.urls["https"],
                ca=emulators.environment["COSELL_CA_BUNDLE"],
            )
            people = People(urls=urls, client=client, crm_token="", portal_token="")
            place = Place(emulators=emulators, people=people, directory=directory, ledger_url=ledger_url)
            place.sign_in()
            try:
                yield place
            finally:
                for process in place.running:
                    if process.poll() is None:
                        os.kill(process.pid, signal.SIGKILL)
                    process.wait()

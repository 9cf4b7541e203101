"""The story of the demo: four chapters, each printed as it happens with what was seen on the other side."""

from dataclasses import dataclass
from datetime import date

from rich.console import Console

from cosell.cli.demo.people import Document, People
from cosell.errors import ServiceUnreachable

SECONDS = 90
"""How long each thing may take; on an idle machine it is a few seconds, and up to 30 more for the poll of the CRM."""
QUIET_SECONDS = 32
CRM_WRITES = {"POST", "PATCH", "PUT", "DELETE"}
COLUMNS = (
    "name,statuscode,statecode,estimatedvalue,estimatedclosedate,cosell_referralid,cosell_referrallink,cosell_audit,"
    "cosell_syncwithpartnercenter"
)


@dataclass(slots=True)
class Story:
    """Tells what people do and what they see; raises as soon as something does not happen."""

    console: Console
    people: People

    def tell(self) -> None:
        """Go through all chapters."""
        opportunity_id, referral_id = self._a_seller_shares()
        self._microsoft_invites()
        self._both_sides_edit(opportunity_id, referral_id)
        self._silence()
        self._no_rule_was_broken()

    def _a_seller_shares(self) -> tuple[str, str]:
        self._chapter("A seller shares an opportunity of the CRM")
        opportunity_id = self.people.create_opportunity(
            "Ordering system for Northwind", value=48000, closing_on=date(2027, 3, 31)
        )
        self._did("CRM", "writes an opportunity over 48,000 EUR, with an account and a Microsoft solution")
        self.people.crm("PATCH", f"opportunities({opportunity_id})", {"cosell_syncwithpartnercenter": True})
        self._did("CRM", "sets Sync with Partner Center to Yes")
        referral, seconds = self.people.wait_until(
            "a referral appears in Partner Center", lambda: self._find_referral_of(opportunity_id), seconds=SECONDS
        )
        details = referral["details"]
        self._saw(
            "Partner Center",
            f"referral “{referral['name']}”, {details['dealValue']:,.0f} {details['currency']}, "
            f"{referral['status']}/{referral['substatus']}, CRM id {referral['externalReferenceId'][:8]}…",
            seconds,
        )
        row, seconds = self.people.wait_until(
            "the referral's id comes back into the CRM", lambda: self._find_shared(opportunity_id), seconds=SECONDS
        )
        self._saw(
            "CRM",
            f"“{row['name']}”, referral {row['cosell_referralid'][:8]}…, link {row['cosell_referrallink']}",
            seconds,
        )
        self._audit(row)
        return opportunity_id, str(referral["id"])

    def _microsoft_invites(self) -> None:
        self._chapter("A Microsoft seller invites us")
        referral = self.people.microsoft_invites({"name": "Robots for the shop floor"})
        self._did(
            "Microsoft", "invites us to “Robots for the shop floor”; Partner Center notifies the receiver, signed"
        )
        row, seconds = self.people.wait_until(
            "an opportunity On Hold appears in the CRM",
            lambda: self._find_opportunity(str(referral["id"]), status=2),
            seconds=SECONDS,
        )
        self._saw(
            "CRM",
            f"“{row['name']}”, On Hold, {row['estimatedvalue']:,.0f} expected {row['estimatedclosedate']}",
            seconds,
        )
        self.people.crm("PATCH", f"opportunities({row['opportunityid']})", {"statuscode": 1})
        self._did("CRM", "accepts: takes the opportunity out of On Hold")
        active, seconds = self.people.wait_until(
            "the referral is Active", lambda: self._find_active(str(referral["id"])), seconds=SECONDS
        )
        self._saw("Partner Center", f"“{active['name']}” is {active['status']}/{active['substatus']}", seconds)

    def _both_sides_edit(self, opportunity_id: str, referral_id: str) -> None:
        self._chapter("Both sides edit the same deal at the same time")
        self.people.start_counting()
        self.people.crm("PATCH", f"opportunities({opportunity_id})", {"estimatedvalue": 52500})
        self._did("CRM", "raises the value to 52,500")
        later = [{"op": "replace", "path": "/details/closingDateTime", "value": "2027-04-15T00:00:00Z"}]
        self.people.portal("PATCH", f"/{referral_id}", later)
        self._did("Partner Center", "moves the closing date to 2027-04-15")
        _seen, seconds = self.people.wait_until(
            "both edits stand on both sides", lambda: self._find_merged(opportunity_id, referral_id), seconds=SECONDS
        )
        self._saw("both", "52,500 and 2027-04-15 in the CRM, 52,500 and 2027-04-15 in Partner Center", seconds)

    def _silence(self) -> None:
        self._chapter("Then there is silence: the echo of our own writes is nothing to do")
        self._wait_for_quiet()
        self.people.start_counting()
        self.people.never.wait(QUIET_SECONDS)
        writes = self._count_writes()
        if writes:
            raise ServiceUnreachable(f"The echo was answered with {writes} writes; there should be none.")
        self._saw("both", f"{QUIET_SECONDS} seconds of polls and schedules: 0 writes", None)

    def _wait_for_quiet(self) -> None:
        """Let the last notifications come and go: two looks in a row without a write."""
        for _ in range(4):
            self.people.start_counting()
            self.people.never.wait(6)
            if not self._count_writes():
                return

    def _count_writes(self) -> int:
        routes = self.people.count_calls()["routes"]
        services = {"dataverse", "partner_center"}
        return sum(route["count"] for route in routes if route["service"] in services and route["method"] in CRM_WRITES)

    def _no_rule_was_broken(self) -> None:
        violations = self.people.count_violations()
        if violations:
            raise ServiceUnreachable(f"The emulators counted {violations} broken rules of the services.")
        self._saw("both", "rules of Partner Center and Dataverse that were broken: 0", None)

    def _find_referral_of(self, opportunity_id: str) -> Document | None:
        page = self.people.portal("GET", "?$orderby=createdDateTime desc&$top=20")
        return next((item for item in page["value"] if item.get("externalReferenceId") == opportunity_id), None)

    def _find_shared(self, opportunity_id: str) -> Document | None:
        row = self.people.crm("GET", f"opportunities({opportunity_id})?$select={COLUMNS}")
        return row if row["cosell_referralid"] and row["name"].startswith("✔") else None

    def _find_opportunity(self, referral_id: str, *, status: int) -> Document | None:
        found = self.people.crm("GET", f"opportunities?$select={COLUMNS}&$filter=cosell_referralid eq '{referral_id}'")
        return next((row for row in found["value"] if row["statuscode"] == status), None)

    def _find_active(self, referral_id: str) -> Document | None:
        referral = self.people.portal("GET", f"/{referral_id}")
        return referral if referral["status"] == "Active" else None

    def _find_merged(self, opportunity_id: str, referral_id: str) -> Document | None:
        row = self.people.crm("GET", f"opportunities({opportunity_id})?$select={COLUMNS}")
        details = self.people.portal("GET", f"/{referral_id}")["details"]
        values = {float(row["estimatedvalue"]), float(details["dealValue"])}
        dates = {row["estimatedclosedate"], details["closingDateTime"][:10]}
        return row if values == {52500.0} and dates == {"2027-04-15"} else None

    def _chapter(self, title: str) -> None:
        self.console.rule(title, align="left")

    def _did(self, where: str, what: str) -> None:
        self.console.print(f"  {where:<15} {what}")

    def _saw(self, where: str, what: str, seconds: float | None) -> None:
        took = f"  [dim]after {seconds:.1f} s[/dim]" if seconds is not None else ""
        self.console.print(f"  [green]✔[/green] {where:<13} {what}{took}")

    def _audit(self, row: Document) -> None:
        for line in str(row["cosell_audit"] or "").splitlines():
            self.console.print(f"  [dim]{'':<15} audit: {line}[/dim]")

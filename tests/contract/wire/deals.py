"""Referrals which the facts about writing create. Partner Center has no delete: they are private and closed as Lost."""

from typing import Any

import httpx
import pytest

from tests.contract.wire.services import Json, Services

EMULATED_SOLUTION = "SOL-15974-MQF"


class Deals:
    """A client that may write, and the test deals which are still open."""

    def __init__(self, services: Services) -> None:
        """Write through a client of its own; nothing is created yet."""
        self._services = services
        self._open: dict[str, None] = {}
        self._own: str | None = None
        self.http = services.partner_center(may_write=True)

    def own(self) -> dict[str, Any]:
        """Return the one private deal which all facts of a file share, as it is now."""
        if self._own is None:
            self._own = str(self.created(self.private())["id"])
        return self.got(self._own)

    def lost(self) -> dict[str, Any]:
        """Return the same deal, closed as Lost: only the last facts of a file may ask for that."""
        own = self.own()
        if own["status"] != "Closed":
            self._lose(own["id"])
        return self.got(own["id"])

    def created(self, body: dict[str, Json]) -> dict[str, Any]:
        """Create a referral and return what was answered."""
        answer = self.http.post("referrals", json=body)
        assert answer.is_success
        referral: dict[str, Any] = answer.json()
        if referral["organizationId"] != "msft":
            self._open[referral["id"]] = None
        return referral

    def got(self, referral_id: str) -> dict[str, Any]:
        """Read a referral."""
        answer = self.http.get(f"referrals/{referral_id}")
        assert answer.status_code == 200
        referral: dict[str, Any] = answer.json()
        return referral

    def patch(self, referral_id: str, changes: dict[str, Json], **headers: str) -> httpx.Response:
        """Replace values by path."""
        operations = [{"op": "replace", "path": path, "value": value} for path, value in changes.items()]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.patch(f"referrals/{referral_id}", json=operations, headers=named)

    def private(self, **members: Json) -> dict[str, Any]:
        """Return the body of a deal which nobody but the partner sees."""
        person = {
            "firstName": "Wire",
            "lastName": "Test",
            "phoneNumber": "5550100",
            "email": "wire.test@cosell.example",
        }
        intent = {"type": "CustomerMarketplaceIntent", "id": "HaveNotDecided"}
        return {
            "name": self._services.named(),
            "externalReferenceId": f"wire-{self._services.run}",
            "type": "Independent",
            "qualification": "SalesQualified",
            # Microsoft's sample posts these two, and gets Active and Accepted.
            "status": "New",
            "substatus": "Pending",
            "customerProfile": {
                "name": self._services.named("customer"),
                "address": {"addressLine1": "1 Test Road", "city": "Leeds", "postalCode": "LS1 4AP", "country": "GB"},
                "size": "51to250employees",
                "team": [person],
                "ids": [],
            },
            "consent": {
                "consentToToShareInfoWithOthers": True,
                "consentToContact": False,
                "consentToShareReferralWithMicrosoftSellers": False,
            },
            "details": {
                "notes": "Made by a test; please ignore.",
                "dealValue": 1000,
                "currency": "USD",
                "closingDateTime": "2027-12-31T00:00:00Z",
                "requirements": {
                    "solutions": [{"type": "Name", "id": self._solution_id()}],
                    "additionalRequirements": {"attributes": [intent]},
                },
            },
            "team": [person],
            "target": [],
        } | members

    def close_all(self) -> None:
        """Close as Lost what is open; what stays is told at the end of the run."""
        for referral_id in self._open:
            if not self._is_closed(referral_id) and not self._lose(referral_id):
                self._services.leftovers.append(f"referral {referral_id}")
        self.http.close()

    def _is_closed(self, referral_id: str) -> bool:
        answer = self.http.get(f"referrals/{referral_id}")
        return answer.is_success and answer.json()["status"] == "Closed"

    def _lose(self, referral_id: str) -> bool:
        return self.patch(referral_id, {"/status": "Closed", "/substatus": "Lost"}).is_success

    def _solution_id(self) -> str:
        """Return a solution of the partner's: nothing lists them, so one is taken from a referral that is there."""
        if not self._services.is_live:
            return EMULATED_SOLUTION
        listed = self.http.get("referrals", params={"$orderby": "createdDateTime desc"}).json()["value"]
        for referral in listed:
            for solution in (referral["details"].get("requirements") or {}).get("solutions") or ():
                if solution.get("type") == "Name" and solution.get("id"):
                    return str(solution["id"])
        pytest.skip("no referral names a solution of the partner's, without which none can be created")

"""Rows which the facts about writing create: named so that nobody mistakes them, and deleted when the test ends."""

import re
from typing import Any

import httpx
import pytest

from tests.contract.wire.services import Json, Services

REPRESENTATION = {"Prefer": "return=representation"}
ANNOTATIONS = {"Prefer": 'odata.include-annotations="*"'}
KEYS = {
    "accounts": "accountid",
    "contacts": "contactid",
    "leads": "leadid",
    "opportunities": "opportunityid",
    "tasks": "activityid",
    "cosell_microsoftsolutiondetails": "cosell_microsoftsolutiondetailid",
}


class Crm:
    """A client that may write, and the list of what has to go again."""

    def __init__(self, services: Services) -> None:
        """Write through a client of its own, which notes every row that comes to be."""
        self._services = services
        self._owed: dict[str, None] = {}
        self.http = services.dataverse(may_write=True)
        self.http.event_hooks["response"].append(self._note)

    def named(self, what: str = "") -> str:
        """Return a name for a row."""
        return self._services.named(what)

    def created(self, set_name: str, body: dict[str, Json], query: str = "") -> dict[str, Any]:
        """Create a row and return it as it came back."""
        answer = self.http.post(f"{set_name}{query}", json=body, headers=REPRESENTATION)
        assert answer.status_code == 201
        row: dict[str, Any] = answer.json()
        return row

    def account(self, **columns: Json) -> dict[str, Any]:
        """Create an account."""
        return self.created("accounts", {"name": self.named(), **columns})

    def opportunity(self, **columns: Json) -> dict[str, Any]:
        """Create an opportunity."""
        return self.created("opportunities", {"name": self.named(), "isrevenuesystemcalculated": False, **columns})

    def owe(self, address: str) -> None:
        """Remember a row that came to be on a way of its own."""
        self._owed[address] = None

    def clean(self) -> None:
        """Delete what was created, the newest first; what stays is told at the end of the run."""
        for address in reversed(self._owed):
            if self.http.delete(address).status_code not in {204, 404}:
                self._services.leftovers.append(address)
        self.http.close()

    def need_key(self) -> None:
        """Skip unless the co-sell columns are installed, whose alternate key some facts use."""
        keys = self.http.get("EntityDefinitions(LogicalName='opportunity')/Keys?$select=KeyAttributes").json()["value"]
        if ["cosell_referralid"] not in [key["KeyAttributes"] for key in keys]:
            pytest.skip("the alternate key cosell_referralid is not installed")

    def _note(self, response: httpx.Response) -> None:
        if response.request.method not in {"POST", "PATCH"} or response.is_error:
            return
        if address := response.headers.get("OData-EntityId"):
            self.owe(address.partition("/v9.2/")[2])
            return
        response.read()
        if "json" not in response.headers.get("Content-Type", ""):
            return
        body = response.json()
        named = re.search(r"\$metadata#(\w+)(?:\(.*\))?/\$entity$", body.get("@odata.context", ""))
        if named and (key := KEYS.get(named[1])) and key in body:
            self.owe(f"{named[1]}({body[key]})")


def address_of(row: dict[str, Any], set_name: str) -> str:
    """Return where a row is."""
    return f"{set_name}({row[KEYS[set_name]]})"

"""One referral brought into the CRM as it is written in an afternoon: look, create, write back, a call at a time.

It does what the flows of the original do about a deal which arrives: search the account by name and postal code, create
what is missing, create the opportunity, write its id back. It waits as long as a service says, and knows no more of the
services than their documents say of these calls.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx

Document = dict[str, Any]
CRM = "/api/data/v9.2"
REFERRALS = "/v1.0/engagements/referrals"
WAIT_AT_MOST = 100
OPEN_STATUSES = frozenset({"New", "Active"})


class Courier:
    """Carries referrals over; one HTTP client, two bearers."""

    def __init__(self, http: httpx.AsyncClient, *, crm_token: str, portal_token: str) -> None:
        """Act through `http`, which knows the address of both services."""
        self._http = http
        self._crm_headers = {"Authorization": f"Bearer {crm_token}", "Prefer": "return=representation"}
        self._portal_headers = {"Authorization": f"Bearer {portal_token}"}
        self._currencies: dict[str, str] = {}

    async def iter_deals(self) -> AsyncIterator[Document]:
        """Yield every open referral, page by page."""
        number = 0
        while True:
            page = await self._ask("GET", f"{REFERRALS}?$top=100&$skip={number * 100}", self._portal_headers)
            for referral in page["value"]:
                if referral["status"] in OPEN_STATUSES:
                    yield referral
            if len(page["value"]) < 100:
                return
            number += 1

    async def get_deal(self, referral_id: str) -> Document:
        """Read one referral."""
        return await self._ask("GET", f"{REFERRALS}/{referral_id}", self._portal_headers)

    async def bring(self, referral: Mapping[str, Any]) -> str:
        """Bring one referral into the CRM, unless it is there; return the id of its opportunity."""
        key = f"cosell_referralid eq '{referral['id']}'"
        found = (await self._crm("GET", f"opportunities?$select=opportunityid&$filter={key}"))["value"]
        opportunity_id = found[0]["opportunityid"] if found else await self._create(referral)
        if referral.get("externalReferenceId") != opportunity_id:
            patch = [{"op": "replace", "path": "/externalReferenceId", "value": opportunity_id}]
            await self._ask("PATCH", f"{REFERRALS}/{referral['id']}", self._portal_headers, patch)
        return str(opportunity_id)

    async def _create(self, referral: Mapping[str, Any]) -> str:
        details = referral["details"]
        account_id = await self._ensure_account(referral["customerProfile"])
        body = {
            "name": referral["name"],
            "description": details.get("notes") or None,
            "estimatedvalue": details["dealValue"],
            "estimatedclosedate": details["closingDateTime"][:10],
            "cosell_referralid": referral["id"],
            "cosell_syncwithpartnercenter": True,
            "parentaccountid@odata.bind": f"/accounts({account_id})",
            "customerid_account@odata.bind": f"/accounts({account_id})",
        }
        currency = await self._find_currency(details["currency"])
        if currency:
            body["transactioncurrencyid@odata.bind"] = f"/transactioncurrencies({currency})"
        return str((await self._crm("POST", "opportunities", body))["opportunityid"])

    async def _ensure_account(self, customer: Mapping[str, Any]) -> str:
        address = customer.get("address") or {}
        name, code = _quote(customer["name"]), address.get("postalCode") or ""
        wanted = f"name eq '{name}' and address1_postalcode " + (f"eq '{_quote(code)}'" if code else "eq null")
        found = (await self._crm("GET", f"accounts?$select=accountid&$filter={wanted}"))["value"]
        if found:
            return str(found[0]["accountid"])
        body = {
            "name": customer["name"],
            "address1_line1": address.get("addressLine1") or None,
            "address1_city": address.get("city") or None,
            "address1_postalcode": code or None,
            "address1_country": address.get("country") or None,
        }
        return str((await self._crm("POST", "accounts", body))["accountid"])

    async def _find_currency(self, code: str) -> str:
        if not self._currencies:
            page = await self._crm("GET", "transactioncurrencies?$select=isocurrencycode")
            self._currencies = {row["isocurrencycode"]: row["transactioncurrencyid"] for row in page["value"]}
        return self._currencies.get(code, "")

    async def _crm(self, method: str, path: str, body: object = None) -> Document:
        return await self._ask(method, f"{CRM}/{path}", self._crm_headers, body)

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], body: object = None) -> Document:
        for _ in range(WAIT_AT_MOST):
            answer = await self._http.request(method, path, headers=dict(headers), json=body)
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                document: Document = answer.raise_for_status().json() if answer.content else {}
                return document
            await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
        raise RuntimeError(f"{method} {path} was throttled {WAIT_AT_MOST} times")


def _quote(text: str) -> str:
    """Spell a text for a filter inside of an address."""
    return quote(text.replace("'", "''"), safe="")

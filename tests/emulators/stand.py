"""An emulated Microsoft in process, with short words for what the stories do."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import httpx

from cosell.emulators import identities
from cosell.emulators.app import create_app
from cosell.emulators.assembly import Emulators
from cosell.emulators.options import Options
from cosell.emulators.pki import Pki
from cosell.emulators.world import World

Json: TypeAlias = Any
API = "https://localhost"
WEBHOOK_API = "https://127.0.0.1"
REFERRALS = f"{API}/v1.0/engagements/referrals"
REGISTRATION = f"{WEBHOOK_API}/webhooks/v1/registration"
CALLBACK = "https://connector.example/webhooks/partner-center"
FOUR_EVENTS = ["referral-created", "referral-updated", "related-referral-created", "related-referral-updated"]


@dataclass(slots=True)
class Receiver:
    """Where callbacks arrive; answers with the next of `answers`, then 202."""

    answers: list[int | Exception] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else 202
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer)

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]

    def events(self) -> list[str]:
        return [body["EventName"] for body in self.bodies()]


@dataclass(slots=True)
class Stand:
    """The world, its application, and clients of it."""

    world: World
    emulators: Emulators
    http: httpx.AsyncClient
    receiver: Receiver

    async def control(self, method: str, path: str, body: Json = None) -> Json:
        answer = await self.http.request(method, f"{API}/_emulator/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def sign_in(
        self, *, user: str = identities.ADMIN.user, audience: str = API, mfa: bool = True
    ) -> dict[str, str]:
        """Return the Authorization header of a person."""
        token = await self.control("POST", "tokens", {"user": user, "audience": audience, "mfa": mfa})
        return {"Authorization": f"Bearer {token['access_token']}"}

    async def created(self, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = await self.http.post(REFERRALS, json=body or own_referral())
        assert answer.status_code == 201, answer.text
        referral: dict[str, Any] = answer.json()
        return referral

    async def invited(self, **overrides: Json) -> dict[str, Any]:
        referral: dict[str, Any] = await self.control("POST", "microsoft/referrals", overrides)
        return referral

    async def got(self, referral_id: str) -> dict[str, Any]:
        answer = await self.http.get(f"{REFERRALS}/{referral_id}")
        assert answer.status_code == 200, answer.text
        referral: dict[str, Any] = answer.json()
        return referral

    async def copies(self, engagement_id: str) -> dict[str, dict[str, Any]]:
        """Return the copies of a deal by the organization they belong to."""
        answer = await self.http.get(REFERRALS, params={"$filter": f"engagementId eq '{engagement_id}'"})
        assert answer.status_code == 200, answer.text
        return {copy["organizationId"]: copy for copy in answer.json()["value"]}

    async def patch(
        self, referral_id: str, changes: dict[str, Any] | list[dict[str, Any]], **headers: str
    ) -> httpx.Response:
        """Patch by pairs of path and value, or by operations as they are."""
        operations = (
            [{"op": "replace", "path": path, "value": value} for path, value in changes.items()]
            if isinstance(changes, dict)
            else changes
        )
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.patch(f"{REFERRALS}/{referral_id}", json=operations, headers=named)

    async def register(self, *events: str, **members: Json) -> None:
        """Register the receiver for all referral events, or for some."""
        headers = await self.sign_in(audience=WEBHOOK_API)
        body = {"WebhookUrl": CALLBACK, "WebhookEvents": [*(events or FOUR_EVENTS), "test-created"], **members}
        answer = await self.http.post(REGISTRATION, json=body, headers=headers)
        assert answer.status_code == 200, answer.text

    async def deliver(self) -> None:
        """Let everything due be sent."""
        await self.emulators.partner_center.dispatcher.drain()

    async def violated(self) -> list[str]:
        told = await self.control("GET", "violations")
        return [each["rule"] for each in told["violations"]]


@asynccontextmanager
async def open_stand(pki: Pki) -> AsyncIterator[Stand]:
    """Build a world and sign its Referrals admin in; nothing runs in the background."""
    world, receiver = World(), Receiver()
    options = Options(pki=pki, callback_transport=httpx.MockTransport(receiver))
    app = create_app(world, options=options)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport) as http:
        stand = Stand(world=world, emulators=app.state.emulators, http=http, receiver=receiver)
        http.headers.update(await stand.sign_in())
        yield stand
    await stand.emulators.stop()
    world.store.close()


def own_referral(**changes: Json) -> dict[str, Any]:
    """Return what a partner posts for a deal that Microsoft may see."""
    body: dict[str, Any] = {
        "name": "Northwind Bakeries @ Contoso Suite",
        "externalReferenceId": "0f6d2a51-7c1e-4f0a-9b65-5f1d0c4ee001",
        "qualification": "SalesQualified",
        "type": "Shared",
        "customerProfile": {
            "name": "Northwind Bakeries",
            "address": {"addressLine1": "4 Mill Road", "city": "Leeds", "postalCode": "LS1 4AP", "country": "GB"},
            "size": "51to250employees",
            "team": [person("Tove", "Lindqvist", "tove@northwind-bakeries.example")],
            "ids": [],
        },
        "consent": {
            "consentToToShareInfoWithOthers": True,
            "consentToContact": True,
            "consentToShareReferralWithMicrosoftSellers": True,
        },
        "details": {
            "notes": "Asked for a quote.",
            "dealValue": 50000,
            "currency": "USD",
            "closingDateTime": "2027-01-31T00:00:00Z",
            "requirements": {
                "solutions": [{"type": "Name", "id": "SOL-15974-MQF", "name": "Contoso Suite"}],
                "additionalRequirements": {
                    "attributes": [{"type": "CustomerMarketplaceIntent", "id": "HaveNotDecided"}]
                },
            },
        },
        "team": [person("Milo", "Brandt", identities.SELLER.user)],
        "target": [{"type": "SolutionProfile", "id": "SOL-15974-MQF"}],
    }
    return body | changes


def invitation_of(own: dict[str, Any], **changes: Json) -> dict[str, Any]:
    """Return what a partner posts to ask Microsoft for help with its deal."""
    body = own_referral(
        engagementId=own["engagementId"],
        target=[{"type": "BusinessProfileLocation", "id": "msft"}],
        inviteContext={"notes": "Please join the demo.", "assistanceRequestCode": "ProofOfConceptOrDemo"},
    )
    del body["externalReferenceId"]
    return body | changes


def person(first_name: str, last_name: str, email: str) -> dict[str, Any]:
    """Return a member of a team."""
    return {"firstName": first_name, "lastName": last_name, "phoneNumber": "5550100", "email": email}


def code_of(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Return status, code and inner code of an error of the referrals API."""
    error = answer.json()["error"]
    return answer.status_code, error["code"], (error.get("innerError") or {}).get("code")

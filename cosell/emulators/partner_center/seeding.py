"""Makes up referrals by the thousand, always the same for a seed: all kinds of deals, and the dirt of real ones."""

import random
import uuid
from datetime import datetime, timedelta
from typing import Any

from cosell.emulators import identities
from cosell.emulators.partner_center import facts
from cosell.emulators.partner_center.referrals import Document, stamp
from cosell.emulators.partner_center.shape import completed

_FIRST_WORDS = [
    "Alpine",
    "Baltic",
    "Cobalt",
    "Delta",
    "Ember",
    "Fjord",
    "Granite",
    "Harbor",
    "Indigo",
    "Juniper",
    "Keystone",
    "Lumen",
    "Meridian",
    "Nimbus",
]
_SECOND_WORDS = [
    "Foods",
    "Robotics",
    "Textiles",
    "Logistics",
    "Clinics",
    "Energy",
    "Insurance",
    "Optics",
    "Timber",
    "Travel",
    "Media",
    "Bank",
]
_FORMS = ("Ltd", "GmbH", "S.A.", "Inc", "AG", "B.V.", "LIMITED", "")
_FIRST_NAMES = [
    "Ana",
    "Björn",
    "Chloé",
    "Dmitri",
    "Eun",
    "Farah",
    "Goran",
    "Hélène",
    "Ilse",
    "João",
    "Kaito",
    "Laila",
    "Marek",
    "Nadia",
    "Øyvind",
]
_LAST_NAMES = [
    "Nakamura",
    "Müller",
    "O'Brien",
    "Garcia",
    "Öztürk",
    "Svensson",
    "Kowalski",
    "Rossi",
    "Dubois",
    "Ng",
    "Ferreira",
]
_PLACES = (
    ("US", "USD", "Redmond", "WA", "98052"),
    ("DE", "EUR", "Köln", None, "50667"),
    ("GB", "GBP", "Leeds", "", "LS1 4AP"),
    ("CH", "CHF", "Zürich", "ZH", "8001"),
    ("FR", "EUR", "Lyon", None, "69002"),
    ("JP", "JPY", "大阪市", None, "530-0001"),
    ("IN", "INR", "Hyderabad", "", "500001"),
    ("BR", "BRL", "São Paulo", "SP", "01310-100"),
)
_SOLUTIONS = (
    ("SOL-15974-MQF", "Contoso Suite", "3P"),
    ("SOL-34104-EBB", "Contoso Field Service", "3P"),
    ("7c1f2d90-5a4e-4f0b-9d39-b3d1a2c4e5f6", "Contoso Enterprise Compliance", None),
)
_STATES = (
    ("Active", "Accepted", 60),
    ("New", "Pending", 12),
    ("Closed", "Won", 12),
    ("Closed", "Lost", 10),
    ("Closed", "Declined", 4),
    ("Closed", "Expired", 2),
)
_OWN = "contoso-partner.example"
_KINDS = (("private", 25), ("partner_led", 25), ("cosell", 35), ("inbound", 15))


def seeded_referrals(count: int, *, seed: int, now: datetime) -> list[Document]:
    """Return `count` deals: our copy of each, and Microsoft's where it takes part."""
    return [copy for number in range(count) for copy in _Deal(number, seed=seed, now=now).copies()]


class _Deal:
    """One made-up deal."""

    def __init__(self, number: int, *, seed: int, now: datetime) -> None:
        self._dice = random.Random(f"{seed}/{number}")
        self._number = number
        self._now = now
        dice = self._dice
        self._kind = dice.choices([kind for kind, _ in _KINDS], [weight for _, weight in _KINDS])[0]
        states = dice.choices(_STATES, [weight for _, _, weight in _STATES])[0]
        self._status, self._substatus = states[:2]
        if self._kind != "inbound" and self._substatus in {"Pending", "Declined", "Expired"}:
            self._status, self._substatus = "Active", "Accepted"
        most_days = 13 if self._status == "New" else 360
        self._created = now - timedelta(seconds=dice.randrange(86_400, most_days * 86_400))
        self._updated = min(now, self._created + timedelta(seconds=dice.randrange(1, 20 * 86_400)))
        self._engagement_id = self._guid()

    def copies(self) -> list[Document]:
        ours = self._ours()
        if self._kind == "cosell":
            return [ours, self._microsofts(ours, invited_by_us=True)]
        if self._kind == "inbound":
            return [ours, self._microsofts(ours, invited_by_us=False)]
        return [ours]

    def _guid(self) -> str:
        return str(uuid.UUID(int=self._dice.getrandbits(128), version=4))

    def _ours(self) -> Document:
        dice = self._dice
        is_inbound = self._kind == "inbound"
        solution_id, solution_name, solution_type = dice.choice(_SOLUTIONS)
        customer = self._customer()
        inviter = (
            (identities.MICROSOFT_ID, identities.MICROSOFT_NAME)
            if is_inbound
            else (identities.ORGANIZATION_ID, identities.ORGANIZATION_NAME)
        )
        solution = {
            "id": solution_id,
            "name": dice.choice([solution_name, None]),
            "type": dice.choice(["Name", "Name", "None"]),
            "solutionType": solution_type,
        }
        body: dict[str, Any] = {
            "name": f"{customer['name']} @ {solution_name}{dice.choice(['', '', ' ', ' (renewal)'])}",
            "type": "Shared" if self._kind in {"cosell", "inbound"} else "Independent",
            "qualification": "SalesQualified" if is_inbound else dice.choice(["SalesQualified", "None"]),
            "campaignId": dice.choice(["", None, "spring-push"]),
            "salesStage": dice.choice([None, "10", "20", "40", "100"]),
            "target": [] if self._kind == "private" else [{"type": "SolutionProfile", "id": solution_id}],
            "customerProfile": customer,
            "consent": {
                "consentToToShareInfoWithOthers": True,
                "consentToContact": True,
                "consentToShareReferralWithMicrosoftSellers": self._kind != "private",
            },
            "details": self._details(customer, solution),
            "team": dice.choice([[self._seller()], [self._member(_OWN)], [self._member(_OWN), self._seller()]]),
            "inviteContext": {
                "notes": dice.choice([None, "", "Please see the attached brief."]),
                "assistanceRequestCode": "Unknown",
                "invitedMpnId": identities.LOCATION_ID,
                "invitedBy": {"organizationId": inviter[0], "organizationName": inviter[1]},
            },
        }
        return self._copy(body, organization=(identities.ORGANIZATION_ID, identities.ORGANIZATION_NAME))

    def _microsofts(self, ours: Document, *, invited_by_us: bool) -> Document:
        dice = self._dice
        help_code = dice.choice(sorted(facts.HELP_CODES - {"Unknown"})) if invited_by_us else "Unknown"
        body = {
            **ours,
            "target": [{"type": "BusinessProfileLocation", "id": identities.MICROSOFT_ID}],
            "direction": "Outgoing",
            "externalReferenceId": None,
            "inviteContext": {**ours["inviteContext"], "assistanceRequestCode": help_code},
        }
        answered = not invited_by_us or self._status == "Closed" or dice.random() < 0.6
        state = ("Active", "Accepted") if answered else ("New", "Pending")
        if not answered and self._now - self._created > timedelta(days=facts.ANSWER_DAYS - 1):
            state = ("Closed", "Expired")
        copy = self._copy(body, organization=(identities.MICROSOFT_ID, identities.MICROSOFT_NAME), state=state)
        if state[1] == "Accepted":
            copy["trackingInfo"]["microsoftMsxId"] = f"7-{dice.getrandbits(32):08X}"
        return copy

    def _copy(self, body: Document, *, organization: tuple[str, str], state: tuple[str, str] | None = None) -> Document:
        status, substatus = state or (self._status, self._substatus)
        expires = self._created + timedelta(days=facts.ANSWER_DAYS)
        etag = f'"{self._dice.getrandbits(32):08x}-0000-0100-0000-{int(self._updated.timestamp()):08x}0000"'
        document: Document = completed(body)
        return document | {
            "id": self._guid(),
            "engagementId": self._engagement_id,
            "organizationId": organization[0],
            "organizationName": organization[1],
            "externalReferenceId": self._dice.choice([None, ""]),
            "createdDateTime": stamp(self._created),
            "updatedDateTime": stamp(self._updated),
            "status": status,
            "substatus": substatus,
            "eTag": etag,
            "favorite": False,
            "quality": "Unknown",
            "isSpam": False,
            "direction": body.get("direction") or "Incoming",
            "mpnId": identities.LOCATION_ID,
            "dealSensitivity": "None",
            "registrationStatus": "None",
            "acceptedDateTime": None if status == "New" else stamp(self._created),
            "closedDateTime": stamp(self._updated) if status == "Closed" else None,
            "expirationDateTime": stamp(expires) if status == "New" else None,
        }

    def _details(self, customer: Document, solution: Document) -> Document:
        dice = self._dice
        currency = next(place[1] for place in _PLACES if place[0] == customer["address"]["country"])
        requirements: dict[str, Any] = {"solutions": [solution], "additionalRequirements": {"iot": {}}}
        if dice.random() < 0.7:
            intent = {"type": facts.MARKETPLACE_INTENT, "id": dice.choice(sorted(facts.MARKETPLACE_INTENTS))}
            requirements["additionalRequirements"]["attributes"] = [intent]
        closing = self._created + timedelta(days=dice.randrange(20, 200))
        value = dice.choice([dice.randrange(1_000, 500_000), dice.randrange(100_000, 9_000_000) / 100])
        return {
            "notes": dice.choice([None, "", "Met at the fair; wants a pilot.", "Línea 1\r\nLínea 2\n", "."]),
            "dealValue": value,
            "currency": currency,
            "closingDateTime": f"{closing:%Y-%m-%d}T{dice.choice(['00:00:00Z', '00:00:00Z', '23:00:00Z'])}",
            "requirements": requirements,
        }

    def _customer(self) -> Document:
        dice = self._dice
        country, _, city, state, postal_code = dice.choice(_PLACES)
        words = (dice.choice(_FIRST_WORDS), dice.choice(_SECOND_WORDS), dice.choice(_FORMS))
        name = " ".join(word for word in words if word)
        ids = [{"profileType": "Duns", "id": dice.choice(["", f"{dice.randrange(10**9):09d}"])}]
        if dice.random() < 0.5:
            ids.append({"profileType": "External", "id": f"6-{dice.randrange(36**5):09X}"})
        return {
            "name": dice.choice([name, name, name.upper(), f"{name} "]),
            "size": dice.choice(["", None, "51to250employees", "1001to5000employees"]),
            "isMatchingComplete": dice.random() < 0.5,
            "address": {
                "addressLine1": f"{dice.randrange(1, 200)} {dice.choice(_SECOND_WORDS)} Road",
                "addressLine2": dice.choice(["", None]),
                "city": city,
                "state": state,
                "postalCode": postal_code,
                "country": country,
                "region": None,
            },
            "team": [self._member("customer.example")][: dice.choice([0, 1, 1, 1])],
            "ids": ids,
        }

    def _member(self, domain: str) -> Document:
        dice = self._dice
        first, last = dice.choice(_FIRST_NAMES), dice.choice(_LAST_NAMES)
        return {
            "firstName": dice.choice([first, f"{first} "]),
            "lastName": last,
            "phoneNumber": dice.choice([f"+49 30 5550 {dice.randrange(10_000):04d}", "5550100", ""]),
            "email": f"person{self._number}@{domain}",
            "contactPreference": {"locale": None, "disableNotifications": dice.choice([None, False])},
        }

    def _seller(self) -> Document:
        person = identities.SELLER
        return {
            "firstName": person.first_name,
            "lastName": person.last_name,
            "phoneNumber": "5550142",
            "email": person.user,
        }

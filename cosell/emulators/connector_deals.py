"""Makes up deals as Microsoft's own connector leaves them behind: linked in both services, and not all of them well.

Some lack their other half, some are there twice, some differ because the connector lost an edit. Pure: the same for a
seed. Which service keeps what is left to the two stand-ins.
"""

import random
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from cosell.emulators.partner_center import facts
from cosell.emulators.partner_center.referrals import Document

STEADY = "in step"
DRIFTED = "drifted"
WITHOUT_REFERRAL = "without referral"
WITHOUT_OPPORTUNITY = "without opportunity"
TWO_OPPORTUNITIES = "two opportunities"
TWO_REFERRALS = "two referrals"
NOT_WRITTEN_BACK = "not written back"
EVERY = 25
FATES = {
    3: DRIFTED,
    7: WITHOUT_REFERRAL,
    11: WITHOUT_OPPORTUNITY,
    13: DRIFTED,
    15: TWO_OPPORTUNITIES,
    19: TWO_REFERRALS,
    22: NOT_WRITTEN_BACK,
}
"""What becomes of which of twenty-five deals; all others are in step."""
DRIFTS = ("deal value", "closing date", "notes", "name")
MARKS = ("✔ ", "✔ ", "✔ ", "✔ ", "✓ ", "✖ ")
SUCCESS, FAILURE = "Partner Center Referral to CRM sync success.", "CRM to Partner Center Referral sync failed."
WEBHOOK = (
    "https://prod-27.westeurope.logic.azure.example/workflows/0f3c6d2b91a84e57b6d0c4a1e8f92735/triggers/manual/paths/"
    "invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=emulated-key"
)
"""Where a Power Automate flow with an HTTP trigger would listen; its key is part of the address."""
EVENTS = ("referral-created", "referral-updated", "related-referral-created", "related-referral-updated")
WITHOUT_CENTS = frozenset({"JPY"})
"""A CRM rounds amounts of these currencies, so a deal which is in step has whole ones."""
_LAST_DAY = date(2100, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorDeal:
    """The CRM's half of a deal, in plain words; `referral_id` is what its identifier column says, if anything."""

    opportunity_id: str
    referral_id: str | None
    name: str
    value: float
    currency: str
    closing: str
    notes: str | None
    status: tuple[str, str]
    help: str | None
    is_visible: bool
    microsoft_crm_id: str | None
    intent: str | None
    program: str | None
    audit: str
    solutions: tuple[Mapping[str, Any], ...]
    customer: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorWorld:
    """What either service has to keep, and how many deals have come to which end."""

    documents: list[Document]
    deals: list[ConnectorDeal]
    counts: Mapping[str, int]


def connector_world(documents: list[Document], *, seed: int) -> ConnectorWorld:
    """Return what the connector has made of these referrals, which are given with Microsoft's copies behind each."""
    kept: list[Document] = []
    deals: list[ConnectorDeal] = []
    counts: Counter[str] = Counter()
    for number, copies in enumerate(_by_deal(documents)):
        fate = FATES.get(number % EVERY, STEADY)
        counts[fate] += 1
        dice = random.Random(f"{seed}/connector/{number}")
        made = _Making(dice, copies).make(fate, drift=DRIFTS[number // EVERY % len(DRIFTS)])
        kept += made.documents
        deals += made.deals
    return ConnectorWorld(documents=kept, deals=deals, counts=dict(counts))


def _by_deal(documents: list[Document]) -> list[list[Document]]:
    deals: dict[str, list[Document]] = {}
    for document in documents:
        deals.setdefault(document["engagementId"], []).append(document)
    return list(deals.values())


class _Making:
    """One deal in the making."""

    def __init__(self, dice: random.Random, copies: list[Document]) -> None:
        self._dice = dice
        self._ours, self._others = copies[0], copies[1:]
        self._opportunity_id = self._guid()

    def make(self, fate: str, *, drift: str) -> ConnectorWorld:
        """Return both halves, as the fate of the deal left them."""
        ours = {**self._ours, "externalReferenceId": self._opportunity_id}
        deal = self._deal(ours)
        documents, deals = [ours, *self._others], [deal]
        match fate:
            case "drifted":
                deals = [self._drifted(deal, drift)]
            case "without referral":
                documents = []
            case "without opportunity":
                deals = []
            case "two opportunities":
                deals.append(replace(deal, opportunity_id=self._guid(), audit=_line(ours, FAILURE)))
            case "two referrals":
                again = {**ours, "id": self._guid(), "engagementId": self._guid()}
                documents.append(again)
            case "not written back":
                deals = [replace(deal, referral_id=None, name=deal.name.lstrip("✔✓✖ "), audit="")]
        return ConnectorWorld(documents=documents, deals=deals, counts={})

    def _guid(self) -> str:
        return str(uuid.UUID(int=self._dice.getrandbits(128), version=4))

    def _deal(self, ours: Document) -> ConnectorDeal:
        details = ours["details"]
        if details["currency"] in WITHOUT_CENTS:
            details["dealValue"] = round(details["dealValue"])
        mark = self._dice.choice(MARKS)
        attributes = details["requirements"]["additionalRequirements"].get("attributes") or []
        intents = [item["id"] for item in attributes if item.get("type") == facts.MARKETPLACE_INTENT]
        asked = [copy["inviteContext"]["assistanceRequestCode"] for copy in self._others]
        numbers = [(copy.get("trackingInfo") or {}).get("microsoftMsxId") for copy in (ours, *self._others)]
        return ConnectorDeal(
            opportunity_id=self._opportunity_id,
            referral_id=ours["id"],
            name=f"{mark}{ours['name'].strip()}",
            value=details["dealValue"],
            currency=details["currency"],
            closing=details["closingDateTime"][:10],
            notes=details["notes"],
            status=(ours["status"], ours["substatus"]),
            help=next((code for code in asked if code != "Unknown"), None),
            is_visible=ours["consent"]["consentToShareReferralWithMicrosoftSellers"],
            microsoft_crm_id=next((number for number in numbers if number), None),
            intent=next(iter(intents), None),
            program=ours.get("referralProgram"),
            audit=_line(ours, FAILURE if mark == "✖ " else SUCCESS),
            solutions=tuple(details["requirements"]["solutions"]),
            customer=ours["customerProfile"],
        )

    def _drifted(self, deal: ConnectorDeal, drift: str) -> ConnectorDeal:
        """Return the deal with an edit of the seller's which the connector did not carry over."""
        match drift:
            case "deal value":
                return replace(deal, value=deal.value + 1000)
            case "closing date":
                later = date.fromisoformat(deal.closing) + timedelta(days=30)
                return replace(deal, closing=min(later, _LAST_DAY).isoformat())
            case "notes":
                return replace(deal, notes="The customer asked for a second site.")
        return replace(deal, name=f"{deal.name} (extended)")


def _line(ours: Document, told: str) -> str:
    """Return a line of the audit column as the connector writes it, of the time of the referral's last change."""
    at = ours["updatedDateTime"][:16].replace("T", " ")
    return f"{at} - {told}"

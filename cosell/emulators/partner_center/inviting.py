"""An invitation from Microsoft: the deal as its seller would enter it, with whatever the control asked for on top.

One of the type `Independent` is a lead which is handed on: nobody else has a copy of it, it names no solution of ours
and is not shown to sellers.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

from cosell.emulators import identities
from cosell.emulators.partner_center import facts
from cosell.emulators.partner_center.referrals import Document, new_etag, stamp
from cosell.emulators.partner_center.shape import completed

_CUSTOMER: Document = {
    "name": "Fabrikam Robotics",
    "size": "251to1000employees",
    "isMatchingComplete": True,
    "address": {
        "addressLine1": "12 Foundry Lane",
        "addressLine2": "",
        "city": "Leeds",
        "state": "",
        "postalCode": "LS1 4AP",
        "country": "GB",
        "region": None,
    },
    "team": [
        {
            "firstName": "Orla ",
            "lastName": "Whitfield",
            "phoneNumber": "+44 113 496 0100",
            "email": "orla.whitfield@fabrikam-robotics.example",
            "title": None,
            "contactPreference": {"locale": "en-gb", "disableNotifications": False},
        }
    ],
    "ids": [{"profileType": "Duns", "id": ""}, {"profileType": "External", "id": "6-QWERTYUIO"}],
}
_SOLUTION: Document = {"id": "SOL-15974-MQF", "name": "Contoso Suite", "type": "Name", "solutionType": "3P"}


def invitation(wanted: Document, *, now: datetime) -> list[Document]:
    """Return Microsoft's copy and ours, of a lead only ours; ours is the last."""
    is_lead = wanted.get("type") == "Independent"
    shared = _shared(wanted, now, is_lead=is_lead)
    engagement_id = str(uuid.uuid4())
    ours = _copy(shared, engagement_id, now)
    solutions = ours["details"]["requirements"]["solutions"]
    ours |= {
        "organizationId": identities.ORGANIZATION_ID,
        "organizationName": identities.ORGANIZATION_NAME,
        "status": "New",
        "substatus": "Pending",
        "expirationDateTime": stamp(now + timedelta(days=facts.ANSWER_DAYS)),
        "target": [] if is_lead else [{"type": "SolutionProfile", "id": each["id"]} for each in solutions],
        "direction": "Incoming",
        "team": wanted.get("team") or [_seller()],
    }
    if is_lead:
        return [ours]
    theirs = _copy(shared, engagement_id, now)
    theirs |= {
        "organizationId": identities.MICROSOFT_ID,
        "organizationName": identities.MICROSOFT_NAME,
        "status": "Active",
        "substatus": "Accepted",
        "acceptedDateTime": stamp(now),
        "target": [{"type": "BusinessProfileLocation", "id": identities.MICROSOFT_ID}],
        "direction": "Outgoing",
    }
    return [theirs, ours]


def _shared(wanted: Document, now: datetime, *, is_lead: bool) -> Document:
    details: Document = {
        "notes": "The customer asked for a pilot on the shop floor.",
        "dealValue": 85000,
        "currency": "GBP",
        "closingDateTime": f"{now + timedelta(days=90):%Y-%m-%dT00:00:00Z}",
        "requirements": {"solutions": [] if is_lead else [_SOLUTION], "additionalRequirements": {"iot": {}}},
    }
    requirements = {**details["requirements"], **(wanted.get("details", {}).get("requirements") or {})}
    tracking = {"microsoftMsxId": f"7-{uuid.uuid4().hex[:8].upper()}"}
    consent = {
        "consentToToShareInfoWithOthers": True,
        "consentToContact": True,
        "consentToShareReferralWithMicrosoftSellers": not is_lead,
    }
    plain: Document = {
        "name": "Fabrikam Robotics @ Contoso Suite",
        "type": "Shared",
        "qualification": "SalesQualified",
        "mpnId": identities.LOCATION_ID,
        "trackingInfo": tracking,
    }
    return {
        **plain,
        **wanted,
        "customerProfile": {**_CUSTOMER, **(wanted.get("customerProfile") or {})},
        "details": {**details, **wanted.get("details", {}), "requirements": requirements},
        "consent": {**consent, **(wanted.get("consent") or {})},
    }


def _copy(shared: Document, engagement_id: str, now: datetime) -> Document:
    document: Document = completed(shared)
    created = stamp(now)
    server: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "engagementId": engagement_id,
        "createdDateTime": created,
        "updatedDateTime": created,
        "eTag": new_etag(now),
        "favorite": False,
        "quality": "Unknown",
        "isSpam": False,
        "dealSensitivity": "None",
        "registrationStatus": "None",
        "externalReferenceId": None,
        "inviteContext": {
            "notes": (shared.get("inviteContext") or {}).get("notes"),
            "assistanceRequestCode": "Unknown",
            "invitedMpnId": identities.LOCATION_ID,
            "invitedBy": {"organizationId": identities.MICROSOFT_ID, "organizationName": identities.MICROSOFT_NAME},
        },
    }
    return document | server


def _seller() -> Document:
    person = identities.SELLER
    return {
        "firstName": person.first_name,
        "lastName": person.last_name,
        "phoneNumber": "+49 30 5550 0100",
        "email": person.user,
        "title": None,
        "contactPreference": {"locale": None, "disableNotifications": None},
    }

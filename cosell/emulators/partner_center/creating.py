"""What the service checks in a new referral, and how a posted body becomes a document.

Beyond the four members which the documentation requires, the rules of the service's own form are applied (a solution,
a team member, country, value, currency, closing date, purchase intent), for that is what a deal needs to be of any
use. Notes are not: real deals created by partners carry none.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cosell.emulators import identities
from cosell.emulators.partner_center import facts
from cosell.emulators.partner_center.answers import PartnerApiError, invalid
from cosell.emulators.partner_center.referrals import Document, new_etag, stamp
from cosell.emulators.partner_center.shape import completed
from cosell.emulators.partner_center.values import at, check_values, intent_of, is_text

_REQUIRED = (
    ("name", "A referral needs a name."),
    ("details/dealValue", "A deal value is required."),
    ("details/currency", "A currency is required."),
    ("details/closingDateTime", "A closing date is required."),
    ("customerProfile/name", "The customer's name is required."),
    ("customerProfile/address/country", "The customer's two-letter country code is required."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose copy it is; `is_partner` for the caller's own organization."""

    organization_id: str
    organization_name: str
    is_partner: bool


def owner_of(body: Document) -> Owner:
    """Return to whom a posted referral is addressed: another organization's location, else ourselves."""
    for target in body.get("target") or ():
        if target.get("type") == "BusinessProfileLocation" and target.get("id"):
            name = identities.MICROSOFT_NAME if target["id"] == identities.MICROSOFT_ID else "Invited Partner"
            return Owner(organization_id=target["id"], organization_name=name, is_partner=False)
    return Owner(
        organization_id=identities.ORGANIZATION_ID, organization_name=identities.ORGANIZATION_NAME, is_partner=True
    )


def check_new(body: Document, *, owner: Owner, engagement: list[Document]) -> None:
    """Raise `PartnerApiError` unless the service would create this referral."""
    for name in ("type", "customerProfile", "consent", "details"):
        if not body.get(name):
            raise invalid("missingMember", f"'{name}' is required.", target=name)
    for path, text in _REQUIRED:
        value = at(body, path)
        if value is None or value == "":
            raise invalid("missingMember", text, target=path)
    if not intent_of(body):
        path = "details/requirements/additionalRequirements/attributes"
        raise invalid("missingMember", "The customer's marketplace purchase intent is required.", target=path)
    check_values(body)
    if at(body, "consent/consentToToShareInfoWithOthers") is not True:
        raise invalid("consentMissing", "Consent to share the contact data is required.", target="consent")
    _check_engagement(body, owner=owner, engagement=engagement)
    help_code = at(body, "inviteContext/assistanceRequestCode") or "Unknown"
    if owner.organization_id == identities.MICROSOFT_ID:
        _check_invitation(body, help_code)
    elif owner.is_partner and help_code != "Unknown":
        raise invalid(
            "helpOnOwnCopy",
            "Help is asked in the referral addressed to Microsoft.",
            target="inviteContext/assistanceRequestCode",
        )


def _check_engagement(body: Document, *, owner: Owner, engagement: list[Document]) -> None:
    named = body.get("engagementId")
    if not owner.is_partner and not named:
        raise invalid("engagementMissing", "An invitation needs the engagement of your own referral.")
    if named and not engagement:
        raise PartnerApiError(404, "itemNotFound", "The engagement could not be found.", rule="unknownEngagement")
    if any(copy["organizationId"] == owner.organization_id for copy in engagement):
        raise PartnerApiError(
            409, "nameAlreadyExists", "The engagement has a referral of this organization already.", rule="secondCopy"
        )
    own = [copy for copy in engagement if copy["organizationId"] == identities.ORGANIZATION_ID]
    if not owner.is_partner and any(copy["status"] == "Closed" for copy in own):
        raise invalid("closedReferral", "A closed deal cannot be shared.")


def _check_invitation(body: Document, help_code: str) -> None:
    if help_code == "Unknown":
        raise invalid("helpMissing", "Say how Microsoft can help.", target="inviteContext/assistanceRequestCode")
    if at(body, facts.VISIBILITY) is not True:
        raise invalid("helpNeedsVisibility", "Asking for help makes the deal visible.", target=facts.VISIBILITY)
    contacts = at(body, "customerProfile/team") or []
    wanted = ("firstName", "lastName", "phoneNumber", "email")
    if not any(all(is_text(contact.get(name)) for name in wanted) for contact in contacts):
        raise invalid(
            "contactMissing",
            "Asking for help needs a customer contact with first and last name, phone and e-mail.",
            target="customerProfile/team",
        )


def new_document(body: Document, *, owner: Owner, now: datetime) -> Document:
    """Make the document which the service keeps: its own members set, the caller's status overruled."""
    document: Document = completed(body)
    created = stamp(now)
    document |= {
        "id": str(uuid.uuid4()),
        "engagementId": (body.get("engagementId") or str(uuid.uuid4())).lower(),
        "organizationId": owner.organization_id,
        "organizationName": owner.organization_name,
        "createdDateTime": created,
        "updatedDateTime": created,
        "eTag": new_etag(now),
        "qualification": body.get("qualification") or "None",
        "favorite": False,
        "quality": "Unknown",
        "isSpam": False,
        "mpnId": body.get("mpnId") or identities.LOCATION_ID,
        "dealSensitivity": "None",
        "registrationStatus": "None",
        "registrations": [],
        "closedDateTime": None,
        "referralProgram": None,
        "trackingInfo": completed({"trackingInfo": {}})["trackingInfo"],
    }
    document["customerProfile"]["isMatchingComplete"] = False
    invite: dict[str, Any] = document["inviteContext"]
    invite["assistanceRequestCode"] = invite["assistanceRequestCode"] or "Unknown"
    invite["invitedMpnId"] = invite["invitedMpnId"] or document["mpnId"]
    invite["invitedBy"] = {
        "organizationId": identities.ORGANIZATION_ID,
        "organizationName": identities.ORGANIZATION_NAME,
    }
    if owner.is_partner:
        # A referral you create is Active/Accepted at once, whatever was posted.
        accepted = stamp(now - timedelta(milliseconds=1))
        return document | {
            "status": "Active",
            "substatus": "Accepted",
            "direction": "Incoming",
            "acceptedDateTime": accepted,
            "expirationDateTime": None,
        }
    return document | {
        "status": "New",
        "substatus": "Pending",
        "direction": "Outgoing",
        "acceptedDateTime": None,
        "externalReferenceId": None,
        "expirationDateTime": stamp(now + timedelta(days=facts.ANSWER_DAYS)),
    }

"""The referral as a shape: which members exist and of what kind, and how the service binds what callers send.

Binding is case-insensitive (the documentation prints PascalCase and mixes both in one sample), takes numbers in quotes
(the documented PATCH sends `"10000"`), and drops members it does not know.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""Whatever a JSON text may hold."""

TEXT, NUMBER, FLAG, MOMENT = "text", "number", "flag", "moment"

_MEMBER = {
    "firstName": TEXT,
    "lastName": TEXT,
    "phoneNumber": TEXT,
    "email": TEXT,
    "title": TEXT,
    "contactPreference": {"locale": TEXT, "disableNotifications": FLAG},
}
_ADDRESS = {
    "addressLine1": TEXT,
    "addressLine2": TEXT,
    "city": TEXT,
    "state": TEXT,
    "postalCode": TEXT,
    "country": TEXT,
    "region": TEXT,
}
_SOLUTION = {
    "id": TEXT,
    "name": TEXT,
    "type": TEXT,
    "price": NUMBER,
    "quantity": NUMBER,
    "currency": TEXT,
    "publisherName": TEXT,
    "solutionType": TEXT,
    "closingDateTime": MOMENT,
}
_ATTRIBUTES = {
    "iot": {
        "customerLicenseAgreementNumber": TEXT,
        "deviceCategory": TEXT,
        "siliconType": TEXT,
        "azureCertifiedDevice": FLAG,
        "attachServices": FLAG,
    },
    "attributes": [{"type": TEXT, "id": TEXT}],
}
_REQUIREMENTS = {
    "industries": [{"id": TEXT}],
    "products": [{"id": TEXT}],
    "services": [{"id": TEXT}],
    "solutions": [_SOLUTION],
    "offers": [{"id": TEXT, "name": TEXT}],
    "salesPlays": [{"id": TEXT, "name": TEXT}],
    "additionalRequirements": _ATTRIBUTES,
}
_REGISTRATION = {
    "id": TEXT,
    "type": TEXT,
    "registrationDateTime": MOMENT,
    "status": TEXT,
    "statusReason": TEXT,
    "contract": {
        "value": NUMBER,
        "currency": TEXT,
        "startDateTime": MOMENT,
        "endDateTime": MOMENT,
        "signDateTime": MOMENT,
        "term": TEXT,
    },
    "solutionDetails": [
        {
            "id": TEXT,
            "name": TEXT,
            "value": NUMBER,
            "currency": TEXT,
            "isDeployedOnAzure": FLAG,
            "primaryDeploymentOn": TEXT,
            "pricingModel": TEXT,
            "marketplaceTransactionDetails": {
                "isMarketplaceTransacted": FLAG,
                "marketplaceTransactionDateTime": MOMENT,
            },
        }
    ],
    "statusHistory": {
        "reviewPendingDateTime": MOMENT,
        "actionRequiredDateTime": MOMENT,
        "passedDateTime": MOMENT,
        "failedDateTime": MOMENT,
        "approvedDateTime": MOMENT,
    },
}
REFERRAL: dict[str, Any] = {
    "id": TEXT,
    "engagementId": TEXT,
    "name": TEXT,
    "organizationId": TEXT,
    "organizationName": TEXT,
    "lastModifiedVia": TEXT,
    "lastRunId": TEXT,
    "externalReferenceId": TEXT,
    "createdDateTime": TEXT,
    "updatedDateTime": TEXT,
    "expirationDateTime": MOMENT,
    "status": TEXT,
    "substatus": TEXT,
    "statusReason": TEXT,
    "qualification": TEXT,
    "type": TEXT,
    "referralSource": TEXT,
    "eTag": TEXT,
    "favorite": FLAG,
    "campaignId": TEXT,
    "salesStage": TEXT,
    "quality": TEXT,
    "isSpam": FLAG,
    "direction": TEXT,
    "mpnId": TEXT,
    "referralProgram": TEXT,
    "dealSensitivity": TEXT,
    "createdVia": TEXT,
    "tags": [TEXT],
    "acceptedDateTime": TEXT,
    "closedDateTime": TEXT,
    "callToAction": TEXT,
    "registrationStatus": TEXT,
    "target": [{"type": TEXT, "id": TEXT}],
    "customerProfile": {
        "name": TEXT,
        "size": TEXT,
        "isMatchingComplete": FLAG,
        "address": _ADDRESS,
        "team": [_MEMBER],
        "ids": [{"profileType": TEXT, "id": TEXT}],
    },
    "consent": {
        "consentToToShareInfoWithOthers": FLAG,
        "consentToContact": FLAG,
        "consentToMicrosoftToContactSpecificPartners": FLAG,
        "consentToShareReferralWithMicrosoftSellers": FLAG,
    },
    "details": {
        "notes": TEXT,
        "dealValue": NUMBER,
        "currency": TEXT,
        "closingDateTime": MOMENT,
        "customerRequestedContact": FLAG,
        "customerAction": TEXT,
        "incentiveLevel": TEXT,
        "requirements": _REQUIREMENTS,
    },
    "team": [_MEMBER],
    "inviteContext": {
        "notes": TEXT,
        "assistanceRequestCode": TEXT,
        "invitedMpnId": TEXT,
        "invitedBy": {"organizationId": TEXT, "organizationName": TEXT},
    },
    "trackingInfo": {
        "microsoftMsxId": TEXT,
        "microsoftUSFedOpportunityId": TEXT,
        "microsoftUSFedLeadId": TEXT,
        "migratedPSCDealId": TEXT,
        "migratedPSCPartnerDealId": TEXT,
    },
    "registrations": [_REGISTRATION],
}

# Members which real answers leave out altogether when nobody sent them.
_LEFT_OUT = frozenset({"consentToMicrosoftToContactSpecificPartners", "attributes", "offers"})
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class CannotBindError(Exception):
    """A value is of the wrong kind; `path` tells which, as a JSON pointer."""

    def __init__(self, path: str) -> None:
        """Note the pointer."""
        super().__init__(f"The value of '{path or '/'}' could not be read.")
        self.path = path


def bound(value: Json, shape: Json = REFERRAL, path: str = "") -> Json:
    """Return what the service understands of a value: known members, spelt its way, of the right kind."""
    if value is None:
        return None
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            raise CannotBindError(path)
        spelling = _spelling(tuple(shape))
        known = ((spelling.get(name.lower()), item) for name, item in value.items())
        return {name: bound(item, shape[name], f"{path}/{name}") for name, item in known if name}
    if isinstance(shape, list):
        if not isinstance(value, list) or None in value:
            raise CannotBindError(path)
        return [bound(item, shape[0], f"{path}/{index}") for index, item in enumerate(value)]
    return _scalar(value, shape, path)


def completed(value: Json, shape: Json = REFERRAL) -> Json:
    """Return a bound value with every member which the service always answers, null where nothing was said."""
    if isinstance(shape, dict):
        given = value or {}
        whole: dict[str, Json] = {}
        for name, inner in shape.items():
            if name in given or name not in _LEFT_OUT:
                item = given.get(name)
                whole[name] = item if isinstance(inner, str) else completed(item, inner)
        return whole
    if isinstance(shape, list):
        return [completed(item, shape[0]) for item in value or ()]
    return value


def changed_paths(before: Json, after: Json, path: str = "") -> Iterator[str]:
    """Yield where two documents differ, lists taken as one value; null and a missing member are the same."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from changed_paths(before.get(name), after.get(name), f"{path}/{name}" if path else name)
    elif before != after:
        yield path


def merged(before: Json, wanted: Json) -> Json:
    """Put what was said over what is there; a member that was not mentioned stays."""
    if isinstance(before, dict) and isinstance(wanted, dict):
        return {**before, **{name: merged(before.get(name), value) for name, value in wanted.items()}}
    return wanted


def moment_of(text: str) -> datetime:
    """Read a time in any of the service's spellings (seven digits of a second, no zone) as UTC."""
    moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


@cache
def _spelling(names: tuple[str, ...]) -> dict[str, str]:
    return {name.lower(): name for name in names}


def _scalar(value: Json, kind: str, path: str) -> Json:
    if kind == NUMBER:
        return _number(value, path)
    if kind == FLAG:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        raise CannotBindError(path)
    if not isinstance(value, str):
        raise CannotBindError(path)
    if kind == MOMENT and value:
        try:
            moment = moment_of(value)
        except ValueError:
            raise CannotBindError(path) from None
        return value if "T" in value else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    return value


def _number(value: Json, path: str) -> int | float:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CannotBindError(path)
    return value

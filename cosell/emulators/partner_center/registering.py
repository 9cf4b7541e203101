"""Deal registration: what may be appended to `registrations`, when, and the 12 members that may change later.

The conditions are those of the service's guide (Microsoft: "Register deals"): Won, 25,000 US dollars or more, open for
72 hours before it was won, signed 60 days ago at most, accepted by Microsoft when it was a co-sell deal.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

from cosell.emulators import identities
from cosell.emulators.partner_center import facts
from cosell.emulators.partner_center.answers import PartnerApiError, invalid
from cosell.emulators.partner_center.referrals import Document, stamp
from cosell.emulators.partner_center.shape import Json, changed_paths, completed, moment_of
from cosell.emulators.partner_center.values import at


def check_registrations(before: Document, after: Document, *, others: list[Document], now: datetime) -> None:
    """Raise unless exactly one registration was appended to an eligible deal, or writable members were replaced."""
    old, new = before.get("registrations") or [], after.get("registrations") or []
    if before["status"] != "Closed" or before["substatus"] != "Won":
        raise _refused("A deal can be registered once it is won.")
    if len(new) < len(old):
        raise _refused("A registration cannot be removed.")
    for was, becomes in zip(old, new, strict=False):
        for path in _leaves(was, becomes):
            if path not in facts.REGISTRATION_WRITABLE:
                raise _refused(f"'{path}' of a registration is read-only.")
        _check_contents(becomes)
    for added in new[len(old) :]:
        _check_eligible(before, others=others)
        _check_contents(added)
        signed = (added.get("contract") or {}).get("signDateTime")
        if not signed or now - moment_of(signed) > timedelta(days=facts.REGISTRATION_DAYS_AFTER_SIGNING):
            raise _refused("The contract was signed more than 60 days ago, or it is not said when.")


def with_server_members(before: Document, after: Document, now: datetime) -> Document:
    """Give an appended registration what the service sets: id, time, and that it waits for review."""
    old_count = len(before.get("registrations") or ())
    registrations = list(after.get("registrations") or ())
    for index in range(old_count, len(registrations)):
        added: dict[str, Any] = completed({"registrations": [registrations[index]]})["registrations"][0]
        added |= {"id": str(uuid.uuid4()), "registrationDateTime": stamp(now), "status": "ReviewPending"}
        added["statusHistory"]["reviewPendingDateTime"] = stamp(now)
        registrations[index] = added
    if len(registrations) > old_count:
        return after | {"registrations": registrations, "registrationStatus": "ReviewPending"}
    return after


def _check_eligible(document: Document, *, others: list[Document]) -> None:
    opened, closed = moment_of(document["createdDateTime"]), moment_of(document["closedDateTime"])
    if closed - opened < timedelta(hours=facts.REGISTRATION_HOURS_OPEN):
        raise _refused("Less than 72 hours passed between creation and Won.")
    value, currency = at(document, "details/dealValue") or 0, at(document, "details/currency")
    if currency == "USD" and value < facts.REGISTRATION_LEAST_VALUE:
        raise _refused("The deal value is below 25,000 US dollars.")
    if at(document, facts.VISIBILITY) is not True:
        raise _refused("A private deal cannot be registered.")
    for copy in others:
        accepted = copy["status"] == "Active" or copy["substatus"] == "Won"
        if copy["organizationId"] == identities.MICROSOFT_ID and not accepted:
            raise _refused("Microsoft has not accepted the deal.")


def _check_contents(registration: Document) -> None:
    contract = registration.get("contract") or {}
    solutions = registration.get("solutionDetails") or []
    if registration.get("type") != "AzureIPCoSell":
        raise _refused("The type of a registration is AzureIPCoSell.")
    if contract.get("term") not in facts.REGISTRATION_TERMS or not contract.get("value"):
        raise _refused("A registration needs the contract's value and its term, Perpetual or Finite.")
    if not solutions:
        raise _refused("A registration needs a solution.")
    for solution in solutions:
        if solution.get("primaryDeploymentOn") not in facts.REGISTRATION_DEPLOYMENTS | {None}:
            raise _refused("The solution is deployed at Customer or Partner.")
        if solution.get("pricingModel") not in facts.REGISTRATION_PRICING | {None}:
            raise _refused("The pricing model is PayAsYouGo or Other.")


def _leaves(before: Json, after: Json, path: str = "") -> list[str]:
    """Return changed paths, entering lists of the same length by index."""
    found: list[str] = []
    for changed in changed_paths(before, after):
        where = f"{path}/{changed}" if path else changed
        was, becomes = at(before, changed), at(after, changed)
        if isinstance(was, list) and isinstance(becomes, list) and len(was) == len(becomes):
            for index, pair in enumerate(zip(was, becomes, strict=True)):
                found += _leaves(*pair, path=f"{where}/{index}")
        else:
            found.append(where)
    return found


def _refused(text: str) -> PartnerApiError:
    return invalid("registrationRefused", text, target="registrations")

"""Checks of single values, the same for creation and change: enumerations, money, lists, the purchase intent."""

import re
from collections.abc import Iterator

from cosell.emulators.partner_center import facts
from cosell.emulators.partner_center.answers import invalid
from cosell.emulators.partner_center.referrals import Document
from cosell.emulators.partner_center.shape import Json

_COUNTRY = re.compile(r"[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")


def check_values(document: Document, changed: set[str] | None = None) -> None:
    """Raise on the first value that the service does not take; with `changed`, look only at what moved."""
    for path, is_fine, text in _problems(document):
        if not is_fine and (changed is None or any(_touches(each, path) for each in changed)):
            raise invalid("invalidValue", text, target=path)


def at(document: Document, path: str) -> Json:
    """Return what is at a path like `details/dealValue`, None where something on the way is missing."""
    value: Json = document
    for name in path.split("/"):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def is_text(value: Json) -> bool:
    """Tell whether there is something to read in a value."""
    return isinstance(value, str) and bool(value.strip())


def intent_of(document: Document) -> list[str]:
    """Return the customer's marketplace intents among the attributes."""
    attributes = at(document, "details/requirements/additionalRequirements/attributes") or []
    return [each.get("id") or "" for each in attributes if each.get("type") == facts.MARKETPLACE_INTENT]


def _touches(changed: str, path: str) -> bool:
    return changed == path or changed.startswith(f"{path}/") or path.startswith(f"{changed}/")


def _problems(document: Document) -> Iterator[tuple[str, bool, str]]:
    yield from _enumerations(document)
    yield "name", is_text(document.get("name")), "A referral needs a name."
    value = at(document, "details/dealValue")
    yield "details/dealValue", value is None or value > 0, "The deal value must be more than zero."
    currency = at(document, "details/currency")
    fine = currency is None or bool(_CURRENCY.fullmatch(currency))
    yield "details/currency", fine, "The currency must be an ISO 4217 code."
    country = at(document, "customerProfile/address/country")
    fine = not country or bool(_COUNTRY.fullmatch(country))
    yield "customerProfile/address/country", fine, "The country must be an ISO 3166 alpha-2 code."
    team = document.get("team") or []
    yield "team", 1 <= len(team) <= facts.MOST_MEMBERS, "A referral needs at least one and at most 50 team members."
    fine = all(is_text(member.get("email")) for member in team)
    yield "team", fine, "Every team member needs an e-mail address."
    solutions = at(document, "details/requirements/solutions") or []
    path = "details/requirements/solutions"
    fine = 1 <= len(solutions) <= facts.MOST_SOLUTIONS and all(is_text(each.get("id")) for each in solutions)
    yield path, fine, "Solution ID is required: a referral needs at least one and at most 50 solutions."


def _enumerations(document: Document) -> Iterator[tuple[str, bool, str]]:
    single = {
        "qualification": facts.QUALIFICATIONS,
        "type": facts.TYPES,
        "customerProfile/size": facts.CUSTOMER_SIZES,
        "inviteContext/assistanceRequestCode": facts.HELP_CODES,
    }
    for path, allowed in single.items():
        value = at(document, path)
        yield path, value is None or value in allowed, f"'{path}' has no such value."
    stage = document.get("salesStage")
    yield "salesStage", stage is None or stage in facts.SALES_STAGES, "'salesStage' has no such value."
    listed = {
        "target": ("type", facts.TARGET_TYPES),
        "customerProfile/ids": ("profileType", facts.PROFILE_TYPES),
        "details/requirements/solutions": ("type", facts.SOLUTION_TYPES),
    }
    for path, (member, allowed) in listed.items():
        values = [each.get(member) for each in at(document, path) or ()]
        yield path, all(value is None or value in allowed for value in values), f"'{path}' has a wrong {member}."
    path = "details/requirements/additionalRequirements/attributes"
    yield path, set(intent_of(document)) <= facts.MARKETPLACE_INTENTS, "The purchase intent has no such value."

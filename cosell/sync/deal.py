"""A deal which is to be shared: checks everything Partner Center will check, then spells the referral. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cosell.domain.ids import EngagementId, OpportunityId
from cosell.domain.money import Money
from cosell.domain.snapshot import Snapshot, Value, is_empty
from cosell.mapping.fields import to_wire
from cosell.mapping.models import Mappings
from cosell.mapping.parties import Party, to_party_document
from cosell.mapping.solutions import Solution, spell_member
from cosell.mapping.values import add_test_mark
from cosell.sync.one_way import ASKED, MADE_VISIBLE, stays_private
from cosell.sync.team import MEMBERS_AT_MOST

TO_MICROSOFT = ({"type": "BusinessProfileLocation", "id": "msft"},)
NOT_DECIDED = "HaveNotDecided"
_COUNTRY = re.compile(r"[A-Za-z]{2}")
SOLUTIONS_AT_MOST = 50
"""Microsoft: Bulk operations on co-sell opportunities."""
_SENT_FIELDS = ("name", "deal_value", "closing_date", "notes")
_CONTACT_NEEDS = {"first_name": "first name", "last_name": "last name", "email": "e-mail", "phone": "phone number"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """An opportunity with all that its referral is made of.

    `customer`, `contact` and the members of `team` are by the field names of the mapping; `help` is Partner Center's
    code, None when no help is asked; `solutions` are the valid ones.
    """

    opportunity_id: OpportunityId
    fields: Snapshot
    customer: Party
    contact: Party
    team: tuple[Party, ...]
    solutions: tuple[Solution, ...]
    help: str | None
    is_visible: bool
    purchase_intent: str = NOT_DECIDED
    is_test: bool = False
    """Whether it is shared in test mode: marked, and never shown to Microsoft."""


def check_deal(deal: Deal) -> tuple[str, ...]:
    """Return a sentence for each thing to fix before the deal can be shared; all at once, none when it is ready.

    The rules are Partner Center's (Microsoft: Create a referral; Manage co-sell opportunities; connector FAQ).
    """
    problems = [
        f"Fill in {words}."
        for name, words in (
            ("name", "the topic"),
            ("closing_date", "the estimated close date"),
            ("notes", "the description; it becomes the notes"),
        )
        if is_empty(deal.fields.get(name))
    ]
    value = deal.fields.get("deal_value")
    if not isinstance(value, Money) or value.amount <= 0:
        problems.append("Fill in a deal value above zero, with its currency; a calculated column may still be empty.")
    if not deal.customer.get("name"):
        problems.append("Choose an account: the referral needs a customer.")
    elif not _COUNTRY.fullmatch(deal.customer.get("country") or ""):
        problems.append("Give the account's country as two letters (ISO 3166), like DE or US, or by its name.")
    if not deal.solutions:
        problems.append("Add at least one Microsoft solution whose details have a solution identifier.")
    if len(deal.solutions) > SOLUTIONS_AT_MOST:
        problems.append(f"Keep at most {SOLUTIONS_AT_MOST} Microsoft solutions.")
    if not deal.team:
        problems.append(
            "The owner, or a member of the sales team, needs a first name, a last name and an e-mail address, to be "
            "the referral's team member."
        )
    if deal.help:
        missing = [words for name, words in _CONTACT_NEEDS.items() if not deal.contact.get(name)]
        if missing:
            problems.append(f"Asking Microsoft for help needs a customer contact with {', '.join(missing)}.")
    if deal.is_test:
        wishes = {MADE_VISIBLE: deal.is_visible, ASKED: bool(deal.help)}
        problems += [stays_private(what) for what, is_wanted in wishes.items() if is_wanted]
    return tuple(problems)


def spell_referral(deal: Deal, mappings: Mappings) -> dict[str, object]:
    """Return the body which creates our referral.

    Status is left out: what one creates is Active/Accepted at once (Microsoft: Create a referral).
    """
    body = _spell_shared_part(deal, mappings)
    body["externalReferenceId"] = deal.opportunity_id
    shared = deal.is_visible or bool(deal.help)
    body["target"] = [{"type": "SolutionProfile", "id": item.identifier} for item in deal.solutions] if shared else []
    return body


def spell_microsofts_copy(deal: Deal, mappings: Mappings, *, engagement_id: EngagementId) -> dict[str, object]:
    """Return the body which invites Microsoft to the same engagement (Microsoft: Create a referral, co-sell)."""
    body = _spell_shared_part(deal, mappings)
    body["engagementId"] = engagement_id
    body["target"] = [dict(target) for target in TO_MICROSOFT]
    body["inviteContext"] = {"notes": deal.fields.get("notes"), "assistanceRequestCode": deal.help}
    return body


def _spell_shared_part(deal: Deal, mappings: Mappings) -> dict[str, object]:
    value = deal.fields.get("deal_value")
    country = (deal.customer.get("country") or "").upper() or None
    customer = to_party_document({**deal.customer, "country": country}, mappings.account)
    profile = customer.get("customerProfile")
    shared = deal.is_visible or bool(deal.help)
    currency = value.currency if isinstance(value, Money) else None
    return {
        "name": add_test_mark(deal.fields.get("name")) if deal.is_test else deal.fields.get("name"),
        "qualification": "SalesQualified",
        "type": "Shared" if deal.help else "Independent",
        "customerProfile": {
            **(profile if isinstance(profile, dict) else {}),
            "team": _spell_team(deal.contact, mappings),
        },
        "consent": {
            "consentToToShareInfoWithOthers": True,
            "consentToContact": True,
            "consentToMicrosoftToContactSpecificPartners": True,
            "consentToShareReferralWithMicrosoftSellers": shared,
        },
        "details": {
            "notes": deal.fields.get("notes"),
            "dealValue": value.amount if isinstance(value, Money) else None,
            "currency": currency,
            "closingDateTime": to_wire(deal.fields.get("closing_date")),
            "requirements": {
                "solutions": [spell_member(item, currency=currency) for item in deal.solutions],
                "additionalRequirements": {
                    "attributes": [{"type": "CustomerMarketplaceIntent", "id": deal.purchase_intent}]
                },
            },
        },
        "team": [spelled for member in deal.team[:MEMBERS_AT_MOST] for spelled in _spell_team(member, mappings)],
    }


def _spell_team(member: Party, mappings: Mappings) -> list[dict[str, object]]:
    if not (member.get("last_name") or member.get("email")):
        return []
    return [to_party_document(member, mappings.contact)]


def agreed_after_creation(deal: Deal) -> Mapping[str, Value]:
    """Return the base of a referral that was just created from a deal: what was sent is what both agree on."""
    sent: dict[str, Value] = {name: value for name in _SENT_FIELDS if not is_empty(value := deal.fields.get(name))}
    return {**sent, "crm_id": deal.opportunity_id}

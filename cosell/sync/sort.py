"""Sorts what arrives from Partner Center: a deal of ours, Microsoft's copy of one, or a lead. Pure."""

from enum import StrEnum

from cosell.partner_center import Referral

MICROSOFT = "msft"


class Arrival(StrEnum):
    """What a referral is to us."""

    DEAL = "deal"
    MICROSOFTS_COPY = "Microsoft's copy"
    LEAD = "lead"


class LeadKind(StrEnum):
    """Where a lead comes from."""

    MARKETPLACE = "marketplace"
    """A customer asked for a product or for the partner, in the marketplace or by the partner's profile."""
    QUALIFIED = "qualified"
    """Microsoft's sellers or marketing found it and hand it on."""


def sort_referral(referral: Referral) -> Arrival:
    """Tell what a referral is, by qualification, type and who invited (Microsoft: Introduction to the referrals API).

    `direction` is not asked: deals which partners made themselves arrive as Incoming, too.
    """
    if referral.is_microsofts_copy:
        return Arrival.MICROSOFTS_COPY
    return Arrival.DEAL if find_lead_kind(referral) is None else Arrival.LEAD


def find_lead_kind(referral: Referral) -> LeadKind | None:
    """Tell which kind of lead a referral is, None when it is a deal.

    A customer's own request may name nobody who invited; a lead which Microsoft hands on names Microsoft.
    """
    if (referral.type or "").lower() != "independent":
        return None
    invited_by = (referral.invite_context.invited_by.organization_id or "").lower()
    qualification = (referral.qualification or "").lower()
    if qualification == "direct" and invited_by in {"", MICROSOFT}:
        return LeadKind.MARKETPLACE
    if qualification in {"salesqualified", "marketingqualified"} and invited_by == MICROSOFT:
        return LeadKind.QUALIFIED
    return None


def is_for_information(referral: Referral) -> bool:
    """Tell whether Partner Center expects no answer: a customer helped himself, and did not ask to be contacted.

    A call to action that no page of Microsoft's names counts as such, for an answer cannot be taken back.
    """
    wanted = "".join((referral.call_to_action or "").split()).lower()
    return find_lead_kind(referral) is LeadKind.MARKETPLACE and wanted not in {"", "contactme"}

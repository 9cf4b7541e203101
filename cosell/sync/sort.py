"""Sorts what arrives from Partner Center: a deal of ours, Microsoft's copy of one, or a lead. Pure."""

from enum import StrEnum

from cosell.partner_center import Referral

MICROSOFT = "msft"


class Arrival(StrEnum):
    """What a referral is to us."""

    DEAL = "deal"
    MICROSOFTS_COPY = "Microsoft's copy"
    LEAD = "lead"


def sort_referral(referral: Referral) -> Arrival:
    """Tell what a referral is, by qualification, type and who invited (Microsoft: Introduction to the referrals API).

    `direction` is not asked: deals which partners made themselves arrive as Incoming, too.
    """
    if referral.is_microsofts_copy:
        return Arrival.MICROSOFTS_COPY
    invited_by = (referral.invite_context.invited_by.organization_id or MICROSOFT).lower()
    qualification = (referral.qualification or "").lower()
    is_independent = (referral.type or "").lower() == "independent"
    is_lead_kind = qualification in {"direct", "salesqualified", "marketingqualified"}
    if is_independent and is_lead_kind and invited_by == MICROSOFT:
        return Arrival.LEAD
    return Arrival.DEAL

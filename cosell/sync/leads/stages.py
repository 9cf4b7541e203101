"""The status machine of leads: what a referral's and a lead's stage together ask for. Pure.

A seller accepts a lead by qualifying it and declines it by disqualifying it. Accepted in Partner Center, it is
qualified here; closed there, it is disqualified here. What happens to the referral of a qualified lead is the
opportunity's affair: its own status machine finds an opportunity which came off hold.
"""

from dataclasses import dataclass
from enum import StrEnum

from cosell.domain.stages import LeadStage, ReferralStage
from cosell.sync.stages import StagePair


class LeadMove(StrEnum):
    """What happens to a lead, at most one thing at a time."""

    STAY = "stay"
    QUALIFY = "qualify"
    """Turn it into an opportunity; it was accepted in Partner Center."""
    FOLLOW = "follow"
    """Somebody qualified it: go on with its opportunity."""
    DISQUALIFY = "disqualify"
    """Close it; the referral is closed in Partner Center."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadDecision:
    """What to do about the stages of a referral and its lead.

    `refused` is a sentence for the seller when what the CRM says cannot be had; `rule` names the row of the table.
    """

    rule: str
    move: LeadMove = LeadMove.STAY
    move_referral_to: ReferralStage | None = None
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadSeen:
    """The stages of both sides, and what else decides.

    `is_for_information` is a marketplace lead to which Partner Center expects no answer; without `may_answer`
    invitations are answered in Partner Center only; `has_opportunity` is whether qualifying made one.
    """

    referral: ReferralStage
    lead: LeadStage
    has_opportunity: bool = False
    is_for_information: bool = False
    may_answer: bool = True


IN_STEP = LeadDecision(rule="in step")
NOT_UNDERSTOOD = frozenset({ReferralStage.CLOSED, ReferralStage.UNKNOWN, LeadStage.UNKNOWN})


def decide_lead(now: LeadSeen, *, base: StagePair | None) -> LeadDecision:
    """Decide what the stages ask for; `base` is what both were when they agreed last, None at the first meeting.

    A base is written in the words of opportunities, for that is what the lead becomes: on hold is open, lost is
    disqualified. A refusal is no agreement: while it lasts the base stays as it was.
    """
    if not NOT_UNDERSTOOD.isdisjoint({now.referral, now.lead}):
        return LeadDecision(
            rule="unknown stage", refused="The status is one that is not known here; it was left alone."
        )
    if now.is_for_information and _is_left_to_itself(now):
        return LeadDecision(rule="for information only")
    if now.referral.is_terminal:
        decision = _closed_referral(now, base)
    elif now.referral is ReferralStage.INVITED:
        decision = _invitation(now, base)
    else:
        decision = _active_referral(now)
    if decision.move is LeadMove.FOLLOW and not now.has_opportunity:
        return LeadDecision(
            rule="qualified without an opportunity",
            refused="The lead was qualified without an opportunity, so there is nothing to go on with. Reopen it and "
            "qualify it with an opportunity to accept it, or disqualify it to decline it.",
        )
    return decision


def _is_left_to_itself(now: LeadSeen) -> bool:
    """Tell whether neither side follows the other: nobody waits for an answer to such a lead, so there is none.

    The seller may do with it what she likes, and that it expires in Partner Center means nothing.
    """
    if now.referral is ReferralStage.EXPIRED or now.lead is LeadStage.DISQUALIFIED:
        return True
    return now.lead is LeadStage.QUALIFIED and now.referral not in {ReferralStage.ACTIVE, ReferralStage.WON}


def _closed_referral(now: LeadSeen, base: StagePair | None) -> LeadDecision:
    is_won = now.referral is ReferralStage.WON
    if now.lead is LeadStage.DISQUALIFIED and not is_won:
        return IN_STEP
    if base is not None and base.referral is now.referral:
        return LeadDecision(
            rule="a closed referral stays closed",
            refused=f"The referral is closed as {now.referral} in Partner Center for good; what becomes of this lead "
            "does not reach it any more.",
        )
    if now.lead is LeadStage.QUALIFIED:
        return LeadDecision(rule="qualified by the seller", move=LeadMove.FOLLOW)
    if now.lead is LeadStage.DISQUALIFIED:
        return LeadDecision(
            rule="closed differently on both sides",
            refused="Disqualified here and closed as won in Partner Center; neither was changed.",
        )
    if is_won:
        return LeadDecision(rule="accepted in Partner Center", move=LeadMove.QUALIFY)
    return LeadDecision(rule="closed in Partner Center", move=LeadMove.DISQUALIFY)


def _invitation(now: LeadSeen, base: StagePair | None) -> LeadDecision:
    if now.lead is LeadStage.OPEN:
        return IN_STEP
    if not now.may_answer:
        return LeadDecision(
            rule="answered in Partner Center only",
            refused="The lead is not answered yet, and by the setting for on-hold handling it is answered in Partner "
            "Center only. This status was not sent.",
        )
    if now.lead is LeadStage.DISQUALIFIED:
        return LeadDecision(rule="declined by the seller", move_referral_to=ReferralStage.DECLINED)
    if base is None:
        # Accepting cannot be taken back, and nobody knows for whom this lead was qualified.
        return LeadDecision(
            rule="qualified before the invitation was seen",
            refused="The lead is not answered yet in Partner Center, and was qualified here before. Accept or decline "
            "it in Partner Center.",
        )
    return LeadDecision(rule="accepted by the seller", move=LeadMove.FOLLOW)


def _active_referral(now: LeadSeen) -> LeadDecision:
    match now.lead:
        case LeadStage.OPEN:
            return LeadDecision(rule="accepted in Partner Center", move=LeadMove.QUALIFY)
        case LeadStage.QUALIFIED:
            return LeadDecision(rule="qualified by the seller", move=LeadMove.FOLLOW)
        case _:
            return LeadDecision(rule="lost by the seller", move_referral_to=ReferralStage.LOST)

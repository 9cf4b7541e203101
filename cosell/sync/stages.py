"""The status machine: what a referral's and an opportunity's stage together ask for. Pure.

Referrals only move forward, New → Active → Closed, and a closed one takes no change (Microsoft: Manage co-sell
opportunities). The CRM's seller accepts an invitation by taking the opportunity out of On Hold, and declines it by
closing it as lost.
"""

from dataclasses import dataclass

from cosell.domain.stages import OpportunityStage, ReferralStage


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDecision:
    """What to do about the stages: at most one side moves.

    `refused` is a sentence for the seller when what the CRM says cannot be had; `rule` names the row of the table.
    """

    rule: str
    move_referral_to: ReferralStage | None = None
    move_opportunity_to: OpportunityStage | None = None
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePair:
    """The stages of both sides."""

    referral: ReferralStage
    opportunity: OpportunityStage


IN_STEP = StageDecision(rule="in step")

EXPECTED: dict[ReferralStage, OpportunityStage] = {
    ReferralStage.INVITED: OpportunityStage.ON_HOLD,
    ReferralStage.ACTIVE: OpportunityStage.OPEN,
    ReferralStage.WON: OpportunityStage.WON,
    ReferralStage.LOST: OpportunityStage.LOST,
    ReferralStage.DECLINED: OpportunityStage.LOST,
    ReferralStage.EXPIRED: OpportunityStage.LOST,
    ReferralStage.ERROR: OpportunityStage.LOST,
    # On hold asks for nothing, so a stage that is understood later still finds every way open.
    ReferralStage.CLOSED: OpportunityStage.ON_HOLD,
    ReferralStage.UNKNOWN: OpportunityStage.ON_HOLD,
}
"""The stage in which an opportunity is created, and to which it follows its referral when that is understood."""

NOT_UNDERSTOOD = frozenset({ReferralStage.CLOSED, ReferralStage.UNKNOWN, OpportunityStage.UNKNOWN})


def decide_stage(now: StagePair, *, base: StagePair | None, may_answer: bool = True) -> StageDecision:
    """Decide what the stages ask for; `base` is what both were when they agreed last, None at the first meeting.

    Without `may_answer` invitations are answered in Partner Center only.

    A refusal is no agreement: while it lasts the base stays as it was, and the same is refused for the same reason.
    """
    if not NOT_UNDERSTOOD.isdisjoint({now.referral, now.opportunity}):
        return StageDecision(
            rule="unknown stage", refused="The status is one that is not known here; it was left alone."
        )
    if now.referral.is_terminal:
        return _closed_referral(now, base)
    if now.referral is ReferralStage.INVITED:
        return _invitation(now, base) if may_answer else _unanswered(now)
    return _active_referral(now, base)


def _closed_referral(now: StagePair, base: StagePair | None) -> StageDecision:
    expected = EXPECTED[now.referral]
    if now.opportunity is expected:
        return IN_STEP
    if base is not None and base.referral is now.referral:
        return StageDecision(
            rule="a closed referral stays closed",
            refused=f"The referral is closed as {now.referral} in Partner Center for good; "
            "reopening or changing the outcome here does not reach it. Make a new opportunity for a new deal.",
        )
    if now.opportunity.is_closed:
        return StageDecision(
            rule="closed differently on both sides",
            refused=f"Closed as {now.opportunity} here and as {now.referral} in Partner Center; neither was changed.",
        )
    return StageDecision(rule="closed in Partner Center", move_opportunity_to=expected)


def _invitation(now: StagePair, base: StagePair | None) -> StageDecision:
    match now.opportunity:
        case OpportunityStage.OPEN if base is None:
            # Open is how every opportunity begins, and accepting cannot be taken back.
            return StageDecision(
                rule="open before the invitation was seen",
                refused="The invitation is not answered yet in Partner Center, and this opportunity was open before. "
                "To accept it, set the opportunity on hold, and when that is saved, in progress again.",
            )
        case OpportunityStage.OPEN:
            return StageDecision(rule="accepted by the seller", move_referral_to=ReferralStage.ACTIVE)
        case OpportunityStage.WON:
            return StageDecision(rule="won by the seller", move_referral_to=ReferralStage.WON)
        case OpportunityStage.LOST:
            return StageDecision(rule="declined by the seller", move_referral_to=ReferralStage.DECLINED)
    return IN_STEP


def _unanswered(now: StagePair) -> StageDecision:
    """Leave the answer to Partner Center, as the setting for on-hold handling says."""
    if now.opportunity is OpportunityStage.ON_HOLD:
        return IN_STEP
    return StageDecision(
        rule="answered in Partner Center only",
        refused="The invitation is not answered yet, and by the setting for on-hold handling it is answered in Partner "
        "Center only. This status was not sent.",
    )


def _active_referral(now: StagePair, base: StagePair | None) -> StageDecision:
    match now.opportunity:
        case OpportunityStage.WON:
            return StageDecision(rule="won by the seller", move_referral_to=ReferralStage.WON)
        case OpportunityStage.LOST:
            return StageDecision(rule="lost by the seller", move_referral_to=ReferralStage.LOST)
        case OpportunityStage.ON_HOLD if base is not None and base.referral is ReferralStage.INVITED:
            return StageDecision(rule="accepted in Partner Center", move_opportunity_to=OpportunityStage.OPEN)
    # A seller may put an accepted deal on hold: Partner Center has no word for that, so nothing follows.
    return IN_STEP

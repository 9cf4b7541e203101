"""Brings one record in step by hand: the roads of the flows, without Prefect; a refusal is filed and told as theirs."""

from cosell.domain.flows import FlowName
from cosell.domain.ids import OpportunityId, ReferralId
from cosell.store import HintKind
from cosell.sync.outcome import Outcome
from cosell.sync.roads import Road, go_from_opportunity, go_from_referral
from cosell.sync.workspace import Workspace

BY_HAND = "cosell sync"
"""Stands for the flow in a dead letter, and for the run in the journal."""
ROAD = Road(flow=BY_HAND, run_id=BY_HAND)
GATES = {
    HintKind.REFERRAL: FlowName.PARTNER_CENTER_TO_DYNAMICS,
    HintKind.OPPORTUNITY: FlowName.OPPORTUNITIES_TO_PARTNER_CENTER,
}
"""The flow which takes the same record by hand: as long as it is not active, neither do we."""


async def sync_opportunity(workspace: Workspace, opportunity_id: OpportunityId) -> Outcome:
    """Bring an opportunity and its referral in step, creating the referral when there is none.

    Raises:
        RejectedError: it was refused; that is a dead letter now, and the seller was told.
        LeaseHeld: a flow has it in hand.
    """
    return await go_from_opportunity(workspace, opportunity_id, ROAD)


async def sync_referral(workspace: Workspace, referral_id: ReferralId) -> Outcome:
    """Bring a referral and its opportunity or lead in step, creating that when there is none.

    Raises:
        RejectedError: it was refused; that is a dead letter now, and the seller was told.
        LeaseHeld: a flow has it in hand.
    """
    return await go_from_referral(workspace, referral_id, ROAD)

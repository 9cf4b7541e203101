"""Flow 2: the referral of an opportunity which a seller shares, and Microsoft's copy when help is asked."""

from typing import Any

from prefect.client.schemas.objects import State

from cosell.domain.flows import FlowName
from cosell.store import HintKind
from flows.operating import conclude, handle_each, operating_flow
from flows.parameters import RecordIds
from flows.report import publish_outcomes
from tasks.links import share_opportunity
from tasks.referrals import check_ids


@operating_flow(FlowName.CREATE_COSELL_REFERRAL)
async def create_cosell_referral(opportunity_ids: RecordIds) -> State[Any]:
    """Create the referrals of these opportunities; never twice, whatever crashes in between.

    Everything Partner Center will check is checked first, and the seller is told all of it at once in the audit text.

    Args:
        opportunity_ids: ids of opportunities whose *Sync with Partner Center* is Yes.
    """
    outcomes = await handle_each(check_ids(opportunity_ids), share_opportunity, kind=HintKind.OPPORTUNITY)
    await publish_outcomes(FlowName.CREATE_COSELL_REFERRAL, outcomes)
    return conclude(outcomes)

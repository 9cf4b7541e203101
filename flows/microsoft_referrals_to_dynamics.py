"""Flow 5: what Microsoft's copies of our engagements say: its CRM id, and its answer to our invitation."""

from typing import Any

from prefect.client.schemas.objects import State

from cosell.domain.flows import FlowName
from cosell.store import HintKind
from cosell.sync.recent import ALONE_AT_MOST
from flows.operating import conclude, handle_each, operating_flow
from flows.parameters import RecordIds
from flows.report import publish_outcomes
from tasks.links import follow_copy, read_deals
from tasks.referrals import check_ids


@operating_flow(FlowName.MICROSOFT_REFERRALS_TO_DYNAMICS)
async def microsoft_referrals_to_dynamics(referral_ids: RecordIds) -> State[Any]:
    """Bring Microsoft's CRM id and its answer into the opportunities of these engagements.

    A copy whose engagement has no opportunity here is left alone: it is never mistaken for a second deal.

    Args:
        referral_ids: ids of Microsoft's copies.
    """
    wanted = check_ids(referral_ids)
    if len(wanted) > ALONE_AT_MOST:
        await read_deals(wanted)
    outcomes = await handle_each(wanted, follow_copy, kind=HintKind.REFERRAL)
    await publish_outcomes(FlowName.MICROSOFT_REFERRALS_TO_DYNAMICS, outcomes)
    return conclude(outcomes)

"""Flow 8: what moved in the CRM's opportunities since the last poll goes to flow 7."""

from typing import Any

from prefect.client.schemas.objects import State

from cosell.domain.flows import FlowName
from cosell.store import HintKind
from flows.dynamics_to_partner_center import dynamics_to_partner_center
from flows.operating import conclude, operating_flow, run_subflow
from flows.report import publish_outcomes
from flows.rounds import work_through_inbox
from tasks.opportunities import poll_opportunities
from tasks.referrals import check_ids


@operating_flow(FlowName.OPPORTUNITIES_TO_PARTNER_CENTER)
async def opportunities_to_partner_center(opportunity_ids: list[str] | None = None) -> State[Any]:
    """Send to Partner Center what sellers changed in their opportunities since the last poll.

    Only opportunities whose *Sync with Partner Center* is Yes. Changes of the account or the contact alone are not
    looked for yet.

    Args:
        opportunity_ids: only these opportunities, moved or not; without any, what change tracking reports.
    """
    if opportunity_ids:
        given = {"opportunity_ids": check_ids(opportunity_ids)}
        outcomes = await run_subflow(dynamics_to_partner_center, given)
    else:
        await poll_opportunities()
        outcomes = await work_through_inbox([HintKind.OPPORTUNITY])
    await publish_outcomes(FlowName.OPPORTUNITIES_TO_PARTNER_CENTER, outcomes)
    return conclude(outcomes)

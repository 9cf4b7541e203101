"""Flow 8: what moved in the CRM's opportunities since the last poll goes to flow 7."""

from typing import Any

from prefect.client.schemas.objects import State

from cosell.domain.flows import FlowName
from cosell.sync.outcome import Outcome
from flows.dynamics_to_partner_center import dynamics_to_partner_center
from flows.operating import conclude, operating_flow, run_subflow
from flows.report import publish_outcomes
from flows.rounds import KINDS, turn_of, work_through_inbox
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
        return await _tell(await _handle(check_ids(opportunity_ids)))
    async with turn_of(FlowName.OPPORTUNITIES_TO_PARTNER_CENTER) as another_runs:
        if another_runs is not None:
            return another_runs
        await poll_opportunities()
        return await _tell(await work_through_inbox(KINDS[FlowName.OPPORTUNITIES_TO_PARTNER_CENTER], _handle))


async def _handle(opportunity_ids: list[str]) -> list[Outcome]:
    return await run_subflow(dynamics_to_partner_center, {"opportunity_ids": opportunity_ids})


async def _tell(outcomes: list[Outcome]) -> State[Any]:
    await publish_outcomes(FlowName.OPPORTUNITIES_TO_PARTNER_CENTER, outcomes)
    return conclude(outcomes)

"""Flow 8: what moved in the CRM's opportunities and leads since the last poll goes to flow 7."""

from typing import Any

from prefect.client.schemas.objects import State

from cosell.domain.flows import FlowName
from cosell.domain.ids import LeadId
from cosell.sync.outcome import Outcome
from flows.dynamics_to_partner_center import dynamics_to_partner_center
from flows.operating import conclude, operating_flow, run_subflow
from flows.report import publish_outcomes
from flows.rounds import KINDS, turn_of, work_through_inbox
from tasks.opportunities import poll_leads, poll_opportunities
from tasks.referrals import check_ids
from tasks.workspace import get_workspace


@operating_flow(FlowName.OPPORTUNITIES_TO_PARTNER_CENTER)
async def opportunities_to_partner_center(
    opportunity_ids: list[str] | None = None, lead_ids: list[str] | None = None
) -> State[Any]:
    """Send to Partner Center what sellers changed in their opportunities, and how they answered leads.

    What has moved since the last poll, and only records whose *Sync with Partner Center* is Yes. Changes of the account
    or the contact alone are not looked for yet.

    Args:
        opportunity_ids: only these opportunities, moved or not; without any ids, what change tracking reports.
        lead_ids: only these leads, moved or not.
    """
    if opportunity_ids or lead_ids:
        given = {"opportunity_ids": check_ids(opportunity_ids or []), "lead_ids": check_ids(lead_ids or [])}
        return await _tell(await run_subflow(dynamics_to_partner_center, given))
    async with turn_of(FlowName.OPPORTUNITIES_TO_PARTNER_CENTER) as another_runs:
        if another_runs is not None:
            return another_runs
        await poll_opportunities()
        await poll_leads()
        return await _tell(await work_through_inbox(KINDS[FlowName.OPPORTUNITIES_TO_PARTNER_CENTER], _handle))


async def _handle(record_ids: list[str]) -> list[Outcome]:
    """Hand over what was claimed: leads have a link which knows them, everything else is an opportunity."""
    leads = await get_workspace().ledger.links.find_by_lead_ids([LeadId(item) for item in record_ids])
    given = {
        "opportunity_ids": [item for item in record_ids if item not in leads],
        "lead_ids": [item for item in record_ids if item in leads],
    }
    return await run_subflow(dynamics_to_partner_center, given)


async def _tell(outcomes: list[Outcome]) -> State[Any]:
    await publish_outcomes(FlowName.OPPORTUNITIES_TO_PARTNER_CENTER, outcomes)
    return conclude(outcomes)

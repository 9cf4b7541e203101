"""Flow 8: what moved in the CRM's opportunities and leads since the last poll goes to flow 7."""

from typing import Annotated, Any

from prefect.client.schemas.objects import State
from prefect.states import Failed
from pydantic import Field

from cosell.domain.flows import FlowName
from cosell.domain.ids import LeadId
from cosell.errors import UnsafePlan
from cosell.store import HintKind
from cosell.sync.outcome import Outcome
from flows.dynamics_to_partner_center import dynamics_to_partner_center
from flows.operating import NEEDS_ATTENTION, conclude, operating_flow, run_subflow
from flows.parameters import RecordIds
from flows.report import publish_outcomes
from flows.rounds import turn_of, work_through_inbox
from tasks.deadlines import follow_mark_setting
from tasks.inbox import take_wake_ups
from tasks.opportunities import poll_leads, poll_opportunities
from tasks.referrals import check_ids
from tasks.workspace import get_workspace


@operating_flow(FlowName.OPPORTUNITIES_TO_PARTNER_CENTER)
async def opportunities_to_partner_center(
    opportunity_ids: RecordIds | None = None,
    lead_ids: RecordIds | None = None,
    confirmed_gone: Annotated[int, Field(ge=0)] = 0,
) -> State[Any]:
    """Send to Partner Center what sellers changed in their opportunities, and how they answered leads.

    What has moved since the last poll, and only records whose *Sync with Partner Center* is Yes. What moved in
    an account or a contact counts as well, as long as Partner Center takes it: before a deal is shared, and the contact
    until Microsoft's sellers see the deal.

    Args:
        opportunity_ids: only these opportunities, moved or not; without any ids, what change tracking reports.
        lead_ids: only these leads, moved or not.
        confirmed_gone: how many linked opportunities were deleted on purpose, when a run has stopped and asked.
    """
    if opportunity_ids or lead_ids:
        given = {"opportunity_ids": check_ids(opportunity_ids or []), "lead_ids": check_ids(lead_ids or [])}
        return await _tell(await run_subflow(dynamics_to_partner_center, {**given, "with_people": True}))
    async with turn_of(FlowName.OPPORTUNITIES_TO_PARTNER_CENTER) as another_runs:
        if another_runs is not None:
            return another_runs
        await take_wake_ups([HintKind.POLL])
        await follow_mark_setting()
        await poll_leads()
        try:
            await poll_opportunities(confirmed_gone)
        except UnsafePlan as doubt:
            return Failed(name=NEEDS_ATTENTION, message=f"{doubt}.")
        deals, people = [HintKind.OPPORTUNITY, HintKind.LEAD], [HintKind.CONTACT]
        return await _tell(await work_through_inbox(deals, _handle, (people, _handle_with_people)))


async def _handle(record_ids: list[str]) -> list[Outcome]:
    """Hand over what was claimed: leads have a link which knows them, everything else is an opportunity."""
    leads = await get_workspace().ledger.links.find_by_lead_ids([LeadId(item) for item in record_ids])
    given = {
        "opportunity_ids": [item for item in record_ids if item not in leads],
        "lead_ids": [item for item in record_ids if item in leads],
    }
    return await run_subflow(dynamics_to_partner_center, given)


async def _handle_with_people(opportunity_ids: list[str]) -> list[Outcome]:
    given = {"opportunity_ids": opportunity_ids, "with_people": True}
    return await run_subflow(dynamics_to_partner_center, given)


async def _tell(outcomes: list[Outcome]) -> State[Any]:
    await publish_outcomes(FlowName.OPPORTUNITIES_TO_PARTNER_CENTER, outcomes)
    return conclude(outcomes)

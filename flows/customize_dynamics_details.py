"""Flow 3: create or get details in Dynamics 365. The only flow that knows the tenant's columns, by `mappings/`."""

from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed

from cosell.domain.flows import FlowName
from cosell.store import HintKind
from cosell.sync.outcome import Result
from cosell.sync.sort import Arrival
from flows.operating import conclude, handle_each, operating_flow
from flows.parameters import RecordIds
from tasks.leads import create_lead
from tasks.links import create_opportunity
from tasks.opportunities import get_dynamics_details
from tasks.referrals import check_ids


@operating_flow(FlowName.CUSTOMIZE_DYNAMICS_DETAILS)
async def customize_dynamics_details(
    referral_ids: RecordIds | None = None,
    opportunity_ids: RecordIds | None = None,
    lead_ids: RecordIds | None = None,
    with_solutions: bool = False,  # noqa: FBT001, FBT002  a box in the run form
) -> State[Any]:
    """Get the CRM's side of these records, and create what is missing: account, contact, opportunity or lead.

    A lead which nobody has accepted becomes a lead, everything else an opportunity. What is read stays in memory for
    the flow which called; Prefect keeps ids only. An opportunity is made with its Microsoft solutions.

    Args:
        referral_ids: referrals whose opportunity or lead is wanted; it is created when the CRM has none.
        opportunity_ids: opportunities to read.
        lead_ids: leads to read.
        with_solutions: read the rows of Microsoft solutions of these opportunities, too.
    """
    missing = await get_dynamics_details(
        check_ids(referral_ids or []),
        check_ids(opportunity_ids or []),
        check_ids(lead_ids or []),
        with_solutions=with_solutions,
    )
    outcomes = await handle_each(missing[Arrival.DEAL], create_opportunity, kind=HintKind.REFERRAL)
    outcomes += await handle_each(missing[Arrival.LEAD], create_lead, kind=HintKind.REFERRAL)
    created = [outcome for outcome in outcomes if outcome.result is Result.CREATED]
    if len(created) < len(outcomes):
        return conclude(outcomes)
    return Completed(message=f"{len(created)} created." if created else "Everything was there.")

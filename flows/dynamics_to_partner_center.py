"""Flow 7: compares opportunities and leads with their referrals and patches what moved; flow 2 creates missing ones."""

from functools import partial
from typing import Any

from prefect.client.schemas.objects import State

from cosell.domain.flows import FlowName
from cosell.domain.ids import LeadId, OpportunityId
from cosell.store import HintKind
from flows.create_cosell_referral import create_cosell_referral
from flows.customize_dynamics_details import customize_dynamics_details
from flows.operating import conclude, handle_each, operating_flow, run_subflow
from flows.parameters import RecordIds
from flows.report import publish_outcomes
from tasks.leads import sync_lead
from tasks.links import sync_opportunity
from tasks.referrals import check_ids
from tasks.workspace import get_workspace


@operating_flow(FlowName.DYNAMICS_TO_PARTNER_CENTER)
async def dynamics_to_partner_center(
    opportunity_ids: RecordIds | None = None,
    lead_ids: RecordIds | None = None,
    with_people: bool = False,  # noqa: FBT001, FBT002  a box in the run form
    with_solutions: bool = False,  # noqa: FBT001, FBT002  another
) -> State[Any]:
    """Bring these opportunities and leads and their referrals in step, coming from the CRM.

    A lead which its seller qualified is accepted in Partner Center and goes on as its opportunity; one which its seller
    disqualified is declined.

    Args:
        opportunity_ids: ids of opportunities.
        lead_ids: ids of leads which arrived from Partner Center.
        with_people: read sales teams and customer contacts of the opportunities, too; without it only where needed.
        with_solutions: read the opportunities' rows of Microsoft solutions, too; without it only where needed.
    """
    wanted, leads = check_ids(opportunity_ids or []), check_ids(lead_ids or [])
    workspace = get_workspace()
    links = await workspace.ledger.links.find_by_opportunity_ids([OpportunityId(item) for item in wanted])
    linked = [item for item in wanted if (link := links.get(OpportunityId(item))) and link.referral_id]
    alone = [item for item in wanted if item not in linked]
    are_read = all(OpportunityId(item) in workspace.reads.opportunities for item in linked) and not with_solutions
    if not (are_read and all(LeadId(item) in workspace.reads.leads for item in leads)):
        given = {"opportunity_ids": linked, "lead_ids": leads, "with_solutions": with_solutions}
        await run_subflow(customize_dynamics_details, given)
    sync = partial(sync_opportunity, with_people=with_people, with_solutions=with_solutions)
    outcomes = await handle_each(linked, sync, kind=HintKind.OPPORTUNITY)
    outcomes += await handle_each(leads, sync_lead, kind=HintKind.LEAD)
    await publish_outcomes(FlowName.DYNAMICS_TO_PARTNER_CENTER, outcomes)
    if alone:
        outcomes += await run_subflow(create_cosell_referral, {"opportunity_ids": alone})
    return conclude(outcomes)

"""Flow 4: brings a set of our referrals into the CRM: get or create the opportunity or lead, plan, apply."""

from typing import Any

from prefect.client.schemas.objects import State

from cosell.domain.flows import FlowName
from cosell.store import HintKind
from cosell.sync.outcome import Result
from flows.customize_dynamics_details import customize_dynamics_details
from flows.operating import conclude, handle_each, operating_flow, record_ids, run_subflow
from flows.parameters import RecordIds
from flows.report import publish_outcomes
from tasks.links import sync_referral
from tasks.referrals import check_ids

STOPPED = (Result.REFUSED, Result.LATER, Result.SKIPPED)


@operating_flow(FlowName.PARTNER_CENTER_TO_DYNAMICS_HELPER)
async def partner_center_to_dynamics_helper(referral_ids: RecordIds) -> State[Any]:
    """Bring these referrals and their opportunities or leads in step, coming from Partner Center.

    A lead that was accepted in Partner Center is qualified; one that was closed there is disqualified.

    Args:
        referral_ids: ids of our own referrals, not of Microsoft's copies.
    """
    wanted = check_ids(referral_ids)
    details = await run_subflow(customize_dynamics_details, {"referral_ids": wanted})
    stopped = {record_id for result in STOPPED for record_id in record_ids(details, result=result)}
    ready = [referral_id for referral_id in wanted if referral_id not in stopped]
    outcomes = await handle_each(ready, sync_referral, kind=HintKind.REFERRAL)
    await publish_outcomes(FlowName.PARTNER_CENTER_TO_DYNAMICS_HELPER, [*details, *outcomes])
    return conclude([*details, *outcomes])

"""Flow 9: opportunities whose rows of Microsoft solutions moved go to flow 7."""

from typing import Any

from prefect.client.schemas.objects import State

from cosell.domain.flows import FlowName
from cosell.store import HintKind
from cosell.sync.outcome import Outcome
from flows.dynamics_to_partner_center import dynamics_to_partner_center
from flows.operating import conclude, operating_flow, run_subflow
from flows.parameters import RecordIds
from flows.report import publish_outcomes
from flows.rounds import turn_of, work_through_inbox
from tasks.inbox import take_wake_ups
from tasks.opportunities import poll_solutions
from tasks.referrals import check_ids


@operating_flow(FlowName.SOLUTIONS_TO_PARTNER_CENTER)
async def solutions_to_partner_center(opportunity_ids: RecordIds | None = None) -> State[Any]:
    """Look at the opportunities whose Microsoft solutions were added, changed or removed since the last poll.

    What was added, changed or removed reaches the referral. An opportunity which waited for its first solution is
    shared now.

    Args:
        opportunity_ids: only these opportunities; without any, what change tracking reports.
    """
    if opportunity_ids:
        return await _tell(await _handle(check_ids(opportunity_ids)))
    async with turn_of(FlowName.SOLUTIONS_TO_PARTNER_CENTER) as another_runs:
        if another_runs is not None:
            return another_runs
        await take_wake_ups([HintKind.POLL_SOLUTIONS])
        await poll_solutions()
        return await _tell(await work_through_inbox([HintKind.SOLUTION], _handle))


async def _handle(opportunity_ids: list[str]) -> list[Outcome]:
    given = {"opportunity_ids": opportunity_ids, "with_solutions": True}
    return await run_subflow(dynamics_to_partner_center, given)


async def _tell(outcomes: list[Outcome]) -> State[Any]:
    await publish_outcomes(FlowName.SOLUTIONS_TO_PARTNER_CENTER, outcomes)
    return conclude(outcomes)

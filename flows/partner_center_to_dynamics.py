"""Flow 6: takes what the inbox holds, reads it fresh from Partner Center, sorts it, and hands it to flows 4 and 5."""

from typing import Any

from prefect.client.schemas.objects import State

from cosell.domain.flows import FlowName
from cosell.domain.ids import ReferralId
from cosell.store import HintKind
from cosell.sync.outcome import Outcome, Result
from cosell.sync.sort import Arrival
from flows.microsoft_referrals_to_dynamics import microsoft_referrals_to_dynamics
from flows.operating import conclude, handle_each, operating_flow, run_subflow
from flows.parameters import RecordIds
from flows.partner_center_to_dynamics_helper import partner_center_to_dynamics_helper
from flows.report import publish_deadlines, publish_outcomes
from flows.rounds import turn_of, work_through_inbox
from tasks.deadlines import find_due_reminders, remind_of_deadline
from tasks.referrals import GONE, LEFT_OUT, check_ids, find_moved_referrals, read_referrals
from tasks.workspace import get_workspace

FINISHED_TOGETHER = 25
"""So many referrals go to flow 4 at once: it makes all opportunities first, and what a poll of the CRM finds before
Partner Center has been told of them costs a look at each."""


@operating_flow(FlowName.PARTNER_CENTER_TO_DYNAMICS)
async def partner_center_to_dynamics(
    referral_ids: RecordIds | None = None,
    look_for_missed: bool = True,  # noqa: FBT001, FBT002  a box in the run form
) -> State[Any]:
    """Bring into the CRM what moved in Partner Center: what notifications announced, and what they missed.

    A lead which nobody has accepted arrives as a lead, unless the settings keep leads of its kind out.

    Args:
        referral_ids: only these referrals; without any, what the inbox holds.
        look_for_missed: list what changed lately, too, so that a lost notification is found; and remind sellers of
            answers which are due.
    """
    if referral_ids:
        return await _tell(await _handle(check_ids(referral_ids)))
    what = ", missed ones too" if look_for_missed else ""
    async with turn_of(FlowName.PARTNER_CENTER_TO_DYNAMICS, what=what) as another_runs:
        if another_runs is not None:
            return another_runs
        return await _tell(await _work_through(look_for_missed=look_for_missed))


async def _tell(outcomes: list[Outcome]) -> State[Any]:
    await publish_outcomes(FlowName.PARTNER_CENTER_TO_DYNAMICS, outcomes)
    return conclude(outcomes)


async def _work_through(*, look_for_missed: bool) -> list[Outcome]:
    """Put what notifications missed into the inbox, then handle what it holds: until it is empty, or enough for a run.

    Our own referrals go first: what Microsoft's copy says needs the opportunity to be there.
    """
    if look_for_missed:
        await find_moved_referrals()
    own, copies = [HintKind.REFERRAL], [HintKind.RELATED_REFERRAL]
    found = await work_through_inbox(own, _handle, (copies, _handle))
    if look_for_missed:
        # After what has moved: an answer which has just arrived needs no reminder.
        due = await find_due_reminders()
        found += await handle_each(due, remind_of_deadline, kind=HintKind.OPPORTUNITY)
        await publish_deadlines()
    return found


async def _handle(referral_ids: list[str]) -> list[Outcome]:
    if not referral_ids:
        return []
    kinds = await read_referrals(referral_ids)
    outcomes = [_skip(item, "leads of this kind do not arrive, by the settings") for item in kinds[LEFT_OUT]]
    known = await get_workspace().ledger.links.find_by_referral_ids([ReferralId(item) for item in kinds[GONE]])
    outcomes += [
        _skip(item, "not in Partner Center, or not visible to us") for item in kinds[GONE] if item not in known
    ]
    ours = [*kinds[Arrival.DEAL], *kinds[Arrival.LEAD], *known]
    for begin in range(0, len(ours), FINISHED_TOGETHER):
        part = {"referral_ids": ours[begin : begin + FINISHED_TOGETHER]}
        outcomes += await run_subflow(partner_center_to_dynamics_helper, part)
    if kinds[Arrival.MICROSOFTS_COPY]:
        copies = {"referral_ids": kinds[Arrival.MICROSOFTS_COPY]}
        outcomes += await run_subflow(microsoft_referrals_to_dynamics, copies)
    return outcomes


def _skip(referral_id: str, reason: str) -> Outcome:
    return Outcome(result=Result.SKIPPED, referral_id=ReferralId(referral_id), reason=reason)

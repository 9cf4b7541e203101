"""Works through what the inbox holds of the CRM's side, a claim at a time."""

from cosell.store import HintKind
from cosell.sync.outcome import Outcome, Result
from flows.dynamics_to_partner_center import dynamics_to_partner_center
from flows.operating import record_ids, run_subflow
from tasks.inbox import CLAIM_AT_MOST, claim_hints, settle_hints

ROUNDS_AT_MOST = 20


async def work_through_inbox(kinds: list[HintKind]) -> list[Outcome]:
    """Claim hints, hand their opportunities to flow 7, settle; until the inbox is empty or it is enough for one run."""
    outcomes: list[Outcome] = []
    for number in range(1, ROUNDS_AT_MOST + 1):
        claimed = await claim_hints(kinds, number)
        if claimed:
            found = await run_subflow(dynamics_to_partner_center, {"opportunity_ids": claimed})
            await settle_hints(record_ids(found, result=Result.LATER), number)
            outcomes += found
        if len(claimed) < CLAIM_AT_MOST:
            break
    return outcomes

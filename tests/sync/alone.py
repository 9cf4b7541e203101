"""What flows 6, 8 and 9 do in one run, without Prefect around them: list or poll, claim, handle each record, settle.

As there, a record which is refused becomes a dead letter, one which has to wait keeps its hint, and neither holds up
its neighbours.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from cosell.domain.ids import OpportunityId
from cosell.errors import ConflictError, RejectedError, RetryableError, SignInRequired
from cosell.store import HintKind
from cosell.sync.marking import sweep_marks
from cosell.sync.pair import sync_link
from cosell.sync.refusal import file_refusal
from cosell.sync.share import share_opportunity
from cosell.sync.solutions.polls import poll_solution_rows
from cosell.sync.watched import poll_deals
from cosell.sync.workspace import Workspace
from tasks.inbox import claim_hints, give_back_claims, settle_hints
from tasks.opportunities import poll_leads
from tasks.referrals import find_moved_referrals
from tasks.workspace import _current
from tests.sync.doors import look_at_lead, look_at_referral

Handle = Callable[[Workspace, str], Awaitable[object]]
CLAIMS_AT_MOST = 4
FLOW = "a flow without Prefect"


async def run_flow(number: int, workspace: Workspace, *, at_once: int = 1) -> None:
    """Do what a run of flow 6, 8 or 9 does.

    Raises:
        CosellError: what ends a run early, as in the flows.
    """
    token = _current.set(workspace)
    try:
        await FLOWS[number](workspace, at_once)
    except SignInRequired:
        await give_back_claims()
        raise
    finally:
        _current.reset(token)


async def _partner_center_to_dynamics(workspace: Workspace, at_once: int) -> None:
    await find_moved_referrals.fn()
    for kind in (HintKind.REFERRAL, HintKind.RELATED_REFERRAL):
        await _work_through(workspace, [kind], look_at_referral, kind=HintKind.REFERRAL, at_once=at_once)


async def _opportunities_to_partner_center(workspace: Workspace, at_once: int) -> None:
    await sweep_marks(workspace)
    await poll_leads.fn()
    await poll_deals(workspace)
    await _work_through(
        workspace, [HintKind.OPPORTUNITY], _look_at_opportunity, kind=HintKind.OPPORTUNITY, at_once=at_once
    )
    await _work_through(workspace, [HintKind.LEAD], look_at_lead, kind=HintKind.LEAD, at_once=at_once)
    await _work_through(workspace, [HintKind.CONTACT], _look_with_people, kind=HintKind.OPPORTUNITY, at_once=at_once)


async def _solutions_to_partner_center(workspace: Workspace, at_once: int) -> None:
    await poll_solution_rows(workspace)
    await _work_through(workspace, [HintKind.SOLUTION], _look_with_solutions, kind=HintKind.SOLUTION, at_once=at_once)


async def _work_through(
    workspace: Workspace, kinds: Sequence[HintKind], handle: Handle, *, kind: HintKind, at_once: int
) -> None:
    for number in range(1, CLAIMS_AT_MOST + 1):
        claimed = await claim_hints.fn(list(kinds), number)
        if not claimed:
            return
        later = await _handle_each(workspace, claimed, handle, kind=kind, at_once=at_once)
        await settle_hints.fn(list(kinds), later, [], number)


async def _handle_each(
    workspace: Workspace, ids: Sequence[str], handle: Handle, *, kind: HintKind, at_once: int
) -> list[str]:
    """Return the ids of those which have to wait."""
    slots = asyncio.Semaphore(at_once)
    if at_once == 1:  # one by one: nothing is left under way when a run dies
        done = [await _handle_one(workspace, item, handle, kind=kind, slots=slots) for item in ids]
    else:
        each = (_handle_one(workspace, item, handle, kind=kind, slots=slots) for item in ids)
        done = await asyncio.gather(*each)
    return [record_id for record_id, is_done in zip(ids, done, strict=True) if not is_done]


async def _handle_one(
    workspace: Workspace, record_id: str, handle: Handle, *, kind: HintKind, slots: asyncio.Semaphore
) -> bool:
    async with slots:
        try:
            try:
                await handle(workspace, record_id)
            except RejectedError as error:
                with suppress(RejectedError):
                    await file_refusal(workspace, kind, record_id, error, flow=FLOW)
        except (RetryableError, ConflictError):
            return False
        return True


async def _look_at_opportunity(workspace: Workspace, opportunity_id: str) -> object:
    return await _look(workspace, opportunity_id)


async def _look_with_people(workspace: Workspace, opportunity_id: str) -> object:
    return await _look(workspace, opportunity_id, with_people=True)


async def _look_with_solutions(workspace: Workspace, opportunity_id: str) -> object:
    return await _look(workspace, opportunity_id, with_solutions=True)


async def _look(
    workspace: Workspace, record_id: str, *, with_people: bool = False, with_solutions: bool = False
) -> object:
    """Do what flow 7 does with one opportunity."""
    wanted = OpportunityId(record_id)
    links = await workspace.ledger.links.find_by_opportunity_ids([wanted])
    if wanted in links and links[wanted].referral_id:
        return await sync_link(workspace, links[wanted], with_people=with_people, with_solutions=with_solutions)
    return await share_opportunity(workspace, wanted)


FLOWS: dict[int, Callable[[Workspace, int], Awaitable[None]]] = {
    6: _partner_center_to_dynamics,
    8: _opportunities_to_partner_center,
    9: _solutions_to_partner_center,
}

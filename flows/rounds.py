"""Works through what the inbox holds, a claim at a time; and what to do when another run is at it already."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Cancelled

from cosell.dispatch.backlog import cancel_due_runs
from cosell.domain.flows import FlowName
from cosell.errors import ServiceUnreachable
from cosell.store import HintKind
from cosell.sync.outcome import Outcome, Result
from flows.operating import record_ids
from tasks.inbox import claim_hints, held_claims, settle_hints
from tasks.turns import held_turn
from tasks.workspace import get_workspace

ROUNDS_AT_MOST = 20
ALREADY_RUNNING = "AlreadyRunning"
LATE = timedelta(seconds=60)
"""A run which begins so much later than planned comes after a time without workers."""

KINDS: dict[FlowName, list[HintKind]] = {
    FlowName.PARTNER_CENTER_TO_DYNAMICS: [HintKind.REFERRAL, HintKind.RELATED_REFERRAL],
    FlowName.OPPORTUNITIES_TO_PARTNER_CENTER: [HintKind.POLL, HintKind.OPPORTUNITY, HintKind.LEAD, HintKind.CONTACT],
    FlowName.SOLUTIONS_TO_PARTNER_CENTER: [HintKind.POLL_SOLUTIONS, HintKind.SOLUTION],
}
"""Which flow takes which hints out of the inbox; the dispatcher runs it when one of these waits."""

TAKES_NO_MORE: ContextVar[Callable[[], None] | None] = ContextVar("takes_no_more", default=None)
"""Called when a run has found the inbox empty; whoever runs it in its own process may want to know."""

Handle = Callable[[list[str]], Awaitable[list[Outcome]]]


async def work_through_inbox(
    kinds: list[HintKind], handle: Handle, *others: tuple[list[HintKind], Handle]
) -> list[Outcome]:
    """Claim hints, handle their records, settle; until nothing is left or it is enough for one run.

    What arrives meanwhile is taken by the next round. `others` are kinds which are handled afterwards, or in another
    way.
    """
    outcomes: list[Outcome] = []
    numbers = count(1)
    for these, handle_these in ((kinds, handle), *others):
        for _ in range(ROUNDS_AT_MOST):
            number = next(numbers)
            claimed = await claim_hints(these, number)
            if not claimed:
                break
            async with held_claims():
                found = await handle_these(claimed)
            later = record_ids([item for item in found if not item.is_in_other_hands], result=Result.LATER)
            in_hand = record_ids([item for item in found if item.is_in_other_hands], result=Result.LATER)
            await settle_hints(these, later, in_hand, number)
            outcomes += found
    tell = TAKES_NO_MORE.get()
    if tell is not None:
        tell()
    return outcomes


@asynccontextmanager
async def turn_of(name: str, *, what: str = "") -> AsyncIterator[State[Any] | None]:
    """Yield None when this run is to do its work, else the state to end with: another run is doing the same.

    Only a run which a schedule has started steps back; what a person started or retried is done. Nothing would be done
    twice in either case, as claims and leases keep records in one hand: this only saves the looking.
    """
    await _drop_backlog()
    async with held_turn(f"flow:{name}{what}") as is_ours:
        if is_ours or not _was_scheduled():
            yield None
            return
        yield Cancelled(name=ALREADY_RUNNING, message="Not run: another run of this flow is doing the same work.")


def _was_scheduled() -> bool:
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    return run is not None and run.auto_scheduled and run.run_count <= 1


async def _drop_backlog() -> None:
    """Cancel the runs which the schedule has missed together with this one."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    planned = run.expected_start_time if run else None
    clock = get_workspace().clock
    if run is None or planned is None or not _was_scheduled() or clock() - planned < LATE:
        return
    try:
        await cancel_due_runs(UUID(str(run.deployment_id)), clock)
    except ServiceUnreachable:
        return  # they find out by themselves that there is nothing to do

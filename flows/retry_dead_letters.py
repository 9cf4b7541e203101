"""Tries again, with growing pauses, what was given up on. None of the nine."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed

from flows.operating import RECONNECT, ends_plainly
from flows.problems import publish_open_problems
from flows.rounds import turn_of
from tasks.dead_letters import retry_due_dead_letters
from tasks.sign_in import find_lost_sign_in, waits_for_sign_in
from tasks.workspace import entered_workspace

RETRYING = "retry-dead-letters"


@flow(name=RETRYING, flow_run_name="dead letters which are due", persist_result=True)
@ends_plainly
async def retry_dead_letters() -> State[Any]:
    """Put dead letters back into the inbox when their time has come; the flow of each record tries it again.

    A refusal is tried again after 5 minutes, 15 minutes, 1 hour, 4 hours, then daily; after about two weeks it stays on
    the list until its record changes or a person retries or dismisses it. While a service is away, or lets us in
    no more, nothing is tried and no try is used up.
    """
    async with entered_workspace() as workspace:
        lost = await find_lost_sign_in(workspace)
        if lost:
            return Cancelled(name=RECONNECT, message=waits_for_sign_in(lost))
        async with turn_of(RETRYING) as another_runs:
            if another_runs is not None:
                return another_runs
            done = await retry_due_dead_letters()
            await publish_open_problems(workspace)
    if done.waits:
        return Completed(message=f"Nothing was tried: {done.waits}. The dead letters wait until it is mended.")
    message = f"{len(done.retried)} are tried again" if done.retried else "None was due"
    passed = f", {done.settled} have passed" if done.settled else ""
    return Completed(message=f"{message}{passed}.")

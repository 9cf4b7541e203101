"""Which errors a task tries again, and what it remembers. No server needed."""

import pytest
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed, Failed

from cosell.errors import (
    AlreadyExists,
    ConfigurationError,
    CosellError,
    LeaseHeld,
    NotReady,
    RequestRejected,
    ServiceUnavailable,
    ServiceUnreachable,
    SignInRequired,
    StaleEtag,
    Throttled,
    UnsafePlan,
)
from tasks import activation, inbox, links, opportunities, referrals, registration
from tasks.links import sync_referral
from tasks.policy import RETRY_DELAYS_SECONDS, may_pass_later

MODULES = (activation, inbox, links, opportunities, referrals, registration)
STEPS = {
    thing.name: thing
    for module in MODULES
    for thing in vars(module).values()
    if type(thing).__name__ == "Task" and thing.fn.__module__ == module.__name__
}


async def _may_pass(state: State[object]) -> bool:
    return await may_pass_later(sync_referral, _no_run(), state)


def _no_run() -> TaskRun:
    return TaskRun(task_key="sync-referral", dynamic_key="0")


@pytest.mark.parametrize(
    "error", [ServiceUnreachable, ServiceUnavailable, Throttled, LeaseHeld, StaleEtag, AlreadyExists]
)
async def test_what_may_pass_later_is_tried_again(error: type[CosellError]) -> None:
    assert await _may_pass(Failed(data=error("Not now.")))


@pytest.mark.parametrize("error", [ConfigurationError, SignInRequired, RequestRejected, UnsafePlan])
async def test_what_a_person_has_to_mend_is_not_tried_again(error: type[CosellError]) -> None:
    assert not await _may_pass(Failed(data=error("Never.")))


async def test_incomplete_deal_a_mistake_of_ours_and_success_are_not_tried_again() -> None:
    assert not await _may_pass(Failed(data=NotReady(("Fill in the topic.",))))
    assert not await _may_pass(Failed(data=ZeroDivisionError()))
    assert not await _may_pass(Completed(data=1))


def test_every_task_keeps_to_the_policy_and_has_a_telling_name() -> None:
    assert len(STEPS) >= 14
    for name, step in STEPS.items():
        assert (step.retries, step.retry_delay_seconds) == (len(RETRY_DELAYS_SECONDS), RETRY_DELAYS_SECONDS), name
        assert (step.retry_condition_fn, step.persist_result) == (may_pass_later, True), name
        assert step.tags, name
        assert step.description, name
        assert step.task_run_name not in (None, name), name

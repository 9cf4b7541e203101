"""Which errors a task tries again, and what it remembers. No server needed."""

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from prefect.cache_policies import CachePolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.states import Completed, Failed
from prefect.tasks import Task

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


async def test_record_in_other_hands_is_tried_once_more_and_then_left_to_its_hint() -> None:
    busy: State[object] = Failed(data=LeaseHeld("Somebody else has it."))
    once, twice = (TaskRun(task_key="sync-referral", dynamic_key="0", run_count=count) for count in (1, 2))

    assert await may_pass_later(sync_referral, once, busy)
    assert not await may_pass_later(sync_referral, twice, busy)


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


def test_no_task_takes_the_result_of_another_one_for_its_own() -> None:
    """In one run, with the same parameters or none: what is done once is done once for each task."""
    run_id = uuid4()
    keys = {name: _key_of(step, run_id) for name, step in STEPS.items()}

    assert len(set(keys.values())) == len(STEPS), keys
    assert _key_of(sync_referral, run_id) == _key_of(sync_referral, run_id)
    assert _key_of(sync_referral, run_id) != _key_of(sync_referral, uuid4())


def _key_of(step: Task[..., Any], run_id: UUID) -> str | None:
    run = TaskRun(flow_run_id=run_id, task_key=step.task_key, dynamic_key="0")
    context = cast(TaskRunContext, SimpleNamespace(task=step, task_run=run))
    assert isinstance(step.cache_policy, CachePolicy)
    return step.cache_policy.compute_key(task_ctx=context, inputs={}, flow_parameters={})

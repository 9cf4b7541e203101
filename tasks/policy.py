"""Which errors a task retries, and how long it waits: the one place where that is decided.

The transport has already waited seconds for a throttled or dropped call; a task waits longer, for a service that is
down or a record that moves under our hands. Everything else is for a person, and retrying it would only hide it.
"""

import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import INPUTS, RUN_ID, CacheKeyFnPolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.tasks import Task

from cosell.errors import ConflictError, CosellError, LeaseHeld, RetryableError

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")

RETRY_DELAYS_SECONDS = [5.0, 30.0]


class SentenceOnly(logging.Filter):
    """Leaves the traceback out of a log line about one of our own errors: its sentence says what to do."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line pass."""
        if record.exc_info and isinstance(record.exc_info[1], CosellError):
            record.exc_info = None
        return True


logging.getLogger("prefect.task_runs").addFilter(SentenceOnly())


def _name_task(context: TaskRunContext, _inputs: dict[str, Any]) -> str:
    return context.task.name


OF_THIS_TASK = CacheKeyFnPolicy(cache_key_fn=_name_task)
"""Neither inputs nor the run tell tasks apart: two without parameters would be one, and the second never done."""


async def may_pass_later(_task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Tell whether a failed task is worth another try.

    A record in another run's hand is worth one: it is free within a second, or held by a run that died. Then its hint
    comes again, and holds up nobody meanwhile.
    """
    try:
        await state.aresult()
    except LeaseHeld:
        return run.run_count <= 1
    except (RetryableError, ConflictError):
        return True
    except Exception:  # noqa: BLE001  whatever else it was, a second try would not mend it
        return False
    return False


def step(
    *, name: str, run_name: str, tags: set[str]
) -> Callable[[Callable[Parameters, Returned]], Task[Parameters, Returned]]:
    """Make a function a task of this project: retried by the policy, its result kept for a rerun of the same run.

    The same task with the same parameters is done once in a run, however often the run is retried. What may be done
    again in one run therefore takes the number of its round.
    """
    return task(
        name=name,
        task_run_name=run_name,
        tags=tags,
        retries=len(RETRY_DELAYS_SECONDS),
        retry_delay_seconds=RETRY_DELAYS_SECONDS,
        retry_condition_fn=may_pass_later,
        persist_result=True,
        cache_policy=OF_THIS_TASK + INPUTS + RUN_ID,
    )

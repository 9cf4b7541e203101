"""From a hint to a run: beside `flows/` and `tasks/`, the one package which speaks to Prefect.

`dispatcher` decides when to run which flow, `execution` runs it in this process, `runs` leaves it to a worker;
`backlog` and `schedules` keep order among what Prefect has planned.
"""

from cosell.dispatch.deployments import (
    activating_deployment,
    begin_runs_with,
    ensure_work_pool,
    operating_deployment,
    set_paused,
)
from cosell.dispatch.runs import find_runs_since, start_run, unreachable, wait_for_run

__all__ = [
    "activating_deployment",
    "begin_runs_with",
    "ensure_work_pool",
    "find_runs_since",
    "operating_deployment",
    "set_paused",
    "start_run",
    "unreachable",
    "wait_for_run",
]

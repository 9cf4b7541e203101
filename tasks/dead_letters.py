"""Tries again what was given up on, when its time has come."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from cosell.sync.retrying import Round, retry_due
from tasks.workspace import get_workspace


@task(
    name="retry-due-dead-letters",
    task_run_name="retry dead letters which are due",
    tags={"inbox"},
    persist_result=False,
    cache_policy=NO_CACHE,
)
async def retry_due_dead_letters() -> Round:
    """Put the dead letters which are due back into the inbox, unless a service is away."""
    return await retry_due(get_workspace())

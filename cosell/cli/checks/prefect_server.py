"""Checks of Prefect: the server, and a worker which takes our runs."""

from cosell.cli.checks.finding import Said, Verdict
from cosell.errors import ConfigurationError, ServiceUnreachable
from cosell.settings import NotifySettings, Settings, notify_of
from cosell.wiring import open_settings_ledger

START = "Start `cosell up`, or set PREFECT_API_URL."


async def check_server(url: str) -> Said:
    """Ask the Prefect server whether it is there."""
    from prefect.client.orchestration import get_client  # Prefect reads its settings when it is first imported

    async with get_client() as client:
        failure = await client.api_healthcheck()
    if failure is not None:
        return Said(told=f"Nobody answers at {url}.", verdict=Verdict.FAILED, todo=START)
    return Said(told=f"Answers at {url}")


async def check_notification(settings: Settings) -> Said:
    """Look whether anybody is told when a flow fails."""
    from cosell.dispatch.notification import look_at_notification  # as above

    async with open_settings_ledger(settings) as ledger:
        found = await look_at_notification(notify_of(settings), ledger.meta)
    if found.is_on:
        return Said(told=found.told)
    is_wanted = notify_of(settings) != NotifySettings()
    return Said(told=found.told, verdict=Verdict.WARNING if is_wanted else Verdict.SKIPPED)


async def check_worker(pool: str) -> Said:
    """Look for a worker which takes the runs of our work pool."""
    import httpx
    from prefect.client.orchestration import get_client  # as above
    from prefect.client.schemas.objects import WorkerStatus
    from prefect.exceptions import ObjectNotFound

    try:
        async with get_client() as client:
            workers = await client.read_workers_for_work_pool(pool)
    except ObjectNotFound:
        raise ConfigurationError(
            f"Prefect has no work pool {pool}. `cosell up` makes it, and so does `cosell deploy`."
        ) from None
    except httpx.HTTPError:
        raise ServiceUnreachable(f"The Prefect server does not answer. {START}") from None
    online = [worker.name for worker in workers if worker.status is WorkerStatus.ONLINE]
    if not online:
        todo = f"Start `cosell up`, or `prefect worker start --pool {pool}`; until then runs wait."
        return Said(told=f"No worker of the work pool {pool} is online.", verdict=Verdict.FAILED, todo=todo)
    return Said(told=f"{len(online)} online for the work pool {pool}.")

"""`cosell up`: the whole product on one machine: ledger, Prefect server, deployments, worker, dispatcher, receiver."""

import asyncio
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cosell.cli.deploy import find_project, make_deployments, migrate_ledger, tell_made
from cosell.cli.prefect_api import VARIABLE, share_results, url_file, use_prefect
from cosell.cli.processes import Processes, answers, check_port_is_free, python
from cosell.cli.receive import run_receiver, tell_doors
from cosell.domain.ids import DEFAULT_TENANT, TenantName
from cosell.domain.tenants import tenant_deployment
from cosell.settings import Settings, load_all_settings
from cosell.wiring import make_home

SERVER_SECONDS = 180
WATCH_SECONDS = 2
SERVER_ENVIRONMENT = {
    # SQLite behind the server stalls when task runs and events are written one by one.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}
WORKER_RUNS_AT_MOST = 6
"""Runs that the worker has on at the same time: each is a process, and the dispatcher does most of the work."""
WORKER_ENVIRONMENT = {"PREFECT_WORKER_QUERY_SECONDS": "1", "PREFECT_WORKER_PREFETCH_SECONDS": "1"}


def up(
    prefect_port: Annotated[
        int, typer.Option(help="Port of the Prefect server, unless PREFECT_API_URL is set.")
    ] = 4200,
) -> None:
    """Run everything on this machine until Ctrl-C: Prefect server, worker, dispatcher, deployments, receiver."""
    served = load_all_settings()
    settings = served[0]
    console = Console(highlight=False)
    home = settings.home.absolute()
    project = find_project()
    check_port_is_free(settings.receiver.host, settings.receiver.port, setting="COSELL_RECEIVER__PORT")
    make_home(settings)
    with Processes(logs=home / "logs") as processes:
        for each in served:
            asyncio.run(migrate_ledger(each))
        console.print(f"ledger ready in {home}" if settings.database_url is None else "ledger ready")
        is_ours = not os.environ.get(VARIABLE)
        url = _start_server(processes, home, prefect_port)
        use_prefect(url)
        share_results(settings)
        console.print(f"Prefect server ready: {url.removesuffix('/api')}")
        for each in served:
            made = make_deployments(each, project)
            whose = "" if each.tenant == DEFAULT_TENANT else f" of {each.tenant}"
            console.print(f"deployments{whose} made")
            tell_made(console, made)
        for pool in dict.fromkeys(each.work_pool for each in served):
            if is_ours:  # so are all workers, on this machine and with this Python
                asyncio.run(_begin_runs_here(pool))
            worker = python("prefect", "worker", "start", "--pool", pool, "--type", "process")
            name = "worker" if pool == settings.work_pool else f"worker-{pool}"
            processes.start(name, [*worker, "--limit", str(WORKER_RUNS_AT_MOST)], WORKER_ENVIRONMENT)
        for each in served:
            # A process for each tenant: what is not in the same memory cannot be mixed up.
            name = tenant_deployment("dispatcher", TenantName(each.tenant))
            processes.start(name, python("cosell.cli", "dispatch"), {"COSELL_TENANT": each.tenant})
        console.print("worker and dispatcher started")
        file = url_file(settings)
        file.write_text(url, "utf-8")
        try:
            asyncio.run(_serve(served, console, processes))
        finally:
            file.unlink(missing_ok=True)
    console.print("stopped")


def _start_server(processes: Processes, home: Path, port: int) -> str:
    if os.environ.get(VARIABLE):
        return os.environ[VARIABLE]
    check_port_is_free("127.0.0.1", port, setting="--prefect-port")
    url = f"http://127.0.0.1:{port}/api"
    os.environ["PREFECT_HOME"] = str(home / "prefect")
    ui = url.removesuffix("/api")  # stands in messages about runs that failed
    environment = {
        **SERVER_ENVIRONMENT,
        "PREFECT_UI_API_URL": url,
        "PREFECT_SERVER_UI_API_URL": url,
        "PREFECT_UI_URL": ui,
    }
    command = python("cosell.cli.prefect_server", "--host", "127.0.0.1", "--port", str(port))
    processes.start("prefect-server", command, environment)
    processes.wait_for("The Prefect server", lambda: answers(f"{url}/health"), seconds=SERVER_SECONDS)
    return url


async def _begin_runs_here(pool: str) -> None:
    from cosell.dispatch import begin_runs_with  # Prefect reads its settings when it is first imported

    await begin_runs_with(shlex.join(python("prefect.engine")), work_pool=pool)


async def _serve(served: Sequence[Settings], console: Console, processes: Processes) -> None:
    """Receive until asked to stop; a process that ends by itself is started again."""
    first = served[0]

    def tell(port: int) -> None:
        tell_doors(console, served, f"http://{first.receiver.host}:{port}")
        console.print("Ready. Activate the flows with `cosell activate` in another terminal; Ctrl-C stops everything.")

    receiving = asyncio.create_task(
        run_receiver(served, host=first.receiver.host, port=first.receiver.port, on_ready=tell)
    )
    while not receiving.done():
        await asyncio.wait([receiving], timeout=WATCH_SECONDS)
        if not receiving.done():
            for name in processes.mend():
                console.print(f"[yellow]{name} had ended by itself and was started again[/yellow]")
    await receiving

"""`cosell deploy`: brings ledger and Prefect to the state of this version; what `cosell up` does before it begins.

Where server, workers and receiver run on machines of their own, this runs once before them, and again after an upgrade.
"""

import asyncio
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cosell.cli.prefect_api import find_prefect
from cosell.cli.processes import python
from cosell.domain.clock import utc_clock
from cosell.domain.flows import ACTIVATION_ORDER
from cosell.domain.ids import DEFAULT_TENANT, TenantName
from cosell.errors import ConfigurationError
from cosell.settings import Settings, load_all_settings, notify_of
from cosell.store import Ledger
from cosell.wiring import open_settings_ledger

DEPLOY_SECONDS = 180


def deploy() -> None:
    """Make or renew the ledger's tables, work pool, variables and deployments. Safe to run at any time."""
    served = load_all_settings()
    find_prefect(served[0])
    console = Console(highlight=False)
    for settings in served:
        asyncio.run(migrate_ledger(settings))
        made = make_deployments(settings, find_project())
        tell_made(console, made)
        whose = "" if settings.tenant == DEFAULT_TENANT else f" of the tenant {settings.tenant}"
        console.print(
            f"[green]✔[/green] Ledger ready, deployments{whose} made for the work pool {settings.work_pool}. "
            "`cosell status` shows which flows are active."
        )


def find_project() -> Path:
    """Return the directory in which `prefect.yaml` stands.

    Raises:
        ConfigurationError: neither the working directory nor this installation has one.
    """
    for directory in (Path.cwd(), Path(__file__).resolve().parents[2]):
        if (directory / "prefect.yaml").exists():
            return directory
    raise ConfigurationError("There is no prefect.yaml here: run this in the directory of the project.")


async def migrate_ledger(settings: Settings) -> None:
    """Make the ledger's tables, or bring them to this version."""
    async with open_settings_ledger(settings):
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a person should hear of: `kept` are the deployments whose edited schedules were left as they are."""

    kept: list[str]
    notification: str


def make_deployments(settings: Settings, project: Path) -> Made:
    """Make work pool, variables, deployments and notification; the schedules of flows which are not active rest.

    What was edited in the Prefect UI stays as it is.

    Raises:
        ConfigurationError: Prefect does not take a deployment.
        ServiceUnreachable: the Prefect server does not answer.
    """
    return asyncio.run(_make_deployments(settings, project))


def tell_made(console: Console, made: Made) -> None:
    """Say which schedules are not those of `prefect.yaml`, and who is told when a flow fails."""
    if made.kept:
        console.print(f"schedules edited in the Prefect UI were kept: {', '.join(made.kept)}")
    console.print(f"notification: {made.notification}", markup=False)


async def _make_deployments(settings: Settings, project: Path) -> Made:
    from cosell.dispatch.backlog import cancel_superseded  # Prefect reads its settings when it is first imported
    from cosell.dispatch.notification import ensure_notification
    from cosell.dispatch.schedules import keeping_edited_schedules

    await _prepare(settings)
    async with open_settings_ledger(settings) as ledger:
        async with keeping_edited_schedules(ledger.meta, tenant=ledger.tenant) as kept:
            await asyncio.to_thread(_deploy_all, settings, project)
        await _align(ledger)
        notification = await ensure_notification(notify_of(settings), ledger.meta, tenant=ledger.tenant)
    await cancel_superseded(utc_clock)
    return Made(kept=kept, notification=notification.told)


async def _prepare(settings: Settings) -> None:
    from cosell.dispatch import ensure_work_pool  # Prefect reads its settings when it is first imported
    from tasks.variables import create_missing_variables

    await ensure_work_pool(settings.work_pool)
    await create_missing_variables(TenantName(settings.tenant))


def _deploy_all(settings: Settings, project: Path) -> None:
    """Deploy everything in `prefect.yaml`; the same again changes nothing."""
    path = os.pathsep.join(filter(None, [str(project), os.environ.get("PYTHONPATH")]))
    places = {
        "COSELL_PROJECT": str(project),
        "COSELL_WORK_POOL": settings.work_pool,
        "COSELL_TENANT": settings.tenant,
        "PYTHONPATH": path,
    }
    own = _write_description(settings, project)
    done = subprocess.run(  # noqa: S603  the command is our own
        python("prefect", "--no-prompt", "deploy", "--all", *(["--prefect-file", str(own)] if own else [])),
        cwd=project,
        env={**os.environ, **places},
        capture_output=True,
        timeout=DEPLOY_SECONDS,
        check=False,
    )
    if done.returncode:
        text = (done.stdout + done.stderr).decode("utf-8", "replace").strip().splitlines()
        raise ConfigurationError("Prefect could not deploy:\n" + "\n".join(text[-12:]))


def _write_description(settings: Settings, project: Path) -> Path | None:
    """Write down what is deployed for a tenant of another name; for the default one `prefect.yaml` says it."""
    from cosell.dispatch.description import describe_for  # as above

    if settings.tenant == DEFAULT_TENANT:
        return None
    file = settings.home.absolute() / f"prefect-{settings.tenant}.yaml"
    text = (project / "prefect.yaml").read_text("utf-8")
    file.write_text(describe_for(TenantName(settings.tenant), text), "utf-8")
    return file


async def _align(ledger: Ledger) -> None:
    """Let the schedules run of those flows which the ledger says are active, and of no others."""
    from cosell.dispatch import operating_deployment, set_paused  # as above

    active = await ledger.activations.find_all()
    for flow in ACTIVATION_ORDER:
        await set_paused(operating_deployment(flow, tenant=ledger.tenant), is_paused=flow not in active)

"""`cosell activate`, `cosell deactivate`, `cosell status`: the chain of the nine flows, and where it stands."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from cosell.cli.credentials import Credentials, describe_credentials, read_credentials, show_credentials
from cosell.cli.prefect_api import find_prefect
from cosell.domain.flows import ACTIVATION_ORDER, FlowName
from cosell.errors import NotActivated
from cosell.settings import Settings, load_settings
from cosell.store import Activation, Ledger
from cosell.wiring import open_settings_ledger

POLL_SECONDS = 0.5
NO_PROGRESS_SECONDS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stands:
    """Where things stand."""

    active: dict[FlowName, Activation]
    waiting: int
    credentials: Credentials


def activate() -> None:
    """Activate the nine flows in their order; those which are active are checked again. Safe to run at any time."""
    settings = load_settings()
    find_prefect(settings)
    asyncio.run(_activate(settings))
    Console().print("[green]✔[/green] All nine flows are active. `cosell status` shows what was proved.")


async def _activate(settings: Settings) -> None:
    from cosell.dispatch import activating_deployment, start_run

    started_at = datetime.now(UTC)
    async with open_settings_ledger(settings) as ledger:
        await start_run(activating_deployment(ACTIVATION_ORDER[0]), {"flow_name": ACTIVATION_ORDER[0].value})
        with Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), transient=False
        ) as progress:
            bar = progress.add_task("Activating", total=len(ACTIVATION_ORDER))
            for flow in ACTIVATION_ORDER:
                progress.update(bar, description=f"Activating {flow.number} {flow}")
                await _wait_until_active(ledger, flow, started_at)
                progress.advance(bar)
            progress.update(bar, description="Activated")


async def _wait_until_active(ledger: Ledger, flow: FlowName, since: datetime) -> None:
    """Wait for one stage; each one is started by the completion of the one before."""
    from cosell.dispatch import activating_deployment, find_runs_since

    try:
        async with asyncio.timeout(NO_PROGRESS_SECONDS):
            while not await _is_active_since(ledger, flow, since):
                for run in await find_runs_since(activating_deployment(flow), since):
                    if run.state and (run.state.is_failed() or run.state.is_crashed() or run.state.is_cancelled()):
                        raise NotActivated(f"{flow} was not activated: {_reason(run.state.message)}")
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise NotActivated(
            f"{flow} was not activated within {NO_PROGRESS_SECONDS} seconds. Is a worker running for the work "
            "pool? `cosell doctor` tells. Look at the run in the Prefect UI."
        ) from None


def _reason(message: str | None) -> str:
    """Return why a run ended; what Prefect puts before an error that nobody foresaw is left out."""
    return (message or "the run says no more").removeprefix("Flow run encountered an exception: ")


async def _is_active_since(ledger: Ledger, flow: FlowName, since: datetime) -> bool:
    activation = (await ledger.activations.find_all()).get(flow)
    return activation is not None and activation.activated_at >= since


def deactivate(
    flow: Annotated[FlowName, typer.Argument(help="The flow to deactivate, like register-webhook.", metavar="FLOW")],
) -> None:
    """Deactivate a flow, and all that depend on it; nothing is deleted, hints wait until it is active again."""
    settings = load_settings()
    find_prefect(settings)
    stopped = asyncio.run(_deactivate(settings, flow))
    for name in stopped:
        Console().print(f"  {name.number} {name} is not active any more")
    if not stopped:
        Console().print(f"{flow} was not active, nor is anything that depends on it.")


async def _deactivate(settings: Settings, flow: FlowName) -> list[FlowName]:
    from cosell.dispatch import operating_deployment, set_paused

    async with open_settings_ledger(settings) as ledger:
        active = await ledger.activations.find_all()
        stopped = [name for name in (flow, *flow.dependants) if name in active]
        await ledger.activations.deactivate(stopped)
        for name in reversed(stopped):
            await set_paused(operating_deployment(name), is_paused=True)
    return stopped


def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False) -> None:
    """Show where the chain stands: which flows are active, since when, what their checks proved, and the sign-in."""
    settings = load_settings()
    stands = asyncio.run(_read_status(settings))
    if as_json:
        flows = [_describe(flow, stands.active.get(flow)) for flow in ACTIVATION_ORDER]
        told = {"flows": flows, "hints_waiting": stands.waiting, **describe_credentials(stands.credentials)}
        typer.echo(json.dumps(told))
        return
    table = Table(title="The nine flows, in the order of activation", title_justify="left")
    for heading in ("", "flow", "active since"):
        table.add_column(heading, no_wrap=True)
    table.add_column("what its check proved", overflow="fold")
    for flow in ACTIVATION_ORDER:
        item = stands.active.get(flow)
        since = f"[green]{item.activated_at:%Y-%m-%d %H:%M} UTC[/green]" if item else "[yellow]not active[/yellow]"
        table.add_row(str(flow.number), flow.value, since, item.detail if item else "")
    console = Console()
    console.print(table)
    console.print(f"Hints waiting in the inbox: {stands.waiting}")
    show_credentials(stands.credentials)
    if len(stands.active) < len(ACTIVATION_ORDER):
        console.print("Activate them with [bold]cosell activate[/bold].")


async def _read_status(settings: Settings) -> _Stands:
    async with open_settings_ledger(settings) as ledger:
        return _Stands(
            active=await ledger.activations.find_all(),
            waiting=await ledger.inbox.count_waiting(),
            credentials=await read_credentials(settings, ledger, now=datetime.now(UTC)),
        )


def _describe(flow: FlowName, activation: Activation | None) -> dict[str, Any]:
    return {
        "number": flow.number,
        "flow": flow.value,
        "active": activation is not None,
        "active_since": activation.activated_at.isoformat() if activation else None,
        "proved": activation.detail if activation else None,
    }

"""`cosell activate`, `cosell deactivate`, `cosell status`: the chain of the nine flows, and where it stands."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from cosell.cli.checks.here import TEST_MODE
from cosell.cli.credentials import Credentials, describe_credentials, read_credentials, show_credentials
from cosell.cli.prefect_api import find_prefect
from cosell.cli.showing import terminal
from cosell.cli.variables import SeenVariables, describe_variables, look_at_variables, show_variables
from cosell.domain.flows import ACTIVATION_ORDER, FlowName
from cosell.domain.ids import DEFAULT_TENANT
from cosell.errors import NotActivated
from cosell.settings import Settings, load_settings
from cosell.store import Activation, Ledger
from cosell.store.meta import WEBHOOK_TROUBLE
from cosell.wiring import open_settings_ledger

POLL_SECONDS = 0.5
NO_PROGRESS_SECONDS = 90
LONGEST_NAME = max(len(flow.value) for flow in ACTIVATION_ORDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stands:
    """Where things stand."""

    active: dict[FlowName, Activation]
    waiting: int
    dead_letters: int
    by_hand_only: int
    """Dead letters which are not tried again by themselves any more."""
    webhook_trouble: str
    credentials: Credentials
    variables: SeenVariables


def activate(
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the URL of another system which Partner Center calls now.")
    ] = False,
) -> None:
    """Activate the nine flows in their order; those which are active are checked again. Safe to run at any time."""
    settings = load_settings()
    find_prefect(settings)
    asyncio.run(_activate(settings, may_overwrite=overwrite))
    Console().print("[green]✔[/green] All nine flows are active. `cosell status` shows where they stand.")


async def _activate(settings: Settings, *, may_overwrite: bool) -> None:
    from cosell.dispatch import activating_deployment, start_run

    if may_overwrite:
        await _take_over(settings)
    started_at = datetime.now(UTC)
    async with open_settings_ledger(settings) as ledger:
        first = ACTIVATION_ORDER[0]
        await start_run(activating_deployment(first, tenant=settings.tenant), {"flow_name": first.value})
        with Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), transient=False
        ) as progress:
            bar = progress.add_task("Activating", total=len(ACTIVATION_ORDER))
            for flow in ACTIVATION_ORDER:
                progress.update(bar, description=f"Activating {flow.number} {flow}")
                proved = await _wait_until_active(ledger, flow, started_at)
                progress.console.print(Text.assemble(("✔ ", "green"), f"{flow.number} {flow}: {proved}"))
                progress.advance(bar)
            progress.update(bar, description="Activated")


async def _take_over(settings: Settings) -> None:
    """Let flow 1 put our URL where another system's stands, and say whose it was."""
    from cosell.dispatch import operating_deployment, start_run, wait_for_run

    run = await start_run(operating_deployment(FlowName.REGISTER_WEBHOOK, tenant=settings.tenant), {"overwrite": True})
    state = await wait_for_run(run.id, seconds=NO_PROGRESS_SECONDS)
    if not state.is_completed():
        raise NotActivated(f"Our URL was not registered: {_reason(state.message)}")
    terminal().print(f"✔ {state.message}")


async def _wait_until_active(ledger: Ledger, flow: FlowName, since: datetime) -> str:
    """Wait for one stage and return what it proved; each one is started by the completion of the one before."""
    from cosell.dispatch import activating_deployment, find_runs_since

    try:
        async with asyncio.timeout(NO_PROGRESS_SECONDS):
            while not (proved := await _find_proof(ledger, flow, since)):
                for run in await find_runs_since(activating_deployment(flow, tenant=ledger.tenant), since):
                    if run.state and (run.state.is_failed() or run.state.is_crashed() or run.state.is_cancelled()):
                        raise NotActivated(f"{flow} was not activated: {_reason(run.state.message)}")
                await asyncio.sleep(POLL_SECONDS)
            return proved
    except TimeoutError:
        raise NotActivated(
            f"{flow} was not activated within {NO_PROGRESS_SECONDS} seconds. Is a worker running for the work "
            "pool? `cosell doctor` tells. Look at the run in the Prefect UI."
        ) from None


def _reason(message: str | None) -> str:
    """Return why a run ended; what Prefect puts before an error that nobody foresaw is left out."""
    return (message or "the run says no more").removeprefix("Flow run encountered an exception: ")


async def _find_proof(ledger: Ledger, flow: FlowName, since: datetime) -> str | None:
    """Find what the check of a flow has proved since a moment."""
    activation = (await ledger.activations.find_all()).get(flow)
    return activation.detail if activation and activation.activated_at >= since else None


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
    import httpx

    from cosell.dispatch import unreachable
    from flows.deactivate import stop_flows  # Prefect reads its settings when it is first imported

    async with open_settings_ledger(settings) as ledger:
        try:
            return await stop_flows(ledger, flow)
        except httpx.HTTPError:
            raise unreachable() from None


def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False) -> None:
    """Show where the chain stands: which flows are active, since when, what was proved, the sign-in, the variables."""
    settings = load_settings()
    stands = asyncio.run(_read_status(settings))
    if as_json:
        flows = [_describe(flow, stands.active.get(flow)) for flow in ACTIVATION_ORDER]
        told = {
            "tenant": settings.tenant,
            "test_mode": settings.test_mode,
            "flows": flows,
            "hints_waiting": stands.waiting,
            "dead_letters": stands.dead_letters,
            "dead_letters_by_hand_only": stands.by_hand_only,
            "webhook_trouble": stands.webhook_trouble or None,
            **describe_credentials(stands.credentials),
            **describe_variables(stands.variables),
        }
        typer.echo(json.dumps(told))
        return
    console = Console(highlight=False)
    if settings.test_mode:
        terminal().print(f"! TEST MODE: {TEST_MODE}", style="bold yellow")
    whose = "" if settings.tenant == DEFAULT_TENANT else f" of the tenant {settings.tenant}"
    console.print(f"The nine flows{whose}, in the order of activation", style="bold")
    for flow in ACTIVATION_ORDER:
        console.print(_tell_flow(flow, stands.active))
    console.print(f"Hints waiting in the inbox: {stands.waiting}")
    if stands.dead_letters:
        only = f", {stands.by_hand_only} of them not tried again by itself" if stands.by_hand_only else ""
        terminal().print(
            f"! Given up on: {stands.dead_letters}{only}. `cosell dead-letters` lists them.", style="yellow"
        )
    if stands.webhook_trouble:
        terminal().print(f"✖ webhook: {stands.webhook_trouble}", style="red")
    show_credentials(stands.credentials)
    show_variables(stands.variables)
    if len(stands.active) < len(ACTIVATION_ORDER):
        console.print("Activate them with [bold]cosell activate[/bold].")


def _tell_flow(flow: FlowName, active: dict[FlowName, Activation]) -> Group:
    """Return where one flow stands, and below it what its check proved, on as many lines as the terminal needs."""
    name, item = f"{flow.number} {flow.value:<{LONGEST_NAME}}", active.get(flow)
    if item:
        since = f"active since {item.activated_at:%Y-%m-%d %H:%M} UTC"
        return Group(
            Text.assemble(("✔ ", "green"), name, "  ", (since, "green")),
            Padding(Text(item.detail, style="dim"), (0, 0, 0, 4), expand=False),
        )
    missing = next((other for other in flow.predecessors if other not in active), None)
    waits = f": waits for {missing.number} {missing}" if missing else ""
    return Group(Text.assemble(("· ", "yellow"), name, "  ", (f"not active{waits}", "yellow")))


async def _read_status(settings: Settings) -> _Stands:
    variables = await look_at_variables(settings)
    async with open_settings_ledger(settings) as ledger:
        filed = await ledger.dead_letters.list_open()
        return _Stands(
            active=await ledger.activations.find_all(),
            waiting=await ledger.inbox.count_waiting(),
            dead_letters=len(filed),
            by_hand_only=sum(item.due_at is None for item in filed),
            webhook_trouble=await ledger.meta.find(WEBHOOK_TROUBLE) or "",
            credentials=await read_credentials(settings, ledger, now=datetime.now(UTC)),
            variables=variables,
        )


def _describe(flow: FlowName, activation: Activation | None) -> dict[str, Any]:
    return {
        "number": flow.number,
        "flow": flow.value,
        "active": activation is not None,
        "active_since": activation.activated_at.isoformat() if activation else None,
        "proved": activation.detail if activation else None,
    }

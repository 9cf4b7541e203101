"""`cosell demo`: everything on this machine, one deal each way, and what was seen on the other side."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from cosell.cli.demo.people import People, Urls
from cosell.cli.demo.story import Story
from cosell.cli.processes import Processes, answers, find_free_port, python
from cosell.errors import CosellError

READY_SECONDS = 30
UP_SECONDS = 240
STOP_SECONDS = 30
"""`cosell up` has processes of its own to stop; ended before that, it would leave them behind."""


def demo(keep: Annotated[bool, typer.Option("--keep", help="Leave everything up until Ctrl-C.")] = False) -> None:
    """Start emulators, Prefect and the product, activate the nine flows, and let one deal travel each way."""
    console = Console(highlight=False, soft_wrap=True)
    with (
        tempfile.TemporaryDirectory(prefix="cosell-demo-") as home,
        Processes(logs=Path(home) / "logs", stop_seconds=STOP_SECONDS) as processes,
    ):
        try:
            with _world(processes, Path(home), console) as (people, ui):
                Story(console, people).tell()
                console.print(f"\n[green]✔[/green] All of it happened. The runs are at {ui}")
                if keep:
                    _stay(console, people, ui)
        except CosellError as error:
            console.print(f"\n[red]✖[/red] {error}", markup=True)
            _show_logs(console, processes)
            raise typer.Exit(1) from None


@contextmanager
def _world(processes: Processes, home: Path, console: Console) -> Iterator[tuple[People, str]]:
    """Start the emulators and the product, and activate the flows."""
    console.rule("Setting up", align="left")
    urls, environment = _start_emulators(processes, home)
    console.print(f"  emulators of Entra, Partner Center and Dataverse   {urls['https']}")
    port, prefect_port = find_free_port(), find_free_port()
    environment |= {
        "COSELL_HOME": str(home),
        "COSELL_TENANTS_DIR": str(home / "tenants"),
        "COSELL_RECEIVER__PORT": str(port),
        "COSELL_RECEIVER__PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    os.environ.update(environment)
    os.environ.pop("PREFECT_API_URL", None)
    processes.start("cosell-up", python("cosell.cli", "up", "--prefect-port", str(prefect_port)), environment)
    processes.wait_for("The product", lambda: answers(f"http://127.0.0.1:{port}/readyz"), seconds=UP_SECONDS)
    ui = f"http://127.0.0.1:{prefect_port}"
    console.print(f"  Prefect server, worker and 20 deployments          {ui}")
    console.print(f"  receiver of Partner Center's notifications         http://127.0.0.1:{port}")
    console.rule("Activating the nine flows, in their order", align="left")
    _activate()
    with People.at_work(Urls(http=urls["http"], https=urls["https"], ca=environment["COSELL_CA_BUNDLE"])) as people:
        yield people, ui


def _start_emulators(processes: Processes, home: Path) -> tuple[dict[str, str], dict[str, str]]:
    command = python("cosell.emulators", "--port", "0", "--data", str(home / "emulators"))
    processes.start("emulators", command, {})
    log = processes.log_of("emulators")
    processes.wait_for("The emulators", lambda: _find_ready_line(log) is not None, seconds=READY_SECONDS)
    ready: dict[str, Any] = _find_ready_line(log) or {}
    return dict(ready["urls"]), dict(ready["environment"])


def _find_ready_line(log: Path) -> dict[str, Any] | None:
    for line in log.read_text("utf-8").splitlines():
        if line.startswith('{"urls"'):
            return dict(json.loads(line))
    return None


def _activate() -> None:
    from cosell.cli.chain import activate

    activate()


def _stay(console: Console, people: People, ui: str) -> None:
    console.print("\nEverything stays up until Ctrl-C. To look at:")
    console.print(f"  Prefect UI            {ui}")
    console.print(f"  emulators' controls   {people.urls.http}/_emulator/")
    console.print(f"  calls made so far     {people.urls.http}/_emulator/requests")
    try:
        people.wait_for_ever()
    except KeyboardInterrupt:
        console.print("stopping")


def _show_logs(console: Console, processes: Processes) -> None:
    """The demo's home goes with it, so what the logs say last is told now."""
    for log in sorted(processes.logs.glob("*.log")):
        lines = log.read_text("utf-8", "replace").splitlines()[-15:]
        console.print(f"\nThe last lines of {log.name}:", *lines, sep="\n  ", markup=False)

"""`cosell emulators`: the stand-ins of Entra, Partner Center and Dataverse on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from cosell.cli.processes import check_port_is_free


def emulators(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port for plain http; 0 picks a free one.")] = 8470,
    tls_port: Annotated[int | None, typer.Option(help="Port for https; by default the next one.")] = None,
    bare: Annotated[bool, typer.Option("--bare", help="Leave our columns and tables out of the CRM.")] = False,
    data: Annotated[Path | None, typer.Option(help="Keep the state in this directory.")] = None,
    latency_ms: Annotated[int, typer.Option(help="Answer each call this much later.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of whatever is made up.")] = 0,
) -> None:
    """Serve stand-ins of Entra, Partner Center and Dataverse, for rehearsals without Microsoft.

    Prints one JSON line when ready: the URLs, and the settings which point cosell at them.
    """
    from cosell.emulators.__main__ import main as serve_emulators

    check_port_is_free(host, port, setting="--port")
    if tls_port or port:
        check_port_is_free(host, tls_port or port + 1, setting="--tls-port")
    arguments = ["--host", host, "--port", str(port), "--latency-ms", str(latency_ms), "--seed", str(seed)]
    arguments += ["--tls-port", str(tls_port)] if tls_port is not None else []
    arguments += ["--bare"] if bare else []
    arguments += ["--data", str(data)] if data is not None else []
    raise typer.Exit(serve_emulators(arguments) or 0)

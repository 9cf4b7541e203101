"""`cosell receive`: the webhook receiver alone, and the dispatcher beside it when a Prefect server is known."""

import asyncio
import logging
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console

from cosell.cli.prefect_api import find_prefect, use_prefect
from cosell.domain.clock import utc_clock
from cosell.errors import ConfigurationError
from cosell.settings import Settings, load_settings
from cosell.webhooks.app import create_receiver
from cosell.webhooks.fetching import HttpsFetcher
from cosell.webhooks.server import serve
from cosell.wiring import open_settings_ledger


def receive(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default COSELL_RECEIVER__HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; default COSELL_RECEIVER__PORT, 0 picks a free one.")] = None,
) -> None:
    """Receive Partner Center's notifications: prove that they are Microsoft's, store the hint, start a run."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = load_settings()
    console = Console()
    try:
        find_prefect(settings)
    except ConfigurationError as error:
        console.print(f"[yellow]No runs are started from here, hints wait in the inbox.[/yellow] {error.message}")
        use_prefect("http://127.0.0.1:4200/api")

    def tell(at: int) -> None:
        console.print(f"Receiving on http://{host or settings.receiver.host}:{at}/webhooks/partner-center")

    asyncio.run(
        run_receiver(
            settings,
            host=host or settings.receiver.host,
            port=settings.receiver.port if port is None else port,
            on_ready=tell,
        )
    )


async def run_receiver(settings: Settings, *, host: str, port: int, on_ready: Callable[[int], None]) -> None:
    """Serve until asked to stop; hints become runs through the dispatcher.

    Raises:
        ConfigurationError: the port is in use, the roots cannot be read, or the ledger cannot be reached.
    """
    from cosell.dispatch import Dispatcher

    async with open_settings_ledger(settings) as ledger:
        dispatcher = Dispatcher(ledger.inbox)
        app = create_receiver(
            settings.receiver,
            dispatcher,
            wake=dispatcher.wake,
            clock=utc_clock,
            fetch=HttpsFetcher(ca_bundle=settings.ca_bundle),
        )
        dispatching = asyncio.create_task(dispatcher.run())
        try:
            await serve(app, host=host, port=port, on_ready=on_ready)
        finally:
            dispatching.cancel()
            await asyncio.gather(dispatching, return_exceptions=True)

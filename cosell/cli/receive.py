"""`cosell receive`: the webhook receiver alone. It only puts hints into the inbox; `cosell dispatch` looks there."""

import asyncio
import logging
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console

from cosell.domain.clock import utc_clock
from cosell.settings import Settings, load_settings
from cosell.webhooks.app import create_receiver
from cosell.webhooks.fetching import HttpsFetcher
from cosell.webhooks.server import serve
from cosell.wiring import open_settings_ledger


def receive(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default COSELL_RECEIVER__HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; default COSELL_RECEIVER__PORT, 0 picks a free one.")] = None,
) -> None:
    """Receive Partner Center's notifications: prove that they are Microsoft's, store the hint.

    `cosell dispatch` turns hints into runs at once; without it, schedules find them.
    """
    # Ours only: the HTTP client's lines hold addresses, which are nobody's business.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("cosell").setLevel(logging.INFO)
    settings = load_settings()
    console = Console()

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
    """Serve until asked to stop.

    Raises:
        ConfigurationError: the port is in use, the roots cannot be read, or the ledger cannot be reached.
    """
    async with open_settings_ledger(settings) as ledger:
        app = create_receiver(
            settings.receiver,
            ledger.inbox,
            wake=_nobody,
            clock=utc_clock,
            fetch=HttpsFetcher(ca_bundle=settings.ca_bundle),
        )
        await serve(app, host=host, port=port, on_ready=on_ready)


def _nobody() -> None:
    """The dispatcher looks into the inbox by itself: it may live in another process, or on another machine."""

"""`cosell receive`: the webhook receiver alone. It only puts hints into the inbox; `cosell dispatch` looks there."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Annotated

import typer
from rich.console import Console

from cosell.domain.clock import utc_clock
from cosell.domain.ids import TenantName
from cosell.domain.tenants import tenant_path
from cosell.settings import Settings, load_all_settings
from cosell.webhooks.app import PARTNER_CENTER_PATH, Tenant, create_receiver
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
    settings = load_all_settings()
    first = settings[0]
    console = Console()

    def tell(at: int) -> None:
        tell_doors(console, settings, f"http://{host or first.receiver.host}:{at}")

    asyncio.run(
        run_receiver(
            settings,
            host=host or first.receiver.host,
            port=first.receiver.port if port is None else port,
            on_ready=tell,
        )
    )


def tell_doors(console: Console, settings: Sequence[Settings], address: str) -> None:
    """Print where Partner Center's notifications arrive, a line for each tenant."""
    for each in settings:
        console.print(f"receiver ready: {address}{tenant_path(PARTNER_CENTER_PATH, TenantName(each.tenant))}")


async def run_receiver(settings: Sequence[Settings], *, host: str, port: int, on_ready: Callable[[int], None]) -> None:
    """Serve these tenants until asked to stop.

    Raises:
        ConfigurationError: the port is in use, the roots cannot be read, or the ledger cannot be reached.
    """
    async with AsyncExitStack() as stack:
        served = [
            Tenant(
                name=TenantName(each.tenant),
                inbox=(await stack.enter_async_context(open_settings_ledger(each))).inbox,
                secret=each.receiver.dataverse_secret,
            )
            for each in settings
        ]
        app = create_receiver(
            settings[0].receiver,
            served[0].inbox,
            tenant=served[0].name,
            others=served[1:],
            wake=_nobody,
            clock=utc_clock,
            fetch=HttpsFetcher(ca_bundle=settings[0].ca_bundle),
        )
        await serve(app, host=host, port=port, on_ready=on_ready)


def _nobody() -> None:
    """The dispatcher looks into the inbox by itself: it may live in another process, or on another machine."""

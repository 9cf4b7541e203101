"""`cosell connect partner-center`: a person signs in, and the sign-in is kept encrypted in the ledger."""

import asyncio

import typer
from rich.console import Console

from cosell.domain.clock import utc_clock
from cosell.http.sign_in import DeviceSignIn, finish_device_sign_in, start_device_sign_in
from cosell.partner_center.opening import VAULT_NAME, partner_center_identity, partner_center_scope
from cosell.settings import Settings, load_settings
from cosell.wiring import open_settings_ledger

connect = typer.Typer(help="Sign in to a service.", no_args_is_help=True)


@connect.callback()
def _group() -> None:
    """Sign in to a service."""


@connect.command("partner-center")
def partner_center() -> None:
    """Sign in to Partner Center as a Referrals admin, with a code in a browser on any machine."""
    asyncio.run(_sign_in(load_settings()))
    Console().print("[green]✔[/green] Signed in. The sign-in is kept encrypted in the ledger.")


async def _sign_in(settings: Settings) -> None:
    identity = partner_center_identity(settings)
    started: DeviceSignIn = await start_device_sign_in(identity, scope=partner_center_scope(settings), clock=utc_clock)
    Console().print(f"Open {started.verification_url} and enter the code [bold]{started.user_code}[/bold].")
    async with open_settings_ledger(settings) as ledger:
        await finish_device_sign_in(
            started,
            identity=identity,
            vault=ledger.vault,
            vault_name=VAULT_NAME,
            clock=utc_clock,
            sleep=asyncio.sleep,
        )

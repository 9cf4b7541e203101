"""`cosell connect partner-center`: a person signs in, the sign-in is proved, and only then kept, encrypted."""

import asyncio
from dataclasses import dataclass

import typer
from rich.console import Console

from cosell.cli.prefect_api import find_prefect
from cosell.cli.records import JsonOption
from cosell.cli.showing import print_json, terminal
from cosell.domain.clock import utc_clock
from cosell.domain.flows import ACTIVATION_ORDER, FlowName
from cosell.errors import CosellError
from cosell.http.kept import describe_sign_in
from cosell.http.sign_in import DeviceSignIn, finish_device_sign_in, start_device_sign_in
from cosell.partner_center.opening import VAULT_NAME, partner_center_identity, partner_center_scope
from cosell.partner_center.proving import Proof, prove_sign_in
from cosell.settings import Settings, load_settings
from cosell.store import Ledger
from cosell.wiring import open_settings_ledger

connect = typer.Typer(help="Sign in to a service.", no_args_is_help=True)
GOING_ON = (FlowName.PARTNER_CENTER_TO_DYNAMICS, FlowName.OPPORTUNITIES_TO_PARTNER_CENTER)
"""The flows which are started at once after an interruption: between them they find all that has waited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """What a sign-in came to."""

    user: str | None
    webhook_problem: str
    was_lost: bool
    active_count: int
    started: tuple[FlowName, ...] = ()


@connect.callback()
def _group() -> None:
    """Sign in to a service."""


@connect.command("partner-center")
def partner_center(as_json: JsonOption = False) -> None:
    """Sign in to Partner Center as a Referrals admin, with a code in a browser on any machine.

    The sign-in is tried before it is kept: somebody without second factor or without the role is refused, and an
    earlier sign-in stays. Flows which waited for it go on by themselves. With --json there are two lines: the code,
    and what it came to.
    """
    connected = asyncio.run(_connect(load_settings(), as_json=as_json))
    if as_json:
        print_json(
            {
                "step": "connected",
                "user": connected.user,
                "webhook_problem": connected.webhook_problem or None,
                "was_interrupted": connected.was_lost,
                "started": [flow.value for flow in connected.started],
            }
        )
    else:
        _tell_end(connected)


async def _connect(settings: Settings, *, as_json: bool) -> Connected:
    identity = partner_center_identity(settings)
    async with open_settings_ledger(settings) as ledger:
        started = await start_device_sign_in(identity, scope=partner_center_scope(settings), clock=utc_clock)
        _tell_code(started, as_json=as_json)
        kept = await finish_device_sign_in(started, identity=identity, clock=utc_clock, sleep=asyncio.sleep)
        proof = await prove_sign_in(settings, kept)
        return await _keep(settings, ledger, proof)


async def _keep(settings: Settings, ledger: Ledger, proof: Proof) -> Connected:
    """Put the sign-in into the vault, under its lock: a worker may be about to renew the earlier one."""
    was_lost = await ledger.sign_ins.find_lost(VAULT_NAME) is not None
    async with ledger.vault.lock(VAULT_NAME):
        await ledger.vault.save_new_sign_in(VAULT_NAME, proof.secret)
    active = await ledger.activations.find_all()
    return Connected(
        user=describe_sign_in(proof.secret).user,
        webhook_problem=proof.webhook_problem,
        was_lost=was_lost,
        active_count=len(active),
        started=await _go_on(settings, [flow for flow in GOING_ON if flow in active]) if was_lost else (),
    )


async def _go_on(settings: Settings, flows: list[FlowName]) -> tuple[FlowName, ...]:
    """Start what has waited at once; where that cannot be, schedules do it within a quarter of an hour."""
    try:
        find_prefect(settings)
        from cosell.dispatch import operating_deployment, start_run  # Prefect reads its settings when first imported

        for flow in flows:
            await start_run(operating_deployment(flow, tenant=settings.tenant), {})
    except CosellError:
        return ()
    return tuple(flows)


def _tell_code(started: DeviceSignIn, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "step": "code",
                "verification_url": started.verification_url,
                "user_code": started.user_code,
                "expires_at": started.expires_at.isoformat(),
            }
        )
        return
    out = Console(highlight=False, soft_wrap=True)
    out.print(f"1. Open [bold]{started.verification_url}[/bold] in a browser, on any machine.")
    minutes = round((started.expires_at - utc_clock()).total_seconds() / 60)
    out.print(f"2. Enter the code [bold]{started.user_code}[/bold]. It is good for {minutes} minutes.")
    out.print("3. Sign in as a Referrals admin, with the second factor.")
    out.print("Waiting for you; Ctrl-C stops, and changes nothing.", style="dim")


def _tell_end(connected: Connected) -> None:
    out = terminal()
    out.print(f"✔ Signed in as {connected.user or 'somebody'}, and Partner Center shows referrals.", style="green")
    out.print(
        "  The sign-in is kept encrypted in the ledger, for all workers. It lasts while it is used: it ends after"
    )
    out.print("  90 days without, and when the password is changed. `cosell doctor` and `cosell status` tell ahead.")
    if connected.webhook_problem:
        out.print(f"! Webhooks are refused to this person: {connected.webhook_problem}", style="yellow")
    if connected.was_lost:
        when = "have been started" if connected.started else "go on at their next turn, within a quarter of an hour"
        out.print(f"  The flows which waited for this {when}; hints have waited in the inbox.")
    if connected.active_count < len(ACTIVATION_ORDER):
        out.print("  Next: `cosell activate`.")

"""The `cosell` command: everything an engineer or an operator does from a terminal.

Exit codes: 0 fine, 1 it failed, 2 wrong usage or wrong settings.
"""

import sys

import typer
from rich.console import Console

from cosell.cli.adopt import adopt
from cosell.cli.backfill import backfill
from cosell.cli.chain import activate, deactivate, status
from cosell.cli.conflicts import conflicts
from cosell.cli.connect import connect
from cosell.cli.crm import crm
from cosell.cli.dead_letters import dead_letters
from cosell.cli.demo import demo
from cosell.cli.deploy import deploy
from cosell.cli.dispatch import dispatch
from cosell.cli.doctor import doctor
from cosell.cli.emulators import emulators
from cosell.cli.mapping import mapping
from cosell.cli.plan import plan
from cosell.cli.promote import promote
from cosell.cli.receive import receive
from cosell.cli.reconcile import reconcile
from cosell.cli.solutions import solutions
from cosell.cli.sync import sync
from cosell.cli.tenants import choose_tenant, tenants
from cosell.cli.up import up
from cosell.cli.why import why
from cosell.errors import ConfigurationError, CosellError, FileInvalid, NotActivated, SchemaMissing, SignInRequired

FAILED, WRONG_USAGE = 1, 2
NOT_A_SETTING = (FileInvalid, NotActivated, SchemaMissing, SignInRequired)
"""What a person has to mend elsewhere: the command and its settings were right."""

app = typer.Typer(
    name="cosell",
    help="Keeps Partner Center co-sell referrals and Dynamics 365 opportunities in step.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
)
app.callback()(choose_tenant)
app.command()(up)
app.command()(deploy)
app.command()(activate)
app.command()(deactivate)
app.command()(status)
app.command()(tenants)
app.command()(promote)
app.command()(plan)
app.command()(sync)
app.command()(reconcile)
app.command()(backfill)
app.command()(why)
app.command()(adopt)
app.add_typer(conflicts, name="conflicts")
app.add_typer(dead_letters, name="dead-letters")
app.command()(doctor)
app.command()(receive)
app.command()(dispatch)
app.add_typer(connect, name="connect")
app.add_typer(crm, name="crm")
app.add_typer(mapping, name="mapping")
app.add_typer(solutions, name="solutions")
app.command()(emulators)
app.command()(demo)


def main() -> None:
    """Run the command; what went wrong is told in a plain sentence, never as a traceback."""
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        app()
    except CosellError as error:
        errors.print(f"[red]✖[/red] {_plain(str(error))}")
        is_wrong = isinstance(error, ConfigurationError) and not isinstance(error, NOT_A_SETTING)
        sys.exit(WRONG_USAGE if is_wrong else FAILED)


def _plain(text: str) -> str:
    """Keep rich from reading brackets in a text as markup."""
    return text.replace("[", r"\[")

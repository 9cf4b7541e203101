"""`cosell crm`: prepare the CRM for the sync, and see whether it is prepared."""

import typer

from cosell.cli.crm.check import check
from cosell.cli.crm.install import install_crm

crm = typer.Typer(help="Prepare the CRM for the sync, and check that it is prepared.", no_args_is_help=True)
crm.command("install")(install_crm)
crm.command("check")(check)

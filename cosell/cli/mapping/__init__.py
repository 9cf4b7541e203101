"""`cosell mapping`: hold the mapping against the CRM, try it on one record, and see what is your own in it."""

import typer

from cosell.cli.mapping.check import check
from cosell.cli.mapping.diff import diff
from cosell.cli.mapping.trial import trial

mapping = typer.Typer(help="Check the mapping files, try them on a record, see what is yours.", no_args_is_help=True)
mapping.command("check")(check)
mapping.command("test")(trial)
mapping.command("diff")(diff)

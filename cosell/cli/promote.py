"""`cosell promote`: what was tried in one environment goes to another, once that one's CRM was held against it."""

import asyncio
from typing import Annotated

import typer

from cosell.cli.checks.telling import describe_finding, show_findings
from cosell.cli.prefect_api import find_prefect
from cosell.cli.promotion import Promotion, plan_promotion, write_files, write_variables
from cosell.cli.records import JsonOption
from cosell.cli.showing import print_json, terminal
from cosell.domain.ids import TenantName
from cosell.settings import Settings, load_settings

FAILED = 1
FromOption = Annotated[str, typer.Option("--from", metavar="NAME", help="The tenant in which it was tried.")]
ToOption = Annotated[str, typer.Option("--to", metavar="NAME", help="The tenant which gets it.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before writing.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only show what would change; nothing is written.")]


def promote(
    from_: FromOption, to: ToOption, yes: YesOption = False, dry_run: DryRunOption = False, as_json: JsonOption = False
) -> None:
    """Bring mapping files and variables of one tenant to another, like staging to production.

    First shows what would change and holds it against the other's CRM; what does not fit there stops it. Secrets and
    addresses stay where they are. What stood in a file before is kept beside it, with the ending .before. Variables
    which the other keeps in its CRM are left to its administrator. Exit code 1 when it does not fit or was not wanted.
    """
    if from_ == to:
        raise typer.BadParameter("both are the same tenant", param_hint="--to")
    source, target = load_settings(tenant=TenantName(from_)), load_settings(tenant=TenantName(to))
    promotion = asyncio.run(plan_promotion(source, target))
    if not as_json:
        _show(promotion, target)
    is_wanted = not promotion.misfits and not promotion.is_empty and not dry_run
    if is_wanted and not yes:
        is_wanted = not as_json and typer.confirm(f"Write this to {to}?")
    if is_wanted:
        _write(promotion, target)
    if as_json:
        print_json({**_describe(promotion), "written": is_wanted})
    elif is_wanted:
        terminal().print(f"✔ {to} has it; the next run obeys. `cosell --tenant {to} activate` checks all again.")
    if promotion.misfits or not (is_wanted or dry_run or promotion.is_empty):
        raise typer.Exit(FAILED)


def _write(promotion: Promotion, target: Settings) -> None:
    """Write variables first: should Prefect not answer, nothing has changed."""
    if promotion.variables and target.variables_from == "prefect":
        find_prefect(target)
        asyncio.run(write_variables(promotion, target))
    write_files(promotion, target)


def _show(promotion: Promotion, target: Settings) -> None:
    out = terminal()
    for change in promotion.files:
        for line in change.iter_lines():
            colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "default")
            out.print(line, style=colour, markup=False)
    by_hand = " (in its CRM, by an administrator)" if target.variables_from == "dataverse" else ""
    for variable in promotion.variables:
        out.print(f"{variable.name}: {variable.old} → {variable.new}{by_hand}", markup=False)
    if promotion.is_empty:
        out.print("Mapping files and variables are alike already.")
    if promotion.misfits:
        show_findings(promotion.misfits)
        out.print(f"✖ The CRM of {target.tenant} cannot take it; nothing was written.", style="red")


def _describe(promotion: Promotion) -> dict[str, object]:
    return {
        "files": [{"file": change.name, "difference": list(change.iter_lines())} for change in promotion.files],
        "variables": [
            {"variable": change.name, "old": change.old, "new": change.new} for change in promotion.variables
        ],
        "checks": [describe_finding(item) for item in promotion.findings],
    }

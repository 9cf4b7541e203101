"""`cosell tenants`, and the option `--tenant` of the whole command: whose turn it is."""

import asyncio
import os
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.table import Table

from cosell.cli.records import JsonOption
from cosell.cli.showing import print_json, terminal
from cosell.domain.flows import ACTIVATION_ORDER
from cosell.domain.ids import TenantName
from cosell.domain.tenants import parse_tenant
from cosell.errors import CosellError
from cosell.partner_center.opening import VAULT_NAME
from cosell.settings import load_settings
from cosell.store.meta import WEBHOOK_TROUBLE
from cosell.tenants import find_served
from cosell.wiring import open_settings_ledger

FAILED = 1
TenantOption = Annotated[
    str | None,
    typer.Option("--tenant", metavar="NAME", help="Do it for this tenant; `cosell tenants` lists them."),
]


def choose_tenant(tenant: TenantOption = None) -> None:
    """Let the command, and whatever it starts, work for one tenant."""
    if tenant is None:
        return
    try:
        os.environ["COSELL_TENANT"] = parse_tenant(tenant)
    except ValueError as error:
        raise typer.BadParameter(f"a tenant's name is {error}", param_hint="--tenant") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one tenant stands; with a `problem`, its settings or its ledger cannot be used."""

    tenant: TenantName
    crm: str = ""
    partner: str = ""
    active: int = 0
    waiting: int = 0
    dead_letters: int = 0
    problem: str = ""


def tenants(as_json: JsonOption = False) -> None:
    """List the tenants of this installation, and how each stands.

    With only one there is nothing to choose. Exit code 1 when the settings of one of them cannot be used.
    """
    found = [asyncio.run(_look_at(name)) for name in find_served()]
    if as_json:
        print_json({"tenants": [_describe(item) for item in found]})
    else:
        _show(found)
    if any(item.problem and not item.crm for item in found):
        raise typer.Exit(FAILED)


async def _look_at(name: TenantName) -> Standing:
    try:
        settings = load_settings(tenant=name)
    except CosellError as error:
        return Standing(tenant=name, problem=str(error))
    crm, partner = str(settings.dataverse.url).rstrip("/"), settings.partner_center.tenant_id
    try:
        async with open_settings_ledger(settings) as ledger:
            lost = await ledger.sign_ins.find_lost(VAULT_NAME)
            return Standing(
                tenant=name,
                crm=crm,
                partner=partner,
                active=len(await ledger.activations.find_all()),
                waiting=await ledger.inbox.count_waiting(),
                dead_letters=sum((await ledger.dead_letters.count_open_by_cause()).values()),
                problem=lost.told if lost else await ledger.meta.find(WEBHOOK_TROUBLE) or "",
            )
    except CosellError as error:
        return Standing(tenant=name, crm=crm, partner=partner, problem=str(error))


def _describe(item: Standing) -> dict[str, object]:
    return {
        "tenant": item.tenant,
        "crm": item.crm or None,
        "partner_tenant_id": item.partner or None,
        "active_flows": item.active,
        "hints_waiting": item.waiting,
        "dead_letters": item.dead_letters,
        "problem": item.problem or None,
    }


def _show(found: list[Standing]) -> None:
    table = Table(box=None, pad_edge=False)
    for head in ("tenant", "CRM", "active", "hints", "dead letters"):
        table.add_column(head, overflow="fold")
    for item in found:
        active = f"{item.active} of {len(ACTIVATION_ORDER)}"
        table.add_row(item.tenant, item.crm or "-", active, str(item.waiting), str(item.dead_letters))
    out = terminal()
    out.print(table)
    for item in found:
        if item.problem:
            out.print(f"✖ {item.tenant}: {item.problem}", style="red")

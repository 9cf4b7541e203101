"""The partner's switches as Prefect variables: edited in the Prefect UI, obeyed by the next run."""

import asyncio
from collections.abc import Mapping
from typing import Any

from prefect.variables import Variable

from cosell.domain.ids import TenantName
from cosell.domain.tenants import tenant_tags, tenant_variable
from cosell.errors import ConfigurationError
from cosell.mapping.effective import Given, SetIn, VariableSheet, fill_sheet
from cosell.mapping.variables import KNOWN
from cosell.settings import Settings, load_settings


async def find_sheet(settings: Settings) -> VariableSheet | None:
    """Return the variables as Prefect has them; None when this tenant keeps them in its CRM."""
    return await read_sheet(TenantName(settings.tenant)) if settings.variables_from == "prefect" else None


async def read_sheet(tenant: TenantName) -> VariableSheet:
    """Return what stands in Prefect; a variable that is missing has its default."""
    names = {known.name: tenant_variable(known.name, tenant) for known in KNOWN}
    values: list[Any] = await asyncio.gather(*(Variable.aget(name) for name in names.values()))
    return fill_sheet(
        {
            known: Given(value=value, set_in=SetIn.PREFECT, place=name)
            for (known, name), value in zip(names.items(), values, strict=True)
            if value is not None
        }
    )


async def store_variables(values: Mapping[str, str]) -> None:
    """Give variables of this tenant new values, by their names; the next run obeys them.

    Raises:
        ConfigurationError: this tenant takes its variables from the CRM, where an administrator sets them.
    """
    settings = load_settings()
    if settings.variables_from != "prefect":
        raise ConfigurationError(
            f"{', '.join(sorted(values))} cannot be set: COSELL_VARIABLES_FROM says that this tenant takes its "
            "variables from the CRM, where an administrator sets them. Without --with-variables they are left alone."
        )
    tenant = TenantName(settings.tenant)
    for name, value in values.items():
        tags = ["cosell", *tenant_tags(tenant)]
        await Variable.aset(tenant_variable(name, tenant), value, tags=tags, overwrite=True)


async def create_missing_variables(tenant: TenantName) -> None:
    """Put the variables into the Prefect UI with their defaults; those which are there are left alone."""
    for known in KNOWN:
        name = tenant_variable(known.name, tenant)
        if await Variable.aget(name) is None:
            await Variable.aset(name, known.default, tags=["cosell", *tenant_tags(tenant)])

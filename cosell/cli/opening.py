"""Opens for a command what a flow opens for its run: the workspace, with the variables as they are now."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from cosell.cli.prefect_api import find_prefect
from cosell.domain.flows import FlowName
from cosell.domain.ids import TenantName
from cosell.errors import ConfigurationError, NotActivated
from cosell.mapping.effective import VariableSheet, fill_sheet
from cosell.mapping.variables import Variables
from cosell.settings import Settings
from cosell.store import Ledger
from cosell.sync.workspace import Workspace
from cosell.wiring import open_workspace, read_variables_of_crm


@asynccontextmanager
async def open_command_workspace(settings: Settings) -> AsyncIterator[Workspace]:
    """Open ledger, clients and mapping for one command.

    Raises:
        ConfigurationError: the ledger cannot be reached, or a mapping file cannot be used.
        ServiceUnreachable: the Prefect server does not answer, so that the variables are not known.
    """
    async with open_workspace(settings, variables=await read_variable_sheet(settings)) as workspace:
        yield workspace


async def read_effective_variables(settings: Settings) -> Variables:
    """Return what the variables mean now.

    Raises:
        ConfigurationError: a value is not allowed.
        RetryableError: whoever keeps them does not answer.
    """
    return (await read_variable_sheet(settings)).read()


async def read_variable_sheet(settings: Settings) -> VariableSheet:
    """Return the variables as Prefect or the CRM has them; the defaults when no Prefect server is known.

    Raises:
        ConfigurationError: the CRM does not let us in.
        RetryableError: whoever keeps them does not answer.
    """
    if settings.variables_from == "dataverse":
        return await read_variables_of_crm(settings)
    try:
        find_prefect(settings)
    except ConfigurationError:
        return fill_sheet({})
    from cosell.dispatch import unreachable  # Prefect reads its settings when it is first imported
    from tasks.variables import read_sheet

    try:
        return await read_sheet(TenantName(settings.tenant))
    except httpx.HTTPError:
        raise unreachable() from None


async def refuse_unless_active(ledger: Ledger, flow: FlowName) -> None:
    """Let nobody do by hand what the flow would refuse to do.

    Raises:
        NotActivated: the flow or one before it is not active; the text names all of them.
    """
    from tasks.activation import find_missing, refuse  # as above

    missing = await find_missing(ledger, (*flow.predecessors, flow))
    if missing:
        raise NotActivated(refuse(flow, missing))

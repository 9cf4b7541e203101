"""Opens for a command what a flow opens for its run: the workspace, with the variables as Prefect has them now."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from cosell.cli.prefect_api import find_prefect
from cosell.domain.flows import FlowName
from cosell.errors import ConfigurationError, NotActivated
from cosell.mapping.variables import Variables
from cosell.settings import Settings
from cosell.store import Ledger
from cosell.sync.workspace import Workspace
from cosell.wiring import open_workspace


@asynccontextmanager
async def open_command_workspace(settings: Settings) -> AsyncIterator[Workspace]:
    """Open ledger, clients and mapping for one command.

    Raises:
        ConfigurationError: the ledger cannot be reached, or a mapping file cannot be used.
        ServiceUnreachable: the Prefect server does not answer, so that the variables are not known.
    """
    async with open_workspace(settings, variables=await read_effective_variables(settings)) as workspace:
        yield workspace


async def read_effective_variables(settings: Settings) -> Variables:
    """Return the variables as Prefect has them, the defaults when no Prefect server is known.

    Raises:
        ServiceUnreachable: a server is known, but it does not answer.
    """
    try:
        find_prefect(settings)
    except ConfigurationError:
        return Variables()
    from cosell.dispatch import unreachable  # Prefect reads its settings when it is first imported
    from tasks.variables import read_variables

    try:
        return await read_variables()
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

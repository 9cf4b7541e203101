"""Puts the parts together: settings in, an open workspace out. The only place that knows all of them."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

from cosell.dataverse import DataverseClient, open_dataverse
from cosell.dataverse.install import Customizer
from cosell.dataverse.opening import open_dataverse_service
from cosell.domain.clock import Clock, utc_clock
from cosell.domain.ids import TenantName
from cosell.errors import ConfigurationError, CosellError
from cosell.http.budget import Booking, Urgency
from cosell.http.pace import Sleep
from cosell.mapping.effective import VariableSheet, fill_sheet
from cosell.mapping.loader import load_mappings
from cosell.mapping.models import Mappings
from cosell.mapping.variables import Variables
from cosell.partner_center import open_partner_center, open_webhooks
from cosell.settings import Settings
from cosell.store import Cipher, Ledger, open_ledger
from cosell.sync.crm_variables import read_crm_variables
from cosell.sync.workspace import Workspace


@asynccontextmanager
async def open_settings_ledger(settings: Settings, *, clock: Clock = utc_clock) -> AsyncIterator[Ledger]:
    """Open the ledger which the settings name, making the data directory when it is missing.

    Raises:
        ConfigurationError: it cannot be reached or written.
    """
    make_home(settings)
    cipher = Cipher.from_settings(settings)
    async with open_ledger(
        settings.ledger_url, tenant=TenantName(settings.tenant), clock=clock, cipher=cipher
    ) as ledger:
        yield ledger


def make_home(settings: Settings) -> None:
    """Make the data directory when it is missing.

    Raises:
        ConfigurationError: it cannot be made.
    """
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "it cannot be made").lower()
        raise ConfigurationError(
            f"COSELL_HOME names {settings.home}, which is no directory and cannot become one: {reason}."
        ) from None


@asynccontextmanager
async def open_customizer(
    settings: Settings, *, solution: str, clock: Clock = utc_clock, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[Customizer]:
    """Open the CRM for changing its schema; what is made joins `solution`.

    Raises:
        ConfigurationError: the ledger, which keeps our tokens, cannot be reached.
    """
    async with (
        open_settings_ledger(settings, clock=clock) as ledger,
        open_dataverse_service(
            settings, ledger.vault, clock=clock, sleep=sleep, booking=Booking(budget=ledger.budgets)
        ) as service,
    ):
        yield Customizer(service, solution=solution)


@asynccontextmanager
async def open_crm(
    settings: Settings, mappings: Mappings, *, clock: Clock = utc_clock
) -> AsyncIterator[DataverseClient]:
    """Open only the CRM's rows, for what has nothing to do with Partner Center.

    Raises:
        ConfigurationError: the ledger, which keeps our tokens, cannot be reached.
    """
    async with (
        open_settings_ledger(settings, clock=clock) as ledger,
        open_dataverse(
            settings,
            ledger.vault,
            clock=clock,
            id_columns=_id_columns(mappings),
            booking=Booking(budget=ledger.budgets),
        ) as dataverse,
    ):
        yield dataverse


async def read_variables_of_crm(settings: Settings, *, clock: Clock = utc_clock) -> VariableSheet:
    """Return the variables as the CRM has them right now.

    Raises:
        ConfigurationError: the ledger cannot be reached, or the CRM does not let us in.
        RetryableError: the CRM does not answer.
    """
    async with (
        open_settings_ledger(settings, clock=clock) as ledger,
        open_dataverse(settings, ledger.vault, clock=clock, booking=Booking(budget=ledger.budgets)) as dataverse,
    ):
        return await read_crm_variables(dataverse, ledger, clock=clock, is_fresh=True)


@asynccontextmanager
async def open_workspace(
    settings: Settings,
    *,
    variables: Variables | VariableSheet | None,
    clock: Clock = utc_clock,
    urgency: Urgency = Urgency.FOREGROUND,
) -> AsyncIterator[Workspace]:
    """Open ledger, clients and mapping for one run, and close them after it; a background run steps back for others.

    Without `variables` those are taken which stand in the CRM.

    Raises:
        ConfigurationError: the ledger cannot be reached, a mapping file or the value of a variable cannot be used, or
            the CRM lacks the column which a variable names for the currency.
    """
    shipped = load_mappings(settings.mappings_dir)
    async with (
        open_settings_ledger(settings, clock=clock) as ledger,
        open_partner_center(
            settings, ledger.vault, clock=clock, booking=Booking(budget=ledger.budgets, urgency=urgency)
        ) as partner_center,
        open_webhooks(settings, ledger.vault, clock=clock) as webhooks,
        open_dataverse(
            settings,
            ledger.vault,
            clock=clock,
            id_columns=_id_columns(shipped),
            booking=Booking(budget=ledger.budgets, urgency=urgency),
        ) as dataverse,
    ):
        sheet = variables if isinstance(variables, VariableSheet) else None
        if variables is None:
            sheet = await read_crm_variables(dataverse, ledger, clock=clock)
        meant = variables if isinstance(variables, Variables) else (sheet or fill_sheet({})).read()
        workspace = Workspace(
            partner_center=partner_center,
            webhooks=webhooks,
            dataverse=dataverse,
            ledger=ledger,
            mappings=meant.fill_in(shipped),
            variables=meant,
            sheet=sheet,
            is_test=settings.test_mode,
            crm_url=str(settings.dataverse.url).rstrip("/"),
            clock=clock,
            link_template=settings.referral_link_template,
            holder=f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}",
        )
        await workspace.find_out_currency_kind()
        with suppress(CosellError):  # Whoever needs the CRM meets that by itself.
            await workspace.leave_out_missing_columns()
        yield workspace


def _id_columns(mappings: Mappings) -> dict[str, str]:
    tables = (
        mappings.opportunity,
        mappings.lead,
        mappings.account,
        mappings.contact,
        mappings.solutions,
        mappings.solutions.catalogue,
    )
    return {table.set: table.id for table in tables}

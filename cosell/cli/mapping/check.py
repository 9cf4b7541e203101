"""`cosell mapping check`: the mapping files against each other, then against the CRM as it is."""

import asyncio

from cosell.cli.checks.crm import check_lookups, judge_mapping, mapped_tables
from cosell.cli.checks.finding import Finding
from cosell.cli.checks.telling import tell_findings
from cosell.cli.crm.opening import read_mappings
from cosell.cli.records import JsonOption
from cosell.settings import Settings, load_settings
from cosell.wiring import open_crm


def check(as_json: JsonOption = False) -> None:
    """Read the mapping files and hold them against the CRM: what does not fit, and what to do. Nothing is written.

    Columns with their types, lengths and options, alternate keys, status reasons, expressions, and columns in which the
    CRM wants a value but which nothing fills. Exit code 1 when something does not fit.
    """
    tell_findings(asyncio.run(examine(load_settings())), as_json=as_json)


async def examine(settings: Settings) -> list[Finding]:
    """Return a finding for each thing that does not fit, and one for each table that does."""
    mappings, variables = await read_mappings(settings)
    async with open_crm(settings, mappings) as dataverse:
        tables = await dataverse.find_tables(mapped_tables(mappings, variables))
        lookups = await check_lookups(dataverse, mappings, tables)
    return judge_mapping(mappings, tables) + lookups

"""`cosell crm check`: one line for each thing in the CRM that the sync rests on, and what to do."""

import asyncio
from collections.abc import Awaitable

from cosell.cli.checks.crm import check_privileges, check_tables, check_variables, check_version, check_wake_up
from cosell.cli.checks.finding import Finding, Verdict, run_check
from cosell.cli.checks.telling import tell_findings
from cosell.cli.crm.opening import read_mappings
from cosell.cli.records import JsonOption
from cosell.dataverse import DataverseClient
from cosell.dataverse.install import Customizer
from cosell.mapping.crm import wanted_schema
from cosell.settings import Settings, load_settings
from cosell.wiring import open_customizer


def check(as_json: JsonOption = False) -> None:
    """Check that the CRM holds all that the mapping names, and that the application user may do what the sync does.

    Columns with their types and lengths, choices, alternate keys, change tracking, privileges, versions: one line each,
    and what to do. Nothing is written. Exit code 1 when something is missing.
    """
    tell_findings(asyncio.run(examine(load_settings())), as_json=as_json)


async def examine(settings: Settings) -> list[Finding]:
    """Make all checks; one that cannot be made is a finding and stops no other."""
    mappings, variables = await read_mappings(settings)
    schema = wanted_schema(mappings)
    async with open_customizer(settings, solution=schema.solution) as customizer:
        reached = await run_check("Dataverse", _reach(customizer))
        if reached.verdict is Verdict.FAILED:
            return [reached]
        dataverse = DataverseClient(customizer.service)
        checks: dict[str, Awaitable[list[Finding]]] = {
            "tables": check_tables(dataverse, mappings, variables),
            "privileges": check_privileges(customizer, schema),
            "environment variables": check_variables(
                customizer, variables, schema, are_obeyed=settings.variables_from == "dataverse"
            ),
            "installation": check_version(customizer, schema),
            "wake-up": check_wake_up(customizer),
        }
        found = await asyncio.gather(*(_run(name, asking) for name, asking in checks.items()))
    return [reached, *(item for items in found for item in items)]


async def _reach(customizer: Customizer) -> str:
    me = await customizer.read("WhoAmI")
    version = await customizer.read("RetrieveVersion()")
    return f"Version {version.get('Version')}; we are user {str(me['UserId']).lower()}."


async def _run(name: str, asking: Awaitable[list[Finding]]) -> list[Finding]:
    """Return what a check found, or that it could not be made."""
    found: list[Finding] = []

    async def ask() -> str:
        found.extend(await asking)
        return "done"

    made = await run_check(name, ask())
    return found or [made]

"""Checks of the CRM's schema and of our rights in it: each thing that does not fit is a finding of its own."""

from collections.abc import Mapping

from cosell.cli.checks.finding import Finding, Verdict
from cosell.dataverse import DataverseClient, Table
from cosell.dataverse.fit import Fault
from cosell.dataverse.install import Customizer
from cosell.dataverse.install.foundation import find_solution, version_key
from cosell.dataverse.install.role import find_missing_privileges
from cosell.dataverse.install.variables import read_current_values, spell_value
from cosell.dataverse.install.wake_up import find_endpoint
from cosell.dataverse.schema import Column
from cosell.dataverse.wanted import WantedSchema
from cosell.errors import AccessDenied
from cosell.mapping.models import Mappings
from cosell.mapping.trying import try_expressions
from cosell.mapping.variables import Variables
from cosell.sync.fit import (
    MappedColumn,
    Misfit,
    filled_columns,
    find_key,
    find_lookup_misfits,
    find_misfits,
    find_status_misfits,
    find_targets,
    find_unfilled,
    mapped_columns,
    mapped_keys,
)

INSTALL = "`cosell crm install` makes it, if it is ours; otherwise name your own in a mapping file."
OTHERS = "Name another column in a mapping file of your own, or change this one in Power Apps (Tables, Columns)."
ADD_OPTION = "Add the option in Power Apps, or write the label which stands there into choices.yaml of your own."
WAYS_OUT = {Fault.NO_TABLE: INSTALL, Fault.NO_COLUMN: INSTALL, Fault.NO_OPTION: ADD_OPTION}
MOST_SHOWN = 12


def judge_columns(name: str, table: Table | None, columns: tuple[MappedColumn, ...]) -> list[Finding]:
    """Return a finding for each column that does not fit, or one which says that all do."""
    misfits = find_misfits(name, table, columns)
    if not misfits:
        told = f"{len(columns)} mapped columns fit."
        return [Finding(check=f"table {name}", verdict=Verdict.FINE, told=told)]
    return [_finding(misfit) for misfit in misfits]


def judge_key(table: Table, column: str) -> Finding:
    """Say whether an alternate key can be used."""
    check = f"key {table.name}.{column}"
    key = find_key(table, column)
    if key is None:
        return Finding(check=check, verdict=Verdict.FAILED, told="It is no alternate key.", todo=INSTALL)
    if key.is_active:
        return Finding(check=check, verdict=Verdict.FINE, told="Active.")
    todo = "`cosell crm install` waits for it, and tries a failed one again."
    return Finding(check=check, verdict=Verdict.FAILED, told=f"Its index is {key.index_status}.", todo=todo)


def judge_tracking(table: Table, *, is_polled: bool) -> Finding:
    """Say whether the CRM tells what moves in a table; where nothing is polled, it is only a pity."""
    check = f"change tracking {table.name}"
    if table.is_change_tracked:
        return Finding(check=check, verdict=Verdict.FINE, told="On.")
    verdict = Verdict.FAILED if is_polled else Verdict.WARNING
    return Finding(check=check, verdict=verdict, told="Off.", todo="`cosell crm install` switches it on.")


async def check_privileges(customizer: Customizer, schema: WantedSchema) -> list[Finding]:
    """Hold our privileges against those which the sync needs."""
    check = "privileges"
    missing = await find_missing_privileges(customizer, schema.role)
    if not missing:
        return [Finding(check=check, verdict=Verdict.FINE, told="The application user has all that the sync needs.")]
    listed = ", ".join(missing[:MOST_SHOWN]) + (f" and {len(missing) - MOST_SHOWN} more" * (len(missing) > MOST_SHOWN))
    told = f"{len(missing)} are missing, or do not reach the whole organization: {listed}."
    todo = f"Give the application user the role {schema.role.name}, which `cosell crm install` makes."
    return [Finding(check=check, verdict=Verdict.FAILED, told=told, todo=todo)]


async def check_version(customizer: Customizer, schema: WantedSchema) -> list[Finding]:
    """Look how far the installation in the CRM is."""
    check = "installation"
    found = await find_solution(customizer, schema)
    if found is None:
        told = f"There is no solution {schema.solution}: the columns are somebody else's, or missing."
        return [Finding(check=check, verdict=Verdict.WARNING, told=told, todo="`cosell crm install` makes ours.")]
    version, kind = str(found.get("version")), "managed" if found.get("ismanaged") is True else "unmanaged"
    if version_key(version) < version_key(schema.version):
        told = f"Solution {schema.solution} is at version {version}, {schema.version} is wanted."
        todo = "It was broken off, or is of an older release: run `cosell crm install`."
        return [Finding(check=check, verdict=Verdict.FAILED, told=told, todo=todo)]
    if version_key(version) > version_key(schema.version):
        told = f"Solution {schema.solution} is at version {version}, newer than this program."
        return [
            Finding(check=check, verdict=Verdict.WARNING, told=told, todo="Is this program to be brought up to date?")
        ]
    return [Finding(check=check, verdict=Verdict.FINE, told=f"Solution {schema.solution} {version}, {kind}.")]


async def check_wake_up(customizer: Customizer) -> list[Finding]:
    """Tell whether the CRM wakes us up, and where."""
    check = "wake-up"
    try:
        found = await find_endpoint(customizer)
    except AccessDenied:
        told = "Not ours to see: the application user may not read service endpoints."
        return [Finding(check=check, verdict=Verdict.SKIPPED, told=told)]
    if found is None:
        told = "None: changes are found by polling. `cosell crm install --wake-up URL` sets one up."
        return [Finding(check=check, verdict=Verdict.FINE, told=told)]
    return [Finding(check=check, verdict=Verdict.FINE, told=f"The CRM calls {found.get('url')}.")]


async def check_variables(
    customizer: Customizer, variables: Variables, schema: WantedSchema, *, are_obeyed: bool
) -> list[Finding]:
    """Name each variable to which somebody gave a value in the CRM which is not the one we use."""
    check = "environment variables"
    if are_obeyed:
        told = "They are where we take the values from: `cosell status` shows them."
        return [Finding(check=check, verdict=Verdict.FINE, told=told)]
    current = await read_current_values(customizer)
    used = {wanted.schema_name: spell_value(getattr(variables, wanted.field)) for wanted in schema.variables}
    differing = [name for name, value in current.items() if name in used and value.casefold() != used[name].casefold()]
    if not differing:
        return [Finding(check=check, verdict=Verdict.FINE, told="None says something else than Prefect.")]
    told = f"{', '.join(sorted(differing))}: the CRM has another value than Prefect, which is the one that counts."
    todo = "Set the variable in Prefect, or take the value out of the CRM, or let COSELL_VARIABLES_FROM be dataverse."
    return [Finding(check=check, verdict=Verdict.WARNING, told=told, todo=todo)]


async def check_tables(dataverse: DataverseClient, mappings: Mappings, variables: Variables) -> list[Finding]:
    """Hold every mapped table against the CRM."""
    tables = await dataverse.find_tables(mapped_tables(mappings, variables))
    found = judge_mapping(mappings, tables) + await check_lookups(dataverse, mappings, tables)
    polled = {mappings.opportunity.table, mappings.lead.table, mappings.solutions.table}
    present = [table for table in tables.values() if table is not None]
    return found + [judge_tracking(table, is_polled=table.name in polled) for table in present]


async def check_lookups(
    dataverse: DataverseClient, mappings: Mappings, tables: Mapping[str, Table | None]
) -> list[Finding]:
    """Hold the lookups whose rows are read against the tables to which they lead; no call where there are none."""
    targets = await dataverse.find_tables(find_targets(mappings, tables))
    return [_finding(misfit) for misfit in find_lookup_misfits(mappings, tables, targets)]


def mapped_tables(mappings: Mappings, variables: Variables) -> list[str]:
    """Return the tables which have to be there: where the setting lets no leads arrive, theirs is not needed."""
    left_out = {mappings.lead.table} if variables.cosell_opportunities_only else set()
    return [name for name in mapped_columns(mappings) if name not in left_out]


def judge_mapping(mappings: Mappings, tables: Mapping[str, Table | None]) -> list[Finding]:
    """Say of each table whether the mapping fits: columns, status reasons, keys, and what nobody fills."""
    columns, keys, filled = mapped_columns(mappings), mapped_keys(mappings), filled_columns(mappings)
    found = [item for name, table in tables.items() for item in judge_columns(name, table, columns[name])]
    for table in (table for table in tables.values() if table is not None):
        if table.name == mappings.opportunity.table:
            found += [_finding(item) for item in find_status_misfits(table, mappings.statuses.opportunity)]
        if table.name in keys:
            found.append(judge_key(table, keys[table.name]))
        found += [_unfilled(table, column) for column in find_unfilled(table, filled[table.name])]
    return [*found, *_judge_expressions(mappings)]


def _judge_expressions(mappings: Mappings) -> list[Finding]:
    return [
        Finding(
            check=f"expression {trouble.table} {trouble.row}",
            verdict=Verdict.FAILED if trouble.is_certain else Verdict.WARNING,
            told=f"{trouble.problem[0].upper()}{trouble.problem[1:]}.",
            todo="Mend it in your mapping file; `| default(0)` and `| default('')` stand in for what is missing.",
        )
        for trouble in try_expressions(mappings)
    ]


def _unfilled(table: Table, column: Column) -> Finding:
    who = "The CRM wants" if column.required == "SystemRequired" else "Its forms want"
    return Finding(
        check=f"column {table.name}.{column.name}",
        verdict=Verdict.WARNING,
        told=f"{who} a value ({column.kind}), and the mapping gives none when a row is made.",
        todo="Map it in a mapping file of your own, if rows without it are of no use to you.",
    )


def _finding(misfit: Misfit) -> Finding:
    place = f"column {misfit.table}.{misfit.column}" if misfit.column else f"table {misfit.table}"
    told = f"It {misfit.problem}."
    return Finding(check=place, verdict=Verdict.FAILED, told=told, todo=WAYS_OUT.get(misfit.fault, OTHERS))

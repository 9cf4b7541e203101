"""Tables, columns, lookups, alternate keys and change tracking: one step for each.

A column which is there but has another type, is too short or lacks an option is named and left alone: an administrator
may have had a reason, and data may hang on it.
"""

from cosell.dataverse.fit import Fault, find_faults
from cosell.dataverse.install.bodies import Bodies, tracking_body
from cosell.dataverse.install.customizer import Customizer, table_path
from cosell.dataverse.install.step import MISSING, THERE, Found, Part, Presence, Step
from cosell.dataverse.schema import Column
from cosell.dataverse.wanted import TYPE_NAMES, WantedColumn, WantedLookup, WantedTable
from cosell.errors import RecordNotFound

LEFT_ALONE = "It is left as it is. Delete or rename it, or name another column in a mapping file of your own."
TOO_SHORT = "It is left as it is. Raise its length in Power Apps (Tables, Columns), then run this again."
NO_OPTION = (
    "It is left as it is. Add the option in Power Apps (Tables, Columns), or write the label which stands there into "
    "choices.yaml of your own."
)
WAYS_OUT = {Fault.TYPE: LEFT_ALONE, Fault.READ_ONLY: LEFT_ALONE, Fault.LENGTH: TOO_SHORT, Fault.NO_OPTION: NO_OPTION}
NO_SALES = "Is Dynamics 365 Sales installed in this environment? The table comes with it."


def table_part(name: str) -> Part:
    """Return what a table is called in a list of parts."""
    return Part(kind="table", name=name)


def column_part(table: str, name: str) -> Part:
    """Return what a column is called in a list of parts."""
    return Part(kind="column", name=f"{table}.{name}")


def standard_table_step(customizer: Customizer, name: str) -> Step:
    """Make sure that a table of Dynamics 365 Sales is there; it is never made by us."""

    async def look() -> Found:
        if await customizer.get_table(name) is None:
            return Found(presence=Presence.FOREIGN, told="There is no such table.", todo=NO_SALES)
        return THERE

    async def write(_: Found) -> None:
        """Leave it: looking never finds it merely missing."""

    return Step(part=table_part(name), look=look, write=write)


def table_step(customizer: Customizer, bodies: Bodies, wanted: WantedTable, *, needs: Part) -> Step:
    """Make a table of ours with its name column."""

    async def look() -> Found:
        return MISSING if await customizer.get_table(wanted.name) is None else THERE

    async def look_again() -> Found:
        return MISSING if await customizer.get_table(wanted.name, is_fresh=True) is None else THERE

    async def write(_: Found) -> None:
        await customizer.define("EntityDefinitions", bodies.table(wanted))

    return Step(part=table_part(wanted.name), look=look, look_again=look_again, write=write, needs=(needs,))


def column_step(customizer: Customizer, bodies: Bodies, table: str, wanted: WantedColumn, *, needs: Part) -> Step:
    """Make a column."""

    async def look() -> Found:
        return judge_column(await find_column(customizer, table, wanted.name), wanted)

    async def look_again() -> Found:
        return judge_column(await find_column(customizer, table, wanted.name, is_fresh=True), wanted)

    async def write(_: Found) -> None:
        await customizer.define(table_path(table, "Attributes"), bodies.column(wanted))

    return Step(
        part=column_part(table, wanted.name),
        look=look,
        look_again=look_again,
        write=write,
        needs=(needs, table_part(table)),
    )


def judge_column(found: Column | None, wanted: WantedColumn) -> Found:
    """Return what is to be said about a column."""
    if found is None:
        return MISSING
    faults = find_faults(
        found,
        types=frozenset({TYPE_NAMES[wanted.kind]}),
        length=wanted.length,
        is_written=True,
        options=wanted.options,
    )
    if not faults:
        return THERE
    told = "It " + ", ".join(problem for _, problem in faults) + "."
    return Found(presence=Presence.FOREIGN, told=told, todo=WAYS_OUT[faults[0][0]])


def lookup_step(customizer: Customizer, bodies: Bodies, wanted: WantedLookup, *, needs: Part) -> Step:
    """Make a lookup by its relationship."""

    async def judge(*, is_fresh: bool) -> Found:
        table = await customizer.get_table(wanted.table, is_fresh=is_fresh)
        if table is None or wanted.name not in table.columns:
            return MISSING
        lookups = table.find_lookups(wanted.name)
        if any(item.navigation == wanted.schema_name and item.target == wanted.target for item in lookups):
            return THERE
        told = f"It is no lookup to {wanted.target} with the schema name {wanted.schema_name}."
        return Found(presence=Presence.FOREIGN, told=told, todo=LEFT_ALONE)

    async def look() -> Found:
        return await judge(is_fresh=False)

    async def look_again() -> Found:
        return await judge(is_fresh=True)

    async def write(_: Found) -> None:
        await customizer.define("RelationshipDefinitions", bodies.lookup(wanted))

    return Step(
        part=Part(kind="lookup", name=f"{wanted.table}.{wanted.name}"),
        look=look,
        look_again=look_again,
        write=write,
        needs=(needs, table_part(wanted.table), table_part(wanted.target)),
    )


def tracking_step(customizer: Customizer, table: str, *, needs: Part) -> Step:
    """Switch change tracking on; it cannot be switched off again."""
    flags = ("ChangeTrackingEnabled", "CanChangeTrackingBeEnabled")

    async def look() -> Found:
        try:
            definition = await customizer.read(table_path(table), flags)
        except RecordNotFound:
            return MISSING
        if definition.get("ChangeTrackingEnabled") is True:
            return THERE
        allowed = definition.get("CanChangeTrackingBeEnabled")
        if isinstance(allowed, dict) and allowed.get("Value") is False:
            todo = "This environment does not let it be switched on; changes in this table are found by reconcile only."
            return Found(presence=Presence.FOREIGN, told="It is off.", todo=todo)
        return Found(presence=Presence.STALE, told="It was off.")

    async def write(_: Found) -> None:
        definition = await customizer.read(table_path(table))
        await customizer.redefine(table_path(table), tracking_body(definition))

    return Step(part=Part(kind="change tracking", name=table), look=look, write=write, needs=(needs, table_part(table)))


async def find_column(customizer: Customizer, table: str, name: str, *, is_fresh: bool = False) -> Column | None:
    """Return a column, None when it or its table is missing."""
    found = await customizer.get_table(table, is_fresh=is_fresh)
    return found.columns.get(name) if found is not None else None

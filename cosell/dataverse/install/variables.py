"""Definitions of environment variables, so that administrators find our switches where they look for them."""

from cosell.dataverse.install.customizer import Customizer
from cosell.dataverse.install.step import MISSING, THERE, Found, Part, Presence, Step
from cosell.dataverse.wanted import WantedVariable

SET = "environmentvariabledefinitions"
STRING, BOOLEAN = 100_000_000, 100_000_002
"""Types of environment variables (Microsoft: EnvironmentVariableDefinition table)."""


def variable_step(customizer: Customizer, wanted: WantedVariable, *, needs: Part) -> Step:
    """Make the definition of a variable; a value which somebody gave it is not touched."""
    kind = BOOLEAN if isinstance(wanted.default, bool) else STRING

    async def look() -> Found:
        rows = await customizer.find_rows(SET, ("type",), {"schemaname": wanted.schema_name})
        if not rows:
            return MISSING
        if rows[0].get("type") != kind:
            todo = "It is left as it is. Delete it, then run this again."
            return Found(presence=Presence.FOREIGN, told="It has another type.", todo=todo)
        return THERE

    async def write(_: Found) -> None:
        body = {
            "schemaname": wanted.schema_name,
            "displayname": wanted.label,
            "description": wanted.description,
            "type": kind,
            "defaultvalue": spell_value(wanted.default),
        }
        await customizer.add_row(SET, body)

    part = Part(kind="environment variable", name=wanted.schema_name)
    return Step(part=part, look=look, write=write, needs=(needs,))


async def read_current_values(customizer: Customizer) -> dict[str, str]:
    """Return the values which somebody gave to variables of the CRM, by schema name; defaults are not among them."""
    navigation = "EnvironmentVariableDefinitionId"
    rows = await customizer.find_rows("environmentvariablevalues", ("value",), {}, expand={navigation: ("schemaname",)})
    values: dict[str, str] = {}
    for row in rows:
        definition = row.get(navigation)
        if isinstance(definition, dict):
            values[str(definition.get("schemaname"))] = str(row.get("value"))
    return values


def spell_value(value: str | bool) -> str:  # noqa: FBT001  a yes/no variable is a bool by nature
    """Return a value as the CRM keeps it: yes and no in words."""
    return value if isinstance(value, str) else "yes" if value else "no"

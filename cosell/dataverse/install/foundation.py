"""The publisher and the solution, with which an installation begins; publishing, with which it ends.

The solution gets its version last of all: a lower one tells that an installation was broken off, and where nothing is
missing any more, what is left to do is to publish.
"""

from cosell.dataverse.install.customizer import Customizer, Document
from cosell.dataverse.install.step import MISSING, THERE, Found, Part, Presence, Step
from cosell.dataverse.wanted import WantedSchema

UNFINISHED_VERSION = "0.0.0.1"


def solution_part(schema: WantedSchema) -> Part:
    """Return what the solution is called in a list of parts."""
    return Part(kind="solution", name=schema.solution)


def publisher_step(customizer: Customizer, schema: WantedSchema) -> Step:
    """Make the publisher, whose prefix all our names carry."""

    async def look() -> Found:
        rows = await customizer.find_rows("publishers", ("customizationprefix",), {"uniquename": schema.publisher})
        if not rows:
            return MISSING
        prefix = rows[0].get("customizationprefix")
        if prefix != schema.prefix:
            return Found(
                presence=Presence.FOREIGN,
                told=f"Its prefix is {prefix}, ours is {schema.prefix}.",
                todo="Somebody made a publisher of this name. Rename theirs, then run this again.",
            )
        return THERE

    async def write(_: Found) -> None:
        body = {
            "uniquename": schema.publisher,
            "friendlyname": schema.label,
            "customizationprefix": schema.prefix,
            "customizationoptionvalueprefix": schema.option_prefix,
        }
        await customizer.add_row("publishers", body, is_component=False)

    return Step(part=Part(kind="publisher", name=schema.publisher), look=look, write=write)


def solution_step(customizer: Customizer, schema: WantedSchema) -> Step:
    """Make the solution which holds everything that is made."""

    async def look() -> Found:
        return MISSING if await find_solution(customizer, schema) is None else THERE

    async def write(_: Found) -> None:
        rows = await customizer.find_rows("publishers", ("publisherid",), {"uniquename": schema.publisher})
        body = {
            "uniquename": schema.solution,
            "friendlyname": schema.label,
            "version": UNFINISHED_VERSION,
            "publisherid@odata.bind": f"/publishers({rows[0]['publisherid']})",
        }
        await customizer.add_row("solutions", body, is_component=False)

    needs = (Part(kind="publisher", name=schema.publisher),)
    return Step(part=solution_part(schema), look=look, write=write, needs=needs)


def version_step(customizer: Customizer, schema: WantedSchema, *, is_unpublished: bool) -> Step:
    """Publish what was made, and note in the solution that it is whole."""

    async def look() -> Found:
        found = await find_solution(customizer, schema)
        if found is None:
            return MISSING
        if _is_lower(found, schema):
            return Found(presence=Presence.STALE, told=f"The solution is now at version {schema.version}.")
        return Found(presence=Presence.STALE) if is_unpublished else THERE

    async def write(_: Found) -> None:
        await _publish(customizer, schema)
        found = await find_solution(customizer, schema)
        if found is not None and _is_lower(found, schema):
            await customizer.change_row("solutions", str(found["solutionid"]), {"version": schema.version})

    return Step(part=Part(kind="publishing", name=schema.solution), look=look, write=write)


def publish_step(customizer: Customizer, schema: WantedSchema) -> Step:
    """Publish what was made although something is still missing."""

    async def look() -> Found:
        return Found(presence=Presence.STALE)

    async def write(_: Found) -> None:
        await _publish(customizer, schema)

    return Step(part=Part(kind="publishing", name=schema.solution), look=look, write=write)


async def _publish(customizer: Customizer, schema: WantedSchema) -> None:
    """Publish the tables which we add to, and nothing that others have not published yet."""
    tables = sorted({*schema.own_tables, *schema.columns})
    listed = "".join(f"<entity>{name}</entity>" for name in tables)
    body = {"ParameterXml": f"<importexportxml><entities>{listed}</entities></importexportxml>"}
    await customizer.call("PublishXml", body)


async def find_solution(customizer: Customizer, schema: WantedSchema) -> Document | None:
    """Return the row of our solution, None when there is none."""
    select = ("solutionid", "version", "ismanaged")
    rows = await customizer.find_rows("solutions", select, {"uniquename": schema.solution})
    return rows[0] if rows else None


def _is_lower(found: Document, schema: WantedSchema) -> bool:
    return version_key(str(found.get("version"))) < version_key(schema.version)


def version_key(version: str) -> tuple[int, ...]:
    """Return a version in a form in which versions can be compared; anything odd comes before all others."""
    parts = version.split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()

"""Writes mapping files of the partner's own which name the connector's columns, as the alternative to copying them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from cosell.errors import FileInvalid
from cosell.mapping.connector import connector_mappings, overlay_of
from cosell.mapping.loader import load_mappings
from cosell.sync.adopt.tables import NamedTables, find_tables
from cosell.sync.workspace import Workspace

HEAD = "# Keeps the columns of Microsoft's connector, as `cosell adopt --write-overlay` has found them in this CRM.\n"
COPIED = (
    "The connector's table of solutions has no columns for quantity and price, or was not found: solutions are kept in "
    "our own table, and `cosell adopt --take-over` copies them."
)
MISSING = "The connector has no column for {fields} in this CRM: ours are used, which `cosell crm install` makes."


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Which files there are now, and what a person should know of them."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]


async def write_overlay(workspace: Workspace, directory: Path, tables: NamedTables) -> Written:
    """Write the files, and let the loader read them as it will when it matters.

    Raises:
        FileInvalid: a file of that name says something else already.
        SchemaMissing: the connector is not installed in this CRM.
        MappingInvalid: the directory holds other files which cannot be used.
    """
    shipped = load_mappings()
    table = await workspace.dataverse.get_table(shipped.opportunity.table)
    theirs = connector_mappings(shipped, [*table.columns, *_placeholders()])
    lengths = {name: column.max_length for name, column in table.columns.items() if column.max_length}
    found = await find_tables(workspace.dataverse, shipped, tables)
    files = overlay_of(theirs, found, shipped, lengths)
    texts = {
        directory / f"{name}.yaml": HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        for name, content in files.items()
    }
    _write(directory, texts)
    load_mappings(directory)
    lacking = [row.field for row in shipped.opportunity.fields if row.dataverse.startswith("cosell_")]
    kept = {row.field for row in theirs.opportunity.fields if row.dataverse.startswith("msft_")}
    notes = [MISSING.format(fields=", ".join(name for name in lacking if name not in kept))]
    return Written(files=tuple(texts), notes=(*notes, *(() if "solutions" in files else (COPIED,))))


def _write(directory: Path, texts: Mapping[Path, str]) -> None:
    for path, text in texts.items():
        if path.exists() and path.read_text("utf-8") != text:
            raise FileInvalid(f"{path} is there already and says something else. Name another directory.")
    directory.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        path.write_text(text, "utf-8")


def _placeholders() -> tuple[str, ...]:
    """Return the columns which only a variable names: they are left to it."""
    return ("$deal_value", "$deal_currency", "$country")

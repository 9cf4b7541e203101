"""docs/mappings.md and mappings/schema.json: the mapping files as tables, with the comments they open with."""

import json
from collections.abc import Mapping, Sequence
from importlib import resources

import yaml
from pydantic import BaseModel

from cosell.mapping.loader import FILES, ROW_KEYS
from cosell.mapping.models import Mappings
from tools.docs.markdown import NOTICE, to_code, to_table

_INTRODUCTION = """\
# Mappings

Which field is which is data, not code: one file per subject in `mappings/`. The files that ship are shown below.

To change one, put a file of the same name with only your changes into a directory of your own and name the directory
in `COSELL_MAPPINGS_DIR`; an upgrade never touches it. Tables are merged key by key, `fields` row by row by their
`field`, rows of `fill` by their `dataverse`, rows with a `stage` go before those that ship, any other list is replaced
as a whole. [Customising](customising.md) has a worked example for each case.
`cosell mapping check` holds the result against the CRM, `cosell mapping test ID` shows what becomes of one record, and
`cosell mapping diff` what is yours in it.

An unknown key or a wrong word is an error which names file, line and key. Editors that know YAML complete and check the
files by the JSON schemas in `mappings/schema/`, one for each file; let the first line of a file of your own say
`# yaml-language-server: $schema=…/mappings/schema/opportunity.json`. A file with only your changes is valid, too.
`mappings/schema.json` describes all files together, complete.
"""


def render_page() -> str:
    """Return docs/mappings.md."""
    parts = [NOTICE.format(source="mappings/ and cosell/mapping/models.py"), _INTRODUCTION]
    for name in FILES:
        text = resources.files("mappings").joinpath(f"{name}.yaml").read_text("utf-8")
        parts.append(f"\n## {name}.yaml\n\n" + _render_comment(text) + _render_table(yaml.safe_load(text)))
    return "".join(parts)


def render_schema() -> str:
    """Return mappings/schema.json."""
    return json.dumps(Mappings.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def render_file_schema(name: str) -> str:
    """Return the JSON schema of one file, for an editor: of a file that ships, and of one with a few changes only."""
    model = Mappings.model_fields[name].annotation
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError(f"{name} has no model")
    schema = model.model_json_schema()
    for definition in [schema, *schema.get("$defs", {}).values()]:
        # What an overlay leaves out ships; only what names a row has to be there.
        needed = [key for key in ROW_KEYS if key in definition.get("required", [])][:1]
        definition.pop("required", None)
        if needed:
            definition["required"] = needed
    schema["title"] = f"{name}.yaml"
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _render_comment(text: str) -> str:
    """Return the comment a file opens with: its prose as prose, its list of words as it stands."""
    lines = [line.removeprefix("#").removeprefix(" ") for line in _take_comment(text)]
    prose, _, words = "\n".join(lines).partition("\n\n")
    return prose + "\n" + (f"\n```text\n{words}\n```\n" if words else "")


def _take_comment(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if "yaml-language-server" not in line]
    end = next((place for place, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return lines[:end]


def _render_table(content: Mapping[str, object]) -> str:
    """Return a mapping file's content: single values as one table, then a table for each part."""
    plain = {key: value for key, value in content.items() if not isinstance(value, dict) and not _is_rows(value)}
    parts = ["\n" + to_table(("Key", "Value"), _to_pairs(plain))] if plain else []
    for key, value in content.items():
        if isinstance(value, dict):
            parts.append(f"\n### {key}\n\n" + to_table(("Key", "Value"), _to_pairs(value)))
        elif _is_rows(value):
            parts.append(f"\n### {key}\n\n" + _render_rows(value))
    return "".join(parts)


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


def _render_rows(rows: object) -> str:
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return to_table(columns, [[_to_cell(row.get(column)) for column in columns] for row in rows])


def _to_pairs(content: Mapping[str, object]) -> Sequence[tuple[str, str]]:
    return [(to_code(str(key)), _to_cell(value)) for key, value in content.items()]


def _to_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(to_code(str(item)) for item in value)
    return to_code(str(value))

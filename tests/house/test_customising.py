"""The page on customising shows files which load, and editors are given schemas which know all of them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from cosell.mapping.loader import FILES, load_mappings
from tests.house.project import PROJECT, read

EXAMPLES = sorted((PROJECT / "docs" / "examples").glob("*/*.yaml"))
SHIPPED = sorted((PROJECT / "mappings").glob("*.yaml"))
SHOWN = re.findall(r"```yaml\n# (\w+\.yaml)\n(.*?)```", read("docs/customising.md"), re.DOTALL)
NAMED = re.compile(r"^# yaml-language-server: \$schema=(\S+)$")


def schema(name: str) -> Draft202012Validator:
    document = json.loads((PROJECT / "mappings" / "schema" / f"{name}.json").read_text("utf-8"))
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document)


def errors(name: str, text: str) -> list[str]:
    content: Any = json.loads(json.dumps(yaml.safe_load(text) or {}, default=str))
    return [error.message for error in schema(name).iter_errors(content)]


def test_each_example_stands_on_the_page_as_it_is() -> None:
    shown = {(name, text) for name, text in SHOWN}
    assert shown == {(path.name, path.read_text("utf-8")) for path in EXAMPLES}
    assert len(EXAMPLES) == len(SHOWN) >= 9


@pytest.mark.parametrize("directory", sorted({path.parent for path in EXAMPLES}), ids=lambda path: path.name)
def test_each_example_loads(directory: Path) -> None:
    assert load_mappings(directory) != load_mappings()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_each_file_that_ships_names_its_schema_and_fits_it(path: Path) -> None:
    text = path.read_text("utf-8")
    found = NAMED.match(text.splitlines()[0])
    assert found is not None
    assert (path.parent / found[1]).resolve() == PROJECT / "mappings" / "schema" / f"{path.stem}.json"
    assert errors(path.stem, text) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_each_overlay_fits_the_schema_although_it_says_little(path: Path) -> None:
    assert errors(path.stem, path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("opportunity", "columns: {audit_text: new_audit}"),
        ("opportunity", "fields: [{field: notes, owner: crm}]"),
        ("opportunity", "fields: [{dataverse: new_notes}]"),
        ("opportunity", "fill: [{dataverse: new_x, when: sometimes}]"),
        ("account", "matching: [name]"),
        ("choices", "help: {A: 5}"),
        ("countries", "aliases: {Eire: Ireland}"),
    ],
)
def test_editors_are_told_what_the_loader_would_refuse(name: str, text: str) -> None:
    assert errors(name, text) != []


def test_every_file_has_a_schema() -> None:
    assert {path.stem for path in (PROJECT / "mappings" / "schema").glob("*.json")} == set(FILES)

"""Files fit in one head, have names that say what they hold, and speak of nothing but the project."""

import ast
import re
import sys
from pathlib import Path

import pytest

from tests.house.project import PROJECT, SHIPPED, iter_lines, python_files, read, text_files

LONGEST = 400
SAYS_NOTHING = frozenset({"utils", "util", "helpers", "helper", "common", "base", "core", "misc"})
# Where packages come from is a matter of the machine: no file of ours names a registry. Spelled apart, so that this
# file does not name one either.
REGISTRIES = re.compile(
    "|".join(("pypi" + r"\.org", "python" + "hosted", "index" + "-url", "/" + "simple/")), re.IGNORECASE
)
# Files which only list versions or data hold no address at all.
PIN_FILES = re.compile(r"(constraints|requirements).*\.txt$|\.lock$")


def test_no_python_file_is_longer_than_fits_in_one_head() -> None:
    lengths = {str(path): len(read(path).splitlines()) for path in python_files()}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_module_names_say_what_is_inside() -> None:
    assert [str(path) for path in python_files() if SAYS_NOTHING & {path.stem, *path.parts[:-1]}] == []


@pytest.mark.parametrize("folder", ["flows", "tasks"])
def test_no_flow_or_task_file_shadows_a_module_of_python(folder: str) -> None:
    names = {path.stem for path in python_files() if path.parts[0] == folder} - {"__init__"}
    assert names & sys.stdlib_module_names == set()


def test_nothing_waits_in_a_blocking_way() -> None:
    assert [str(path) for path in python_files() if _waits_in_a_blocking_way(ast.parse(read(path)))] == []


def test_no_file_names_a_package_registry() -> None:
    named = [
        f"{path}:{number}" for path in text_files() for number, line in iter_lines(path) if REGISTRIES.search(line)
    ]
    assert named == []


def test_files_of_versions_hold_names_and_versions_only() -> None:
    pins = [path for path in text_files() if PIN_FILES.search(path.name)]
    assert Path("constraints.txt") in pins
    wrong = [
        f"{path}:{number}"
        for path in pins
        for number, line in iter_lines(path)
        if not line.startswith("#") and not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)
    ]
    assert wrong == []


def test_every_package_has_its_place_among_the_layers() -> None:
    layers = set(re.findall(r"cosell\.(\w+)", read("pyproject.toml").split('type = "layers"')[1].split("]")[0]))
    present = {
        path.stem for path in (PROJECT / "cosell").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    # The emulators stand beside the layers: a contract of their own keeps them apart.
    assert present - {"__init__", "emulators"} - layers == set()


def test_packages_that_ship_are_packages() -> None:
    assert [name for name in SHIPPED if not (PROJECT / name / "__init__.py").is_file()] == []


def _waits_in_a_blocking_way(tree: ast.Module) -> bool:
    nodes = list(ast.walk(tree))
    imports_time = any(
        isinstance(node, ast.Import) and any(name.name == "time" for name in node.names) for node in nodes
    )
    takes_sleep = any(
        isinstance(node, ast.ImportFrom) and node.module == "time" and any(name.name == "sleep" for name in node.names)
        for node in nodes
    )
    return takes_sleep or (imports_time and any(_is_time_sleep(node) for node in nodes))


def _is_time_sleep(node: ast.AST) -> bool:
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return False
    return (node.value.id, node.attr) == ("time", "sleep")

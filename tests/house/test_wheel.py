"""The wheel holds all it needs: it is built, laid into an empty directory and loaded there, without the source tree."""

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.house.project import PROJECT, SHIPPED, text_files

# -S keeps the editable install of the source tree out; what we depend on is put back by hand.
LOAD_EVERYTHING = """
import importlib, pathlib, sys
alone, dependencies = sys.argv[1:]
sys.path[:0] = [alone]
sys.path.append(dependencies)
for path in sorted(pathlib.Path(alone).rglob("*.py")):
    parts = path.relative_to(alone).with_suffix("").parts
    # Programs run when they are imported; Alembic's own files are only ever loaded by Alembic.
    if path.stem == "__main__" or "migrations" in parts:
        continue
    module = importlib.import_module(".".join(parts[:-1] if path.stem == "__init__" else parts))
    assert module.__file__.startswith(alone), module.__file__
from cosell.mapping.loader import load_mappings
print(len(load_mappings().opportunity.fields))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the build tool that is installed: nothing is downloaded."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


def test_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == {str(path) for path in text_files() if path.parts[0] in SHIPPED}


def test_wheel_loads_alone_in_an_empty_directory(wheel: Path, tmp_path: Path) -> None:
    alone, empty = tmp_path / "alone", tmp_path / "empty"
    zipfile.ZipFile(wheel).extractall(alone)
    empty.mkdir()
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LOAD_EVERYTHING, str(alone), sysconfig.get_path("purelib")],
        cwd=empty,
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    assert int(loaded.stdout) > 0

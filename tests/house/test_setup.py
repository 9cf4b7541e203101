"""`make setup` tells a newcomer what is missing, and does nothing when there is nothing to do."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.project import PROJECT

STAND_IN = """#!/bin/sh
case "$*" in
    *python_version*) echo {version} ;;
    *version_info*) exit {is_too_old} ;;
    *ensurepip*) exit {lacks_venv} ;;
esac
"""


@pytest.fixture
def newcomer(tmp_path: Path) -> Path:
    """Lay out a project as it is after `git clone`."""
    project = tmp_path / "project"
    (project / "tools").mkdir(parents=True)
    for name in ("pyproject.toml", "constraints.txt", "tools/setup.sh"):
        shutil.copy(PROJECT / name, project / name)
    return project


def _python(folder: Path, *, version: str = "3.12.1", is_too_old: int = 0, lacks_venv: int = 0) -> Path:
    """Write a stand-in for a Python which only answers the questions that setup asks first."""
    python = folder / "python"
    python.write_text(STAND_IN.format(version=version, is_too_old=is_too_old, lacks_venv=lacks_venv))
    python.chmod(0o755)
    return python


def _setup(project: Path, python: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(project / "tools/setup.sh")],
        env={"PATH": os.environ["PATH"], "PYTHON": str(python)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_python_that_is_too_old_is_named_and_nothing_is_built(newcomer: Path, tmp_path: Path) -> None:
    done = _setup(newcomer, _python(tmp_path, version="3.9.2", is_too_old=1))
    assert done.returncode == 1
    assert "needs Python 3.11" in done.stderr
    assert "is Python 3.9.2" in done.stderr
    assert not (newcomer / ".venv").exists()


def test_no_python_at_all_is_told(newcomer: Path, tmp_path: Path) -> None:
    done = _setup(newcomer, tmp_path / "nothing-here")
    assert done.returncode == 1
    assert "Install one, or name one" in done.stderr


def test_python_without_venv_is_told_with_the_package_to_install(newcomer: Path, tmp_path: Path) -> None:
    done = _setup(newcomer, _python(tmp_path, lacks_venv=1))
    assert done.returncode == 1
    assert "python3-venv" in done.stderr


def test_fresh_environment_is_left_alone(newcomer: Path, tmp_path: Path) -> None:
    venv = newcomer / ".venv"
    (venv / "bin").mkdir(parents=True)
    shutil.copy(_python(tmp_path), venv / "bin/python")
    (venv / ".cosell-place").write_text(f"{newcomer.resolve()}\n")
    built_from = [newcomer / name for name in ("pyproject.toml", "constraints.txt", "tools/setup.sh")]
    (venv / ".cosell-setup").write_bytes(b"".join(path.read_bytes() for path in built_from))
    done = _setup(newcomer, tmp_path / "nothing-here")
    assert (done.returncode, done.stderr) == (0, "")

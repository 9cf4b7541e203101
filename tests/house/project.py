"""The project as the house tests see it: its files, its modules, its root."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
SHIPPED = ("cosell", "flows", "tasks", "mappings")
CODE = (*SHIPPED, "tests", "tools", "benchmarks", "docs")


@cache
def python_files() -> tuple[Path, ...]:
    """Return every Python file of the project, from its root."""
    return tuple(
        path.relative_to(PROJECT)
        for folder in CODE
        for path in sorted((PROJECT / folder).rglob("*.py"))
        if "__pycache__" not in path.parts
    )


@cache
def text_files() -> tuple[Path, ...]:
    """Return every file that is part of the project, committed or about to be, from its root; without pictures."""
    listed = subprocess.run(
        # The checkout may belong to another user than the one who runs the tests, which git dislikes.
        ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = [Path(name) for name in listed.stdout.split("\0") if name]
    return tuple(path for path in paths if (PROJECT / path).is_file() and path.suffix not in {".png", ".xlsx", ".gif"})


def read(path: Path | str) -> str:
    """Return the text of a file, named from the project's root."""
    return (PROJECT / path).read_text("utf-8")


def iter_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file with their numbers."""
    yield from enumerate(read(path).splitlines(), start=1)


def make_targets() -> frozenset[str]:
    """Return the targets of the Makefile."""
    return frozenset(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))

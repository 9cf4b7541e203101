"""Whoever is told to run a command finds that command."""

import re

import typer.main
from typer.core import TyperGroup

from cosell.cli import app
from tests.house.project import PROJECT, text_files

NAMED = re.compile(r"`(?:\.venv/bin/)?cosell ([a-z][a-z-]+)")


def test_every_command_that_a_text_names_is_there() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    texts = [path for path in text_files() if path.suffix in {".py", ".md", ".yaml"}]
    named = {(str(path), command) for path in texts for command in NAMED.findall((PROJECT / path).read_text("utf-8"))}
    assert len(named) > 30
    assert sorted(pair for pair in named if pair[1] not in group.commands) == []

"""The runbook knows every state, every table and every check of the code, and none which the code does not have."""

import ast
import re
from functools import cache

import typer.main
from typer.core import TyperGroup

from cosell.cli import app
from cosell.dispatch.notification import STATES
from tests.house.project import PROJECT, read

RUNBOOK = "docs/runbook.md"
OF_PREFECT = {"Failed", "Crashed", "TimedOut", "Cancelled", "Late", "Retry"}
"""States, and a button, of Prefect itself."""
NOT_A_STATE = {"AwaitingRetry"}
DOCTOR = ("cosell/cli/doctor.py", "cosell/http/lifetimes.py")


@cache
def _code() -> str:
    return "\n".join(read(path.relative_to(PROJECT)) for path in sorted((PROJECT / "flows").glob("*.py"))) + read(
        "cosell/dispatch/backlog.py"
    )


def _state_names() -> set[str]:
    """Return the names which our flows give to states: constants that are passed as `name`."""
    constants = dict(re.findall(r'^([A-Z_]+) = "(\w+)"$', _code(), re.MULTILINE))
    used = re.findall(r"\bname=([A-Z_]+)\b", _code()) + re.findall(r"\bname=([A-Z_]+) if", _code())
    return {constants[name] for name in used if name in constants} - NOT_A_STATE


def _rows(heading: str) -> list[str]:
    """Return the first cell of each row of the table which follows a text."""
    table = read(RUNBOOK).partition(heading)[2].lstrip().split("\n\n")[0]
    return [line.split("|")[1].strip() for line in table.splitlines()[2:]]


def test_every_state_has_a_row_and_every_row_a_state() -> None:
    told = {name for cell in _rows("By the state in which a run ends:") for name in re.findall(r"\*(\w+)\*", cell)}
    assert len(_state_names()) > 5
    assert _state_names() - told == set()
    assert told - _state_names() - OF_PREFECT == set()
    assert set(STATES) <= told, "of these somebody is told"


def test_every_check_of_doctor_has_a_line() -> None:
    told = {name for cell in _rows("or of `cosell status`:") for name in re.findall(r"`([^`]+)`", cell)}
    names = {
        node.value
        for path in DOCTOR
        for node in ast.walk(ast.parse(read(path)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert told - names == set()
    checked = set(re.findall(r'run_check\("([^"]+)"', read("cosell/cli/doctor.py")))
    assert checked - told == set()


def test_every_table_that_keeps_its_place_is_named() -> None:
    constants = dict(re.findall(r'^([A-Z_]+) = "([a-z-]+)"$', _code(), re.MULTILINE))
    keys = {constants[name] for name in re.findall(r"\btenant_artifact\(\s*([A-Z_]{2,})", _code())}
    keys |= set(re.findall(r'\btenant_artifact\(\s*"([a-z-]+)"', _code()))
    assert {cell.strip("`") for cell in _rows("keep their place under *Artifacts*:")} == keys


def test_every_command_and_option_in_the_runbook_is_there() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    typed = re.findall(r"`(?:\.venv/bin/)?cosell ([a-z-]+)((?: [a-z][a-z-]*)*)((?: --[a-z-]+)*)", read(RUNBOOK))
    assert len(typed) > 15
    for command, subcommand, options in typed:
        found = group.commands[command]
        if subcommand.strip():
            assert isinstance(found, TyperGroup), command
            found = found.commands[subcommand.split()[0]]
        known = {option for parameter in found.params for option in parameter.opts}
        assert set(options.split()) <= known, (command, options)

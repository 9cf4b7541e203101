"""Every command explains itself, and so does every option of it."""

from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from cosell.cli import app
from tests.cli.terminal import cosell


def _commands(group: TyperGroup, *names: str) -> dict[tuple[str, ...], Any]:
    """Return every command by the words that call it, with typer's own objects behind them."""
    found: dict[tuple[str, ...], Any] = {}
    for name, command in group.commands.items():
        found[(*names, name)] = command
        if isinstance(command, TyperGroup):
            found |= _commands(command, *names, name)
    return found


ROOT = typer.main.get_command(app)
assert isinstance(ROOT, TyperGroup)
COMMANDS = _commands(ROOT)


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_help_tells_what_a_command_does_and_what_each_option_means(names: tuple[str, ...]) -> None:
    command = COMMANDS[names]
    said = cosell(*names, "--help")

    assert said.code == 0
    first_line = (command.help or "").strip().splitlines()[0]
    assert len(first_line) > 10
    assert first_line.endswith(".")
    unexplained = [option.name for option in command.params if not getattr(option, "help", "help")]
    assert unexplained == []
    assert [option.name for option in command.params if option.name and not _is_shown(option, said.out)] == []


def test_no_command_is_answered_with_the_list_of_commands() -> None:
    said = cosell()

    assert [name for name, *rest in COMMANDS if not rest and name not in said.out + said.err] == []
    assert not said.has_traceback


def test_unknown_command_is_wrong_usage() -> None:
    said = cosell("synchronise")

    assert said.code == 2
    assert "synchronise" in said.err


def test_unknown_flow_is_wrong_usage_and_the_flows_are_named() -> None:
    said = cosell("deactivate", "partner-centre-to-dynamics")

    assert said.code == 2
    assert "'partner-center-to-dynamics'" in " ".join(said.err.split())


def _is_shown(option: Any, text: str) -> bool:  # noqa: ANN401  typer's own
    shown = option.opts if option.param_type_name == "option" else [str(option.metavar or option.name)]
    return any(name.lower() in text.lower() for name in shown)

"""docs/cli.md, from the commands of cosell/cli/."""

from collections.abc import Iterator

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from tools.docs.markdown import NOTICE, to_code, to_table

Command = TyperCommand | TyperGroup

_INTRODUCTION = """\
# The `cosell` command

Every command explains itself with `--help`. Exit codes: 0 fine, 1 failed, 2 wrong usage.
"""


def iter_commands(app: typer.Typer, name: str = "cosell") -> Iterator[tuple[str, Command]]:
    """Yield every command that is not hidden, with its full name, in the order of the source.

    A group which does something by itself comes before the commands below it.
    """
    yield from _iter_below(get_command(app), name)


def render_page(app: typer.Typer) -> str:
    """Return docs/cli.md."""
    parts = [NOTICE.format(source="cosell/cli/"), _INTRODUCTION]
    for name, command in iter_commands(app):
        parts.append(f"\n## {name}\n\n{(command.help or '').strip()}\n")
        parts.append(f"\n```text\n{_render_usage(name, command)}\n```\n")
        rows = [_describe(parameter) for parameter in _iter_parameters(command)]
        if rows:
            parts.append("\n" + to_table(("Parameter", "What it is", "Default"), rows))
    return "".join(parts)


def _iter_below(command: object, name: str) -> Iterator[tuple[str, Command]]:
    if isinstance(command, TyperGroup):
        if command.invoke_without_command:
            yield name, command
        for part, inner in command.commands.items():
            if not inner.hidden:
                yield from _iter_below(inner, f"{name} {part}")
    elif isinstance(command, TyperCommand):
        yield name, command


def _iter_parameters(command: Command) -> Iterator[TyperArgument | TyperOption]:
    for parameter in command.params:
        if isinstance(parameter, TyperArgument | TyperOption) and not parameter.hidden:
            yield parameter


def _render_usage(name: str, command: Command) -> str:
    parameters = list(_iter_parameters(command))
    options = ["[OPTIONS]"] if any(isinstance(parameter, TyperOption) for parameter in parameters) else []
    arguments = [_spell_argument(parameter) for parameter in parameters if isinstance(parameter, TyperArgument)]
    return " ".join([name, *options, *arguments])


def _spell_argument(argument: TyperArgument) -> str:
    word = argument.metavar or str(argument.name).upper()
    return (word if argument.required else f"[{word}]") + ("..." if argument.nargs == -1 else "")


def _describe(parameter: TyperArgument | TyperOption) -> tuple[str, str, str]:
    if isinstance(parameter, TyperArgument):
        name = to_code(_spell_argument(parameter))
    else:
        name = ", ".join(to_code(spelling) for spelling in [*parameter.opts, *parameter.secondary_opts])
        name += ", repeatable" if parameter.multiple else ""
    is_shown = parameter.default not in (None, False, [], ()) and not callable(parameter.default)
    default = "**required**" if parameter.required else to_code(str(parameter.default)) if is_shown else ""
    return name, parameter.help or "", default

"""docs/settings.md and .env.example, from the fields of cosell/settings.py."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import AnyHttpUrl, BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from cosell.settings import DELIMITER, PREFIX, Settings, is_needed
from tools.docs.markdown import NOTICE, to_code, to_table

_SOURCE = "cosell/settings.py"
_GENERAL = "General"

_INTRODUCTION = """\
# Settings

Every setting is an environment variable, or a line of the same name in a file `.env` in the directory where `cosell`
is started; the environment goes first. `.env.example` has them all, ready to copy. Lists are written as JSON.
Everything is checked at once at the start, and `cosell doctor` names each setting that is missing or wrong.

Secrets are marked; they belong into the environment or `.env`, never into a repository.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One environment variable, as documentation sees it."""

    group: str
    variable: str
    purpose: str
    default: str
    is_required: bool
    is_secret: bool


def iter_settings() -> Iterator[Setting]:
    """Yield every setting, the general ones first, in the order of the source."""
    nested: list[Setting] = []
    for name, field in Settings.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            # The first sentence of a group's docstring says what the group is for.
            heading = (model.__doc__ or name).strip().split("\n", 1)[0].rstrip(".")
            nested += [
                _to_setting(heading, f"{name}{DELIMITER}{inner}", field) for inner, field in model.model_fields.items()
            ]
        else:
            yield _to_setting(_GENERAL, name, field)
    yield from nested


def render_page() -> str:
    """Return docs/settings.md."""
    settings = list(iter_settings())
    parts = [NOTICE.format(source=_SOURCE), _INTRODUCTION]
    for group in dict.fromkeys(setting.group for setting in settings):
        rows = [
            (to_code(setting.variable), _describe(setting), _describe_default(setting))
            for setting in settings
            if setting.group == group
        ]
        parts.append(f"\n## {group}\n\n" + to_table(("Variable", "What it is", "Default"), rows))
    return "".join(parts)


def render_env_example() -> str:
    """Return .env.example: required settings to fill in, the others commented out with their defaults."""
    settings = list(iter_settings())
    lines = [
        "# Settings of cosell-sync: copy this file to .env and fill in what is required. As a table: docs/settings.md.",
        f"# Written by `make docs` from {_SOURCE}; change that, not this file.",
        "",
        "# ----- required -----",
    ]
    lines += [
        line
        for setting in settings
        if setting.is_required
        for line in ("", f"# {setting.purpose}", f"{setting.variable}=")
    ]
    for group in dict.fromkeys(setting.group for setting in settings):
        optional = [setting for setting in settings if setting.group == group and not setting.is_required]
        if optional:
            lines += ["", f"# ----- {group} -----"]
        lines += [
            line
            for setting in optional
            for line in ("", f"# {setting.purpose}", f"# {setting.variable}={setting.default}")
        ]
    return "\n".join(lines) + "\n"


def _to_setting(group: str, name: str, field: FieldInfo) -> Setting:
    return Setting(
        group=group,
        variable=PREFIX + name.upper(),
        purpose=field.description or "",
        default=_to_text(field.default),
        is_required=is_needed(field),
        is_secret="SecretStr" in str(field.annotation),
    )


def _to_text(default: object) -> str:
    if default is None or default is PydanticUndefined or isinstance(default, SecretStr):
        return ""
    if isinstance(default, tuple):
        return json.dumps(default)
    if isinstance(default, AnyHttpUrl):
        return str(default).rstrip("/")
    return default.as_posix() if isinstance(default, Path) else str(default)


def _describe(setting: Setting) -> str:
    return setting.purpose + (" (secret)" if setting.is_secret else "")


def _describe_default(setting: Setting) -> str:
    return "**required**" if setting.is_required else to_code(setting.default) or "none"

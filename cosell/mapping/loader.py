"""Reads the mapping files: those that ship, and the user's own laid over them, file by file and key by key."""

from collections.abc import Hashable, Mapping
from importlib import resources
from pathlib import Path

import yaml
from pydantic import ValidationError

from cosell.errors import MappingInvalid
from cosell.mapping.models import Mappings

FILES = tuple(Mappings.model_fields)
_ROW_KEYS = ("field", "stage")


def load_mappings(overlay: Path | None = None) -> Mappings:
    """Return the mappings, with the files of the directory `overlay` laid over the ones that ship.

    Raises:
        MappingInvalid: a file cannot be read or says something unknown; the text names file, place and problem.
    """
    shipped = resources.files("mappings")
    whole = {
        name: _parse(f"mappings/{name}.yaml", shipped.joinpath(f"{name}.yaml").read_text("utf-8")) for name in FILES
    }
    if overlay is not None:
        if not overlay.is_dir():
            raise MappingInvalid(f"COSELL_MAPPINGS_DIR names {overlay}, which is not a directory.")
        for path in sorted(overlay.glob("[!.]*.y*ml")):
            if path.stem not in FILES:
                raise MappingInvalid(
                    f"{path} is no mapping file; known are {', '.join(f'{name}.yaml' for name in FILES)}."
                )
            whole[path.stem] = _overlay(whole[path.stem], _parse(str(path), _read(path)))
    try:
        return Mappings.model_validate(whole)
    except ValidationError as error:
        raise MappingInvalid("\n".join(_describe(item["loc"], item["msg"]) for item in error.errors())) from None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise MappingInvalid(f"{path} cannot be read as UTF-8 text ({type(error).__name__}).") from None


class _Loader(yaml.SafeLoader):
    """Takes plain values only, and no key twice: plain YAML would forget the first one without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:  # noqa: FBT001, FBT002  PyYAML's signature
        keys = [key.value for key, _ in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                raise yaml.constructor.ConstructorError(
                    problem=f"{key} stands there twice", problem_mark=node.start_mark
                )
        return super().construct_mapping(node, deep=deep)


def _parse(name: str, text: str) -> Mapping[str, object]:
    try:
        content = _Loader(text).get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        twice = isinstance(error, yaml.constructor.ConstructorError) and error.problem
        raise MappingInvalid(f"{name}{place}: {twice or 'this is not YAML'}.") from None
    if content is None:
        return {}  # All of it is comments.
    if not isinstance(content, dict):
        raise MappingInvalid(f"{name}: a mapping file is a table of keys.")
    return content


def _overlay(below: object, above: object) -> Mapping[str, object]:
    """Lay one file over another: tables merge key by key, rows by their `field`, anything else replaces.

    Rows of stages go before the ones that ship, and take over the pairs which they name.
    """
    merged = dict(below) if isinstance(below, dict) else {}
    for key, value in above.items() if isinstance(above, dict) else ():
        present = merged.get(key)
        if isinstance(value, dict) and isinstance(present, dict):
            merged[key] = _overlay(present, value)
        elif isinstance(value, list) and isinstance(present, list):
            merged[key] = _overlay_rows(present, value)
        else:
            merged[key] = value
    return merged


def _overlay_rows(below: list[object], above: list[object]) -> list[object]:
    name = next(
        (key for key in _ROW_KEYS if all(isinstance(row, dict) and key in row for row in [*below, *above])), None
    )
    if name is None:
        return above
    if name == "stage":
        taken = [_status_pair(row) for row in above]
        return [*above, *(row for row in below if _status_pair(row) not in taken)]
    rows = {row[name]: row for row in below if isinstance(row, dict)}
    for row in above:
        if isinstance(row, dict):
            rows[row[name]] = {**rows.get(row[name], {}), **row}
    return list(rows.values())


def _status_pair(row: object) -> tuple[object, object]:
    """Return what names a status reason; only the CRM knows whether a label and a number are the same one."""
    if not isinstance(row, dict):
        return None, None
    return row.get("state"), row.get("status_reason", str(row.get("label")).casefold())


def _describe(place: tuple[int | str, ...], message: str) -> str:
    file, *rest = place
    message = message.removeprefix("Value error, ")
    return f"{file}.yaml, {' → '.join(str(part) for part in rest) or 'top'}: {message[0].lower()}{message[1:]}."

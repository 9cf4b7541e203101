"""Reads the mapping files: those that ship, and the user's own laid over them, file by file and key by key."""

from collections.abc import Mapping
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
        for path in sorted(overlay.glob("*.y*ml")):
            if path.stem not in FILES:
                raise MappingInvalid(
                    f"{path} is no mapping file; known are {', '.join(f'{name}.yaml' for name in FILES)}."
                )
            whole[path.stem] = _overlay(whole[path.stem], _parse(str(path), path.read_text("utf-8")))
    try:
        return Mappings.model_validate(whole)
    except ValidationError as error:
        raise MappingInvalid("\n".join(_describe(item["loc"], item["msg"]) for item in error.errors())) from None


def _parse(name: str, text: str) -> Mapping[str, object]:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise MappingInvalid(f"{name}{place}: this is not YAML.") from None
    if not isinstance(content, dict):
        raise MappingInvalid(f"{name}: a mapping file is a table of keys.")
    return content


def _overlay(below: object, above: object) -> Mapping[str, object]:
    """Lay one file over another: tables merge key by key, rows by their `field` or `stage`, anything else replaces."""
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
    if name != "field":
        return [*above, *(row for row in below if row not in above)] if name else above
    rows = {row[name]: row for row in below if isinstance(row, dict)}
    for row in above:
        if isinstance(row, dict):
            rows[row[name]] = {**rows.get(row[name], {}), **row}
    return list(rows.values())


def _describe(place: tuple[int | str, ...], message: str) -> str:
    file, *rest = place
    return f"{file}.yaml, {' → '.join(str(part) for part in rest) or 'top'}: {message[0].lower()}{message[1:]}."

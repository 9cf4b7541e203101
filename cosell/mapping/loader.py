"""Reads the mapping files: those that ship, and the user's own laid over them, file by file and key by key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cosell.errors import MappingInvalid
from cosell.mapping.documents import LARGEST_BYTES, Node, Place, parse, parse_bytes
from cosell.mapping.models import Mappings

FILES = tuple(Mappings.model_fields)
ROW_KEYS = ("field", "stage", "dataverse")
"""What names a row of a list, whichever all of its rows have first."""


_UNKNOWN = {"extra_forbidden": "there is no such key", "missing": "this key is missing"}
"""What pydantic calls it, and what we say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files as they were read: those that ship, and the user's own, by the name of the file without its ending."""

    shipped: Mapping[str, Node]
    own: Mapping[str, Node] = field(default_factory=dict)

    @property
    def merged(self) -> dict[str, Node]:
        """The files that ship with the user's own laid over them."""
        return {
            name: overlay(node, self.own[name]) if name in self.own else node for name, node in self.shipped.items()
        }


def load_mappings(overlay: Path | None = None) -> Mappings:
    """Return the mappings, with the files of the directory `overlay` laid over the ones that ship.

    Raises:
        MappingInvalid: a file cannot be read or says something unknown; the text names file, line and problem, all of
            them at once.
    """
    return validate(read_sources(overlay))


def read_sources(overlay: Path | None = None) -> Sources:
    """Return the files, read but not judged.

    Raises:
        MappingInvalid: one of them cannot be read, or is no mapping file.
    """
    directory = resources.files("mappings")
    shipped = {
        name: parse(f"mappings/{name}.yaml", directory.joinpath(f"{name}.yaml").read_text("utf-8")) for name in FILES
    }
    if overlay is None:
        return Sources(shipped=shipped)
    if not overlay.is_dir():
        raise MappingInvalid(f"COSELL_MAPPINGS_DIR names {overlay}, which is not a directory.")
    own: dict[str, Node] = {}
    problems: list[str] = []
    for path in sorted(overlay.glob("[!.]*.y*ml")):
        if path.stem not in FILES:
            known = ", ".join(f"{name}.yaml" for name in FILES)
            problems.append(f"{path} is no mapping file; known are {known}.")
            continue
        if path.stem in own:
            problems.append(f"{path}: the directory has another file for {path.stem}.")
        try:
            own[path.stem] = parse_bytes(str(path), _read(path))
        except MappingInvalid as error:
            problems.append(error.message)
    if problems:
        raise MappingInvalid("\n".join(problems))
    return Sources(shipped=shipped, own=own)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise MappingInvalid(f"{path} cannot be read ({error.strerror or type(error).__name__}).") from None


def validate(sources: Sources) -> Mappings:
    """Return the mappings of these files.

    Raises:
        MappingInvalid: they say something unknown, or contradict each other.
    """
    mappings, problems = judge(sources)
    if mappings is None:
        raise MappingInvalid("\n".join(problem.told for problem in problems))
    return mappings


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, with its place; `is_unknown` says that a row or key is not known here."""

    place: Place
    told: str
    is_unknown: bool


def judge(sources: Sources) -> tuple[Mappings | None, list[Problem]]:
    """Return the mappings of these files, or all that is wrong with them."""
    files = sources.merged
    try:
        return Mappings.model_validate({name: node.plain for name, node in files.items()}), []
    except ValidationError as error:
        return None, [_describe(item, files) for item in error.errors(include_url=False)]


def overlay(below: Node, above: Node) -> Node:
    """Lay one file over another: tables merge key by key, rows by their `field`, anything else replaces.

    Rows of stages go before the ones that ship, and take over the pairs which they name. What is in both files has the
    place of the upper one.
    """
    if below.table is not None and above.table is not None:
        merged = dict(below.table)
        for key, node in above.table.items():
            merged[key] = overlay(merged[key], node) if key in merged else node
        return Node(value=merged, place=above.place)
    if below.rows is not None and above.rows is not None:
        return Node(value=_overlay_rows(below.rows, above.rows), place=above.place)
    return above


def _overlay_rows(below: list[Node], above: list[Node]) -> list[Node]:
    rows = [*below, *above]
    name = next((key for key in ROW_KEYS if all(row.table is not None and key in row.table for row in rows)), None)
    if name is None:
        return above
    if name == "stage":
        taken = [_status_pair(row) for row in above]
        return [*above, *(row for row in below if _status_pair(row) not in taken)]
    merged: dict[object, Node] = {}
    for row in rows:
        key = (row.table or {})[name].plain
        merged[key] = overlay(merged[key], row) if key in merged else row
    return list(merged.values())


def _status_pair(row: Node) -> tuple[object, object]:
    """Return what names a status reason; only the CRM knows whether a label and a number are the same one."""
    plain = {key: node.plain for key, node in (row.table or {}).items()}
    return plain.get("state"), plain.get("status_reason", str(plain.get("label")).casefold())


def _describe(item: ErrorDetails, files: Mapping[str, Node]) -> Problem:
    """Say file, line, key and problem of one thing that a model refused."""
    below: tuple[int | str, ...] = item.get("ctx", {}).get("place", ())
    file, *path = (*item["loc"], *below)
    top = files.get(str(file))
    steps = list(top.follow(tuple(path))) if top is not None else []
    place = steps[-1][1].place if steps else (top.place if top is not None else Place(f"{file}.yaml", 1))
    names = [name for name, _ in steps] + [str(part) for part in path[len(steps) :]]
    message = _UNKNOWN.get(item["type"], item["msg"].removeprefix("Value error, "))
    where = f", {' → '.join(names)}" if names else ""
    return Problem(
        place=place, told=f"{place}{where}: {message[0].lower()}{message[1:]}.", is_unknown=item["type"] in _UNKNOWN
    )

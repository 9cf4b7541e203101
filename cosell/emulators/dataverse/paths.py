"""Read a resource path: the set, its key, and what follows."""

import re
from dataclasses import dataclass

from cosell.emulators.dataverse.errors import DataverseError, query_syntax
from cosell.emulators.dataverse.filter_parser import Literal, literal_of, tokenize
from cosell.emulators.dataverse.http import split_outside
from cosell.emulators.dataverse.values import is_guid

SEGMENT = re.compile(r"^([^(]*)(?:\((.*)\))?$", re.DOTALL)
# The front door refuses these in any path, encoded or not (Microsoft: Use an alternate key to reference a record).
DANGEROUS = re.compile(r"[<>*%&:\\?+]")


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of a path; `inside` is the text between brackets, None without brackets."""

    name: str
    inside: str | None = None


@dataclass(frozen=True, slots=True)
class RowKey:
    """A row's address: its id, or the values of an alternate key (or the primary key by name)."""

    row_id: str | None
    values: tuple[tuple[str, Literal], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names used in the key."""
        return tuple(name for name, _ in self.values)


def split_path(path: str) -> list[Segment]:
    """Cut a percent-decoded path into steps."""
    return [_segment(part) for part in path.strip("/").split("/") if part]


def refuse_dangerous(path: str) -> None:
    """Refuse what the service's front door takes for an attack."""
    found = DANGEROUS.search(path)
    if found:
        message = f"A potentially dangerous Request.Path value was detected from the client ({found.group()})."
        raise DataverseError(status=400, code="0x0", message=message)


def _segment(text: str) -> Segment:
    match = SEGMENT.match(text)
    if match is None:
        raise query_syntax()
    return Segment(match.group(1), match.group(2))


def parse_key(inside: str) -> RowKey:
    """Read the text between a key's brackets."""
    if is_guid(inside.strip()):
        return RowKey(inside.strip().lower())
    values = []
    for part in split_outside(inside, ","):
        name, equals, text = part.partition("=")
        if not equals or not name.strip():
            raise query_syntax()
        values.append((name.strip(), _constant(text.strip())))
    return RowKey(None, tuple(values))


def _constant(text: str) -> Literal:
    tokens = tokenize(text)
    if len(tokens) != 2:
        raise query_syntax()
    if tokens[0].kind == "name" and tokens[0].text in {"true", "false", "null"}:
        return Literal("null" if tokens[0].text == "null" else "boolean", tokens[0].text)
    if tokens[0].kind not in {"string", "number", "guid", "datetime", "date"}:
        raise query_syntax()
    return literal_of(tokens[0])

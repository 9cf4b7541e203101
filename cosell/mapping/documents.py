"""A mapping file as a tree in which each value knows its file and line, so that whatever is wrong can be pointed at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import yaml

from cosell.errors import MappingInvalid

LARGEST_BYTES = 1_000_000
"""A mapping file is a few pages; more than this is another file by mistake, or means harm."""
NAMES_A_ROW = "field"
_PLAIN = "tag:yaml.org,2002:"


class Place(NamedTuple):
    """Where something stands, as a person looks for it."""

    file: str
    line: int

    def __str__(self) -> str:
        """Say the place."""
        return f"{self.file}, line {self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One value of a file: a table of nodes, a list of nodes, or a plain value."""

    value: "dict[str, Node] | list[Node] | object"
    place: Place

    @property
    def table(self) -> "Mapping[str, Node] | None":
        """The node's keys, None when it is no table."""
        return self.value if isinstance(self.value, dict) else None

    @property
    def rows(self) -> "list[Node] | None":
        """The node's members, None when it is no list."""
        return self.value if isinstance(self.value, list) else None

    @property
    def plain(self) -> object:
        """The value without places."""
        if self.table is not None:
            return {key: node.plain for key, node in self.table.items()}
        if self.rows is not None:
            return [node.plain for node in self.rows]
        return self.value

    def follow(self, path: tuple[int | str, ...]) -> "Iterator[tuple[str, Node]]":
        """Yield what lies on a path, as far as it is there, each with its name: a row by its field."""
        here = self
        for part in path:
            below: Node | None = None
            if here.table is not None:
                below = here.table.get(str(part))
            elif here.rows is not None and isinstance(part, int) and part < len(here.rows):
                below = here.rows[part]
            if below is None:
                return
            here = below
            yield (row_name(below) or str(part)) if isinstance(part, int) else part, below


def row_name(node: Node) -> str:
    """Return what names a row among its neighbours, empty when nothing does."""
    named = node.table.get(NAMES_A_ROW) if node.table is not None else None
    return str(named.plain) if named is not None else ""


def parse_bytes(name: str, raw: bytes) -> Node:
    """Return the tree of a file; not more than one byte above the largest size has to be read.

    Raises:
        MappingInvalid: it is too large, no text, no YAML, or no table of keys; all at once if possible.
    """
    if len(raw) > LARGEST_BYTES:
        raise MappingInvalid(f"{name} is larger than {LARGEST_BYTES // 1_000_000} MB; that is no mapping file.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise MappingInvalid(f"{name}, line {line}: it cannot be read as UTF-8 text.") from None
    return parse(name, text)


def parse(name: str, text: str) -> Node:
    """Return the tree of a file's text.

    Raises:
        MappingInvalid: it is no YAML, or no table of keys.
    """
    try:
        loader = yaml.SafeLoader(text)
        top = loader.get_single_node()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or "it holds a character which YAML does not allow"
        raise MappingInvalid(f"{Place(name, mark.line + 1 if mark else 1)}: this is not YAML ({said}).") from None
    except RecursionError:
        raise MappingInvalid(f"{name}: it is nested too deep for a mapping file.") from None
    if top is None:
        return Node(value={}, place=Place(name, 1))  # All of it is comments.
    reader = _Reader(name, loader)
    node = reader.read(top, line=top.start_mark.line + 1)
    if reader.problems:
        raise MappingInvalid("\n".join(reader.problems))
    if node.table is None:
        raise MappingInvalid(f"{node.place}: a mapping file is a table of keys.")
    return node


class _Reader:
    """Makes a tree of YAML's own nodes and collects what must not be in it."""

    def __init__(self, name: str, loader: yaml.SafeLoader) -> None:
        self._name, self._loader = name, loader
        self._seen: set[int] = set()
        self.problems: list[str] = []

    def read(self, node: yaml.Node, *, line: int) -> Node:
        """Return a node with all below it; `line` is that of its key where it has one."""
        place = Place(self._name, line)
        if isinstance(node, yaml.CollectionNode) and node.tag.removeprefix(_PLAIN) not in {"map", "seq"}:
            self._refuse(place, f"{node.tag} is no plain value")
            return Node(value=None, place=place)
        if id(node) in self._seen:
            # Two mentions of one anchor, or a list that holds itself.
            self._refuse(place, "anchors (& and *) are not used in mapping files; write it out")
            return Node(value=None, place=place)
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return Node(value=self._read_table(node), place=place)
        if isinstance(node, yaml.SequenceNode):
            rows = [self.read(item, line=item.start_mark.line + 1) for item in node.value]
            self._refuse_twins(rows)
            return Node(value=rows, place=place)
        return Node(value=self._read_plain(node, place), place=place)

    def _read_table(self, node: yaml.MappingNode) -> dict[str, Node]:
        table: dict[str, Node] = {}
        for key, below in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                self._refuse(Place(self._name, line), "a key is a plain word")
            elif key.value in table:
                self._refuse(Place(self._name, line), f"{key.value} stands there twice")
            else:
                table[key.value] = self.read(below, line=line)
        return table

    def _read_plain(self, node: yaml.Node, place: Place) -> object:
        if node.tag.removeprefix(_PLAIN) not in {"str", "int", "float", "bool", "null", "timestamp"}:
            self._refuse(place, f"{node.tag} is no plain value")
            return None
        try:
            value: object = self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError, ArithmeticError) as error:
            self._refuse(place, f"this is no plain value ({getattr(error, 'problem', None) or error})")
            return None
        return value

    def _refuse_twins(self, rows: list[Node]) -> None:
        names: set[str] = set()
        for row in rows:
            name = row_name(row)
            if name and name in names:
                self._refuse(row.place, f"a row for the field {name} stands there twice")
            names.add(name)

    def _refuse(self, place: Place, problem: str) -> None:
        self.problems.append(f"{place}: {problem}.")

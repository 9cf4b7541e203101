"""What an overlay says differently from the files that ship, value by value, each with its place. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cosell.mapping.documents import Node, Place
from cosell.mapping.loader import ROW_KEYS, Sources


class Standing(StrEnum):
    """How a value of an overlay stands to the release it is laid over."""

    CHANGED = "changed"
    ADDED = "added"
    SAME = "the same"
    UNKNOWN = "unknown here"
    """A row or key which this release does not have: it went with an upgrade, or is misspelt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One value of an overlay; `row` names the row of a list, `shipped` is None where nothing ships."""

    file: str
    place: Place
    row: str
    key: str
    shipped: object
    own: object
    standing: Standing


def iter_differences(sources: Sources, *, refused: frozenset[Place] = frozenset()) -> Iterator[Difference]:
    """Yield what the overlay says, in its order; `refused` are places at which this release knows nothing."""
    for name, node in sources.own.items():
        for path, row, below, above in _walk(sources.shipped.get(name), node, (), ""):
            shipped, own = below.plain if below is not None else None, above.plain
            standing = Standing.ADDED if below is None else Standing.SAME if shipped == own else Standing.CHANGED
            if above.place in refused and below is None:
                standing = Standing.UNKNOWN
            yield Difference(
                file=f"{name}.yaml",
                place=above.place,
                row=row,
                key=" → ".join(path),
                shipped=shipped,
                own=own,
                standing=standing,
            )


Step = tuple[tuple[str, ...], str, Node | None, Node]


def _walk(below: Node | None, above: Node, path: tuple[str, ...], row: str) -> Iterator[Step]:
    if above.table is not None and (below is None or below.table is not None):
        for key, node in above.table.items():
            if row and not path and key == _name_of(above.table) and below is not None:
                continue  # What names the row is no change of it.
            yield from _walk((below.table or {}).get(key) if below is not None else None, node, (*path, key), row)
    elif above.rows is not None and all(node.table is not None for node in above.rows):
        for node in above.rows:
            name, match = _find_match(below.rows or [] if below is not None else [], node)
            for inner, _, shipped, own in _walk(match, node, (), name):
                yield (*path, *inner), name, shipped, own
    else:
        yield path, row, below, above


def _find_match(rows: list[Node], node: Node) -> tuple[str, Node | None]:
    """Return what names a row of an overlay, and the row that ships under the same name."""
    table = node.table or {}
    key = _name_of(table)
    if key is None:
        return "", None
    if key == "stage":
        same = next((row for row in rows if row.plain == node.plain), None)
        return f"{table[key].plain}", same
    name = table[key].plain
    return f"{name}", next(
        (row for row in rows if key in (row.table or {}) and (row.table or {})[key].plain == name), None
    )


def _name_of(table: Mapping[str, Node]) -> str | None:
    return next((key for key in ROW_KEYS if key in table), None)

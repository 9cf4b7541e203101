"""What somebody may send instead of what is expected: any JSON, good JSON with something wrong in it, broken bytes."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Json = Any

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**18, max_value=10**400),
    st.floats(allow_nan=False),
    st.text(max_size=30),
    st.sampled_from(["", "\x00", "2026-13-45T99:99:99Z", "9999-12-31T23:59:59.999999999Z", "NaN", "1e999", "🥖" * 20]),
)
ANY_JSON: st.SearchStrategy[Json] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
)


def paths_of(document: Json, here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the place of everything in a document."""
    found = [here]
    if isinstance(document, dict):
        found += [path for key, item in document.items() for path in paths_of(item, (*here, key))]
    elif isinstance(document, list):
        found += [path for key, item in enumerate(document) for path in paths_of(item, (*here, key))]
    return found


def put(document: Json, path: tuple[str | int, ...], value: Json) -> Json:
    """Return a document with something else in one place."""
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(document, dict):
        return {**document, head: put(document[head], rest, value)}
    return [put(item, rest, value) if place == head else item for place, item in enumerate(document)]


def wrong(document: Json) -> st.SearchStrategy[Json]:
    """Return the document with one to three places replaced by anything."""

    @st.composite
    def build(draw: Callable[..., Json]) -> Json:
        changed = document
        for _ in range(draw(st.integers(1, 3))):
            path = draw(st.sampled_from(paths_of(changed)))
            changed = put(changed, path, draw(ANY_JSON))
        return changed

    return build()


def broken(good: bytes) -> st.SearchStrategy[bytes]:
    """Return bytes: any, the good ones cut off, and the good ones with a stretch replaced."""
    cut = st.integers(0, len(good)).map(lambda at: good[:at])
    stretch = st.tuples(st.integers(0, len(good)), st.integers(0, 8), st.binary(max_size=8))
    return st.one_of(
        st.binary(max_size=200), cut, stretch.map(lambda it: good[: it[0]] + it[2] + good[it[0] + it[1] :])
    )


def spelled(document: Json) -> bytes:
    """Return JSON as bytes."""
    return json.dumps(document).encode()

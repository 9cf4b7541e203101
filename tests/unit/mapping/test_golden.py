"""What an overlay of an older release says is still what it said: upgrades keep customisations.

`golden/<release>/` holds the overlay as somebody wrote it then, `golden/<release>.json` what became of it, key by key.
A key which a later release adds may be new; none may be gone, and none may say something else. When a release is made,
add its directory, and write its file with `python -m tests.unit.mapping.test_golden RELEASE`.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cosell.mapping.loader import load_mappings
from cosell.mapping.trying import try_expressions

GOLDEN = Path(__file__).parent / "golden"
RELEASES = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())
NAMES_A_ROW = ("field", "dataverse", "status_reason")


def flatten(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield each plain value with its path; a row by its name, so that new rows between the old ones do no harm."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flatten(item, f"{path}/{key}")
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for row in value:
            name = next((f"{row[key]}" for key in NAMES_A_ROW if row.get(key) is not None), f"{row.get('label')}")
            yield from flatten(row, f"{path}/{name}")
    else:
        yield path, value


def effective(release: str) -> dict[str, object]:
    return dict(flatten(load_mappings(GOLDEN / release).model_dump(mode="json")))


def test_there_is_an_overlay_of_this_release() -> None:
    assert "0.1.0" in RELEASES


@pytest.mark.parametrize("release", RELEASES)
def test_overlay_of_a_release_says_what_it_said_then(release: str) -> None:
    then = json.loads((GOLDEN / f"{release}.json").read_text("utf-8"))
    now = effective(release)
    assert len(then) > 300
    assert {path: now.get(path, "gone") for path in then} == then


@pytest.mark.parametrize("release", RELEASES)
def test_expressions_of_a_release_can_still_be_computed(release: str) -> None:
    assert [trouble.row for trouble in try_expressions(load_mappings(GOLDEN / release)) if trouble.is_certain] == []


if __name__ == "__main__":
    text = json.dumps(effective(sys.argv[1]), indent=1, ensure_ascii=False, sort_keys=True)
    (GOLDEN / f"{sys.argv[1]}.json").write_text(f"{text}\n", "utf-8")

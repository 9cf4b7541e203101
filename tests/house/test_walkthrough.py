"""The walk through the code only names what is there."""

import re

from tests.house.project import PROJECT

NAMED = re.compile(r"`([A-Za-z_]+(?:\.[a-z_]+)?)`")
FILES = [path for folder in ("cosell", "flows", "tasks") for path in sorted((PROJECT / folder).rglob("*.py"))]
CODE = "\n".join(path.read_text("utf-8") for path in FILES)


def test_walkthrough_names_only_functions_and_classes_that_exist() -> None:
    named = {name.split(".")[-1] for name in NAMED.findall((PROJECT / "docs" / "walkthrough.md").read_text("utf-8"))}
    assert len(named) > 25
    missing = [name for name in sorted(named) if not re.search(rf"(?:def|class) {name}\b", CODE)]
    assert missing == []


def test_walkthrough_names_only_files_that_exist() -> None:
    text = (PROJECT / "docs" / "walkthrough.md").read_text("utf-8")
    paths = re.findall(r"`((?:cosell|flows|tasks)/[a-z_/]*(?:\.py)?)`", text)
    assert len(paths) > 5
    assert [path for path in paths if not (PROJECT / path).exists()] == []

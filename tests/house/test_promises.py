"""The pages which promise something name tests, and those exist."""

import re

import pytest

from tests.house.project import python_files, read

NAMED = re.compile(r"`(test_\w+)`")
DEFINED = re.compile(r"^(?:async )?def (test_\w+)\(", re.MULTILINE)
PAGES = {"docs/original.md": 40, "docs/delivery.md": 60}
"""With the least number of tests which each has to name, lest the pattern finds nothing."""


def _defined() -> set[str]:
    return {
        name
        for path in python_files()
        if path.parts[0] == "tests" and path.name.startswith("test_")
        for name in DEFINED.findall(read(path))
    }


@pytest.mark.parametrize("page", PAGES)
def test_tests_which_a_page_names_exist(page: str) -> None:
    named = NAMED.findall(read(page))
    assert len(named) >= PAGES[page]
    assert sorted(set(named) - _defined()) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_line_of_a_table_names_its_tests_or_says_that_there_is_none(page: str) -> None:
    tables = re.findall(r"(?:^\|.*\n)+", read(page), re.MULTILINE)
    rows = [row for table in tables if re.search(r"\bTests \|", table) for row in table.splitlines()[2:]]
    assert len(rows) > 10
    assert [row for row in rows if not NAMED.search(row) and "no test |" not in row] == []

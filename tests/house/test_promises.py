"""The pages which promise something name tests, and those exist."""

import re

import pytest

from tests.house.project import python_files, read

NAMED = re.compile(r"`(test_\w+)`")
DEFINED = re.compile(r"^(?:async )?def (test_\w+)\(", re.MULTILINE)
PAGES = {"docs/original.md": 40}
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
    rows = [line for line in read(page).splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    headings = [line for line in rows if line.rstrip(" |").endswith("Tests")]
    assert headings
    unproved = [line for line in rows if line not in headings and not NAMED.search(line) and "no test |" not in line]
    assert unproved == []

"""The error tree as it is drawn is the error tree as it is defined, and every error has a way out."""

import re

from cosell import errors
from cosell.domain.ways_out import WAYS_OUT
from cosell.errors import CosellError
from tools.docs.errors_page import iter_errors

DRAWN_LINE = re.compile(r"^((?:│   |    )*)(?:[├└]── )?([A-Z]\w+)")


def _drawn() -> list[tuple[int, str]]:
    tree = (errors.__doc__ or "").split("\n\n", 1)[1]
    drawn: list[tuple[int, str]] = []
    for line in tree.splitlines():
        found = DRAWN_LINE.match(line)
        assert found, f"not a line of the tree: {line}"
        depth = len(found[1]) // 4 + ("── " in line)
        drawn.append((depth, found[2]))
    return drawn


def test_drawn_tree_is_the_defined_one() -> None:
    assert _drawn() == [(depth, error.__name__) for depth, error in iter_errors()]


def test_every_error_of_the_project_is_in_the_one_tree() -> None:
    defined = {
        thing.__name__ for thing in vars(errors).values() if isinstance(thing, type) and issubclass(thing, Exception)
    }
    assert defined == {error.__name__ for _, error in iter_errors()}


def test_groups_are_called_error_and_leaves_say_what_happened() -> None:
    named = {error.__name__: bool(error.__subclasses__()) for _, error in iter_errors() if error is not CosellError}
    assert {name for name, is_group in named.items() if is_group != name.endswith("Error")} == set()


def test_every_error_has_a_way_out_and_no_way_out_is_left_over() -> None:
    assert set(WAYS_OUT) == {error.__name__ for _, error in iter_errors()}

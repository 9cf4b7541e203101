"""The one world which all tests of this directory share, and the order in which its story is told.

Tests which stop or kill parts of a world have another one, in `outages`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.deals import shared_opportunity
from tests.flows.world import World, running_world

HERE = Path(__file__).parent
LAST = ("test_sharing", "test_reconnect", "test_deactivation", "test_adopting", "test_privacy", "test_stopping")
"""What is told after everything else: what schedules have found meanwhile, what goes wrong and is mended, what all the
runs have left behind, and the end."""
SECONDS = 900
"""Starting the world counts for the first test, and others may need the machine at the same time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the tests of this directory into the order of their story, and give them the time they need."""
    places = [place for place, item in enumerate(items) if item.path.is_relative_to(HERE)]
    ours = sorted((items[place] for place in places), key=lambda item: (item.path.parent, _turn(item.path.stem)))
    for place, item in zip(places, ours, strict=True):
        items[place] = item
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SECONDS))


def _turn(module: str) -> int:
    return LAST.index(module) + 1 if module in LAST else 0


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """The product, up and running; which flows are active is the tests' affair."""
    with running_world() as running:
        yield running


@pytest.fixture
def active_world(world: World) -> World:
    """The product with all flows active."""
    world.ensure_active()
    world.early_deal = world.early_deal or shared_opportunity(world, "Ordering system")
    return world

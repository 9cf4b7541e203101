"""A world of their own for tests which stop or kill parts of it, with the ledger in PostgreSQL where there is one."""

from collections.abc import Iterator

import pytest

from tests.flows.world import World, running_world
from tests.postgres import is_installed, running_postgres


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """The product, up and running; `--ledger` says where its ledger is."""
    wanted = request.config.getoption("--ledger") or ("postgresql" if is_installed() else "sqlite")
    if wanted == "sqlite":
        with running_world() as running:
            yield running
        return
    with running_postgres() as url, running_world(url) as running:
        yield running

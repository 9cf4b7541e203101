"""A person at a terminal, with both emulated services and a ledger of their own; each test begins on the first day."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.emulator_process import Emulators, running_emulators


@pytest.fixture(scope="session")
def desk_emulators() -> Iterator[Emulators]:
    with running_emulators() as emulators:
        yield emulators


@pytest.fixture
def desk(desk_emulators: Emulators, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Desk]:
    """Sit down where the settings point at the emulators and no Prefect server is known."""
    desk_emulators.reset()
    for name, value in desk_emulators.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COSELL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")
    # Set first, so that it is put back whatever a command does to it.
    monkeypatch.setenv("PREFECT_API_URL", "")
    monkeypatch.delenv("PREFECT_API_URL")
    with Desk.opened(desk_emulators) as made:
        yield made

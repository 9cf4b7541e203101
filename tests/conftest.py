"""What holds for every test: no network but this machine, no settings of the person who runs it, no random failures."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.network import NetworkGuard

# Every run tries the same examples, so that a red test is red for everybody; `--hypothesis-profile=explore` looks for
# new ones. No deadline: how long an example takes says more about the machine than about the code.
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile("repeatable")

PREFECT_TESTS = Path(__file__).parent / "flows"
_guard = NetworkGuard()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option which turns every skipped test into a failure, for machines that have all it takes."""
    parser.addoption("--no-skips", action="store_true", help="count a skipped test as failed")


def pytest_configure() -> None:
    """Close the network before the first test module is imported."""
    _guard.install()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that need a Prefect server in one worker: starting a second server costs more than it saves."""
    for item in items:
        if item.path.is_relative_to(PREFECT_TESTS):
            item.add_marker(pytest.mark.xdist_group("prefect"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With `--no-skips`, report a skipped test as failed and say why it was skipped."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.config.getoption("--no-skips"):
        report.outcome = "failed"
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.longrepr = f"Skipped although --no-skips was given. {reason}"
    return report


@pytest.fixture(autouse=True)
def network_guard() -> Iterator[NetworkGuard]:
    """Fail the test that tried to reach beyond the loopback interface, even if the code under test swallowed it."""
    _guard.attempts.clear()
    yield _guard
    assert not _guard.attempts, f"tried to reach {', '.join(_guard.attempts)}; tests may only use this machine"


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run in an empty directory (no `.env`, no `.cosell`) and without the COSELL_ variables of the shell."""
    for name in [name for name in os.environ if name.startswith("COSELL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

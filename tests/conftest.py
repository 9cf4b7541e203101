"""What holds for every test: no network but this machine, no settings of the person who runs it, no random failures."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.network import NetworkGuard, live_hosts

# Every run tries the same examples, so that a red test is red for everybody; `--hypothesis-profile=explore` looks for
# new ones. No deadline: how long an example takes says more about the machine than about the code.
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile("repeatable")

TOGETHER = ("tests/flows/outages/", "tests/flows/")
"""Directories whose tests share a product with its Prefect server: starting another one costs too much."""
LONG = (*TOGETHER, "tests/kills/", "tests/sync/test_thousand_pairs.py", "tests/sync/test_lead_crashes.py")
"""What begins first, so that no worker is left with it in the end."""
LIVE_TESTS = "tests/contract/wire/"
_guard = NetworkGuard()


class TogetherScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """The tests of a file stay together, and all that share a product."""

    def _split_scope(self, nodeid: str) -> str:
        together = (directory for directory in TOGETHER if nodeid.startswith(directory))
        return next(together, nodeid.split("::", 1)[0])


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option which turns every skipped test into a failure, for machines that have all it takes."""
    parser.addoption("--no-skips", action="store_true", help="count a skipped test as failed")
    parser.addoption("--records", type=int, default=24, help="how many records are in hand when somebody is killed")
    parser.addoption("--ledger", choices=("sqlite", "postgresql"), help="the ledger of tests/flows/outages")
    live = parser.getgroup("live", "facts against the real services (tests/contract/wire)")
    live.addoption("--live", action="store_true", help="ask the services which the COSELL_ variables name; only reads")
    live.addoption("--live-writes", action="store_true", help="also create rows in the CRM, and delete them")
    live.addoption("--live-partner-center-writes", action="store_true", help="also create a referral, and lose it")


def pytest_configure(config: pytest.Config) -> None:
    """Close the network before the first test module is imported; a live run may reach the services' own hosts."""
    _guard.install()
    if config.getoption("--live"):
        _guard.allow(live_hosts(os.environ))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put what takes long first; refuse to run anything else with an open network."""
    items.sort(key=lambda item: next((at for at, name in enumerate(LONG) if item.nodeid.startswith(name)), len(LONG)))
    if config.getoption("--live") and not all(item.nodeid.startswith(LIVE_TESTS) for item in items):
        raise pytest.UsageError(f"--live is for {LIVE_TESTS} alone: name it on the command line")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Say which tests stay together when several workers share the suite; they begin in the order of `items`."""
    config.option.loadscopereorder = False
    return TogetherScheduling(config, log)


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


@pytest.fixture
def records(request: pytest.FixtureRequest) -> int:
    """How many records are in hand when somebody is killed."""
    return int(request.config.getoption("--records"))

"""The services as the facts see them: the emulators, or with `--live` the tenant which the COSELL_ variables name."""

import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import httpx
import pytest

from tests.contract.wire.crm import Crm
from tests.contract.wire.deals import Deals
from tests.contract.wire.reporting import Fact, fact_of, iter_summary, told_of
from tests.contract.wire.services import PREFIX, Json, Services
from tests.emulator_process import Emulators

ENVIRONMENT = pytest.StashKey[dict[str, str]]()
LEFTOVERS = pytest.StashKey[list[str]]()
SERVICES = pytest.StashKey[Services]()
OUTCOMES = {"passed": "confirmed", "failed": "refuted", "error": "refuted", "skipped": "not tried"}
# Which fixture stands for what a live run does only when told to; without an option it never does.
GATES = {
    "crm": ("--live-writes", "creates rows in the CRM: needs --live-writes"),
    "deals": ("--live-partner-center-writes", "creates a referral, for good: needs --live-partner-center-writes"),
    "control": (None, "needs the emulators' controls"),
    "registrar": (None, "a tenant has one webhook registration, and it belongs to a connector"),
}


def pytest_configure(config: pytest.Config) -> None:
    """Keep the variables before the tests are relieved of them."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    if bundle := kept.get("COSELL_CA_BUNDLE"):
        kept["COSELL_CA_BUNDLE"] = str(Path(bundle).absolute())
    config.stash[ENVIRONMENT] = kept
    config.stash[LEFTOVERS] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note each fact, and skip what a live run was not told to do."""
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents:
            continue
        item.user_properties.append(("fact", asdict(fact_of(item))))
        for fixture, (option, reason) in GATES.items():
            is_needed = fixture in getattr(item, "fixturenames", ())
            if is_needed and config.getoption("--live") and not (option and config.getoption(option)):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep values of a real tenant out of what is printed."""
    report = yield
    if item.config.getoption("--live"):
        report.sections.clear()
        if report.failed and call.excinfo is not None:
            services = item.stash.get(SERVICES, None)
            report.longrepr = told_of(call.excinfo, services.answers if services else ())
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """End a live run with what it taught."""
    if not config.getoption("--live"):
        return
    found: dict[str, Fact] = {}
    for key in ("skipped", "passed", "failed", "error"):
        for report in terminalreporter.stats.get(key, ()):
            told = dict(getattr(report, "user_properties", ())).get("fact")
            if told:
                found[report.nodeid] = replace(Fact(**told), outcome=OUTCOMES[key])
    terminalreporter.section("facts against the real services")
    leftovers = config.stash[LEFTOVERS]
    for line in iter_summary(found.values(), leftovers):
        terminalreporter.write_line(line)


@pytest.fixture(scope="module")
def services(request: pytest.FixtureRequest) -> Iterator[Services]:
    """Open the services for the facts of one file."""
    if request.config.getoption("--live"):
        environment = request.config.stash[ENVIRONMENT]
        made = Services(environment)
    else:
        emulators: Emulators = request.getfixturevalue("emulator_process")
        emulators.reset()
        made = Services(emulators.environment, control=emulators.control)
    yield made
    made.close()
    request.config.stash[LEFTOVERS].extend(made.leftovers)


@pytest.fixture(autouse=True)
def _fresh_answers(request: pytest.FixtureRequest, services: Services) -> None:
    services.answers.clear()
    request.node.stash[SERVICES] = services


@pytest.fixture(scope="module")
def dataverse(services: Services) -> httpx.Client:
    return services.dataverse()


@pytest.fixture(scope="module")
def partner_center(services: Services) -> httpx.Client:
    return services.partner_center()


@pytest.fixture(scope="module")
def webhooks(services: Services) -> httpx.Client:
    return services.webhooks()


@pytest.fixture
def crm(services: Services) -> Iterator[Crm]:
    """A CRM that may be written; what a test creates is deleted when it ends."""
    made = Crm(services)
    yield made
    made.clean()


@pytest.fixture(scope="module")
def deals(services: Services) -> Iterator[Deals]:
    """Referrals that may be written; those left open are closed as Lost."""
    made = Deals(services)
    yield made
    made.close_all()


@pytest.fixture(scope="module")
def registrar(services: Services) -> httpx.Client:
    """A client which may change the tenant's webhook registration."""
    return services.webhooks(may_write=True)


@pytest.fixture
def control(services: Services) -> Iterator[Callable[..., Json]]:
    """The emulators' controls; knobs and faults are put back."""
    before = services.rehearse("GET", "options")
    yield services.rehearse
    services.rehearse("POST", "options", before)
    services.rehearse("DELETE", "faults")

"""One set of emulators for all contract tests of a worker; each test begins on their first day."""

from collections.abc import AsyncIterator, Iterator

import pytest

from cosell.dataverse import DataverseClient, open_dataverse
from cosell.partner_center import PartnerCenterClient, WebhookClient, open_partner_center, open_webhooks
from tests.contract.wire.reporting import CERTAINTIES
from tests.emulator_process import Emulators, running_emulators
from tests.unit.http.fakes import FakeVault


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers which say how sure a fact is."""
    for declaration in CERTAINTIES.values():
        config.addinivalue_line("markers", declaration)


@pytest.fixture(scope="session")
def emulator_process() -> Iterator[Emulators]:
    with running_emulators() as emulators:
        yield emulators


@pytest.fixture
def emulators(emulator_process: Emulators) -> Emulators:
    emulator_process.reset()
    return emulator_process


@pytest.fixture
def vault() -> FakeVault:
    return FakeVault()


@pytest.fixture
async def partner_center(emulators: Emulators, vault: FakeVault) -> AsyncIterator[PartnerCenterClient]:
    async with open_partner_center(emulators.settings(), vault, per_second=500) as client:
        yield client


@pytest.fixture
async def webhooks(emulators: Emulators, vault: FakeVault) -> AsyncIterator[WebhookClient]:
    async with open_webhooks(emulators.settings(), vault) as client:
        yield client


@pytest.fixture
async def dataverse(emulators: Emulators, vault: FakeVault) -> AsyncIterator[DataverseClient]:
    async with open_dataverse(emulators.settings(), vault) as client:
        yield client

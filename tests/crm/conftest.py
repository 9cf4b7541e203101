"""A CRM which nobody has prepared, for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.crm.site import Site
from tests.emulators.dataverse.conftest import Crm


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    crm = Crm(bare=True)
    yield Site(crm)
    await crm.close()


@pytest.fixture
async def prepared() -> AsyncIterator[Site]:
    """A CRM with everything, made by the emulator itself."""
    crm = Crm()
    yield Site(crm)
    await crm.close()

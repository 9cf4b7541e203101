"""A CRM with our tables, in process, and imports which come to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.catalogue.office import Office
from tests.crm.site import Site
from tests.emulators.dataverse.conftest import Crm


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    crm = Crm()
    yield Office(site=Site(crm), folder=tmp_path)
    await crm.close()

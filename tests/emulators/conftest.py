"""The emulated Microsoft which the stories in this directory happen in."""

from collections.abc import AsyncIterator

import pytest

from cosell.emulators.pki import Pki, create_pki
from tests.emulators.stand import API, Stand, open_stand


@pytest.fixture(scope="session")
def pki() -> Pki:
    return create_pki(certificate_origin=API)


@pytest.fixture
async def stand(pki: Pki) -> AsyncIterator[Stand]:
    async with open_stand(pki) as opened:
        yield opened

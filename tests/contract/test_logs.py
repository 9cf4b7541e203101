"""Whatever level somebody sets, the logs hold no token, no secret and nothing of a customer."""

import logging

import pytest

from cosell.dataverse import open_dataverse
from cosell.partner_center import open_partner_center
from tests.contract.bodies import own_referral
from tests.emulator_process import Emulators
from tests.unit.http.fakes import FakeVault


async def test_logs_of_a_whole_round_are_clean(emulators: Emulators, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    settings, vault = emulators.settings(), FakeVault()
    emulators.control("PUT", "faults", [{"method": "GET", "nth": 1, "path": "/v1.0", "action": {"status": 503}}])
    async with open_partner_center(settings, vault) as partner_center, open_dataverse(settings, vault) as dataverse:
        made = await partner_center.create_referral(own_referral())
        await partner_center.get_referral(made.id)
        pages = dataverse.query("accounts", select=("name",), filter_="name eq 'Kestrel Bakeries Ltd'")
        _ = [page async for page in pages]
    assert "asking again" in caplog.text
    secrets = [settings.dataverse.client_secret, settings.partner_center.client_secret]
    secrets.append(settings.partner_center.refresh_token)
    forbidden = [secret.get_secret_value() for secret in secrets if secret]
    forbidden += ["Kestrel", "ada.brook", "Bearer ", "eyJ"]
    for text in forbidden:
        assert text.lower() not in caplog.text.lower(), text

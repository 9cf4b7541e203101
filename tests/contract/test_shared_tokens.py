"""Several processes, one ledger, one sign-in: whoever comes second finds what the first one got."""

import asyncio
import os
import sys
from pathlib import Path

from cosell.domain.clock import utc_clock
from cosell.domain.ids import DEFAULT_TENANT
from cosell.partner_center import open_partner_center
from cosell.settings import Settings
from cosell.store.cipher import Cipher
from cosell.store.ledger import open_ledger
from tests.emulator_process import ROOT, Emulators

CHILD = """
import asyncio
from cosell.domain.clock import utc_clock
from cosell.domain.ids import DEFAULT_TENANT
from cosell.partner_center import open_partner_center
from cosell.settings import load_settings
from cosell.store.cipher import Cipher
from cosell.store.ledger import open_ledger

async def main():
    settings = load_settings()
    cipher = Cipher.from_settings(settings)
    async with open_ledger(settings.ledger_url, tenant=DEFAULT_TENANT, clock=utc_clock, cipher=cipher) as ledger:
        async with open_partner_center(settings, ledger.vault) as client:
            async for _ in client.iter_referrals():
                pass

asyncio.run(main())
"""


async def list_once(settings: Settings) -> None:
    cipher = Cipher.from_settings(settings)
    async with (
        open_ledger(settings.ledger_url, tenant=DEFAULT_TENANT, clock=utc_clock, cipher=cipher) as ledger,
        open_partner_center(settings, ledger.vault) as client,
    ):
        _ = [page async for page in client.iter_referrals()]


async def test_four_processes_at_once_ask_entra_for_one_token(emulators: Emulators, tmp_path: Path) -> None:
    settings = emulators.settings(HOME=str(tmp_path))
    cipher = Cipher.from_settings(settings)
    async with open_ledger(settings.ledger_url, tenant=DEFAULT_TENANT, clock=utc_clock, cipher=cipher):
        pass
    environment = {**os.environ, **emulators.environment, "COSELL_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    children = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, env=environment, cwd=tmp_path)
        for _ in range(4)
    ]
    assert [await child.wait() for child in children] == [0, 0, 0, 0]
    assert emulators.count_requests("partner_center") == 4
    assert emulators.count_route("oauth2/v2.0/token") == 1


async def test_sign_in_outlives_the_process_and_needs_no_refresh_token_in_the_settings(
    emulators: Emulators, tmp_path: Path
) -> None:
    await list_once(emulators.settings(HOME=str(tmp_path)))
    emulators.control("POST", "revoke", {"kind": "access"})
    settings = emulators.settings(HOME=str(tmp_path))
    await list_once(
        settings.model_copy(
            update={"partner_center": settings.partner_center.model_copy(update={"refresh_token": None})}
        )
    )
    stored = (tmp_path / "ledger.db").read_bytes()
    assert settings.partner_center.client_id.encode() not in stored

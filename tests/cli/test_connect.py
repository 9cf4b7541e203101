"""`cosell connect partner-center`: a person signs in with a code, and only the encrypted sign-in stays."""

import asyncio
import threading
from pathlib import Path

import pytest

from cosell.domain.clock import utc_clock
from cosell.partner_center import open_partner_center
from cosell.partner_center.opening import VAULT_NAME
from cosell.settings import load_settings
from cosell.wiring import open_settings_ledger
from tests.cli.terminal import Said, cosell
from tests.emulator_process import Emulators

POLLS = 200


@pytest.fixture
def terminal(desk_emulators: Emulators, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Emulators:
    """Point the settings at the emulated Entra, without any sign-in."""
    desk_emulators.reset()
    for name, value in desk_emulators.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("COSELL_PARTNER_CENTER__REFRESH_TOKEN")
    monkeypatch.setenv("COSELL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return desk_emulators


def test_sign_in_by_code_is_kept_encrypted_and_opens_partner_center(terminal: Emulators) -> None:
    said = _connect(terminal, "device/approve")

    assert said.code == 0, said.err
    assert "Enter the code" in said.out
    assert "Signed in as referrals.admin@contoso-partner.example" in said.out
    home = load_settings().home
    kept = [path.read_bytes() for path in home.iterdir() if path.name.startswith("ledger.db")]
    plain = (b"refresh_token", b"RefreshToken", b"eyJ", b'"secret"')
    assert [text for text in plain if text in b"".join(kept)] == []
    assert (home / "secret.key").stat().st_mode & 0o077 == 0
    assert asyncio.run(_count_referrals()) == 0
    assert terminal.count_route("GET /v1.0/engagements/referrals") == 2, "one to prove it, one just now"


def test_declined_sign_in_is_told_and_keeps_nothing(terminal: Emulators) -> None:
    said = _connect(terminal, "device/decline")

    assert said.code == 1
    assert "The sign-in was declined; run the command again" in said.err
    assert not said.has_traceback
    assert asyncio.run(_find_kept()) is None


def _connect(emulators: Emulators, answer: str) -> Said:
    """Run the command while somebody else answers the code in a browser."""
    heard: list[str] = []
    browser = threading.Thread(target=_answer, args=(emulators, answer, heard))
    browser.start()
    said = cosell("connect", "partner-center")
    browser.join()
    assert heard, "no code was ever shown"
    assert heard[0] in said.out
    return said


def _answer(emulators: Emulators, answer: str, heard: list[str]) -> None:
    never = threading.Event()
    for _ in range(POLLS):
        told = emulators.control("GET", "device")
        assert isinstance(told, dict)
        if told["waiting"]:
            heard.append(str(told["waiting"][0]))
            emulators.control("POST", answer, {"user_code": heard[0]})
            return
        never.wait(0.1)


async def _find_kept() -> bytes | None:
    async with open_settings_ledger(load_settings()) as ledger:
        return await ledger.vault.load(VAULT_NAME)


async def _count_referrals() -> int:
    settings = load_settings()
    async with (
        open_settings_ledger(settings) as ledger,
        open_partner_center(settings, ledger.vault, clock=utc_clock) as client,
    ):
        return sum([len(page) async for page in client.iter_referrals(order_by="createdDateTime desc", top=1)])

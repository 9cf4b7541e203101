"""`cosell connect partner-center`: a person signs in with a code, and only the encrypted sign-in stays."""

import asyncio
import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cosell.domain.clock import utc_clock
from cosell.errors import SignInRequired
from cosell.partner_center import open_partner_center
from cosell.partner_center.opening import VAULT_NAME
from cosell.settings import load_settings
from cosell.wiring import open_settings_ledger
from tests.cli.terminal import Said, cosell
from tests.emulator_process import Emulators

POLLS = 200
ADMIN = "referrals.admin@contoso-partner.example"


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
    assert f"Signed in as {ADMIN}" in said.out
    home = load_settings().home
    kept = [path.read_bytes() for path in home.iterdir() if path.name.startswith("ledger.db")]
    plain = (b"refresh_token", b"RefreshToken", b"eyJhbGci", b"eyJ0eXAi", b'"secret"')
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


def test_somebody_without_second_factor_is_refused_and_the_earlier_sign_in_stays(terminal: Emulators) -> None:
    assert _connect(terminal, "device/approve").code == 0
    before = asyncio.run(_find_kept())
    terminal.control("POST", "users", {"user": ADMIN, "mfa": "missing"})

    said = _connect(terminal, "device/approve")

    assert (said.code, said.has_traceback) == (1, False)
    assert "without a second factor. Nothing was kept." in said.err
    assert "demand multifactor authentication" in said.err
    assert ADMIN not in said.out + said.err
    assert asyncio.run(_find_kept()) == before


def test_second_factor_that_is_only_missed_by_the_check_is_refused_too(terminal: Emulators) -> None:
    """Before Microsoft refuses such calls, it tells of them."""
    terminal.control("POST", "options", {"partner_center": {"mfa_required": False}})
    terminal.control("POST", "users", {"user": ADMIN, "mfa": "missing"})

    said = _connect(terminal, "device/approve")

    assert said.code == 1
    assert "has no second factor" in said.err
    assert asyncio.run(_find_kept()) is None


def test_somebody_without_a_role_is_refused(terminal: Emulators) -> None:
    said = _connect(terminal, "device/approve", user="accounting@contoso-partner.example")

    assert said.code == 1
    assert "no role for referrals" in said.err
    assert "Sign in as a Referrals admin" in said.err
    assert asyncio.run(_find_kept()) is None


def test_somebody_who_sees_referrals_but_no_webhooks_is_kept_and_warned_of(terminal: Emulators) -> None:
    said = _connect(terminal, "device/approve", user="seller@contoso-partner.example")

    assert said.code == 0, said.err
    assert "Webhooks are refused to this person" in said.out


def test_script_reads_the_code_and_the_end_as_json(terminal: Emulators) -> None:
    said = _connect(terminal, "device/approve", "--json")

    code, end = (json.loads(line) for line in said.out.splitlines())
    assert (code["step"], set(code)) == ("code", {"step", "verification_url", "user_code", "expires_at"})
    assert end == {
        "step": "connected",
        "user": ADMIN,
        "webhook_problem": None,
        "was_interrupted": False,
        "started": [],
    }


def test_ended_sign_in_shows_in_status_and_doctor_until_somebody_has_signed_in(terminal: Emulators) -> None:
    assert _connect(terminal, "device/approve").code == 0
    shown = cosell("status").out
    assert f"Signed in to Partner Center: {ADMIN}, since " in shown
    assert json.loads(cosell("status", "--json").out)["sign_in"]["state"] == "fine"
    for kind in ("refresh", "access"):
        terminal.control("POST", "revoke", {"kind": kind})
    with pytest.raises(SignInRequired):
        asyncio.run(_count_referrals())

    told = cosell("status").out
    assert "✖ Reconnect: the flows wait since " in told
    assert "Let a Referrals admin run `cosell connect partner-center`." in told
    sign_in = json.loads(cosell("status", "--json").out)["sign_in"]
    assert (sign_in["state"], "AADSTS50173" in sign_in["told"]) == ("Reconnect", True)
    checks = {each["check"]: each for each in json.loads(cosell("doctor", "--json").out)["checks"]}
    assert (checks["sign-in"]["verdict"], "Ended" in checks["sign-in"]["told"]) == ("failed", True)

    said = _connect(terminal, "device/approve")
    assert "The flows which waited for this go on" in said.out
    assert json.loads(cosell("status", "--json").out)["sign_in"]["state"] == "fine"
    assert asyncio.run(_count_referrals()) == 0


@pytest.mark.usefixtures("terminal")
def test_what_ends_soon_is_told_by_status_and_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    soon = (datetime.now(UTC) + timedelta(days=10)).date()
    monkeypatch.setenv("COSELL_DATAVERSE__CLIENT_SECRET_EXPIRES_ON", soon.isoformat())

    assert f"! CRM credential: The client secret ends on {soon}" in cosell("status").out
    told = json.loads(cosell("status", "--json").out)["credentials"]
    assert [each["standing"] for each in told if each["what"] == "CRM credential"] == ["ends soon"]
    checks = {each["check"]: each for each in json.loads(cosell("doctor", "--json").out)["checks"]}
    assert checks["CRM credential"]["verdict"] == "warning"
    assert "COSELL_DATAVERSE__CLIENT_SECRET and" in checks["CRM credential"]["todo"]


def test_names_of_people_are_for_the_terminal_and_in_no_log_and_no_script(
    terminal: Emulators, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert _connect(terminal, "device/approve").code == 0
        for kind in ("refresh", "access"):
            terminal.control("POST", "revoke", {"kind": kind})
        with pytest.raises(SignInRequired):
            asyncio.run(_count_referrals())
        scripts = cosell("status", "--json").out + cosell("doctor").out + cosell("doctor", "--json").out
    assert "has ended" in caplog.text
    assert [name for name in (ADMIN, "referrals.admin") if name in caplog.text + scripts] == []


def _connect(emulators: Emulators, answer: str, *options: str, user: str = ADMIN) -> Said:
    """Run the command while somebody else answers the code in a browser."""
    heard: list[str] = []
    browser = threading.Thread(target=_answer, args=(emulators, answer, heard, user))
    browser.start()
    said = cosell("connect", "partner-center", *options)
    browser.join()
    assert heard, "no code was ever shown"
    assert heard[0] in said.out
    return said


def _answer(emulators: Emulators, answer: str, heard: list[str], user: str) -> None:
    never = threading.Event()
    for _ in range(POLLS):
        told = emulators.control("GET", "device")
        assert isinstance(told, dict)
        if told["waiting"]:
            heard.append(str(told["waiting"][0]))
            emulators.control("POST", answer, {"user_code": heard[0], "user": user})
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

"""What is set wrong or out of reach is told in a sentence which names the setting; never in a traceback."""

import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cosell.cli.demo import people
from cosell.settings import load_settings
from tests.cli.terminal import Said, cosell
from tests.emulator_process import Emulators
from tests.flows.world import clean_environment

SOME_ID = "11111111-2222-4333-8444-555555555555"
NOWHERE = "https://127.0.0.1:1"
REQUIRED = (
    "COSELL_DATAVERSE__URL",
    "COSELL_DATAVERSE__TENANT_ID",
    "COSELL_DATAVERSE__CLIENT_ID",
    "COSELL_DATAVERSE__CLIENT_SECRET",
    "COSELL_PARTNER_CENTER__TENANT_ID",
    "COSELL_PARTNER_CENTER__CLIENT_ID",
)
NEEDS_SETTINGS = (
    ("up",),
    ("activate",),
    ("deactivate", "register-webhook"),
    ("status",),
    ("receive",),
    ("connect", "partner-center"),
    ("plan", "--referral", SOME_ID),
    ("sync", "--opportunity", SOME_ID),
)
FAILED, WRONG = 1, 2


@pytest.fixture
def settings(desk_emulators: Emulators, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Point the settings at the emulators; tests spoil one of them."""
    desk_emulators.reset()
    for name, value in desk_emulators.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COSELL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("PREFECT_API_URL", "")
    return monkeypatch


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Listen on a port that somebody else wants."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


@pytest.mark.parametrize("words", NEEDS_SETTINGS, ids=" ".join)
def test_missing_settings_are_told_all_at_once_each_by_its_variable(words: tuple[str, ...]) -> None:
    said = cosell(*words)

    assert said.code == WRONG
    assert [name for name in REQUIRED if f"{name} is missing — " not in said.err] == []
    assert not said.has_traceback


def test_wrong_settings_are_told_with_the_missing_ones_and_without_their_values(settings: pytest.MonkeyPatch) -> None:
    settings.delenv("COSELL_DATAVERSE__TENANT_ID")
    settings.setenv("COSELL_RECEIVER__PORT", "eighty")
    settings.setenv("COSELL_RECEIVER__CERTIFICATE_HOSTS", "one, two")
    said = cosell("status")

    assert said.code == WRONG
    assert "COSELL_DATAVERSE__TENANT_ID is missing" in said.err
    assert "COSELL_RECEIVER__PORT is wrong" in said.err
    assert "COSELL_RECEIVER__CERTIFICATE_HOSTS is wrong: not a JSON list" in said.err
    assert "eighty" not in said.err


SPOILT: Mapping[str, tuple[tuple[str, ...], Mapping[str, str], int, str]] = {
    "no Entra there": (
        ("connect", "partner-center"),
        {"COSELL_AUTHORITY": NOWHERE},
        FAILED,
        "Entra cannot be reached; look at COSELL_AUTHORITY",
    ),
    "no CRM there": (
        ("plan", "--opportunity", SOME_ID),
        {"COSELL_DATAVERSE__URL": NOWHERE},
        FAILED,
        "Dataverse cannot be reached; look at COSELL_DATAVERSE__URL",
    ),
    "no Partner Center there": (
        ("plan", "--referral", SOME_ID),
        {"COSELL_PARTNER_CENTER__API_URL": f"{NOWHERE}/v1.0"},
        FAILED,
        "Partner Center cannot be reached; look at COSELL_PARTNER_CENTER__API_URL",
    ),
    "wrong secret of the CRM": (
        ("plan", "--opportunity", SOME_ID),
        {"COSELL_DATAVERSE__CLIENT_SECRET": "guessed-wrong"},
        WRONG,
        "the client secret is wrong; look at COSELL_DATAVERSE__CLIENT_SECRET",
    ),
    "wrong secret of Partner Center": (
        ("plan", "--referral", SOME_ID),
        {"COSELL_PARTNER_CENTER__CLIENT_SECRET": "guessed-wrong"},
        WRONG,
        "the client secret is wrong; look at COSELL_PARTNER_CENTER__CLIENT_SECRET",
    ),
    "unknown application": (
        ("connect", "partner-center"),
        {"COSELL_PARTNER_CENTER__CLIENT_ID": SOME_ID},
        WRONG,
        "there is no such application in this tenant; look at COSELL_PARTNER_CENTER__CLIENT_ID",
    ),
    "unknown tenant": (
        ("connect", "partner-center"),
        {"COSELL_PARTNER_CENTER__TENANT_ID": "nobodys-tenant"},
        WRONG,
        "look at COSELL_PARTNER_CENTER__TENANT_ID",
    ),
    "no such CA bundle": (
        ("connect", "partner-center"),
        {"COSELL_CA_BUNDLE": "/nowhere/ca.pem"},
        WRONG,
        "COSELL_CA_BUNDLE names /nowhere/ca.pem",
    ),
    "no such roots": (
        ("receive", "--port", "0"),
        {"COSELL_RECEIVER__TRUST_ROOTS": "/nowhere/roots.pem"},
        WRONG,
        "COSELL_RECEIVER__TRUST_ROOTS names a file which cannot be read",
    ),
    "no database there": (
        ("status",),
        {"COSELL_DATABASE_URL": "postgresql://cosell:guessed-wrong@127.0.0.1:1/cosell"},
        WRONG,
        "cannot be reached; start it, or check COSELL_DATABASE_URL",
    ),
    "another kind of database": (
        ("status",),
        {"COSELL_DATABASE_URL": "mysql://cosell:guessed-wrong@127.0.0.1/cosell"},
        WRONG,
        "COSELL_DATABASE_URL is not an address the ledger understands",
    ),
    "home below a file": (
        ("status",),
        {"COSELL_HOME": f"{people.__file__}/home"},
        WRONG,
        "COSELL_HOME names",
    ),
    "no such mappings": (
        ("plan", "--referral", SOME_ID),
        {"COSELL_MAPPINGS_DIR": "/nowhere/mappings"},
        WRONG,
        "COSELL_MAPPINGS_DIR names /nowhere/mappings",
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_what_is_spoilt_is_told_in_a_sentence_that_names_the_setting(case: str, settings: pytest.MonkeyPatch) -> None:
    words, spoilt, code, sentence = SPOILT[case]
    for name, value in spoilt.items():
        settings.setenv(name, value)
    said = cosell(*words)

    assert (said.code, sentence in said.err) == (code, True), said.err
    assert not said.has_traceback
    assert "guessed-wrong" not in said.out + said.err
    assert said.err.count("✖") == 1


def test_revoked_sign_in_is_told_with_the_command_that_mends_it(
    settings: pytest.MonkeyPatch, desk_emulators: Emulators
) -> None:
    settings.setenv("COSELL_PARTNER_CENTER__REFRESH_TOKEN", "0.a-token-that-was-revoked")
    before = desk_emulators.count_requests("partner_center")
    said = cosell("plan", "--referral", SOME_ID)

    assert said.code == FAILED
    assert "`cosell connect partner-center`" in said.err
    assert "a-token-that-was-revoked" not in said.err
    assert desk_emulators.count_requests("partner_center") == before


@pytest.mark.usefixtures("settings")
def test_no_prefect_server_is_told_before_anything_is_started() -> None:
    said = cosell("activate")

    assert said.code == WRONG
    assert "start `cosell up` with the same COSELL_HOME" in said.err
    assert load_settings().home.exists() is False


def test_deactivating_what_is_not_active_is_no_mistake(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    said = cosell("deactivate", "create-cosell-referral")

    assert (said.code, said.err) == (0, "")
    assert "create-cosell-referral was not active" in said.out


def test_prefect_server_which_does_not_answer_is_told(desk_emulators: Emulators, tmp_path: Path) -> None:
    said = _in_a_process(desk_emulators, tmp_path, "activate", PREFECT_API_URL="http://127.0.0.1:1/api")

    assert said.code == FAILED
    assert "The Prefect server does not answer. Start it with `cosell up`, or set PREFECT_API_URL." in said.err
    assert not said.has_traceback


@pytest.mark.parametrize(
    ("words", "setting"),
    [
        (("up",), "COSELL_RECEIVER__PORT"),
        (("receive",), "COSELL_RECEIVER__PORT"),
        (("up", "--prefect-port", "{port}"), "--prefect-port"),
        (("emulators", "--port", "{port}"), "--port"),
        (("emulators", "--port", "0", "--tls-port", "{port}"), "--tls-port"),
    ],
    ids=["up", "receive", "prefect", "emulators", "emulators-tls"],
)
def test_port_in_use_is_told_with_the_setting_to_change(
    words: tuple[str, ...], setting: str, taken_port: int, desk_emulators: Emulators, tmp_path: Path
) -> None:
    port = str(taken_port) if setting.startswith("COSELL_") else "0"
    spelled = [word.format(port=taken_port) for word in words]
    said = _in_a_process(desk_emulators, tmp_path, *spelled, COSELL_RECEIVER__PORT=port)

    assert said.code == WRONG, said.out + said.err
    assert f"Port {taken_port}" in said.err
    assert "in use" in said.err
    assert setting in said.err
    assert not said.has_traceback


def _in_a_process(emulators: Emulators, home: Path, *words: str, **variables: str) -> Said:
    """Type a command which would change this process: its signals, or what Prefect takes for its server."""
    settings = {**emulators.environment, "COSELL_HOME": str(home / "home"), "COLUMNS": "200", **variables}
    done = subprocess.run(
        [sys.executable, "-m", "cosell.cli", *words],
        cwd=home,
        env={**clean_environment(), **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return Said(code=done.returncode, out=done.stdout, err=done.stderr)

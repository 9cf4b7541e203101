"""A certificate in place of the secret, at a real token endpoint: it proves us, or its setting is named."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cosell.dataverse.opening import dataverse_tokens
from cosell.domain.clock import utc_clock
from cosell.errors import CredentialsRejected, SettingsInvalid
from cosell.http.sign_in import finish_device_sign_in, start_device_sign_in
from cosell.partner_center import open_partner_center
from cosell.partner_center.opening import partner_center_identity, partner_center_scope
from cosell.partner_center.proving import prove_sign_in
from cosell.settings import Settings
from tests.emulator_process import Emulators
from tests.unit.http.fakes import FakeVault
from tests.unit.http.keys import Pair, make_pair

PASSWORD = "made-up-password"


@pytest.fixture(scope="module")
def pair() -> Pair:
    return make_pair()


def register(emulators: Emulators, pair: Pair, service: str) -> None:
    """Upload the certificate to the application of a service, as an administrator does, and take its secret away."""
    client_id = emulators.environment[f"COSELL_{service}__CLIENT_ID"]
    body = {"client_id": client_id, "client_secret": None, "certificate": pair.certificate_pem.decode()}
    emulators.control("POST", "apps", body)


def settings_with(emulators: Emulators, service: str, path: Path, *, password: str = "", **more: str) -> Settings:
    changes = {f"{service}__CERTIFICATE": str(path), **more}
    if password:
        changes[f"{service}__CERTIFICATE_PASSWORD"] = password
    secretless = {name: it for name, it in emulators.environment.items() if name != f"COSELL_{service}__CLIENT_SECRET"}
    return Emulators(urls=emulators.urls, environment=secretless, log=emulators.log).settings(**changes)


@pytest.mark.parametrize("form", ["pfx", "locked pfx", "pem", "locked pem"])
async def test_crm_is_opened_by_certificate(
    emulators: Emulators, vault: FakeVault, pair: Pair, tmp_path: Path, form: str
) -> None:
    register(emulators, pair, "DATAVERSE")
    password = PASSWORD if form.startswith("locked") else ""
    path = tmp_path / "crm"
    path.write_bytes(pair.pfx(password) if form.endswith("pfx") else pair.certificate_pem + pair.key_pem(password))

    tokens = dataverse_tokens(
        settings_with(emulators, "DATAVERSE", path, password=password), vault=vault, clock=utc_clock
    )
    first = await tokens.token()

    assert await tokens.token(force=True) != first


async def test_certificate_that_nobody_registered_is_told_by_its_setting(
    emulators: Emulators, vault: FakeVault, pair: Pair, tmp_path: Path
) -> None:
    path = tmp_path / "crm.pfx"
    path.write_bytes(pair.pfx())
    settings = settings_with(emulators, "DATAVERSE", path)
    with pytest.raises(CredentialsRejected, match=r"COSELL_DATAVERSE__CERTIFICATE .*AADSTS700027"):
        await dataverse_tokens(settings, vault=vault, clock=utc_clock).token()


async def test_certificate_renewed_in_place_is_used_without_a_change_of_settings(
    emulators: Emulators, pair: Pair, tmp_path: Path
) -> None:
    path, newer = tmp_path / "crm.pfx", make_pair()
    path.write_bytes(pair.pfx())
    settings = settings_with(emulators, "DATAVERSE", path)
    register(emulators, newer, "DATAVERSE")
    with pytest.raises(CredentialsRejected):
        await dataverse_tokens(settings, vault=FakeVault(), clock=utc_clock).token()
    path.write_bytes(newer.pfx())
    await dataverse_tokens(settings, vault=FakeVault(), clock=utc_clock).token()


async def test_file_that_is_gone_is_told_when_a_token_is_wanted(
    emulators: Emulators, vault: FakeVault, tmp_path: Path
) -> None:
    settings = settings_with(emulators, "DATAVERSE", tmp_path / "gone.pfx")
    with pytest.raises(SettingsInvalid, match="COSELL_DATAVERSE__CERTIFICATE names"):
        await dataverse_tokens(settings, vault=vault, clock=utc_clock).token()


async def test_partner_center_is_signed_in_to_and_renewed_by_certificate(
    emulators: Emulators, vault: FakeVault, pair: Pair, tmp_path: Path
) -> None:
    register(emulators, pair, "PARTNER_CENTER")
    path = tmp_path / "partner.pem"
    path.write_bytes(pair.certificate_pem + pair.key_pem())
    settings = settings_with(emulators, "PARTNER_CENTER", path)
    identity = partner_center_identity(settings)
    started = await start_device_sign_in(identity, scope=partner_center_scope(settings), clock=utc_clock)
    emulators.control("POST", "device/approve", {"user_code": started.user_code})

    async def never(_seconds: float) -> None:
        raise AssertionError("the code was entered before the first look")

    kept = await finish_device_sign_in(started, identity=identity, clock=utc_clock, sleep=never)
    proof = await prove_sign_in(settings, kept)
    vault.secrets["partner-center"] = proof.secret
    emulators.control("POST", "revoke", {"kind": "access"})
    async with open_partner_center(settings, vault) as client:
        assert await client.try_access() is True

    assert proof.webhook_problem == ""
    assert datetime.now(UTC) < pair.certificate.not_valid_after_utc

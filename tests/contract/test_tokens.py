"""Real msal, real TLS with a certificate authority of our own, and an Entra that rotates and revokes."""

from pathlib import Path

import pytest

from cosell.dataverse.opening import dataverse_tokens
from cosell.domain.clock import utc_clock
from cosell.errors import ConfigurationError, CredentialsRejected, ServiceUnreachable, SignInRequired
from cosell.http.sign_in import finish_device_sign_in, start_device_sign_in
from cosell.partner_center import open_partner_center, open_webhooks
from cosell.partner_center.opening import (
    VAULT_NAME,
    partner_center_identity,
    partner_center_scope,
)
from tests.emulator_process import Emulators
from tests.unit.http.fakes import FakeVault


async def test_application_user_gets_a_token_over_tls(emulators: Emulators, vault: FakeVault) -> None:
    tokens = dataverse_tokens(emulators.settings(), vault=vault, clock=utc_clock)
    assert await tokens.token() == await tokens.token()


async def test_certificate_authority_that_is_not_ours_is_not_trusted(emulators: Emulators, vault: FakeVault) -> None:
    settings = emulators.settings().model_copy(update={"ca_bundle": None})
    with pytest.raises((ConfigurationError, ServiceUnreachable), match="COSELL_CA_BUNDLE"):
        await dataverse_tokens(settings, vault=vault, clock=utc_clock).token()


async def test_bundle_that_is_none_is_named(emulators: Emulators, vault: FakeVault, tmp_path: Path) -> None:
    bundle = tmp_path / "nothing.pem"
    bundle.write_text("not a certificate")
    settings = emulators.settings(CA_BUNDLE=str(bundle))
    with pytest.raises(ConfigurationError, match="COSELL_CA_BUNDLE"):
        await dataverse_tokens(settings, vault=vault, clock=utc_clock).token()


async def test_wrong_secret_of_the_application(emulators: Emulators, vault: FakeVault) -> None:
    settings = emulators.settings(DATAVERSE__CLIENT_SECRET="quite-another-secret")
    with pytest.raises(CredentialsRejected, match="COSELL_DATAVERSE__CLIENT_SECRET") as raised:
        await dataverse_tokens(settings, vault=vault, clock=utc_clock).token()
    assert "quite-another-secret" not in str(raised.value)


async def test_unknown_application(emulators: Emulators, vault: FakeVault) -> None:
    settings = emulators.settings(DATAVERSE__CLIENT_ID="99999999-0000-4000-8000-000000000009")
    with pytest.raises(CredentialsRejected, match="COSELL_DATAVERSE__CLIENT_ID"):
        await dataverse_tokens(settings, vault=vault, clock=utc_clock).token()


async def test_unknown_tenant(emulators: Emulators, vault: FakeVault) -> None:
    settings = emulators.settings(DATAVERSE__TENANT_ID="nobody.example")
    with pytest.raises(CredentialsRejected, match="COSELL_DATAVERSE__TENANT_ID"):
        await dataverse_tokens(settings, vault=vault, clock=utc_clock).token()


async def test_wrong_secret_of_the_partner_application(emulators: Emulators, vault: FakeVault) -> None:
    settings = emulators.settings(PARTNER_CENTER__CLIENT_SECRET="quite-another-secret")
    with pytest.raises(CredentialsRejected, match="COSELL_PARTNER_CENTER__CLIENT_SECRET"):
        async with open_partner_center(settings, vault) as client:
            _ = [page async for page in client.iter_referrals()]


async def test_both_partner_apis_live_on_one_sign_in_that_rotates(emulators: Emulators, vault: FakeVault) -> None:
    settings = emulators.settings()
    async with open_partner_center(settings, vault) as referrals, open_webhooks(settings, vault) as webhooks:
        _ = [page async for page in referrals.iter_referrals()]
        await webhooks.get_events()
    first = settings.partner_center.refresh_token
    assert first is not None
    assert first.get_secret_value().encode() not in vault.secrets[VAULT_NAME]


async def test_rotated_sign_in_is_used_when_the_first_one_is_gone_from_the_settings(
    emulators: Emulators, vault: FakeVault
) -> None:
    async with open_partner_center(emulators.settings(), vault) as client:
        _ = [page async for page in client.iter_referrals()]
    settings = emulators.settings(PARTNER_CENTER__REFRESH_TOKEN="no-longer-valid")
    emulators.control("POST", "revoke", {"kind": "access"})
    async with open_partner_center(settings, vault) as client:
        _ = [page async for page in client.iter_referrals()]


async def test_access_token_that_was_revoked_is_renewed_once(emulators: Emulators, vault: FakeVault) -> None:
    async with open_partner_center(emulators.settings(), vault) as client:
        _ = [page async for page in client.iter_referrals()]
        emulators.control("POST", "revoke", {"kind": "access"})
        _ = [page async for page in client.iter_referrals()]
    assert emulators.count_requests("partner_center") == 3


async def test_sign_in_that_was_revoked_needs_a_person(emulators: Emulators, vault: FakeVault) -> None:
    async with open_partner_center(emulators.settings(), vault) as client:
        _ = [page async for page in client.iter_referrals()]
        emulators.control("POST", "revoke", {"kind": "refresh"})
        emulators.control("POST", "revoke", {"kind": "access"})
        with pytest.raises(SignInRequired, match="cosell connect partner-center"):
            _ = [page async for page in client.iter_referrals()]


@pytest.mark.parametrize("has_secret", ["confidential", "public"])
async def test_device_sign_in(emulators: Emulators, vault: FakeVault, has_secret: str) -> None:
    settings = emulators.settings()
    partner = settings.partner_center.model_copy(update={"refresh_token": None})
    if has_secret == "public":
        partner = partner.model_copy(update={"client_secret": None})
    settings = settings.model_copy(update={"partner_center": partner})
    identity = partner_center_identity(settings)
    started = await start_device_sign_in(identity, scope=partner_center_scope(settings), clock=utc_clock)
    waits: list[float] = []

    async def approve(seconds: float) -> None:
        waits.append(seconds)
        emulators.control("POST", "device/approve", {"user_code": started.user_code})

    kept = await finish_device_sign_in(started, identity=identity, clock=utc_clock, sleep=approve)
    vault.secrets[VAULT_NAME] = kept.to_bytes()
    assert len(waits) == 1
    async with open_partner_center(settings, vault) as client:
        _ = [page async for page in client.iter_referrals()]

"""Tokens by real msal: asked for once, shared through the vault, rotated without loss, refused with a way out."""

import json
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from cosell.errors import CredentialsRejected, ServiceUnavailable, ServiceUnreachable, SignInRequired
from cosell.http.auth import AppTokens, UserTokens
from cosell.http.sign_in import finish_device_sign_in, start_device_sign_in
from tests.unit.http.entra import SECRET, TinyEntra
from tests.unit.http.fakes import FakeTime, FakeVault

SCOPE = "https://api.partner.microsoft.com/.default"
OTHER_SCOPE = "https://api.partnercenter.microsoft.com/.default"


@pytest.fixture
def entra() -> TinyEntra:
    return TinyEntra()


@pytest.fixture
def vault() -> FakeVault:
    return FakeVault()


def app_tokens(entra: TinyEntra, vault: FakeVault, *, secret: str = SECRET) -> AppTokens:
    clock = FakeTime(now=datetime.now(UTC)).clock
    identity = entra.identity(secret=secret)
    return AppTokens(identity, scope="https://crm.example/.default", vault=vault, vault_name="dataverse", clock=clock)


def user_tokens(
    entra: TinyEntra, vault: FakeVault, *, seed: str | None = "first-refresh-token", scope: str = SCOPE
) -> UserTokens:
    return UserTokens(
        entra.identity(),
        scope=scope,
        vault=vault,
        vault_name="partner-center",
        clock=FakeTime(now=datetime.now(UTC)).clock,
        first_refresh_token=SecretStr(seed) if seed else None,
    )


async def test_application_asks_once_and_then_holds_its_token(entra: TinyEntra, vault: FakeVault) -> None:
    tokens = app_tokens(entra, vault)
    assert await tokens.token() == await tokens.token() == "access-token-1"
    assert len(entra.grants) == 1


async def test_second_process_finds_the_token_in_the_vault(entra: TinyEntra, vault: FakeVault) -> None:
    await app_tokens(entra, vault).token()
    calls, saves = entra.calls, vault.saves
    async with vault.lock("dataverse"):
        assert await app_tokens(entra, vault).token() == "access-token-1"
    assert (entra.calls, vault.saves) == (calls, saves)


async def test_refused_token_is_replaced(entra: TinyEntra, vault: FakeVault) -> None:
    tokens = app_tokens(entra, vault)
    await tokens.token()
    assert await tokens.token(force=True) == "access-token-2"
    assert await app_tokens(entra, vault).token() == "access-token-2"


async def test_refused_token_which_another_process_replaced_is_not_replaced_again(
    entra: TinyEntra, vault: FakeVault
) -> None:
    one, other = app_tokens(entra, vault), app_tokens(entra, vault)
    await one.token()
    await other.token()
    await one.token(force=True)
    assert await other.token(force=True) == "access-token-2"
    assert len(entra.grants) == 2


async def test_token_about_to_end_is_renewed_before_it_ends(entra: TinyEntra, vault: FakeVault) -> None:
    entra.lifetime_seconds = 299
    tokens = app_tokens(entra, vault)
    assert [await tokens.token(), await tokens.token()] == ["access-token-1", "access-token-2"]


async def test_first_refresh_token_is_redeemed_once_and_the_rotated_one_is_used_from_then_on(
    entra: TinyEntra, vault: FakeVault
) -> None:
    await user_tokens(entra, vault).token()
    tokens = user_tokens(entra, vault)
    await tokens.token()
    await tokens.token(force=True)
    assert [grant["refresh_token"] for grant in entra.grants] == ["first-refresh-token", "rotated-refresh-token-1"]


async def test_both_apis_live_on_one_sign_in(entra: TinyEntra, vault: FakeVault) -> None:
    one = await user_tokens(entra, vault).token()
    other = await user_tokens(entra, vault, scope=OTHER_SCOPE).token()
    assert one != other
    assert [grant["scope"].split()[0] for grant in entra.grants if "scope" in grant]
    assert await user_tokens(entra, vault).token() == one


async def test_two_processes_that_rotate_in_turn_keep_one_valid_sign_in(entra: TinyEntra, vault: FakeVault) -> None:
    one, other = user_tokens(entra, vault), user_tokens(entra, vault)
    await one.token()
    await other.token()
    for _ in range(3):
        await one.token(force=True)
        await other.token(force=True)
        await other.token(force=True)
    assert len(entra.valid_refresh_tokens) == 1


async def test_sign_in_that_ended_names_the_command_and_no_secret(entra: TinyEntra, vault: FakeVault) -> None:
    await user_tokens(entra, vault).token()
    entra.valid_refresh_tokens.clear()
    tokens = user_tokens(entra, vault)
    await tokens.token()
    with pytest.raises(SignInRequired, match="cosell connect partner-center") as raised:
        await tokens.token(force=True)
    assert "AADSTS50173" in str(raised.value)
    for secret in ("marlow", "refresh-token", "access-token", "made-up-secret"):
        assert secret not in str(raised.value)


async def test_new_refresh_token_in_the_settings_helps_after_the_sign_in_ended(
    entra: TinyEntra, vault: FakeVault
) -> None:
    await user_tokens(entra, vault).token()
    entra.valid_refresh_tokens = {"fresh-from-the-operator"}
    tokens = user_tokens(entra, vault, seed="fresh-from-the-operator")
    await tokens.token()
    assert await tokens.token(force=True) == "access-token-2"


async def test_nobody_signed_in_yet(entra: TinyEntra, vault: FakeVault) -> None:
    with pytest.raises(SignInRequired, match="cosell connect partner-center"):
        await user_tokens(entra, vault, seed=None).token()
    assert entra.grants == []


async def test_failed_renewal_keeps_what_the_vault_has(entra: TinyEntra, vault: FakeVault) -> None:
    tokens = user_tokens(entra, vault)
    await tokens.token()
    before = vault.secrets["partner-center"]
    entra.refusal = ("invalid_grant", "AADSTS70008: expired")
    with pytest.raises(SignInRequired):
        await tokens.token(force=True)
    assert vault.secrets["partner-center"] == before


@pytest.mark.parametrize(
    ("error", "description", "setting"),
    [
        ("invalid_client", "AADSTS7000215: wrong secret", "COSELL_PARTNER_CENTER__CLIENT_SECRET"),
        ("invalid_client", "AADSTS7000222: expired secret", "COSELL_PARTNER_CENTER__CLIENT_SECRET"),
        ("unauthorized_client", "AADSTS700016: no app", "COSELL_PARTNER_CENTER__CLIENT_ID"),
        ("invalid_request", "AADSTS90002: no tenant", "COSELL_PARTNER_CENTER__TENANT_ID"),
        ("invalid_resource", "AADSTS500011: no resource", "COSELL_PARTNER_CENTER__API_URL"),
        ("invalid_client", "something new", "COSELL_PARTNER_CENTER__CLIENT_ID"),
    ],
)
async def test_wrong_setting_is_named(
    entra: TinyEntra, vault: FakeVault, error: str, description: str, setting: str
) -> None:
    entra.refusal = (error, description)
    with pytest.raises(CredentialsRejected, match=setting):
        await app_tokens(entra, vault).token()


async def test_wrong_secret_is_told_without_showing_it(entra: TinyEntra, vault: FakeVault) -> None:
    with pytest.raises(CredentialsRejected) as raised:
        await app_tokens(entra, vault, secret="quite-another-secret").token()
    assert "quite-another-secret" not in repr(raised.value)
    assert raised.value.__cause__ is None


async def test_unknown_tenant(entra: TinyEntra, vault: FakeVault) -> None:
    identity = entra.identity(tenant="nobody.example")
    tokens = AppTokens(identity, scope=SCOPE, vault=vault, vault_name="x", clock=FakeTime(now=datetime.now(UTC)).clock)
    with pytest.raises(CredentialsRejected, match="COSELL_PARTNER_CENTER__TENANT_ID"):
        await tokens.token()


async def test_entra_that_cannot_be_reached(entra: TinyEntra, vault: FakeVault) -> None:
    entra.is_down = True
    with pytest.raises(ServiceUnreachable, match="COSELL_AUTHORITY"):
        await app_tokens(entra, vault).token()


async def test_entra_that_is_busy(entra: TinyEntra, vault: FakeVault) -> None:
    entra.refusal = ("temporarily_unavailable", "AADSTS90033: transient")
    with pytest.raises(ServiceUnavailable):
        await app_tokens(entra, vault).token()


async def test_vault_that_holds_something_else_counts_as_empty(entra: TinyEntra, vault: FakeVault) -> None:
    vault.secrets["dataverse"] = b"\x00not json"
    assert await app_tokens(entra, vault).token() == "access-token-1"


async def test_device_sign_in_waits_for_the_person_then_keeps_the_sign_in(entra: TinyEntra, vault: FakeVault) -> None:
    time = FakeTime()
    started = await start_device_sign_in(entra.identity(), scope=SCOPE, clock=time.clock)
    assert started.user_code == "ABCD-1234"
    assert "made-up" not in repr(started)
    kept = await finish_device_sign_in(started, identity=entra.identity(), clock=time.clock, sleep=time.sleep)
    vault.secrets["partner-center"] = kept.to_bytes()
    assert time.slept == [5.0]
    assert entra.grants[-1]["client_secret"] == "made-up-secret"
    assert await user_tokens(entra, vault, seed=None).token() == "access-token-1"
    assert json.loads(vault.secrets["partner-center"])["seed"] == ""


async def test_device_sign_in_that_nobody_finishes_ends(entra: TinyEntra) -> None:
    entra.pending_polls = 10_000
    time = FakeTime()
    started = await start_device_sign_in(entra.identity(), scope=SCOPE, clock=time.clock)
    with pytest.raises(SignInRequired, match="expired"):
        await finish_device_sign_in(started, identity=entra.identity(), clock=time.clock, sleep=time.sleep)
    assert sum(time.slept) == pytest.approx(900, abs=10)


async def test_declined_device_sign_in(entra: TinyEntra) -> None:
    time = FakeTime()
    started = await start_device_sign_in(entra.identity(), scope=SCOPE, clock=time.clock)
    entra.refusal = ("authorization_declined", "AADSTS70018: declined")
    with pytest.raises(SignInRequired, match="declined"):
        await finish_device_sign_in(started, identity=entra.identity(), clock=time.clock, sleep=time.sleep)

"""A sign-in that must not get lost: the vault fails, the run is cancelled, Entra or the service refuses."""

import asyncio
import logging
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest
from pydantic import SecretStr

from cosell.errors import CredentialsRejected, ServiceUnavailable, SignInRequired
from cosell.http.auth import UserTokens
from cosell.http.kept import Stored, describe_sign_in
from tests.unit.http.entra import TinyEntra
from tests.unit.http.fakes import FakeTime, FakeVault

NAME = "partner-center"
SCOPE = "https://api.partner.microsoft.com/.default"
REFUSED = ("invalid_grant", "AADSTS50173: the grant of jo.marlow@fabrikam.example has expired")


@dataclass
class FailingVault(FakeVault):
    """Cannot be written as often as it is told."""

    failures: int = 0

    async def save(self, name: str, secret: bytes) -> None:
        if self.failures:
            self.failures -= 1
            raise ServiceUnavailable("The ledger cannot be written now")
        await super().save(name, secret)


@dataclass
class SlowEntra(TinyEntra):
    """Answers a token request when it is let; says when it has been asked."""

    asked: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            self.asked.set()
            assert self.go_on.wait(20)
        return super().handle(request)


def user_tokens(entra: TinyEntra, vault: FakeVault, *, seed: str | None = "first-refresh-token") -> UserTokens:
    return UserTokens(
        entra.identity(),
        scope=SCOPE,
        vault=vault,
        vault_name=NAME,
        clock=FakeTime(now=datetime.now(UTC)).clock,
        first_refresh_token=SecretStr(seed) if seed else None,
    )


async def test_what_entra_rotated_to_is_saved_as_soon_as_the_vault_can_be_written() -> None:
    entra, vault = TinyEntra(), FailingVault(failures=2)
    tokens = user_tokens(entra, vault)
    for _ in range(2):
        with pytest.raises(ServiceUnavailable):
            await tokens.token()

    assert await tokens.token() == "access-token-1"
    assert len(entra.grants) == 1, "the refresh token that is good for one use was redeemed once"
    assert await user_tokens(entra, vault, seed=None).token() == "access-token-1"


async def test_what_another_process_saved_meanwhile_goes_before_what_could_not_be_saved() -> None:
    entra, vault = TinyEntra(), FailingVault(failures=1)
    tokens = user_tokens(entra, vault)
    with pytest.raises(ServiceUnavailable):
        await tokens.token()
    entra.valid_refresh_tokens = {"first-refresh-token"}
    assert await user_tokens(entra, vault).token() == "access-token-2"

    assert await tokens.token() == "access-token-2"
    assert vault.saves == 1


async def test_run_that_is_cancelled_while_entra_answers_still_keeps_the_answer() -> None:
    entra, vault = SlowEntra(), FakeVault()
    run = asyncio.create_task(user_tokens(entra, vault).token())
    await asyncio.to_thread(entra.asked.wait, 20)
    run.cancel()
    entra.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await run

    assert await user_tokens(entra, vault, seed=None).token() == "access-token-1"
    assert not vault.inner.locked()


async def test_ended_sign_in_is_noted_and_told_once_without_names_and_shown_to_entra_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    entra, vault = TinyEntra(refusal=REFUSED), FakeVault()
    tokens = user_tokens(entra, vault)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            with pytest.raises(SignInRequired, match="AADSTS50173"):
                await tokens.token()

    assert (len(entra.grants), len(vault.lost)) == (1, 1)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "cosell connect partner-center" in caplog.text
    assert "marlow" not in caplog.text + "".join(vault.lost)


async def test_new_sign_in_is_used_by_a_process_which_was_refused_before() -> None:
    entra, vault = TinyEntra(refusal=REFUSED), FakeVault()
    tokens = user_tokens(entra, vault)
    with pytest.raises(SignInRequired):
        await tokens.token()

    entra.refusal = None
    await user_tokens(entra, vault).token()
    assert await tokens.token() == "access-token-1"


async def test_nobody_signed_in_is_noted_as_well() -> None:
    vault = FakeVault()
    with pytest.raises(SignInRequired):
        await user_tokens(TinyEntra(), vault, seed=None).token()
    assert len(vault.lost) == 1


async def test_wrong_setting_is_no_ended_sign_in() -> None:
    entra, vault = TinyEntra(refusal=("invalid_client", "AADSTS7000222: expired secret")), FakeVault()
    with pytest.raises(CredentialsRejected):
        await user_tokens(entra, vault).token()
    assert vault.lost == []


@pytest.mark.parametrize("error", ["invalid_grant", "interaction_required", "consent_required", "login_required"])
async def test_each_refusal_that_only_a_person_can_mend_is_noted(error: str) -> None:
    entra, vault = TinyEntra(refusal=(error, "AADSTS50076: use a second factor")), FakeVault()
    with pytest.raises(SignInRequired):
        await user_tokens(entra, vault).token()
    assert len(vault.lost) == 1


async def test_missing_consent_is_for_an_administrator_and_no_ended_sign_in() -> None:
    entra, vault = TinyEntra(refusal=("invalid_grant", "AADSTS65001: no consent")), FakeVault()
    with pytest.raises(CredentialsRejected, match="consent"):
        await user_tokens(entra, vault).token()
    assert vault.lost == []


async def test_refusal_by_the_service_is_noted_unless_somebody_signed_in_since() -> None:
    entra, vault = TinyEntra(), FakeVault()
    tokens, refusal = user_tokens(entra, vault), SignInRequired("insufficient_claims")
    await tokens.token()
    kept = vault.secrets[NAME]
    vault.secrets[NAME] = Stored(cache=None, signed_in_at="2031-03-01T09:00:00+00:00").to_bytes()
    await tokens.note_refused(refusal)
    assert vault.lost == []

    vault.secrets[NAME] = kept
    await tokens.note_refused(refusal)
    assert vault.lost == ["insufficient_claims"]


async def test_whose_sign_in_it_is_and_since_when_is_kept_in_the_vault_alone() -> None:
    entra, vault = TinyEntra(), FakeVault()
    await user_tokens(entra, vault).token()
    facts = describe_sign_in(vault.secrets[NAME])
    assert facts.user == "jo.marlow@fabrikam.example"
    assert facts.signed_in_at is not None
    assert "marlow" not in repr(facts)


@pytest.mark.parametrize(
    "secret", [None, b"", b"\x00", b"[]", b'{"cache": null, "seed": ""}', b'{"cache": "[]", "seed": 1}']
)
def test_vault_without_a_sign_in_names_nobody(secret: bytes | None) -> None:
    facts = describe_sign_in(secret)
    assert (facts.user, facts.signed_in_at) == (None, None)

"""Workers that renew one sign-in at once, or die while they do, on SQLite and PostgreSQL, at a real token endpoint."""

import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from cosell.domain.clock import utc_clock
from cosell.errors import SignInRequired
from cosell.partner_center import open_partner_center
from cosell.partner_center.opening import VAULT_NAME
from cosell.settings import Settings
from cosell.wiring import open_settings_ledger
from tests.contract.renewer import finish, let_go, start
from tests.emulator_process import Emulators
from tests.postgres import running_postgres

WORKERS, ROUNDS = 2, 6


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def environment(request: pytest.FixtureRequest, emulators: Emulators, tmp_path: Path) -> dict[str, str]:
    """Settings of an installation of its own: a fresh ledger, or a fresh tenant in the one of PostgreSQL."""
    more = {"COSELL_HOME": str(tmp_path), "COSELL_TENANT": f"t-{uuid4().hex[:12]}"}
    if request.param == "postgresql":
        more["COSELL_DATABASE_URL"] = request.getfixturevalue("postgres_url")
    return {**emulators.environment, **more}


def settings_of(emulators: Emulators, environment: dict[str, str]) -> Settings:
    return Emulators(urls=emulators.urls, environment=environment, log=emulators.log).settings()


async def migrate(settings: Settings) -> None:
    async with open_settings_ledger(settings):
        pass


async def use_once(settings: Settings, *, is_later: timedelta = timedelta()) -> None:
    """Use the sign-in as a new worker does; `is_later` lets it come after the locks of the dead have ended."""

    def clock() -> datetime:
        return utc_clock() + is_later

    async with (
        open_settings_ledger(settings, clock=clock) as ledger,
        open_partner_center(settings, ledger.vault) as client,
    ):
        assert await client.try_access() is True


def expect_one_use(emulators: Emulators) -> None:
    emulators.control("POST", "options", {"entra": {"refresh_tokens": "single_use"}})


def describe_tokens(emulators: Emulators) -> list[dict[str, object]]:
    told = emulators.control("GET", "refresh-tokens")
    assert isinstance(told, dict)
    return list(told["refresh_tokens"])


async def test_workers_which_renew_at_once_never_show_a_refresh_token_twice(
    emulators: Emulators, environment: dict[str, str]
) -> None:
    expect_one_use(emulators)
    settings = settings_of(emulators, environment)
    await migrate(settings)

    workers = [start(environment, str(ROUNDS)) for _ in range(WORKERS)]
    for worker in workers:
        let_go(worker)
    assert [finish(worker) for worker in workers] == [(0, "done\n")] * WORKERS

    tokens = describe_tokens(emulators)
    assert len(tokens) > WORKERS, "there was something to race for"
    assert [token["is_revoked"] for token in tokens] == [False] * len(tokens), "nothing was taken for stolen"
    assert sorted(int(str(token["use_count"])) for token in tokens) == [0] + [1] * (len(tokens) - 1), "one is left"
    emulators.control("POST", "revoke", {"kind": "access"})
    await use_once(settings)


async def test_worker_killed_between_rotation_and_saving_leaves_a_sign_in_that_works(
    emulators: Emulators, environment: dict[str, str]
) -> None:
    """Refresh tokens stay good after use, as documented: what the vault still holds is as good as what was lost."""
    settings = settings_of(emulators, environment)
    await migrate(settings)
    await use_once(settings)
    emulators.control("POST", "revoke", {"kind": "access"})

    victim = start(environment, "1", "die")
    let_go(victim)
    assert finish(victim)[0] == -signal.SIGKILL

    await use_once(settings, is_later=timedelta(minutes=2))


async def test_where_tokens_are_good_for_one_use_the_same_death_asks_for_a_new_sign_in(
    emulators: Emulators, environment: dict[str, str]
) -> None:
    """Nobody can save what died with its process; then it has to be told at once, and once."""
    expect_one_use(emulators)
    settings = settings_of(emulators, environment)
    await migrate(settings)
    await use_once(settings)
    emulators.control("POST", "revoke", {"kind": "access"})

    victim = start(environment, "1", "die")
    let_go(victim)
    assert finish(victim)[0] == -signal.SIGKILL

    with pytest.raises(SignInRequired, match="cosell connect partner-center"):
        await use_once(settings, is_later=timedelta(minutes=2))
    async with open_settings_ledger(settings) as ledger:
        assert await ledger.sign_ins.find_lost(VAULT_NAME) is not None

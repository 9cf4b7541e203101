"""Tokens survive a restart, nobody reads them without the key, and one process refreshes at a time."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from cosell.errors import ConfigurationError, LeaseHeld
from cosell.settings import Settings, load_settings
from cosell.store import Cipher, Ledger
from cosell.store.engine import create_engine, parse_url
from cosell.store.tables import vault
from cosell.store.vault import GIVE_UP_AFTER, LOCK_SECONDS, Pause, Vault
from tests.unit.store.conftest import KEY, MovingClock, Place

SECRET = b'{"RefreshToken": "0.AXoA"}'


def settings(home: Path, *, secret_key: str | None = None) -> Settings:
    application = {"tenant_id": "t", "client_id": "c", "client_secret": "s"}
    return load_settings(
        {
            "home": home,
            "secret_key": secret_key,
            "dataverse": {"url": "https://crm.example.com", **application},
            "partner_center": application,
        }
    )


async def test_secret_comes_back_after_a_restart(ledger: Ledger, place: Place, clock: MovingClock) -> None:
    assert await ledger.vault.load("tokens") is None
    assert await ledger.vault.find_saved_at("tokens") is None

    await ledger.vault.save("tokens", b"older")
    clock.advance(60)
    await ledger.vault.save("tokens", SECRET)

    async with place.open() as reopened:
        assert await reopened.vault.load("tokens") == SECRET
        assert await reopened.vault.find_saved_at("tokens") == clock.at


async def test_secret_is_not_readable_in_the_database(ledger: Ledger, place: Place) -> None:
    await ledger.vault.save("tokens", SECRET)

    engine = create_engine(parse_url(place.url))
    async with engine.connect() as connection:
        stored = (await connection.scalars(select(vault.c.secret).where(vault.c.tenant == place.tenant))).one()
    await engine.dispose()

    assert b"AXoA" not in stored
    assert Cipher(KEY).decrypt(stored) == SECRET


async def test_secret_of_another_key_or_tenant_is_not_given_out(ledger: Ledger, place: Place) -> None:
    await ledger.vault.save("tokens", SECRET)

    async with place.open(key=Fernet.generate_key()) as other_key:
        with pytest.raises(ConfigurationError, match=r"another key.*COSELL_SECRET_KEY.*cosell connect"):
            await other_key.vault.load("tokens")
    async with place.open(tenant=f"{place.tenant}-other") as other_tenant:
        assert await other_tenant.vault.load("tokens") is None


async def test_second_refresher_waits_until_the_first_is_done(ledger: Ledger) -> None:
    story: list[str] = []
    first = ledger.vault.lock("tokens")

    async def pause(_seconds: float) -> None:
        story.append("second waits")
        await first.__aexit__(None, None, None)

    await first.__aenter__()
    async with patient_vault(ledger, pause).lock("tokens"):
        story.append("second refreshes")

    assert story == ["second waits", "second refreshes"]


async def test_refresher_that_was_killed_is_waited_out(ledger: Ledger, clock: MovingClock) -> None:
    await ledger.leases.acquire(["vault:tokens"], holder="killed", seconds=LOCK_SECONDS)
    waited: list[float] = []

    async def pause(_seconds: float) -> None:
        waited.append(LOCK_SECONDS / 4)
        clock.advance(LOCK_SECONDS / 4)

    async with patient_vault(ledger, pause).lock("tokens"):
        assert sum(waited) == LOCK_SECONDS


async def test_refresher_that_never_ends_is_told_of(ledger: Ledger) -> None:
    await ledger.leases.acquire(["vault:tokens"], holder="stuck", seconds=LOCK_SECONDS)
    pauses = 0

    async def pause(_seconds: float) -> None:
        nonlocal pauses
        pauses += 1

    with pytest.raises(LeaseHeld, match="refreshing the sign-in"):
        async with patient_vault(ledger, pause).lock("tokens"):
            pytest.fail("the lock is held")
    assert pauses == GIVE_UP_AFTER


async def test_locks_of_two_names_do_not_wait_for_one_another(ledger: Ledger) -> None:
    async with ledger.vault.lock("one"), ledger.vault.lock("other"):
        pass


def patient_vault(ledger: Ledger, pause: Pause) -> Vault:
    """Return the vault as another process has it, with a way to wait that takes no time."""
    return Vault(ledger._database, cipher=Cipher(KEY), leases=ledger.leases, pause=pause)


def test_key_of_the_settings_goes_before_the_file(tmp_path: Path) -> None:
    cipher = Cipher.from_settings(settings(tmp_path, secret_key=KEY.decode()))

    assert Cipher(KEY).decrypt(cipher.encrypt(SECRET)) == SECRET
    assert list(tmp_path.iterdir()) == []
    assert KEY.decode() not in repr(cipher)


def test_key_file_is_made_at_first_use_for_this_user_alone(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"

    stored = Cipher.from_settings(settings(home)).encrypt(SECRET)

    assert stat.S_IMODE((home / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["secret.key"]
    assert Cipher.from_settings(settings(home)).decrypt(stored) == SECRET


def test_many_who_make_the_key_at_once_read_the_same(tmp_path: Path) -> None:
    def encrypt(_number: int) -> bytes:
        return Cipher.from_settings(settings(tmp_path)).encrypt(SECRET)

    with ThreadPoolExecutor(max_workers=8) as pool:
        stored = list(pool.map(encrypt, range(32)))

    cipher = Cipher.from_settings(settings(tmp_path))
    assert {cipher.decrypt(one) for one in stored} == {SECRET}
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_what_is_no_key_is_told_without_showing_it(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("scribble")

    with pytest.raises(ConfigurationError, match=r"secret\.key is not a key") as from_file:
        Cipher.from_settings(settings(tmp_path))
    with pytest.raises(ConfigurationError, match="COSELL_SECRET_KEY is not a key") as from_settings:
        Cipher.from_settings(settings(tmp_path, secret_key="scribble"))

    assert "scribble" not in str(from_file.value) + str(from_settings.value)


def test_key_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match=r"COSELL_HOME .* or set COSELL_SECRET_KEY"):
        Cipher.from_settings(settings(tmp_path / "file" / "home"))


def test_umask_does_not_open_the_key(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Cipher.from_settings(settings(tmp_path))
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600

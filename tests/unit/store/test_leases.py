"""A record is in one hand: leases are taken, renewed, lost and given back."""

import asyncio
from datetime import timedelta

import pytest

from cosell.errors import LeaseHeld
from cosell.store import Ledger
from cosell.store.leases import check_lease
from tests.unit.store.conftest import MovingClock, Place


async def test_what_is_held_is_not_given_to_another(ledger: Ledger) -> None:
    assert await ledger.leases.acquire(["a", "b"], holder="one", seconds=60) == {"a", "b"}

    assert await ledger.leases.acquire(["b", "c"], holder="two", seconds=60) == {"c"}
    assert await ledger.leases.acquire([], holder="two", seconds=60) == set()


async def test_holder_asking_again_gets_its_own(ledger: Ledger, clock: MovingClock) -> None:
    await ledger.leases.acquire(["a"], holder="one", seconds=60)
    clock.advance(50)

    assert await ledger.leases.acquire(["a"], holder="one", seconds=60) == {"a"}

    clock.advance(50)
    assert await ledger.leases.acquire(["a"], holder="two", seconds=60) == set()


async def test_expired_lease_is_free_and_cannot_be_renewed(ledger: Ledger, clock: MovingClock) -> None:
    await ledger.leases.acquire(["a", "b"], holder="one", seconds=60)
    clock.advance(60)

    assert await ledger.leases.renew(["a", "b"], holder="one", seconds=60) == set()
    assert await ledger.leases.acquire(["a"], holder="two", seconds=60) == {"a"}


async def test_renewed_lease_lasts(ledger: Ledger, clock: MovingClock) -> None:
    await ledger.leases.acquire(["a"], holder="one", seconds=60)
    clock.advance(59)

    assert await ledger.leases.renew(["a", "never held"], holder="one", seconds=60) == {"a"}

    clock.advance(59)
    assert await ledger.leases.acquire(["a"], holder="two", seconds=60) == set()


async def test_released_lease_is_free_and_that_of_another_is_left_alone(ledger: Ledger) -> None:
    await ledger.leases.acquire(["a"], holder="one", seconds=60)

    await ledger.leases.release(["a"], holder="two")
    assert await ledger.leases.acquire(["a"], holder="two", seconds=60) == set()

    await ledger.leases.release(["a"], holder="one")
    assert await ledger.leases.acquire(["a"], holder="two", seconds=60) == {"a"}


async def test_hold_takes_all_or_none_and_gives_back(ledger: Ledger) -> None:
    async with ledger.leases.hold(["a", "b"], holder="one", seconds=60) as lease:
        assert lease.keys == {"a", "b"}
        with pytest.raises(LeaseHeld, match="record b"):
            async with ledger.leases.hold(["b", "c"], holder="two", seconds=60):
                pytest.fail("b is held")
        assert await ledger.leases.acquire(["c"], holder="three", seconds=60) == {"c"}

    assert await ledger.leases.acquire(["a", "b"], holder="two", seconds=60) == {"a", "b"}


async def test_two_tasks_of_one_run_do_not_hold_the_same_record(ledger: Ledger) -> None:
    async with ledger.leases.hold(["a"], holder="run", seconds=60):
        with pytest.raises(LeaseHeld):
            async with ledger.leases.hold(["a"], holder="run", seconds=60):
                pytest.fail("another task has it")

        assert await ledger.leases.acquire(["a"], holder="other run", seconds=60) == set(), "still held"


async def test_held_lease_is_renewed_by_its_own_holder(ledger: Ledger, clock: MovingClock) -> None:
    async with ledger.leases.hold(["a"], holder="run", seconds=60) as lease:
        clock.advance(50)
        assert await ledger.leases.renew(lease.keys, holder=lease.holder, seconds=60) == {"a"}
        clock.advance(50)
        assert await ledger.leases.acquire(["a"], holder="other run", seconds=60) == set()


async def test_hold_gives_back_when_the_work_fails(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError):
        async with ledger.leases.hold(["a"], holder="one", seconds=60):
            raise RuntimeError

    assert await ledger.leases.acquire(["a"], holder="two", seconds=60) == {"a"}


async def test_lease_taken_over_is_not_given_back_by_its_first_holder(ledger: Ledger, clock: MovingClock) -> None:
    async with ledger.leases.hold(["a"], holder="one", seconds=60):
        clock.advance(60)
        await ledger.leases.acquire(["a"], holder="two", seconds=60)

    assert await ledger.leases.acquire(["a"], holder="three", seconds=60) == set()


async def test_tenants_have_keys_of_their_own(ledger: Ledger, place: Place) -> None:
    await ledger.leases.acquire(["a"], holder="one", seconds=60)

    async with place.open(tenant=f"{place.tenant}-other") as other:
        assert await other.leases.acquire(["a"], holder="two", seconds=60) == {"a"}
        await other.leases.release(["a"], holder="one")

    assert await ledger.leases.acquire(["a"], holder="two", seconds=60) == set()


async def test_lease_cannot_be_taken_over_while_its_holder_is_recording(
    ledger: Ledger, place: Place, clock: MovingClock
) -> None:
    late = clock.at + timedelta(seconds=61)
    async with place.open(clock=lambda: late) as other, ledger.leases.hold(["a"], holder="one", seconds=60) as lease:
        async with ledger._database.write() as connection:
            await check_lease(connection, ledger._database, lease)
            taking = asyncio.create_task(other.leases.acquire(["a"], holder="two", seconds=60))
            done, _ = await asyncio.wait({taking}, timeout=0.3)
            assert not done, "its clock says that the lease has expired, but the holder is not done"

        assert await taking == {"a"}

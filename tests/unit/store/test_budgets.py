"""Limits shared through the ledger: by processes, by tenants of one account, on both databases."""

import asyncio

from cosell.http.budget import Limit, Urgency
from cosell.store import Ledger
from tests.unit.store.conftest import MovingClock, Place
from tests.unit.store.rival import PER_INTERVAL, SECONDS, SENT, rivals


def limit_of(place: Place) -> Limit:
    return Limit(account=f"partner-center:{place.tenant}", lanes=5, interval_seconds=1.0)


async def test_two_processes_together_never_start_more_than_the_limit(place: Place) -> None:
    with rivals(place.url, place.tenant, "send_all", number=2) as (one, other):
        starts = sorted(float(start) for start in [*one.answer(), *other.answer()])

    assert len(starts) == 2 * SENT
    pairs = zip(starts, starts[PER_INTERVAL:], strict=False)
    assert all(later - earlier >= SECONDS for earlier, later in pairs)


async def test_tenants_which_use_the_same_account_share_its_limit(place: Place) -> None:
    limit = limit_of(place)
    async with place.open(tenant="one") as one, place.open(tenant="other") as other:
        first = await one.budgets.reserve(limit, urgency=Urgency.FOREGROUND, count=5)
        second = await other.budgets.reserve(limit, urgency=Urgency.FOREGROUND, count=1)

    assert second.starts[0] == first.starts[0] + 1


async def test_pause_which_one_was_told_holds_for_all(ledger: Ledger, place: Place, clock: MovingClock) -> None:
    limit = limit_of(place)
    async with place.open() as other:
        await other.budgets.pause(limit, seconds=30)
        await other.budgets.pause(limit, seconds=3)

    grant = await ledger.budgets.reserve(limit, urgency=Urgency.FOREGROUND, count=1)

    assert grant.starts[0] == grant.paused_until == clock().timestamp() + 30


async def test_background_which_has_to_wait_changes_nothing(ledger: Ledger, place: Place) -> None:
    limit = limit_of(place)
    await ledger.budgets.reserve(limit, urgency=Urgency.FOREGROUND, count=5)

    refused = [await ledger.budgets.reserve(limit, urgency=Urgency.BACKGROUND, count=1) for _ in range(3)]

    assert [grant.starts for grant in refused] == [(), (), ()]
    grant = await ledger.budgets.reserve(limit, urgency=Urgency.FOREGROUND, count=1)
    assert grant.starts[0] == refused[0].again_at


async def test_tasks_of_one_process_book_one_after_the_other(ledger: Ledger, place: Place) -> None:
    limit = limit_of(place)
    asked = [ledger.budgets.reserve(limit, urgency=Urgency.FOREGROUND, count=1) for _ in range(20)]

    starts = sorted(grant.starts[0] for grant in await asyncio.gather(*asked))

    assert all(later - earlier >= 1 for earlier, later in zip(starts, starts[5:], strict=False))

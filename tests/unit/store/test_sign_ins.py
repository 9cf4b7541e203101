"""An ended sign-in is noted down once, tried by one at a time, and over as soon as somebody has signed in."""

import asyncio
from datetime import timedelta

from cosell.store import Ledger
from tests.unit.store.conftest import MovingClock, Place

NAME = "partner-center"
SPAN = timedelta(minutes=10)


async def test_first_to_meet_it_notes_it_down_and_what_was_told_stays(ledger: Ledger, clock: MovingClock) -> None:
    assert await ledger.sign_ins.find_lost(NAME) is None
    first_at = clock.at

    assert await ledger.vault.note_lost(NAME, told="the first text")
    clock.advance(60)
    assert not await ledger.vault.note_lost(NAME, told="another text")

    lost = await ledger.sign_ins.find_lost(NAME)
    assert lost is not None
    assert (lost.lost_at, lost.told) == (first_at, "the first text")


async def test_many_who_meet_it_at_once_note_it_down_once(ledger: Ledger, place: Place) -> None:
    async with place.open() as other:
        noted = await asyncio.gather(*(each.sign_ins.note_lost(NAME, told="t") for each in (ledger, other) * 5))
    assert sorted(noted) == [False] * 9 + [True]


async def test_one_in_each_span_may_try(ledger: Ledger, place: Place, clock: MovingClock) -> None:
    assert not await ledger.sign_ins.claim_trial(NAME, every=SPAN), "there is nothing to try"
    await ledger.sign_ins.note_lost(NAME, told="t")
    assert not await ledger.sign_ins.claim_trial(NAME, every=SPAN), "it was tried just now"

    clock.advance(SPAN.total_seconds())
    async with place.open() as other:
        claimed = await asyncio.gather(*(each.sign_ins.claim_trial(NAME, every=SPAN) for each in (ledger, other) * 3))
    assert sorted(claimed) == [False] * 5 + [True]
    clock.advance(SPAN.total_seconds())
    assert await ledger.sign_ins.claim_trial(NAME, every=SPAN)


async def test_new_sign_in_ends_it_together_with_being_kept(ledger: Ledger) -> None:
    await ledger.sign_ins.note_lost(NAME, told="t")
    await ledger.sign_ins.note_lost("another", told="t")

    await ledger.vault.save_new_sign_in(NAME, b"fresh")

    assert (await ledger.sign_ins.find_lost(NAME), await ledger.vault.load(NAME)) == (None, b"fresh")
    assert await ledger.sign_ins.find_lost("another") is not None
    assert await ledger.sign_ins.note_lost(NAME, told="t"), "it may end again"


async def test_renewal_of_a_sign_in_does_not_end_it(ledger: Ledger) -> None:
    await ledger.sign_ins.note_lost(NAME, told="t")
    await ledger.vault.save(NAME, b"renewed")
    assert await ledger.sign_ins.find_lost(NAME) is not None


async def test_note_that_it_works_again_tells_whether_that_is_news(ledger: Ledger) -> None:
    await ledger.sign_ins.note_lost(NAME, told="t")
    assert [await ledger.sign_ins.note_good(NAME) for _ in range(2)] == [True, False]


async def test_one_tenant_does_not_wait_for_the_sign_in_of_another(ledger: Ledger, place: Place) -> None:
    await ledger.sign_ins.note_lost(NAME, told="t")
    async with place.open(tenant=f"{place.tenant}-other") as other:
        assert await other.sign_ins.find_lost(NAME) is None
        assert not await other.sign_ins.note_good(NAME)
    assert await ledger.sign_ins.find_lost(NAME) is not None

"""What only happens between processes: several at once, and `kill -9` in between."""

import signal
from dataclasses import replace

from cosell.domain.ids import ReferralId
from cosell.domain.link import LinkState
from cosell.store import DeadLetter, HintKind, Ledger
from tests.unit.store.conftest import MovingClock, Place
from tests.unit.store.rival import KINDS, RECORDS, hint, rivals

ALL_RECORDS = sorted(f"r{number}" for number in range(RECORDS))


async def test_two_processes_never_claim_the_same_entry(ledger: Ledger, place: Place) -> None:
    await ledger.inbox.add([hint(record_id) for record_id in ALL_RECORDS])

    with rivals(place.url, place.tenant, "claim_all", number=2) as (one, other):
        first, second = one.answer(), other.answer()

    assert sorted(first + second) == ALL_RECORDS


async def test_two_processes_never_lease_the_same_record(ledger: Ledger, place: Place) -> None:
    with rivals(place.url, place.tenant, "lease_all", number=2) as (one, other):
        first, second = one.answer(), other.answer()

    assert sorted(first + second) == sorted(f"key-{number}" for number in range(RECORDS))
    assert await ledger.leases.acquire(first, holder="late", seconds=60) == set()


async def test_two_processes_begin_the_same_links(ledger: Ledger, place: Place) -> None:
    with rivals(place.url, place.tenant, "begin_all", number=2) as (one, other):
        first, second = one.answer(), other.answer()

    assert first == second
    assert await ledger.links.count_by_state() == {LinkState.CREATING: RECORDS}


async def test_hint_that_two_processes_add_is_accepted_once(ledger: Ledger, place: Place) -> None:
    with rivals(place.url, place.tenant, "add_all", number=2) as (one, other):
        first, second = one.answer(), other.answer()

    assert sorted(first + second) == ALL_RECORDS
    assert await ledger.inbox.count_waiting() == RECORDS


async def test_three_workers_never_have_one_record_in_two_hands_and_lose_none(ledger: Ledger, place: Place) -> None:
    with rivals(place.url, place.tenant, "work", number=3) as started:
        assert [rival.answer() for rival in started] == [[], [], []]

    added = await ledger.inbox.add([hint(record_id) for record_id in ALL_RECORDS])
    assert added.accepted + added.duplicate == await ledger.inbox.count_waiting() == RECORDS


async def test_killed_between_claim_and_settle_another_takes_over(
    ledger: Ledger, place: Place, clock: MovingClock
) -> None:
    await ledger.inbox.add([hint("r1"), hint("r2")])
    with rivals(place.url, place.tenant, "claim_and_hang") as (victim,):
        assert victim.answer() == ["r1", "r2"]
        victim.kill()

    assert await ledger.inbox.claim(KINDS, limit=9, holder="heir", seconds=60) == []
    assert await ledger.leases.acquire(["key-0"], holder="heir", seconds=60) == set()
    clock.advance(60)
    taken = await ledger.inbox.claim(KINDS, limit=9, holder="heir", seconds=60)

    assert [(entry.record_id, entry.attempts) for entry in taken] == [("r1", 1), ("r2", 1)]
    assert await ledger.leases.acquire(["key-0"], holder="heir", seconds=60) == {"key-0"}
    assert await ledger.inbox.settle(taken) == 2


async def test_killed_in_the_middle_of_recording_leaves_nothing_and_locks_nobody_out(
    ledger: Ledger, place: Place
) -> None:
    begun = await ledger.links.begin(referral_id=ReferralId("r1"))
    letter = DeadLetter(kind=HintKind.REFERRAL, record_id="r1", flow="f", cause="c", message="m")
    await ledger.dead_letters.add(letter)

    with rivals(place.url, place.tenant, "die_in_record_sync") as (victim,):
        assert victim.wait() == -signal.SIGKILL

    assert await ledger.links.get(begun.link_id) == begun
    assert len(await ledger.dead_letters.list_open()) == 1
    await ledger.record_sync(replace(begun, state=LinkState.LINKED))
    assert await ledger.dead_letters.list_open() == []

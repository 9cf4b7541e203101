"""The inbox keeps every hint, hands each record to one, and in order."""

from datetime import datetime, timedelta

from cosell.store import Door, Hint, HintKind, InboxEntry, Ledger
from tests.unit.store.conftest import MovingClock, Place

ALL = tuple(HintKind)


def hint(
    record_id: str,
    *,
    etag: str | None = None,
    kind: HintKind = HintKind.REFERRAL,
    changed_at: datetime | None = None,
) -> Hint:
    return Hint(door=Door.PARTNER_CENTER, kind=kind, record_id=record_id, etag=etag, changed_at=changed_at)


async def claim(ledger: Ledger, *, limit: int = 100, holder: str = "one", seconds: float = 60) -> list[InboxEntry]:
    return await ledger.inbox.claim(ALL, limit=limit, holder=holder, seconds=seconds)


def ids(entries: list[InboxEntry]) -> list[str]:
    return [entry.record_id for entry in entries]


async def test_repeated_hint_melts_into_the_waiting_one(ledger: Ledger) -> None:
    first = await ledger.inbox.add([hint("a"), hint("b"), hint("a")])
    second = await ledger.inbox.add([hint("b"), hint("c")])

    assert (first.accepted, first.duplicate) == (2, 1)
    assert (second.accepted, second.duplicate) == (1, 1)
    assert await ledger.inbox.count_waiting() == 3


async def test_records_are_found_while_they_wait_and_while_somebody_has_them(ledger: Ledger) -> None:
    await ledger.inbox.add([hint("a"), hint("b", kind=HintKind.OPPORTUNITY), hint("c")])
    entries = await claim(ledger, limit=1)
    assert await ledger.inbox.find_records(["a", "b", "nobody"]) == {"a", "b"}

    await ledger.inbox.settle(entries)

    assert await ledger.inbox.find_records(["a", "b", "c"]) == {"a", "b", "c"} - set(ids(entries))


async def test_no_hints_are_no_trouble(ledger: Ledger) -> None:
    added = await ledger.inbox.add([])

    assert (added.accepted, added.duplicate) == (0, 0)
    assert await ledger.inbox.settle([]) == 0
    assert await ledger.inbox.release([], delay_seconds=1) == 0
    assert await ledger.inbox.extend([], 1) == []


async def test_same_id_of_another_kind_is_another_record(ledger: Ledger) -> None:
    added = await ledger.inbox.add([hint("a"), hint("a", kind=HintKind.OPPORTUNITY)])

    assert added.accepted == 2


async def test_oldest_due_comes_first_and_only_the_kinds_asked_for(ledger: Ledger, clock: MovingClock) -> None:
    for record_id in ("late", "later"):
        await ledger.inbox.add([hint(record_id)])
        clock.advance(1)
    await ledger.inbox.add([hint("latest"), hint("other", kind=HintKind.SOLUTION)])

    taken = await ledger.inbox.claim([HintKind.REFERRAL], limit=2, holder="one", seconds=60)

    assert ids(taken) == ["late", "later"]
    assert {entry.kind for entry in taken} == {HintKind.REFERRAL}


async def test_claimed_entry_does_not_swallow_a_newer_hint(ledger: Ledger) -> None:
    await ledger.inbox.add([hint("a")])
    held = await claim(ledger)

    added = await ledger.inbox.add([hint("a")])

    assert added.accepted == 1
    assert await claim(ledger, holder="two") == [], "the record is in somebody's hand"
    await ledger.inbox.settle(held)
    assert ids(await claim(ledger, holder="two")) == ["a"]


async def test_record_in_hand_does_not_hold_up_others(ledger: Ledger) -> None:
    await ledger.inbox.add([hint("slow")])
    await claim(ledger)
    await ledger.inbox.add([hint("slow"), hint("quick")])

    assert ids(await claim(ledger, holder="two")) == ["quick"]


async def test_etags_that_agree_are_kept_and_others_forgotten(ledger: Ledger) -> None:
    await ledger.inbox.add([hint("same", etag="1"), hint("differs", etag="1"), hint("batch", etag="1")])
    await ledger.inbox.add([hint("same", etag="1"), hint("differs", etag="2")])
    await ledger.inbox.add([hint("batch", etag="1"), hint("batch", etag="2")])

    etags = {entry.record_id: entry.hint.etag for entry in await claim(ledger)}

    assert etags == {"same": "1", "differs": None, "batch": None}


async def test_latest_time_of_a_change_is_kept_unless_one_hint_does_not_say(ledger: Ledger, clock: MovingClock) -> None:
    early, late = clock.at, clock.at + timedelta(seconds=1)
    await ledger.inbox.add([hint("rises", changed_at=early), hint("falls", changed_at=late), hint("unsaid")])
    await ledger.inbox.add([hint("rises", changed_at=late), hint("falls", changed_at=early)])
    await ledger.inbox.add([hint("unsaid", changed_at=late)])
    await ledger.inbox.add([hint("batch", changed_at=late), hint("batch", changed_at=early), hint("half")])
    await ledger.inbox.add([hint("half", changed_at=late), hint("half")])

    times = {entry.record_id: entry.hint.changed_at for entry in await claim(ledger)}

    assert times == {"rises": late, "falls": late, "batch": late, "unsaid": None, "half": None}


async def test_settled_entries_are_gone(ledger: Ledger, clock: MovingClock) -> None:
    await ledger.inbox.add([hint("a"), hint("b")])

    assert await ledger.inbox.settle(await claim(ledger)) == 2

    clock.advance(3600)
    assert await claim(ledger) == []
    assert await ledger.inbox.find_oldest_waiting_at() is None


async def test_released_entry_waits_for_its_time_and_counts_the_attempt(ledger: Ledger, clock: MovingClock) -> None:
    received_at = clock.at
    await ledger.inbox.add([hint("a", etag="1")])
    assert await ledger.inbox.release(await claim(ledger), delay_seconds=30) == 1

    assert await claim(ledger) == []
    clock.advance(30)
    (again,) = await claim(ledger)

    assert (again.attempts, again.received_at, again.hint.etag) == (1, received_at, "1")
    assert again.received_at.tzinfo is not None


async def test_released_entry_melts_into_the_newer_hint_which_is_due_at_once(
    ledger: Ledger, clock: MovingClock
) -> None:
    received_at = clock.at
    await ledger.inbox.add([hint("a", etag="1")])
    held = await claim(ledger)
    clock.advance(5)
    await ledger.inbox.add([hint("a", etag="2")])

    await ledger.inbox.release(held, delay_seconds=600)

    (again,) = await claim(ledger)
    assert (again.attempts, again.received_at, again.hint.etag) == (1, received_at, None)


async def test_newer_hint_wakes_an_entry_that_was_put_off(ledger: Ledger) -> None:
    await ledger.inbox.add([hint("a")])
    await ledger.inbox.release(await claim(ledger), delay_seconds=600)

    await ledger.inbox.add([hint("a")])

    assert ids(await claim(ledger)) == ["a"]


async def test_expired_claim_is_taken_over_and_its_first_holder_has_no_say_any_more(
    ledger: Ledger, clock: MovingClock
) -> None:
    await ledger.inbox.add([hint("a")])
    lost = await claim(ledger, holder="one", seconds=60)
    clock.advance(60)

    (taken,) = await claim(ledger, holder="two")

    assert taken.attempts == 1
    assert await ledger.inbox.settle(lost) == 0
    assert await ledger.inbox.release(lost, delay_seconds=0) == 0
    assert await ledger.inbox.extend(lost, 60) == []
    assert await ledger.inbox.settle([taken]) == 1


async def test_expired_claim_goes_before_the_hint_behind_it(ledger: Ledger, clock: MovingClock) -> None:
    await ledger.inbox.add([hint("a")])
    (first,) = await claim(ledger)
    await ledger.inbox.add([hint("a")])
    clock.advance(60)

    (taken,) = await claim(ledger, holder="two")

    assert taken.entry_id == first.entry_id
    assert await ledger.inbox.count_waiting() == 1


async def test_extended_claim_lasts(ledger: Ledger, clock: MovingClock) -> None:
    await ledger.inbox.add([hint("a")])
    held = await claim(ledger, seconds=60)
    clock.advance(50)

    (extended,) = await ledger.inbox.extend(held, 60)

    clock.advance(50)
    assert await claim(ledger, holder="two") == []
    assert await ledger.inbox.settle([extended]) == 1


async def test_waiting_is_what_nobody_holds(ledger: Ledger, clock: MovingClock) -> None:
    first_at = clock.at
    await ledger.inbox.add([hint("a")])
    clock.advance(10)
    await ledger.inbox.add([hint("b")])
    assert await ledger.inbox.find_oldest_waiting_at() == first_at

    await claim(ledger, limit=1, seconds=60)

    assert await ledger.inbox.count_waiting() == 1
    assert await ledger.inbox.find_oldest_waiting_at() == clock.at
    clock.advance(60)
    assert await ledger.inbox.count_waiting() == 2


async def test_more_than_one_statement_can_carry(ledger: Ledger) -> None:
    many = [hint(f"r{number}") for number in range(9_000)]

    added = await ledger.inbox.add(many)
    held = await claim(ledger, limit=9_000)

    assert added.accepted == len(held) == 9_000
    assert len({entry.record_id for entry in held}) == 9_000
    assert await ledger.inbox.settle(held) == 9_000


async def test_tenants_do_not_see_one_another(ledger: Ledger, place: Place) -> None:
    await ledger.inbox.add([hint("a")])

    async with place.open(tenant=f"{place.tenant}-other") as other:
        assert await other.inbox.count_waiting() == 0
        assert await claim(other) == []
        assert (await other.inbox.add([hint("a")])).accepted == 1
        assert await other.inbox.settle(await claim(ledger)) == 0


async def test_what_could_be_claimed_is_told_by_kind_with_the_time_of_the_oldest(place: Place) -> None:
    async with place.open() as ledger:
        start = place.clock.at
        await ledger.inbox.add([hint("a"), hint("b", kind=HintKind.OPPORTUNITY)])
        place.clock.advance(5)
        await ledger.inbox.add([hint("c")])
        assert await ledger.inbox.find_due() == {HintKind.REFERRAL: start, HintKind.OPPORTUNITY: start}

        # When: all is claimed, and a newer hint waits behind a claim.
        held = await claim(ledger, seconds=60)
        await ledger.inbox.add([hint("a")])
        assert await ledger.inbox.find_due() == {}

        # Then: what is released comes when it is due, what is not settled when the claim ends.
        await ledger.inbox.release([entry for entry in held if entry.record_id == "b"], delay_seconds=10)
        assert await ledger.inbox.find_due() == {}
        place.clock.advance(10)
        assert await ledger.inbox.find_due() == {HintKind.OPPORTUNITY: place.clock.at}
        place.clock.advance(50)
        assert set(await ledger.inbox.find_due()) == {HintKind.REFERRAL, HintKind.OPPORTUNITY}

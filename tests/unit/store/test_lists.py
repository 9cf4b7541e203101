"""The lists a person works through: dead letters, conflicts, and the journal of one deal."""

from dataclasses import replace
from decimal import Decimal

import pytest

from cosell.domain.ids import OpportunityId, ReferralId, Side
from cosell.domain.link import Link, LinkState
from cosell.domain.money import Money
from cosell.errors import RecordNotFound
from cosell.store import Conflict, DeadLetter, DeadLetterState, Door, HintKind, JournalEntry, Ledger
from tests.unit.store.conftest import MovingClock, Place

LINK = Link(link_id="link-1", state=LinkState.LINKED, referral_id=ReferralId("r1"), opportunity_id=OpportunityId("o1"))


def letter(record_id: str, *, cause: str = "RequestRejected", message: str = "No.") -> DeadLetter:
    return DeadLetter(
        kind=HintKind.REFERRAL,
        record_id=record_id,
        flow="partner-center-to-dynamics",
        cause=cause,
        message=message,
        request_id="q-1",
    )


async def test_letter_is_counted_up_and_takes_the_latest_reason(ledger: Ledger, clock: MovingClock) -> None:
    first_at = clock.at
    first = await ledger.dead_letters.add(letter("r1"))
    clock.advance(60)

    again = await ledger.dead_letters.add(letter("r1", cause="NotReady", message="Country is missing."))

    assert again.dead_letter_id == first.dead_letter_id
    assert (again.count, again.first_at, again.last_at) == (2, first_at, clock.at)
    assert again.letter == replace(letter("r1", cause="NotReady", message="Country is missing."), at=clock.at)
    assert await ledger.dead_letters.list_open() == [again]
    assert await ledger.dead_letters.get(first.dead_letter_id) == again


async def test_retried_letter_is_back_in_the_inbox_and_opens_again_when_it_fails(ledger: Ledger) -> None:
    filed = await ledger.dead_letters.add(letter("r1"))

    (retried,) = await ledger.dead_letters.retry([filed.dead_letter_id, "of nobody"])

    assert retried.state is DeadLetterState.RETRIED
    assert await ledger.dead_letters.list_open() == []
    assert await ledger.dead_letters.retry([filed.dead_letter_id]) == []
    (entry,) = await ledger.inbox.claim([HintKind.REFERRAL], limit=9, holder="one", seconds=60)
    assert (entry.record_id, entry.hint.door) == ("r1", Door.HAND)
    again = await ledger.dead_letters.add(letter("r1"))
    assert (again.state, again.count) == (DeadLetterState.OPEN, 2)


async def test_retried_letter_that_passes_is_resolved(ledger: Ledger) -> None:
    filed = await ledger.dead_letters.add(letter("r1"))
    await ledger.dead_letters.retry([filed.dead_letter_id])

    await ledger.dead_letters.resolve(HintKind.REFERRAL, "r1")
    await ledger.dead_letters.resolve(HintKind.REFERRAL, "of nobody")

    assert (await ledger.dead_letters.get(filed.dead_letter_id)).state is DeadLetterState.RESOLVED


async def test_dismissed_letter_says_who_and_a_new_failure_starts_from_one(ledger: Ledger, clock: MovingClock) -> None:
    await ledger.dead_letters.add(letter("r1"))
    filed = await ledger.dead_letters.add(letter("r1"))
    clock.advance(60)

    (dismissed,) = await ledger.dead_letters.dismiss([filed.dead_letter_id], "anna")

    assert (dismissed.state, dismissed.settled_by) == (DeadLetterState.DISMISSED, "anna")
    assert dismissed.settled_at == clock.at
    again = await ledger.dead_letters.add(letter("r1"))
    assert (again.count, again.first_at, again.settled_by) == (1, clock.at, None)


async def test_letters_are_listed_latest_first_and_counted_by_cause(ledger: Ledger, clock: MovingClock) -> None:
    for record_id, cause in (("r1", "A"), ("r2", "B"), ("r3", "B")):
        await ledger.dead_letters.add(letter(record_id, cause=cause))
        clock.advance(1)

    listed = [filed.letter.record_id for filed in await ledger.dead_letters.list_open()]

    assert listed == ["r3", "r2", "r1"]
    assert list((await ledger.dead_letters.count_open_by_cause()).items()) == [("B", 2), ("A", 1)]


async def test_letter_or_conflict_of_nobody_is_told(ledger: Ledger) -> None:
    with pytest.raises(RecordNotFound, match="dead letter"):
        await ledger.dead_letters.get("of nobody")
    with pytest.raises(RecordNotFound, match="conflict"):
        await ledger.conflicts.get("of nobody")
    with pytest.raises(RecordNotFound, match="conflict"):
        await ledger.conflicts.resolve("of nobody", Side.DATAVERSE)


async def test_person_chooses_a_side_once(ledger: Ledger, clock: MovingClock) -> None:
    money = Money(amount=Decimal("10"), currency="EUR")
    found = Conflict(
        link_id="link-1", field="value", partner_center=money, dataverse=None, winner=Side.DATAVERSE, base=None
    )
    await ledger.record_sync(LINK, conflicts=[found])
    (filed,) = await ledger.conflicts.list_open()
    assert filed.conflict.partner_center == money

    chosen = await ledger.conflicts.resolve(filed.conflict_id, Side.PARTNER_CENTER)

    assert (chosen.chosen, chosen.resolved_at, chosen.state) == (Side.PARTNER_CENTER, clock.at, "chosen")
    assert await ledger.conflicts.list_open() == []
    assert await ledger.conflicts.get(filed.conflict_id) == chosen
    with pytest.raises(RecordNotFound):
        await ledger.conflicts.resolve(filed.conflict_id, Side.DATAVERSE)


async def test_journal_tells_the_life_of_a_deal_newest_first(ledger: Ledger, clock: MovingClock) -> None:
    await ledger.links.save(LINK)
    lines = [
        JournalEntry(link_id="link-1", rule="created", note="Found by company name."),
        JournalEntry(
            link_id="link-1",
            rule="owner",
            side=Side.PARTNER_CENTER,
            field="value",
            old=None,
            new=Money(amount=Decimal("10"), currency="EUR"),
            flow_run_id="run-1",
        ),
    ]

    await ledger.journal.append(lines)
    await ledger.journal.append([])

    stamped = [replace(line, at=clock.at) for line in lines]
    assert await ledger.journal.list_for(opportunity_id=OpportunityId("o1")) == stamped[::-1]
    assert await ledger.journal.list_for(referral_id=ReferralId("r1"), limit=1) == stamped[1:]
    assert await ledger.journal.list_for(referral_id=ReferralId("r2")) == []
    with pytest.raises(ValueError, match="not both"):
        await ledger.journal.list_for()


async def test_tenants_do_not_see_one_another(ledger: Ledger, place: Place) -> None:
    filed = await ledger.dead_letters.add(letter("r1"))
    await ledger.links.save(LINK)
    await ledger.journal.append([JournalEntry(link_id="link-1", rule="created")])

    async with place.open(tenant=f"{place.tenant}-other") as other:
        await other.links.save(LINK)
        assert await other.journal.list_for(referral_id=ReferralId("r1")) == []
        assert await other.dead_letters.list_open() == []
        assert await other.dead_letters.dismiss([filed.dead_letter_id], "anna") == []
        assert await other.dead_letters.retry([filed.dead_letter_id]) == []
        await other.dead_letters.resolve(HintKind.REFERRAL, "r1")
        assert await other.dead_letters.count_open_by_cause() == {}
        with pytest.raises(RecordNotFound):
            await other.dead_letters.get(filed.dead_letter_id)

    assert (await ledger.dead_letters.get(filed.dead_letter_id)).state is DeadLetterState.OPEN

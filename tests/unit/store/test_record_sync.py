"""The last step of every sync happens as a whole or not at all."""

from dataclasses import replace
from decimal import Decimal

import pytest

from cosell.domain.ids import OpportunityId, ReferralId, Side
from cosell.domain.link import Link, LinkState
from cosell.domain.money import Money
from cosell.errors import LeaseHeld, RecordNotFound
from cosell.store import Conflict, DeadLetter, HintKind, JournalEntry, Ledger, SyncRecord
from tests.unit.store.conftest import MovingClock, Place

LINK = Link(
    link_id="link-1",
    state=LinkState.LINKED,
    referral_id=ReferralId("r1"),
    opportunity_id=OpportunityId("o1"),
    base={"name": "Old"},
)


def conflict(field: str = "name", *, dataverse: str = "CRM", winner: Side | None = Side.PARTNER_CENTER) -> Conflict:
    return Conflict(
        link_id=LINK.link_id, field=field, partner_center="Agreed", dataverse=dataverse, winner=winner, base="Old"
    )


def entry(field: str = "name", *, link_id: str = LINK.link_id) -> JournalEntry:
    return JournalEntry(link_id=link_id, rule="owner", side=Side.DATAVERSE, field=field, old="CRM", new="Agreed")


async def open_fields(ledger: Ledger) -> list[str]:
    return sorted(filed.conflict.field for filed in await ledger.conflicts.list_open())


async def test_link_journal_and_conflicts_are_recorded_together(ledger: Ledger, clock: MovingClock) -> None:
    agreed = replace(LINK, base={"name": "Agreed"}, synced_at=clock.at)

    await ledger.record_sync(agreed, journal=[entry()], conflicts=[conflict()])

    assert await ledger.links.get(LINK.link_id) == agreed
    (line,) = await ledger.journal.list_for(referral_id=ReferralId("r1"))
    assert line == replace(entry(), at=clock.at)
    (filed,) = await ledger.conflicts.list_open()
    assert filed.conflict == replace(conflict(), found_at=clock.at)


async def test_failure_in_the_last_part_leaves_nothing(ledger: Ledger) -> None:
    await ledger.links.save(LINK)
    await ledger.dead_letters.add(DeadLetter(kind=HintKind.REFERRAL, record_id="r1", flow="f", cause="c", message="m"))

    with pytest.raises(RecordNotFound):
        await ledger.record_sync(
            replace(LINK, base={"name": "Agreed"}),
            journal=[entry(), entry(link_id="of nobody")],
            conflicts=[conflict()],
        )

    assert await ledger.links.get(LINK.link_id) == LINK
    assert await ledger.journal.list_for(referral_id=ReferralId("r1")) == []
    assert await ledger.conflicts.list_open() == []
    assert len(await ledger.dead_letters.list_open()) == 1


async def test_many_syncs_are_recorded_at_once(ledger: Ledger) -> None:
    links = [
        replace(LINK, link_id=f"link-{n}", referral_id=ReferralId(f"r{n}"), opportunity_id=OpportunityId(f"o{n}"))
        for n in range(1200)
    ]

    await ledger.record_syncs([SyncRecord(link=link, journal=[entry(link_id=link.link_id)]) for link in links])
    await ledger.record_syncs([])

    assert [link async for link in ledger.links.iter_all()] == sorted(links, key=lambda link: link.link_id)


async def test_sync_under_a_lease_is_recorded(ledger: Ledger) -> None:
    async with ledger.leases.hold(["referral:r1", "opportunity:o1"], holder="one", seconds=60) as lease:
        await ledger.record_sync(LINK, lease=lease)

    assert await ledger.links.get(LINK.link_id) == LINK


async def test_sync_whose_lease_was_lost_is_refused(ledger: Ledger, clock: MovingClock) -> None:
    async with ledger.leases.hold(["referral:r1"], holder="one", seconds=60) as lease:
        clock.advance(60)
        with pytest.raises(LeaseHeld):
            await ledger.record_sync(LINK, lease=lease)
        await ledger.leases.acquire(["referral:r1"], holder="two", seconds=60)
        with pytest.raises(LeaseHeld):
            await ledger.record_syncs([SyncRecord(link=LINK), SyncRecord(link=LINK, lease=lease)])

    assert await ledger.links.find_by_referral_ids([ReferralId("r1")]) == {}


async def test_sync_that_passes_closes_the_dead_letters_of_both_records(ledger: Ledger) -> None:
    for kind, record_id in (
        (HintKind.REFERRAL, "r1"),
        (HintKind.OPPORTUNITY, "o1"),
        (HintKind.REFERRAL, "r2"),
        (HintKind.SOLUTION, "o1"),
    ):
        await ledger.dead_letters.add(DeadLetter(kind=kind, record_id=record_id, flow="f", cause="c", message="m"))

    await ledger.record_sync(LINK)

    still = {(filed.letter.kind, filed.letter.record_id) for filed in await ledger.dead_letters.list_open()}
    assert still == {(HintKind.REFERRAL, "r2"), (HintKind.SOLUTION, "o1")}


async def test_conflict_stays_while_the_field_stands_as_it_was_settled(ledger: Ledger) -> None:
    settled = replace(LINK, base={"name": "Agreed", "other": "1"})
    await ledger.record_sync(settled, conflicts=[conflict()])

    await ledger.record_sync(replace(settled, base={"name": "Agreed", "other": "2"}))

    assert await open_fields(ledger) == ["name"]


async def test_conflict_is_over_when_the_field_has_moved_on(ledger: Ledger, clock: MovingClock) -> None:
    settled = replace(LINK, base={"name": "Agreed", "value": Money(amount=Decimal(1), currency="EUR")})
    await ledger.record_sync(settled, conflicts=[conflict()])
    (filed,) = await ledger.conflicts.list_open()
    clock.advance(60)

    await ledger.record_sync(replace(settled, base={"name": "Newer"}))

    assert await ledger.conflicts.list_open() == []
    closed = await ledger.conflicts.get(filed.conflict_id)
    assert (closed.state, closed.resolved_at, closed.chosen) == ("moved_on", clock.at, None)


async def test_newer_conflict_of_a_field_takes_the_place_of_the_older(ledger: Ledger) -> None:
    settled = replace(LINK, base={"name": "Agreed"})
    await ledger.record_sync(settled, conflicts=[conflict(dataverse="CRM 1"), conflict("notes")])
    assert await open_fields(ledger) == ["name", "notes"]

    await ledger.record_sync(settled, conflicts=[conflict(dataverse="CRM 2")])

    named = {filed.conflict.field: filed.conflict.dataverse for filed in await ledger.conflicts.list_open()}
    assert named == {"name": "CRM 2", "notes": "CRM"}


async def test_same_conflict_again_is_not_listed_twice(ledger: Ledger, clock: MovingClock) -> None:
    found_at = clock.at
    await ledger.record_sync(LINK, conflicts=[conflict(winner=None)])
    clock.advance(60)

    await ledger.record_sync(LINK, conflicts=[conflict(winner=None)])

    (filed,) = await ledger.conflicts.list_open()
    assert filed.conflict.found_at == found_at


async def test_conflict_without_a_winner_ends_when_it_is_not_reported_again(ledger: Ledger) -> None:
    await ledger.record_sync(LINK, conflicts=[conflict(winner=None)])

    await ledger.record_sync(LINK)

    assert await ledger.conflicts.list_open() == []


async def test_conflicts_of_other_links_are_left_alone(ledger: Ledger, place: Place) -> None:
    await ledger.record_sync(LINK, conflicts=[conflict(winner=None)])
    other = replace(LINK, link_id="link-2", referral_id=ReferralId("r2"), opportunity_id=OpportunityId("o2"))

    await ledger.record_sync(other)
    async with place.open(tenant=f"{place.tenant}-other") as stranger:
        await stranger.record_sync(LINK)
        assert await stranger.conflicts.list_open() == []

    assert await open_fields(ledger) == ["name"]


async def test_conflict_is_on_file_before_the_sync_is_recorded(ledger: Ledger, clock: MovingClock) -> None:
    await ledger.links.save(LINK)

    await ledger.conflicts.file([conflict()])
    found_at = clock.at
    clock.advance(60)
    await ledger.conflicts.file([conflict()])
    await ledger.record_sync(replace(LINK, base={"name": "Agreed"}), conflicts=[conflict()])

    (filed,) = await ledger.conflicts.find_open(LINK.link_id)
    assert filed.conflict == replace(conflict(), found_at=found_at)
    assert await ledger.conflicts.find_open("of nobody") == []


async def test_filed_conflict_takes_the_place_of_an_older_one_and_ends_none_of_another_field(ledger: Ledger) -> None:
    await ledger.links.save(LINK)
    await ledger.conflicts.file([conflict(), conflict("notes", winner=None)])

    await ledger.conflicts.file([conflict(dataverse="CRM again")])
    await ledger.conflicts.file([])

    filed = await ledger.conflicts.find_open(LINK.link_id)
    assert sorted((item.conflict.field, item.conflict.dataverse) for item in filed) == [
        ("name", "CRM again"),
        ("notes", "CRM"),
    ]


async def test_conflict_of_a_link_that_is_not_there_is_not_filed(ledger: Ledger) -> None:
    with pytest.raises(RecordNotFound):
        await ledger.conflicts.file([conflict()])

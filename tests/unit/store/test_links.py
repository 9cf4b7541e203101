"""Links are found from either side, begun once, and read in pages."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from cosell.domain.ids import EngagementId, LeadId, OpportunityId, ReferralId, Side
from cosell.domain.link import Link, LinkState
from cosell.domain.money import Money
from cosell.errors import AlreadyExists, RecordNotFound
from cosell.store import JournalEntry, Ledger
from tests.unit.store.conftest import Place


def link(number: int, *, engagement: str = "e") -> Link:
    return Link(
        link_id=f"link-{number:05}",
        state=LinkState.LINKED,
        referral_id=ReferralId(f"r{number}"),
        opportunity_id=OpportunityId(f"o{number}"),
        engagement_id=EngagementId(engagement),
    )


async def test_link_comes_back_as_it_was_saved(ledger: Ledger) -> None:
    saved = replace(
        link(1),
        referral_etag='W/"1"',
        opportunity_etag='W/"2"',
        base={
            "name": "Ümlaut & Söhne \u0000 ✔",
            "value": Money(amount=Decimal("12.5"), currency="eur"),
            "closing_on": date(2026, 7, 1),
            "rate": Decimal("0.10"),
            "help": frozenset({"b", "a"}),
            "visible": True,
            "notes": None,
        },
        told=frozenset({"country", "solution"}),
        synced_at=datetime(2026, 3, 1, 13, 0, 0, 123456, tzinfo=timezone(timedelta(hours=1))),
    )

    await ledger.links.save(saved)
    found = await ledger.links.get(saved.link_id)

    assert found == saved
    assert found.synced_at is not None
    assert found.synced_at.tzinfo is UTC


async def test_links_are_found_from_every_side(ledger: Ledger) -> None:
    for number in (1, 2):
        await ledger.links.save(link(number, engagement="shared"))
    await ledger.links.save(link(3, engagement="alone"))

    assert await ledger.links.find_by_referral_ids([ReferralId("r1"), ReferralId("none")]) == {
        "r1": link(1, engagement="shared")
    }
    assert set(await ledger.links.find_by_opportunity_ids([OpportunityId("o2"), OpportunityId("o3")])) == {"o2", "o3"}
    grouped = await ledger.links.find_by_engagement_ids([EngagementId("shared"), EngagementId("none")])
    assert {key: len(links) for key, links in grouped.items()} == {"shared": 2}
    assert await ledger.links.find_by_referral_ids([]) == {}


async def test_link_begins_with_a_lead_and_keeps_it_when_the_opportunity_comes(ledger: Ledger) -> None:
    begun = await ledger.links.begin(referral_id=ReferralId("r1"), lead_id=LeadId("l1"))
    grown = await ledger.links.begin(referral_id=ReferralId("r1"), opportunity_id=OpportunityId("o1"))
    await ledger.links.save(replace(grown, lead_etag='W/"7"'))

    found = (await ledger.links.find_by_lead_ids([LeadId("l1"), LeadId("none")]))[LeadId("l1")]
    assert (begun.is_lead, found.is_lead) == (True, False)
    assert (found.link_id, found.lead_id, found.opportunity_id) == (begun.link_id, "l1", "o1")
    assert found.lead_etag == 'W/"7"'


async def test_lead_belongs_to_one_referral(ledger: Ledger) -> None:
    await ledger.links.begin(referral_id=ReferralId("r1"), lead_id=LeadId("l1"))

    with pytest.raises(AlreadyExists, match="referral and the lead"):
        await ledger.links.begin(referral_id=ReferralId("r2"), lead_id=LeadId("l1"))
    with pytest.raises(AlreadyExists):
        await ledger.links.save(replace(link(2), lead_id=LeadId("l1")))


async def test_thousands_of_ids_are_found_at_once(ledger: Ledger) -> None:
    await ledger.links.save(link(1))

    found = await ledger.links.find_by_referral_ids(ReferralId(f"r{number}") for number in range(70_000))

    assert set(found) == {"r1"}


async def test_missing_link_is_told(ledger: Ledger) -> None:
    with pytest.raises(RecordNotFound, match="no such link"):
        await ledger.links.get("nothing")


async def test_beginning_twice_gives_the_same_link(ledger: Ledger) -> None:
    first = await ledger.links.begin(referral_id=ReferralId("r1"), engagement_id=EngagementId("e1"))
    again = await ledger.links.begin(referral_id=ReferralId("r1"))

    assert first.state is LinkState.CREATING
    assert again == first
    linked = replace(first, state=LinkState.LINKED, opportunity_id=OpportunityId("o1"))
    await ledger.links.save(linked)
    assert await ledger.links.begin(opportunity_id=OpportunityId("o1")) == linked
    assert await ledger.links.begin(referral_id=ReferralId("r1"), opportunity_id=OpportunityId("o1")) == linked


async def test_beginning_with_both_sides_completes_a_link_that_knew_one(ledger: Ledger) -> None:
    begun = await ledger.links.begin(opportunity_id=OpportunityId("o1"))

    both = await ledger.links.begin(
        referral_id=ReferralId("r1"), opportunity_id=OpportunityId("o1"), engagement_id=EngagementId("e1")
    )

    assert both == replace(begun, referral_id=ReferralId("r1"), engagement_id=EngagementId("e1"))
    assert await ledger.links.find_by_referral_ids([ReferralId("r1")]) == {"r1": both}


async def test_two_halves_of_one_pair_become_one_link_with_what_was_known_of_either(ledger: Ledger) -> None:
    """A run died between creating the opportunity and noting it down; then a poll of the CRM found it first."""
    of_referral = await ledger.links.begin(referral_id=ReferralId("r1"), engagement_id=EngagementId("e1"))
    of_opportunity = await ledger.links.begin(opportunity_id=OpportunityId("o1"))
    await ledger.links.save(replace(of_opportunity, told=frozenset({"refused:once"})))
    await ledger.journal.append([JournalEntry(link_id=of_opportunity.link_id, side=Side.DATAVERSE, rule="said before")])

    both = await ledger.links.begin(referral_id=ReferralId("r1"), opportunity_id=OpportunityId("o1"))

    assert both == replace(of_referral, opportunity_id=OpportunityId("o1"), told=frozenset({"refused:once"}))
    assert [link async for link in ledger.links.iter_all()] == [both]
    assert [entry.rule for entry in await ledger.journal.list_for(referral_id=ReferralId("r1"))] == ["said before"]


async def test_link_does_not_begin_across_two_others(ledger: Ledger) -> None:
    await ledger.links.save(link(1))
    await ledger.links.save(link(2))

    with pytest.raises(AlreadyExists, match="not with each other"):
        await ledger.links.begin(referral_id=ReferralId("r1"), opportunity_id=OpportunityId("o2"))
    with pytest.raises(AlreadyExists, match="not with each other"):
        await ledger.links.begin(referral_id=ReferralId("r1"), opportunity_id=OpportunityId("o9"))
    assert await ledger.links.find_by_opportunity_ids([OpportunityId("o9")]) == {}


async def test_link_begins_with_a_record(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="begins with"):
        await ledger.links.begin()


async def test_opportunity_cannot_be_taken_by_a_second_link(ledger: Ledger) -> None:
    await ledger.links.save(link(1))

    with pytest.raises(AlreadyExists):
        await ledger.links.save(replace(link(2), opportunity_id=OpportunityId("o1")))


async def test_many_links_may_lack_the_other_side(ledger: Ledger) -> None:
    for number in range(3):
        await ledger.links.begin(referral_id=ReferralId(f"r{number}"))

    assert await ledger.links.count_by_state() == {LinkState.CREATING: 3}


async def test_all_links_come_in_pages_in_order_and_once(ledger: Ledger) -> None:
    for number in range(7):
        await ledger.links.save(link(number))

    pages = [len(page) async for page in ledger.links.iter_pages(page_size=3)]
    one_by_one = [found.link_id async for found in ledger.links.iter_all(page_size=2)]

    assert pages == [3, 3, 1]
    assert one_by_one == [f"link-{number:05}" for number in range(7)]


async def test_links_may_be_saved_while_pages_are_read(ledger: Ledger) -> None:
    for number in range(4):
        await ledger.links.save(link(number))

    async for page in ledger.links.iter_pages(page_size=2):
        for found in page:
            await ledger.links.save(replace(found, state=LinkState.BROKEN))

    assert await ledger.links.count_by_state() == {LinkState.BROKEN: 4}


async def test_tenants_may_have_the_same_records(ledger: Ledger, place: Place) -> None:
    await ledger.links.save(link(1))

    async with place.open(tenant=f"{place.tenant}-other") as other:
        assert await other.links.find_by_referral_ids([ReferralId("r1")]) == {}
        assert [found async for found in other.links.iter_all()] == []
        with pytest.raises(RecordNotFound):
            await other.links.get("link-00001")
        begun = await other.links.begin(referral_id=ReferralId("r1"))
        assert begun.state is LinkState.CREATING

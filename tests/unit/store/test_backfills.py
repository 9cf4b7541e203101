"""Plans of first loads and their records, and pairs which are begun by the page, on both databases."""

from dataclasses import replace

import pytest

from cosell.domain.ids import EngagementId, OpportunityId, ReferralId
from cosell.domain.link import Link, LinkState
from cosell.errors import RecordNotFound
from cosell.store import BackfillItem, BackfillPlan, HintKind, ItemState, Ledger, PlanState
from tests.unit.store.conftest import MovingClock, Place


def plan_of(clock: MovingClock, plan_id: str = "p1") -> BackfillPlan:
    return BackfillPlan(plan_id=plan_id, direction="to-crm", planned_at=clock(), details={})


def item(record_id: str, *, kind: HintKind = HintKind.REFERRAL, verdict: str = "create") -> BackfillItem:
    return BackfillItem(kind=kind, record_id=record_id, verdict=verdict)


def pair(number: int, *, opportunity: str = "") -> Link:
    return Link(
        link_id=f"l{number}",
        state=LinkState.CREATING,
        referral_id=ReferralId(f"r{number}"),
        opportunity_id=OpportunityId(opportunity or f"o{number}"),
        engagement_id=EngagementId(f"e{number}"),
    )


async def test_newer_plan_takes_the_place_of_the_one_before(ledger: Ledger, clock: MovingClock) -> None:
    await ledger.backfills.begin(plan_of(clock))
    await ledger.backfills.add_items("p1", [item("r1")])
    await ledger.backfills.begin(plan_of(clock, "p2"))

    assert (await ledger.backfills.get("p2")).state is PlanState.PLANNING
    assert await ledger.backfills.count("p1") == []
    with pytest.raises(RecordNotFound, match="p1"):
        await ledger.backfills.get("p1")


async def test_plan_of_another_tenant_is_not_touched(ledger: Ledger, place: Place, clock: MovingClock) -> None:
    await ledger.backfills.begin(plan_of(clock))
    async with place.open(tenant=f"{place.tenant}-b") as other:
        assert await other.backfills.find() is None
        await other.backfills.begin(plan_of(clock, "p9"))

    assert (await ledger.backfills.get("p1")).plan_id == "p1"


async def test_records_are_settled_and_counted_by_what_became_of_them(ledger: Ledger, clock: MovingClock) -> None:
    await ledger.backfills.begin(plan_of(clock))
    await ledger.backfills.add_items("p1", [item(f"r{number}") for number in range(5)])
    await ledger.backfills.add_items("p1", [replace(item("r0"), state=ItemState.REFUSED)])  # known already
    await ledger.backfills.settle(
        "p1",
        [
            replace(item("r1"), state=ItemState.DONE),
            replace(item("r2"), state=ItemState.DONE),
            replace(item("r3"), state=ItemState.LEFT_OUT, reason="closed"),
        ],
    )

    counted = {(each.state, each.reason): each.count for each in await ledger.backfills.count("p1")}

    assert counted == {
        (ItemState.DONE, ""): 2,
        (ItemState.LEFT_OUT, "closed"): 1,
        (ItemState.WAITING, ""): 2,
    }


async def test_items_are_read_by_the_page_each_once(ledger: Ledger, clock: MovingClock) -> None:
    await ledger.backfills.begin(plan_of(clock))
    both = [item(f"r{number}", kind=kind) for number in range(7) for kind in (HintKind.REFERRAL, HintKind.OPPORTUNITY)]
    await ledger.backfills.add_items("p1", both)

    pages = [page async for page in ledger.backfills.iter_items("p1", page_size=4)]

    assert [len(page) for page in pages] == [4, 4, 4, 2]
    read = [(each.kind, each.record_id) for page in pages for each in page]
    assert sorted(read) == sorted((each.kind, each.record_id) for each in both)


async def test_pairs_are_begun_together_and_half_known_ones_are_filled_in(ledger: Ledger) -> None:
    half = await ledger.links.begin(referral_id=ReferralId("r1"))

    begun = await ledger.links.begin_all([pair(1), pair(2)])

    known = {link.referral_id: link for link in begun}
    assert known[ReferralId("r1")].link_id == half.link_id
    assert (known[ReferralId("r1")].opportunity_id, known[ReferralId("r1")].engagement_id) == ("o1", "e1")
    assert await ledger.links.get(half.link_id) == known[ReferralId("r1")]
    assert {link.link_id: link for link in await ledger.links.begin_all([pair(1), pair(2)])} == {
        link.link_id: link for link in begun
    }


async def test_pair_which_quarrels_with_another_is_left_out_and_its_neighbours_are_begun(ledger: Ledger) -> None:
    await ledger.links.begin(referral_id=ReferralId("r9"), opportunity_id=OpportunityId("o1"))

    begun = await ledger.links.begin_all([pair(1), pair(2)])

    assert [link.referral_id for link in begun] == ["r2"]

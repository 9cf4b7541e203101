"""How far we have read, which flows are active, and small facts: written whole, read back as they were."""

from datetime import timedelta

import pytest

from cosell.domain.flows import FlowName
from cosell.errors import CosellError
from cosell.store import Door, Hint, HintKind, Ledger
from tests.unit.store.conftest import MovingClock, Place


async def test_poll_stores_hints_and_delta_link_together(ledger: Ledger, clock: MovingClock) -> None:
    hints = [Hint(door=Door.SCHEDULE, kind=HintKind.OPPORTUNITY, record_id=record_id) for record_id in "aba"]
    assert await ledger.marks.find_delta_link("opportunities") is None

    added = await ledger.record_poll("opportunities", delta_link="d1", select_hash="h1", hints=hints)

    assert (added.accepted, added.duplicate) == (2, 1)
    mark = await ledger.marks.find_delta_link("opportunities")
    assert mark is not None
    assert (mark.link, mark.select_hash, mark.saved_at) == ("d1", "h1", clock.at)


async def test_poll_that_fails_keeps_the_old_delta_link_and_no_hint(ledger: Ledger) -> None:
    await ledger.record_poll("opportunities", delta_link="d1", select_hash="h1", hints=[])

    # The delta link is written last, and a column of it may not be empty.
    with pytest.raises(CosellError):
        await ledger.record_poll(
            "opportunities",
            delta_link="d2",
            select_hash=None,  # type: ignore[arg-type]
            hints=[Hint(door=Door.SCHEDULE, kind=HintKind.OPPORTUNITY, record_id="a")],
        )

    mark = await ledger.marks.find_delta_link("opportunities")
    assert mark is not None
    assert mark.link == "d1"
    assert await ledger.inbox.count_waiting() == 0


async def test_newer_delta_link_takes_the_place_of_the_older_until_it_is_forgotten(ledger: Ledger) -> None:
    await ledger.record_poll("accounts", delta_link="other", select_hash="h", hints=[])
    for link in ("d1", "d2"):
        await ledger.record_poll("opportunities", delta_link=link, select_hash="h2", hints=[])

    mark = await ledger.marks.find_delta_link("opportunities")
    assert mark is not None
    assert mark.link == "d2"
    await ledger.marks.forget_delta_link("opportunities")
    assert await ledger.marks.find_delta_link("opportunities") is None
    assert await ledger.marks.find_delta_link("accounts") is not None


async def test_watermark_moves(ledger: Ledger, clock: MovingClock) -> None:
    assert await ledger.marks.find_watermark("referrals") is None

    for at in (clock.at, clock.at + timedelta(microseconds=1)):
        await ledger.record_listing("referrals", until=at, hints=[])
        assert await ledger.marks.find_watermark("referrals") == at


async def test_flows_are_active_until_they_are_not(ledger: Ledger, clock: MovingClock) -> None:
    await ledger.activations.activate(FlowName.REGISTER_WEBHOOK, "validation event delivered")
    await ledger.activations.activate(FlowName.CREATE_COSELL_REFERRAL, "first")
    clock.advance(60)
    await ledger.activations.activate(FlowName.CREATE_COSELL_REFERRAL, "second")

    active = await ledger.activations.find_all()

    assert set(active) == {FlowName.REGISTER_WEBHOOK, FlowName.CREATE_COSELL_REFERRAL}
    again = active[FlowName.CREATE_COSELL_REFERRAL]
    assert (again.detail, again.activated_at) == ("second", clock.at)
    await ledger.activations.deactivate(FlowName.REGISTER_WEBHOOK.dependants)
    assert set(await ledger.activations.find_all()) == {FlowName.REGISTER_WEBHOOK}


async def test_small_facts_are_kept(ledger: Ledger, place: Place) -> None:
    assert await ledger.meta.find("organization_id") is None

    await ledger.meta.save("organization_id", "1")
    await ledger.meta.save("organization_id", "2")

    async with place.open() as reopened:
        assert await reopened.meta.find("organization_id") == "2"


async def test_ledger_says_that_it_can_be_written(ledger: Ledger) -> None:
    await ledger.meta.check_writable()


async def test_tenants_do_not_see_one_another(ledger: Ledger, place: Place, clock: MovingClock) -> None:
    await ledger.meta.save("organization_id", "1")
    await ledger.record_poll("opportunities", delta_link="d1", select_hash="h1", hints=[])
    await ledger.record_listing("referrals", until=clock.at, hints=[])
    await ledger.activations.activate(FlowName.REGISTER_WEBHOOK, "ok")

    async with place.open(tenant=f"{place.tenant}-other") as other:
        assert await other.meta.find("organization_id") is None
        assert await other.marks.find_delta_link("opportunities") is None
        assert await other.marks.find_watermark("referrals") is None
        assert await other.activations.find_all() == {}
        await other.marks.forget_delta_link("opportunities")
        await other.activations.deactivate(FlowName)

    assert await ledger.marks.find_delta_link("opportunities") is not None
    assert set(await ledger.activations.find_all()) == {FlowName.REGISTER_WEBHOOK}

"""Whatever breaks while a lead arrives or is accepted: the next look ends with one lead and one opportunity."""

from collections.abc import Awaitable, Callable

import pytest

from cosell.errors import ConflictError, RetryableError
from cosell.sync.hold import LEASE_SECONDS
from tests.sync.conftest import Stands
from tests.sync.doors import assert_silence, look_at_referral
from tests.sync.fate import Fate, Killed
from tests.sync.leads import LEAD, arrived_lead
from tests.sync.portrait import portrait
from tests.sync.stand import Document, Stand

Begin = Callable[[Stand], Awaitable[str]]


async def nothing_yet(stand: Stand) -> str:
    return await stand.microsoft_invites(**LEAD)


async def accepted_in_the_portal(stand: Stand) -> str:
    lead = await arrived_lead(stand)
    await lead.colleague_edits(notes="They bake at night.")
    await lead.colleague_accepts()
    return lead.referral_id


async def qualified_by_the_seller(stand: Stand) -> str:
    lead = await arrived_lead(stand)
    await lead.seller_edits(description="Spoke to the bakers.")
    await lead.seller_qualifies()
    return lead.referral_id


async def accepted_before_it_arrived(stand: Stand) -> str:
    referral_id = await stand.microsoft_invites(**LEAD)
    await stand.colleague_edits(referral_id, {"/status": "Active", "/substatus": "Accepted"})
    return referral_id


BEGINNINGS = [nothing_yet, accepted_in_the_portal, qualified_by_the_seller, accepted_before_it_arrived]


async def outcome_of(stand: Stand) -> Document:
    """Describe the end, but for what was said of a sending: a run which dies right after it has told nobody."""
    seen = await portrait(stand)
    for row in [*seen["leads"], *seen["opportunities"]]:
        row["audit"] = [line for line in row["audit"] if not line.startswith("Sent to Partner Center")]
    return seen


async def undisturbed(stands: Stands, begin: Begin) -> tuple[Document, Fate]:
    stand, fate = await stands.begin(), Fate()
    referral_id = await begin(stand)
    async with stand.run(fate) as workspace:
        await look_at_referral(workspace, referral_id)
    return await outcome_of(stand), fate


@pytest.mark.parametrize("begin", BEGINNINGS)
async def test_killed_at_any_step_it_ends_as_if_nothing_had_been(stands: Stands, begin: Begin) -> None:
    wanted, story = await undisturbed(stands, begin)
    assert len(wanted["leads"]) == (begin is not accepted_before_it_arrived)
    assert len(wanted["opportunities"]) == (begin is not nothing_yet)
    assert len(wanted["referrals"]) == len(wanted["links"]) == 1

    for dies_at in story.turning_points():
        stand = await stands.begin()
        referral_id = await begin(stand)
        with pytest.raises(Killed):
            async with stand.run(Fate(dies_at=dies_at)) as workspace:
                await look_at_referral(workspace, referral_id)

        stand.pass_time(LEASE_SECONDS + 1)
        async with stand.run() as workspace:
            await look_at_referral(workspace, referral_id)

        assert await outcome_of(stand) == wanted, f"killed before step {dies_at}, {story.steps[dies_at - 1]}"
        await assert_silence(stand)


@pytest.mark.parametrize("begin", BEGINNINGS[:3])
@pytest.mark.parametrize("trouble", [{"reset": "before"}, {"truncate": True}])
async def test_call_that_fails_ends_as_if_nothing_had_been(stands: Stands, begin: Begin, trouble: Document) -> None:
    wanted, story = await undisturbed(stands, begin)

    for number in range(1, len(story.calls()) + 1):
        stand = await stands.begin()
        referral_id = await begin(stand)
        await stand.control("PUT", "faults", [{"path": "^/(api|v1.0)/", "nth": number, "action": trouble}])

        await look_until_done(stand, referral_id)

        assert await outcome_of(stand) == wanted, f"call {number}, {story.calls()[number - 1]}"
        await assert_silence(stand)


async def look_until_done(stand: Stand, referral_id: str) -> None:
    """Try again as a task does."""
    for _ in range(3):
        async with stand.run() as workspace:
            try:
                await look_at_referral(workspace, referral_id)
            except (RetryableError, ConflictError):
                stand.pass_time(100)
            else:
                return
    raise AssertionError("it never came to an end")

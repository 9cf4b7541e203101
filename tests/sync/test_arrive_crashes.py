"""Whatever breaks while a referral is brought into the CRM: the next look ends with one opportunity, as if nothing."""

import pytest

from cosell.errors import ConflictError, RetryableError
from cosell.sync.hold import LEASE_SECONDS
from tests.sync.conftest import Stands
from tests.sync.doors import assert_silence, look_at_opportunity, look_at_referral
from tests.sync.fate import Fate, Killed
from tests.sync.portrait import portrait
from tests.sync.stand import Document, Stand


async def arrive_undisturbed(stands: Stands) -> tuple[Document, Fate]:
    stand, fate = await stands.begin(), Fate()
    referral_id = await stand.microsoft_invites()
    async with stand.run(fate) as workspace:
        await look_at_referral(workspace, referral_id)
    return await portrait(stand), fate


async def test_killed_at_any_step_it_ends_as_if_nothing_had_been(stands: Stands) -> None:
    wanted, undisturbed = await arrive_undisturbed(stands)
    assert [len(wanted[part]) for part in ("opportunities", "accounts", "contacts", "links")] == [1, 1, 1, 1]

    for dies_at in undisturbed.turning_points():
        stand = await stands.begin()
        referral_id = await stand.microsoft_invites()
        with pytest.raises(Killed):
            async with stand.run(Fate(dies_at=dies_at)) as workspace:
                await look_at_referral(workspace, referral_id)

        stand.pass_time(LEASE_SECONDS + 1)
        async with stand.run() as workspace:
            await look_at_referral(workspace, referral_id)

        assert await portrait(stand) == wanted, f"killed before step {dies_at}, {undisturbed.steps[dies_at - 1]}"
        await assert_silence(stand)


async def test_poll_of_the_crm_which_comes_first_after_a_kill_finds_what_was_made(stands: Stands) -> None:
    """The opportunity may be there and nobody have noted down whose it is: the CRM's door must know it, too."""
    wanted, undisturbed = await arrive_undisturbed(stands)

    for dies_at in undisturbed.turning_points():
        stand = await stands.begin()
        referral_id = await stand.microsoft_invites()
        with pytest.raises(Killed):
            async with stand.run(Fate(dies_at=dies_at)) as workspace:
                await look_at_referral(workspace, referral_id)

        stand.pass_time(LEASE_SECONDS + 1)
        async with stand.run() as workspace:
            for row in await stand.opportunities():
                await look_at_opportunity(workspace, row["opportunityid"])
        async with stand.run() as workspace:
            await look_at_referral(workspace, referral_id)

        found = await portrait(stand)
        for part in ("opportunities", "accounts", "contacts", "solutions"):
            assert len(found[part]) == len(wanted[part]), f"killed before {undisturbed.steps[dies_at - 1]}"
        assert [(link[0], link[4]) for link in found["links"]] == [(link[0], link[4]) for link in wanted["links"]]
        await assert_silence(stand)


@pytest.mark.parametrize("trouble", [{"reset": "before"}, {"truncate": True}])
async def test_call_that_fails_ends_as_if_nothing_had_been(stands: Stands, trouble: dict[str, object]) -> None:
    wanted, undisturbed = await arrive_undisturbed(stands)

    for number in range(1, len(undisturbed.calls()) + 1):
        stand = await stands.begin()
        referral_id = await stand.microsoft_invites()
        await stand.control("PUT", "faults", [{"path": "^/(api|v1.0)/", "nth": number, "action": trouble}])

        await look_until_done(stand, referral_id)

        assert await portrait(stand) == wanted, f"call {number}, {undisturbed.calls()[number - 1]}"
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

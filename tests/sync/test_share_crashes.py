"""Whatever breaks while a deal is shared, wherever: the next look ends with one referral, as if nothing had been."""

from collections.abc import Awaitable, Callable

import pytest

from cosell.errors import ConflictError, RetryableError
from cosell.sync.hold import LEASE_SECONDS
from cosell.sync.workspace import Workspace
from tests.sync.conftest import Stands
from tests.sync.doors import assert_silence, look_at_opportunity, look_at_referral
from tests.sync.fate import Fate, Killed
from tests.sync.portrait import portrait
from tests.sync.stand import PROOF_OF_CONCEPT, Document, Stand

Door = Callable[[Stand, Workspace, str], Awaitable[object]]


async def from_the_crm(_stand: Stand, workspace: Workspace, opportunity_id: str) -> object:
    return await look_at_opportunity(workspace, opportunity_id)


async def from_partner_center_first(stand: Stand, workspace: Workspace, opportunity_id: str) -> object:
    """Partner Center's notification of what was created comes before the CRM is polled again."""
    for referral in await stand.referrals():
        await look_at_referral(workspace, referral["id"])
    return await look_at_opportunity(workspace, opportunity_id)


async def share_undisturbed(stands: Stands) -> tuple[Document, Fate]:
    stand, fate = await stands.begin(), Fate()
    opportunity_id = await stand.write_opportunity(cosell_help=PROOF_OF_CONCEPT)
    await stand.control("DELETE", "requests")
    async with stand.run(fate) as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    return await portrait(stand), fate


@pytest.mark.parametrize("door", [from_the_crm, from_partner_center_first])
async def test_killed_at_any_step_it_ends_as_if_nothing_had_been(stands: Stands, door: Door) -> None:
    wanted, undisturbed = await share_undisturbed(stands)
    assert wanted["copies"] == [["d27a8e14-6c3b-4b59-9f02-e5718a40cb63", "msft"]]

    for dies_at in undisturbed.turning_points():
        stand, fate = await stands.begin(), Fate(dies_at=dies_at)
        opportunity_id = await stand.write_opportunity(cosell_help=PROOF_OF_CONCEPT)
        with pytest.raises(Killed):
            async with stand.run(fate) as workspace:
                await look_at_opportunity(workspace, opportunity_id)

        stand.pass_time(LEASE_SECONDS + 1)
        async with stand.run() as workspace:
            await door(stand, workspace, opportunity_id)

        assert await portrait(stand) == wanted, f"killed before step {dies_at}, {undisturbed.steps[dies_at - 1]}"
        await assert_silence(stand)


@pytest.mark.parametrize("trouble", [{"reset": "after"}, {"status": 503}])
async def test_call_that_fails_ends_as_if_nothing_had_been(stands: Stands, trouble: dict[str, object]) -> None:
    wanted, undisturbed = await share_undisturbed(stands)

    for number in range(1, len(undisturbed.calls()) + 1):
        stand = await stands.begin()
        opportunity_id = await stand.write_opportunity(cosell_help=PROOF_OF_CONCEPT)
        await stand.control("PUT", "faults", [{"path": "^/(api|v1.0)/", "nth": number, "action": trouble}])

        await look_until_done(stand, opportunity_id)

        assert await portrait(stand) == wanted, f"call {number}, {undisturbed.calls()[number - 1]}"
        await assert_silence(stand)


async def look_until_done(stand: Stand, opportunity_id: str) -> None:
    """Try again as a task does."""
    for _ in range(3):
        async with stand.run() as workspace:
            try:
                await look_at_opportunity(workspace, opportunity_id)
            except (RetryableError, ConflictError):
                stand.pass_time(100)
            else:
                return
    raise AssertionError("it never came to an end")

"""Notifications get lost; the listing of flow 6 finds what they would have told, by pages and not by record."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tasks.referrals import find_moved_referrals
from tasks.workspace import _current
from tests.sync.alone import run_flow
from tests.sync.doors import assert_silence, look_at_referral
from tests.sync.fate import WRITES, Fate
from tests.sync.pairs import DEAL_VALUE, NOTES, shared_pair
from tests.sync.stand import Stand

DAYS = 3 * 86_400


@asynccontextmanager
async def listing(stand: Stand, fate: Fate | None = None) -> AsyncIterator[list[str]]:
    """List what has moved in Partner Center in a run of its own."""
    async with stand.run(fate) as workspace:
        token = _current.set(workspace)
        try:
            yield await find_moved_referrals.fn()
        finally:
            _current.reset(token)


async def handle_missed(stand: Stand) -> list[str]:
    """Bring over what the listing finds."""
    async with listing(stand) as moved:
        pass
    for referral_id in moved:
        async with stand.run() as workspace:
            await look_at_referral(workspace, referral_id)
    return moved


async def test_change_whose_notification_was_lost_is_found_by_the_listing(stand: Stand) -> None:
    pair, other = await shared_pair(stand), await shared_pair(stand)
    await handle_missed(stand)
    await pair.colleague_edits(DEAL_VALUE, 61000)
    await pair.colleague_edits(NOTES, "Nobody told us.")

    assert await handle_missed(stand) == [pair.referral_id]

    row = await pair.opportunity()
    assert (row["estimatedvalue"], row["description"]) == (61000, "Nobody told us.")
    assert (await other.opportunity())["estimatedvalue"] == 48000
    await assert_silence(stand)


async def test_invitation_whose_notification_was_lost_arrives_by_the_listing(stand: Stand) -> None:
    referral_id = await stand.microsoft_invites(name="Nobody told us")

    assert await handle_missed(stand) == [referral_id]

    (row,) = await stand.opportunities()
    assert row["name"] == "✔ Nobody told us"
    assert await handle_missed(stand) == []


async def test_listing_in_which_nothing_moved_is_one_page_and_names_nobody(stand: Stand) -> None:
    for _ in range(3):
        await shared_pair(stand)
    await handle_missed(stand)

    fate = Fate()
    async with listing(stand, fate) as moved:
        assert moved == []

    assert fate.calls() == ["GET /v1.0/engagements/referrals"]
    assert fate.calls(*WRITES) == []


async def test_run_which_dies_after_it_has_listed_leaves_everything_to_the_next(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await handle_missed(stand)
    await pair.colleague_edits(NOTES, "Nobody told us.")

    async with listing(stand) as moved:
        assert moved == [pair.referral_id]
    stand.pass_time(DAYS)  # the run ended there, having brought nothing over, and what it listed is old by now
    await stand.sign_in()

    async with stand.run() as workspace:
        await run_flow(6, workspace)
    assert (await pair.opportunity())["description"] == "Nobody told us."


async def test_referral_which_the_listing_found_is_not_read_once_more(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.colleague_edits(NOTES, "Nobody told us.")

    fate = Fate()
    async with stand.run(fate) as workspace:
        await run_flow(6, workspace)

    referrals = [call for call in fate.calls("GET") if "/referrals" in call]
    assert referrals == ["GET /v1.0/engagements/referrals"]

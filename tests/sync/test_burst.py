"""A burst of notifications is read by pages, and what a page shows as it was is asked for by itself."""

from collections.abc import Mapping
from datetime import datetime

from cosell.domain.ids import ReferralId
from cosell.store import Door, Hint, HintKind
from cosell.sync.recent import ALONE_AT_MOST, SAME_MOMENT, WORTH_A_PAGE, read_recent
from tests.sync.fate import Fate
from tests.sync.pairs import DEAL_VALUE, PairInStep, shared_pair
from tests.sync.stand import Stand

REFERRALS = "GET /v1.0/engagements/referrals"


async def read_all(stand: Stand, referral_ids: list[str]) -> list[str]:
    """Read referrals as flow 6 does; return the calls."""
    fate = Fate()
    async with stand.run(fate) as workspace:
        await read_recent(workspace, [ReferralId(item) for item in referral_ids])
        for referral_id in referral_ids:
            assert await workspace.get_referral(ReferralId(referral_id)) is not None
    return [call for call in fate.calls() if call.startswith(REFERRALS)]


async def invite_many(stand: Stand) -> list[str]:
    return [await stand.microsoft_invites(name=f"Invited {number}") for number in range(ALONE_AT_MOST + 1)]


async def test_many_invitations_at_once_are_read_in_one_call(stand: Stand) -> None:
    invited = await invite_many(stand)

    assert await read_all(stand, invited) == [REFERRALS]


async def test_few_are_read_one_by_one(stand: Stand) -> None:
    invited = (await invite_many(stand))[:2]

    assert await read_all(stand, invited) == [f"{REFERRALS}/{referral_id}" for referral_id in invited]


async def test_referral_which_the_page_shows_as_we_left_it_is_asked_for_by_itself(stand: Stand) -> None:
    still, moved = await shared_pair(stand), await shared_pair(stand)
    await moved.colleague_edits(DEAL_VALUE, 61000)
    invited = await invite_many(stand)

    calls = await read_all(stand, [still.referral_id, moved.referral_id, *invited])

    assert calls == [REFERRALS, f"{REFERRALS}/{still.referral_id}"]


async def test_burst_of_our_own_echoes_costs_one_call(stand: Stand) -> None:
    """Each of our own writes is announced to us; a first load announces thousands."""
    pairs = [await shared_pair(stand) for _ in range(ALONE_AT_MOST + 1)]

    announced = {pair.referral_id: await last_change(pair) for pair in pairs}

    assert await read_announced(stand, announced) == [REFERRALS]


async def test_change_announced_after_our_own_write_is_asked_for_by_itself(stand: Stand) -> None:
    """The listing may lag behind: what it shows as we left it is not what was announced."""
    pairs = [await shared_pair(stand) for _ in range(ALONE_AT_MOST + 1)]
    announced = {pair.referral_id: await last_change(pair) for pair in pairs}
    news = pairs[0].referral_id
    announced[news] += SAME_MOMENT * 2

    assert await read_announced(stand, announced) == [REFERRALS, f"{REFERRALS}/{news}"]


async def test_newcomer_which_has_moved_since_the_listing_is_asked_for_by_itself(stand: Stand) -> None:
    invited = await invite_many(stand)
    announced = {item: datetime.fromisoformat((await stand.referral(item))["updatedDateTime"]) for item in invited}
    announced[invited[0]] += SAME_MOMENT * 2

    assert await read_announced(stand, announced) == [REFERRALS, f"{REFERRALS}/{invited[0]}"]


async def last_change(pair: PairInStep) -> datetime:
    return datetime.fromisoformat((await pair.referral())["updatedDateTime"])


async def read_announced(stand: Stand, announced: Mapping[str, datetime]) -> list[str]:
    """Read referrals as flow 6 does after their notifications; return the calls."""
    hints = [
        Hint(door=Door.PARTNER_CENTER, kind=HintKind.REFERRAL, record_id=referral_id, changed_at=at)
        for referral_id, at in announced.items()
    ]
    fate = Fate()
    async with stand.run(fate) as workspace:
        await workspace.ledger.inbox.add(hints)
        workspace.claims += await workspace.ledger.inbox.claim(
            [HintKind.REFERRAL], limit=len(hints), holder=workspace.holder, seconds=60
        )
        await read_recent(workspace, [ReferralId(item) for item in announced])
        for referral_id in announced:
            await workspace.get_referral(ReferralId(referral_id))
    return [call for call in fate.calls() if call.startswith(REFERRALS)]


async def test_first_of_a_long_burst_are_found_further_down_the_listing(stand: Stand) -> None:
    """What came first is taken first, and stands last where the newest stand first."""
    await stand.control("POST", "options", {"page_size": 8})
    invited = [await stand.microsoft_invites(name=f"Invited {number}") for number in range(20)]

    assert await read_all(stand, invited[:15]) == [REFERRALS] * 3


async def test_what_never_stands_there_is_not_looked_for_to_the_end(stand: Stand) -> None:
    """Microsoft's copies do not; a page may cost as much as it can save, and no more."""
    await stand.control("POST", "options", {"page_size": 1})
    for number in range(4):
        await stand.microsoft_invites(name=f"Invited {number}")
    copies = [f"{number:08d}-2222-4333-8444-555555555555" for number in range(2 * WORTH_A_PAGE + 1)]
    fate = Fate()
    async with stand.run(fate) as workspace:
        await read_recent(workspace, [ReferralId(item) for item in copies])

    assert [call for call in fate.calls() if call.startswith(REFERRALS)] == [REFERRALS] * 2


async def test_listing_is_not_read_beyond_what_was_announced(stand: Stand) -> None:
    pairs = [await shared_pair(stand) for _ in range(2)]
    later = await last_change(pairs[-1]) + 2 * SAME_MOMENT
    await stand.control("POST", "options", {"page_size": 1})
    announced = {f"{number:08d}-2222-4333-8444-555555555555": later for number in range(2 * WORTH_A_PAGE + 1)}

    assert (await read_announced(stand, announced))[:2] == [REFERRALS, f"{REFERRALS}/{next(iter(announced))}"]

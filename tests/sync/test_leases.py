"""Several runs at the same deal at the same time, from both doors: never two of anything."""

import asyncio
import random

import pytest

from cosell.domain.ids import ReferralId
from cosell.errors import ConflictError, LeaseHeld, RetryableError
from cosell.sync.arrive import create_opportunity
from cosell.sync.hold import LEASE_SECONDS
from tests.sync.doors import assert_silence, look_at_opportunity, look_at_referral
from tests.sync.fate import Fate
from tests.sync.portrait import portrait
from tests.sync.stand import PROOF_OF_CONCEPT, Stand

SEARCH = "GET /v1.0/engagements/referrals"
CREATION = "POST /v1.0/engagements/referrals"
NEW_ACCOUNT = "POST /api/data/v9.2/accounts"
TRIES = 12


@pytest.mark.parametrize("seed", range(4))
async def test_arriving_and_sharing_the_same_deal_at_once(stand: Stand, seed: int) -> None:
    opportunity_id = await stand.write_opportunity(cosell_help=PROOF_OF_CONCEPT)
    dice, is_created = random.Random(seed), asyncio.Event()  # noqa: S311  the same dice for everybody

    async def share() -> None:
        await until_done(stand, dice, opportunity_id=opportunity_id, is_created=is_created)

    async def arrive() -> None:
        await is_created.wait()
        (ours,) = await stand.referrals()
        for copy in await stand.copies(ours["engagementId"]):
            await until_done(stand, dice, referral_id=copy["id"])

    await asyncio.gather(share(), arrive(), share(), arrive())

    seen = await portrait(stand)
    assert [len(seen[part]) for part in ("opportunities", "referrals", "links", "accounts")] == [1, 1, 1, 1]
    assert len(seen["copies"][0]) == 2
    audit = seen["opportunities"][0]["audit"]
    assert audit.count("Shared with Partner Center.") == 1
    assert sum("Microsoft was invited" in line for line in audit) == 1
    await assert_silence(stand)


async def test_deals_of_one_new_customer_in_one_run_share_its_account(stand: Stand) -> None:
    ids = [await stand.microsoft_invites(name=f"Deal {number}") for number in range(4)]
    fate = Fate()

    async def let_the_others_come_as_far_as_they_can() -> None:
        for _ in range(500):
            await asyncio.sleep(0)

    fate.just_before(NEW_ACCOUNT, let_the_others_come_as_far_as_they_can)
    async with stand.run(fate) as workspace:
        await asyncio.gather(*(create_opportunity(workspace, ReferralId(item)) for item in ids))

    assert await count_customers(stand) == (4, 1, 1)


async def test_deals_of_one_new_customer_in_two_runs_share_its_account(stand: Stand) -> None:
    first, second = [await stand.microsoft_invites(name=f"Deal {number}") for number in range(2)]
    fate = Fate()

    async def second_run() -> None:
        async with stand.run() as workspace:
            with pytest.raises(LeaseHeld):
                await look_at_referral(workspace, second)

    fate.just_before(NEW_ACCOUNT, second_run)
    async with stand.run(fate) as workspace:
        await look_at_referral(workspace, first)
    async with stand.run() as workspace:
        await look_at_referral(workspace, second)

    assert await count_customers(stand) == (2, 1, 1)


async def count_customers(stand: Stand) -> tuple[int, ...]:
    seen = await portrait(stand)
    return tuple(len(seen[part]) for part in ("opportunities", "accounts", "contacts"))


async def test_run_which_took_too_long_to_look_does_not_create(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity()
    slow = Fate()

    async def meanwhile() -> None:
        """Another run shares the deal while the slow one still holds the page which it has read before."""
        stand.pass_time(LEASE_SECONDS + 1)
        async with stand.run() as workspace:
            await look_at_opportunity(workspace, opportunity_id)

    slow.just_after(SEARCH, meanwhile)
    async with stand.run(slow) as workspace:
        with pytest.raises(LeaseHeld):
            await look_at_opportunity(workspace, opportunity_id)

    assert len(await stand.referrals()) == 1
    await assert_silence(stand)


async def until_done(
    stand: Stand,
    dice: random.Random,
    *,
    opportunity_id: str | None = None,
    referral_id: str | None = None,
    is_created: asyncio.Event | None = None,
) -> None:
    """Try again as a task does, each time in a run of its own; tell when our referral is there."""

    async def tell() -> None:
        if is_created:
            is_created.set()

    for _ in range(TRIES):
        fate = Fate(dawdles=dice)
        fate.just_after(CREATION, tell)
        async with stand.run(fate) as workspace:
            try:
                if opportunity_id:
                    await look_at_opportunity(workspace, opportunity_id)
                if referral_id:
                    await look_at_referral(workspace, referral_id)
            except (RetryableError, ConflictError):
                await asyncio.sleep(0)
            else:
                return
    raise AssertionError("it never came to an end")

"""A first load which dies at any step goes on where it was: nothing twice, nothing lost, as if nothing had been."""

import pytest

from cosell.errors import ConflictError, RetryableError
from cosell.sync.hold import LEASE_SECONDS
from tests.backfill.loads import apply, counts, describe_deals, every, look_at_all_again, plan
from tests.sync.conftest import Stands
from tests.sync.fate import WRITES, Fate, Killed
from tests.sync.stand import Document, Stand

MAKING = 8
"""So many deaths come before the pairs are finished, which is the road of single records, killed elsewhere."""
NEW = {"name": "Fabrikam Mills", "address": {"postalCode": "8001", "country": "CH"}}
PEOPLE = [{"firstName": "Tove", "lastName": "Lindqvist", "email": "tove@fabrikam.example", "phoneNumber": "1"}]


async def three_deals(stand: Stand) -> None:
    """Two of one new customer, and one which is waiting for an answer."""
    for name in ("First", "Second"):
        deal = await stand.microsoft_invites(name=name, customerProfile=NEW | {"team": PEOPLE})
        await stand.colleague_edits(deal, {"/status": "Active", "/substatus": "Accepted"})
    await stand.microsoft_invites(name="Third")


async def what_there_is(stand: Stand) -> Document:
    deals = await describe_deals(stand)
    names = {referral_id: deal["columns"]["name"] for referral_id, deal in deals.items()}
    for deal in deals.values():
        for name in ("cosell_referralid", "cosell_referrallink"):
            deal["columns"][name] = bool(deal["columns"][name])
        for name in ("referral_id", "referral_link"):
            deal["base"][name] = bool(deal["base"].get(name))
        state, _, told, *rest = deal["link"]
        deal["link"] = (state, told, *rest)
    return {
        "deals": {names[key]: deal for key, deal in sorted(deals.items(), key=lambda item: names[item[0]])},
        "accounts": sorted(row["name"] for row in await every(stand, "accounts")),
        "contacts": sorted(row["lastname"] for row in await every(stand, "contacts")),
        "catalogue": len(await every(stand, "cosell_microsoftsolutiondetails")),
    }


async def begin(stands: Stands) -> Stand:
    stand = await stands.begin()
    await three_deals(stand)
    return stand


async def load_undisturbed(stands: Stands) -> tuple[Document, Fate]:
    stand, fate = await begin(stands), Fate()
    await apply(stand, await plan(stand), fate)
    return await what_there_is(stand), fate


async def test_killed_at_any_step_it_goes_on_and_ends_as_if_nothing_had_been(stands: Stands) -> None:
    wanted, undisturbed = await load_undisturbed(stands)
    assert [len(wanted[part]) for part in ("deals", "accounts")] == [3, 2]

    points = undisturbed.turning_points()
    for dies_at in [*points[:MAKING], *points[MAKING::5]]:
        stand = await begin(stands)
        made = await plan(stand)
        with pytest.raises(Killed):
            await apply(stand, made, Fate(dies_at=dies_at))

        stand.pass_time(LEASE_SECONDS + 1)
        await apply(stand, made)

        told = f"killed before step {dies_at}, {undisturbed.steps[dies_at - 1]}"
        assert await what_there_is(stand) == wanted, told
        assert await counts(stand, made) == {("create", "done"): 3}, told
    assert (await look_at_all_again(stand)).calls(*WRITES) == []


@pytest.mark.parametrize("trouble", [{"reset": "after"}, {"status": 503}])
async def test_batch_whose_answer_is_lost_is_not_written_twice(stands: Stands, trouble: dict[str, object]) -> None:
    wanted, _ = await load_undisturbed(stands)
    stand = await begin(stands)
    made = await plan(stand)
    await stand.control("PUT", "faults", [{"path": r"\$batch$", "nth": 1, "action": trouble}])

    with pytest.raises((RetryableError, ConflictError)):
        await apply(stand, made)
    stand.pass_time(LEASE_SECONDS + 1)
    await apply(stand, made)

    assert await what_there_is(stand) == wanted


async def test_planning_which_died_is_not_applied_and_planned_again(stands: Stands) -> None:
    stand = await begin(stands)
    with pytest.raises(Killed):
        await plan(stand, fate=Fate(dies_at=3))

    made = await plan(stand)
    await apply(stand, made)

    assert await counts(stand, made) == {("create", "done"): 3}

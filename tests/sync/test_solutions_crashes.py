"""Whatever breaks while solutions travel: the next look ends as if nothing had been, each solution there once."""

import pytest

from cosell.errors import ConflictError, RetryableError
from cosell.sync.hold import LEASE_SECONDS
from tests.sync.conftest import Stands
from tests.sync.doors import assert_silence, look_at_opportunity, look_at_referral
from tests.sync.fate import Fate, Killed
from tests.sync.pairs import shared_pair
from tests.sync.portrait import portrait
from tests.sync.sold import FIRST, SECOND, THIRD, Shelf, member
from tests.sync.stand import Document, Stand

ARRIVING = [member(FIRST, quantity=2), member("Suite/2", price=10), {"id": THIRD, "name": None, "type": "None"}]


async def arrive(stand: Stand, fate: Fate, referral_id: str) -> None:
    async with stand.run(fate) as workspace:
        await look_at_referral(workspace, referral_id)


async def test_arrival_with_solutions_killed_at_any_step_ends_as_if_nothing_had_been(stands: Stands) -> None:
    stand, undisturbed = await stands.begin(), Fate()
    await arrive(stand, undisturbed, await stand.microsoft_invites(solutions=ARRIVING))
    wanted = await portrait(stand)
    assert len(wanted["solutions"]) == len(ARRIVING)

    for dies_at in undisturbed.turning_points():
        stand = await stands.begin()
        referral_id = await stand.microsoft_invites(solutions=ARRIVING)
        with pytest.raises(Killed):
            await arrive(stand, Fate(dies_at=dies_at), referral_id)

        stand.pass_time(LEASE_SECONDS + 1)
        await arrive(stand, Fate(), referral_id)

        assert await portrait(stand) == wanted, f"killed before step {dies_at}, {undisturbed.steps[dies_at - 1]}"
        await assert_silence(stand)


async def edited_on_both_sides(stand: Stand) -> Shelf:
    """Return a pair whose seller has added, changed and removed rows, and whose colleague did the same."""
    shelf = Shelf(await shared_pair(stand))
    (first,) = await shelf.members()
    await shelf.put_members(first, member("SOL-3"), member("SOL-4"), member("SOL-5"))
    await shelf.pair.look_from_partner_center()
    await shelf.add_row(SECOND, cosell_quantity=2)
    await shelf.edit_row("SOL-3", cosell_quantity=3)
    await shelf.remove_row("SOL-4")
    await shelf.put_members(
        {**first, "quantity": 9}, member("SOL-3"), member("SOL-4"), member(THIRD), member("Suite/2", quantity=6)
    )
    return shelf


async def look(shelf: Shelf, fate: Fate) -> None:
    async with shelf.stand.run(fate) as workspace:
        await look_at_opportunity(workspace, shelf.pair.opportunity_id, with_solutions=True)


async def look_undisturbed(stands: Stands) -> tuple[Document, Fate]:
    stand, fate = await stands.begin(), Fate()
    await look(await edited_on_both_sides(stand), fate)
    wanted = await portrait(stand)
    sold = {(identifier, quantity) for _, identifier, quantity in wanted["solutions"]}
    assert sold == {(FIRST, 9), (SECOND, 2), ("SOL-3", 3), (THIRD, None), ("Suite/2", 6)}
    assert sold == {tuple(each) for each in wanted["referrals"][0]["solutions"]}
    return wanted, fate


async def test_edits_of_both_sides_killed_at_any_step_end_as_if_nothing_had_been(stands: Stands) -> None:
    wanted, undisturbed = await look_undisturbed(stands)

    for dies_at in undisturbed.turning_points():
        stand = await stands.begin()
        shelf = await edited_on_both_sides(stand)
        with pytest.raises(Killed):
            await look(shelf, Fate(dies_at=dies_at))

        stand.pass_time(LEASE_SECONDS + 1)
        await look(shelf, Fate())

        assert without_audit(await portrait(stand)) == without_audit(wanted), (
            f"killed before step {dies_at}, {undisturbed.steps[dies_at - 1]}"
        )
        await assert_silence(stand)


@pytest.mark.parametrize("trouble", [{"reset": "before"}, {"reset": "after"}, {"truncate": True}])
async def test_batch_that_fails_ends_as_if_nothing_had_been(stands: Stands, trouble: dict[str, object]) -> None:
    wanted, _ = await look_undisturbed(stands)
    stand = await stands.begin()
    shelf = await edited_on_both_sides(stand)
    await stand.control("PUT", "faults", [{"method": "POST", "path": r"\$batch", "nth": 1, "action": trouble}])

    with pytest.raises((RetryableError, ConflictError)):
        await look(shelf, Fate())
    stand.pass_time(100)
    await look(shelf, Fate())

    assert without_audit(await portrait(stand)) == without_audit(wanted)
    await assert_silence(stand)


async def test_row_that_is_edited_while_it_is_looked_at_is_read_again(stands: Stands) -> None:
    stand = await stands.begin()
    shelf = await edited_on_both_sides(stand)
    fate = Fate()

    async def edit() -> None:
        await shelf.edit_row(FIRST, cosell_quantity=11)

    fate.just_before("POST /api/data/v9.2/$batch", edit)
    await look(shelf, fate)

    assert (await shelf.in_crm())[FIRST] == (await shelf.in_portal())[FIRST] == (11, None)
    await assert_silence(stand)


def without_audit(seen: Document) -> Document:
    """Return a portrait without the audit texts: what was sent by a run that died is told by none."""
    plain = [{name: value for name, value in row.items() if name != "audit"} for row in seen["opportunities"]]
    return {**seen, "opportunities": plain}

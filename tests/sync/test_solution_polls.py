"""What change tracking says of rows of solutions becomes hints: those which moved or went, and not our own echo."""

import pytest

from cosell.store import HintKind
from cosell.sync.solutions.polls import poll_solution_rows
from cosell.sync.workspace import Workspace
from tests.sync.pairs import shared_pair
from tests.sync.sold import FIRST, ROWS, SECOND, Shelf, member
from tests.sync.stand import Stand


async def poll(stand: Stand) -> list[str]:
    """Poll in a run of its own; return the opportunities which are then to be looked at, and take their hints."""
    async with stand.run() as workspace:
        await poll_solution_rows(workspace)
        return await take_hints(workspace)


async def take_hints(workspace: Workspace) -> list[str]:
    entries = await workspace.ledger.inbox.claim([HintKind.SOLUTION], limit=100, holder=workspace.holder, seconds=60)
    await workspace.ledger.inbox.settle(entries)
    return [entry.record_id for entry in entries]


@pytest.fixture
async def shelf(stand: Stand) -> Shelf:
    """A pair whose rows were polled before."""
    shelf = Shelf(await shared_pair(stand))
    (first,) = await shelf.members()
    await shelf.put_members(first, member(SECOND))
    await shelf.pair.look_from_partner_center()
    await poll(stand)
    assert await poll(stand) == []
    return shelf


async def test_removed_row_whose_opportunity_change_tracking_does_not_tell_reaches_the_referral(shelf: Shelf) -> None:
    await shelf.remove_row(SECOND)

    assert await poll(shelf.stand) == [shelf.pair.opportunity_id]

    await shelf.look()
    assert list(await shelf.in_portal()) == [FIRST]
    assert await poll(shelf.stand) == []


async def test_row_which_we_made_ourselves_is_known_before_any_poll_saw_it(stand: Stand) -> None:
    shelf = Shelf(await shared_pair(stand))
    await poll(stand)
    (first,) = await shelf.members()
    await shelf.put_members(first, member(SECOND))
    await shelf.pair.look_from_partner_center()

    await shelf.remove_row(SECOND)

    assert await poll(stand) == [shelf.pair.opportunity_id]


async def test_our_own_rows_are_an_echo_and_a_sellers_edit_of_one_is_not(shelf: Shelf) -> None:
    (first, second) = await shelf.members()
    await shelf.put_members(first, {**second, "quantity": 4})
    await shelf.pair.look_from_partner_center()
    assert await poll(shelf.stand) == []

    await shelf.edit_row(SECOND, cosell_quantity=5)
    assert await poll(shelf.stand) == [shelf.pair.opportunity_id]


async def test_row_given_to_another_opportunity_is_missed_in_the_one_it_had(shelf: Shelf) -> None:
    other = await shelf.stand.write_opportunity(cosell_syncwithpartnercenter=False)
    await poll(shelf.stand)
    row_id = (await shelf.row(SECOND))["cosell_microsoftsolutionid"]
    bind = {"cosell_OpportunityId@odata.bind": f"/opportunities({other})"}
    await shelf.stand.crm("PATCH", f"{ROWS}({row_id})", bind)

    assert set(await poll(shelf.stand)) == {other, shelf.pair.opportunity_id}


async def test_row_without_an_opportunity_any_more_is_missed_in_the_one_it_had(shelf: Shelf) -> None:
    row_id = (await shelf.row(SECOND))["cosell_microsoftsolutionid"]
    await shelf.stand.crm("PATCH", f"{ROWS}({row_id})", {"cosell_OpportunityId@odata.bind": None})

    assert await poll(shelf.stand) == [shelf.pair.opportunity_id]


async def test_row_that_went_while_change_tracking_was_lost_is_missed(shelf: Shelf) -> None:
    await shelf.remove_row(SECOND)
    async with shelf.stand.ledger() as ledger:
        await ledger.marks.forget_delta_link(ROWS)

    assert await poll(shelf.stand) == [shelf.pair.opportunity_id]

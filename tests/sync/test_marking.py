"""The setting for marks: obeyed by all names at once, without a look at a single record."""

from cosell.mapping.variables import Variables
from cosell.sync.marking import sweep_marks
from tests.sync.doors import assert_silence
from tests.sync.fate import Fate
from tests.sync.pairs import PairInStep, invited_pair, shared_pair
from tests.sync.stand import Stand

WITH, WITHOUT = Variables(), Variables(show_check_mark=False)


async def sweep(stand: Stand, variables: Variables, fate: Fate | None = None) -> int:
    """Follow the setting in a run of its own; return how many names were written."""
    stand.variables = variables
    async with stand.run(fate) as workspace:
        return await sweep_marks(workspace)


async def name_of(pair: PairInStep) -> str:
    return str((await pair.opportunity())["name"])


async def test_marks_go_and_come_in_batches(stand: Stand) -> None:
    pairs = [await shared_pair(stand), await invited_pair(stand, name="Cold chain")]
    assert await sweep(stand, WITH) == 0, "the first sweep only notes the setting"

    fate = Fate()
    assert await sweep(stand, WITHOUT, fate) == 2
    assert [await name_of(pair) for pair in pairs] == ["Ordering system", "Cold chain"]
    assert len(fate.calls()) == 2, "one page, one batch"
    await assert_silence(stand)

    assert await sweep(stand, WITH) == 2
    assert [await name_of(pair) for pair in pairs] == ["✔ Ordering system", "✔ Cold chain"]
    await assert_silence(stand)
    fate = Fate()
    assert await sweep(stand, WITH, fate) == 0
    assert fate.calls() == []


async def test_cross_comes_back_where_something_is_wrong(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await sweep(stand, WITH)
    await pair.seller_edits(estimatedvalue=None)
    await pair.look()
    assert await name_of(pair) == "✖ Ordering system"

    await sweep(stand, WITHOUT)
    assert await name_of(pair) == "Ordering system"
    await sweep(stand, WITH)

    assert await name_of(pair) == "✖ Ordering system"


async def test_edit_which_waits_is_still_found(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await sweep(stand, WITH)
    await pair.seller_edits(description="They changed their mind.")

    await sweep(stand, WITHOUT)
    assert await name_of(pair) == "Ordering system"
    await pair.look()

    assert (await pair.referral())["details"]["notes"] == "They changed their mind."
    await assert_silence(stand)


async def test_opportunity_which_is_not_shared_any_more_is_left_alone(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await sweep(stand, WITH)
    await pair.seller_edits(cosell_syncwithpartnercenter=False)

    assert await sweep(stand, WITHOUT) == 0

    assert await name_of(pair) == "✔ Ordering system"


async def test_pair_in_another_hand_is_done_by_the_next_sweep(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await sweep(stand, WITH)
    async with stand.ledger() as ledger:
        links = [link async for link in ledger.links.iter_all()]
        async with ledger.leases.hold([f"link:{links[0].link_id}"], holder="another run", seconds=60):
            assert await sweep(stand, WITHOUT) == 0

    assert await sweep(stand, WITHOUT) == 1
    assert await name_of(pair) == "Ordering system"

"""People edit while we write, and runs die between two writes: no edit is lost, and no value without a trace."""

import pytest

from cosell.sync.hold import LEASE_SECONDS
from cosell.sync.outcome import Result
from tests.sync.conftest import Stands
from tests.sync.doors import assert_silence
from tests.sync.fate import WRITES, Fate, Killed
from tests.sync.pairs import CLOSING, NOTES, PairInStep, shared_pair
from tests.sync.portrait import lines_of, portrait
from tests.sync.stand import Document, Stand

TO_PARTNER_CENTER = "PATCH /v1.0/"
TO_THE_CRM = "PATCH /api/"


async def test_colleague_who_edits_just_before_our_write_loses_nothing(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(estimatedvalue=52500)
    fate = Fate()
    fate.just_before(TO_PARTNER_CENTER, lambda: pair.colleague_edits(CLOSING, "2031-04-15T00:00:00Z"))

    outcome = await pair.look(fate)

    assert outcome.result is Result.WRITTEN
    await assert_both(pair, value=52500, closing="2031-04-15")


async def test_seller_who_edits_just_before_our_write_loses_nothing(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.colleague_edits(CLOSING, "2031-04-15T00:00:00Z")
    fate = Fate()
    fate.just_before(TO_THE_CRM, lambda: pair.seller_edits(estimatedvalue=52500))

    outcome = await pair.look_from_partner_center(fate)

    assert outcome.result is Result.WRITTEN
    await assert_both(pair, value=52500, closing="2031-04-15")


async def test_both_edit_while_we_write(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(estimatedvalue=50000)
    fate = Fate()
    fate.just_before(TO_PARTNER_CENTER, lambda: pair.colleague_edits(NOTES, "Said on the telephone."))
    fate.just_before(TO_THE_CRM, lambda: pair.seller_edits(estimatedvalue=52500))
    fate.just_before(TO_THE_CRM, lambda: pair.colleague_edits(CLOSING, "2031-04-15T00:00:00Z"))

    await pair.look(fate)
    await pair.look()

    await assert_both(pair, value=52500, closing="2031-04-15")
    assert (await pair.opportunity())["description"] == "Said on the telephone."
    assert await open_conflicts(stand) == []


async def test_edit_of_the_very_field_we_write_is_a_conflict_with_both_values(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(description="Written in the CRM.")
    fate = Fate()
    fate.just_before(TO_PARTNER_CENTER, lambda: pair.colleague_edits(NOTES, "Written meanwhile."))

    await pair.look(fate)

    assert (await pair.referral())["details"]["notes"] == "Written in the CRM."
    assert any("Written meanwhile." in line for line in lines_of(await pair.opportunity()))
    assert await open_conflicts(stand) == [("notes", "Written meanwhile.", "Written in the CRM.")]


async def test_losing_value_is_on_file_and_told_wherever_the_run_dies(stands: Stands) -> None:
    wanted, undisturbed = await quarrel(stands, Fate())
    (conflict,) = wanted["conflicts"]
    assert conflict == ("notes", "Written in Partner Center.", "Written in the CRM.")
    assert sum("Written in Partner Center." in line for line in wanted["opportunities"][0]["audit"]) == 1

    for dies_at in undisturbed.turning_points():
        found, _ = await quarrel(stands, Fate(dies_at=dies_at))
        # What was sent before it died is not told as sent; what was lost by it is.
        told = [line for line in found["opportunities"][0]["audit"] if line.startswith("Notes was")]
        assert told == [line for line in wanted["opportunities"][0]["audit"] if line.startswith("Notes was")]
        for part in ("conflicts", "referrals", "links"):
            assert found[part] == wanted[part], f"killed before step {dies_at}, {undisturbed.steps[dies_at - 1]}"


async def quarrel(stands: Stands, fate: Fate) -> tuple[Document, Fate]:
    """Let both sides edit the same field, and the look at it meet its fate; then look again."""
    stand = await stands.begin()
    pair = await shared_pair(stand)
    await pair.seller_edits(description="Written in the CRM.", estimatedvalue=52500)
    await pair.colleague_edits(NOTES, "Written in Partner Center.")
    if fate.dies_at is None:
        await pair.look(fate)
    else:
        with pytest.raises(Killed):
            await pair.look(fate)
        stand.pass_time(LEASE_SECONDS + 1)
        await pair.look()
    seen = {**await portrait(stand), "conflicts": await open_conflicts(stand)}
    await assert_silence(stand)
    return seen, fate


async def test_lost_answer_of_a_write_is_no_conflict(stand: Stand) -> None:
    pair = await shared_pair(stand)
    for lost, path in (({"reset": "after"}, "^/v1.0/"), ({"truncate": True}, "^/api/")):
        await pair.seller_edits(description=f"Lost at {path}")
        rule = {"method": "PATCH", "path": path, "nth": 1, "action": lost}
        await stand.control("PUT", "faults", [rule])
        await pair.look()
        await stand.control("DELETE", "faults")

        assert (await pair.referral())["details"]["notes"] == f"Lost at {path}"
        assert await open_conflicts(stand) == []
        await assert_silence(stand)


async def test_edit_after_the_run_died_meets_what_it_left(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(estimatedvalue=52500)
    fate = Fate()
    fate.dies_just_before(TO_THE_CRM)
    with pytest.raises(Killed):
        await pair.look(fate)
    assert len(fate.calls(*WRITES)) == 1

    stand.pass_time(LEASE_SECONDS + 1)
    await pair.seller_edits(estimatedvalue=61000)
    await pair.look()

    await assert_both(pair, value=61000, closing="2031-03-31")
    assert await open_conflicts(stand) == []


async def assert_both(pair: PairInStep, *, value: float, closing: str) -> None:
    row, details = await pair.opportunity(), (await pair.referral())["details"]
    assert (row["estimatedvalue"], row["estimatedclosedate"]) == (value, closing)
    assert (details["dealValue"], details["closingDateTime"][:10]) == (value, closing)
    await assert_silence(pair.stand)


async def open_conflicts(stand: Stand) -> list[tuple[str, object, object]]:
    async with stand.ledger() as ledger:
        filed = [item.conflict for item in await ledger.conflicts.list_open()]
    return [(conflict.field, conflict.partner_center, conflict.dataverse) for conflict in filed]

"""Two records in step and people who edit them: what moved goes across, and nothing else is asked or written."""

import pytest

from cosell.domain.ids import OpportunityId
from cosell.errors import RecordNotFound
from cosell.sync.outcome import Result
from tests.sync.doors import assert_silence, look_at_opportunity, look_at_referral
from tests.sync.fate import WRITES, Fate
from tests.sync.pairs import CLOSING, DEAL_VALUE, NOTES, shared_pair
from tests.sync.portrait import lines_of
from tests.sync.stand import Stand

PARTNER_CENTER = "/v1.0/"


async def test_sellers_edit_costs_three_calls_beside_the_poll(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(estimatedvalue=52500)

    async with stand.run() as workspace:
        await workspace.get_opportunity(OpportunityId(pair.opportunity_id))  # as the poll does
        await stand.control("DELETE", "requests")
        outcome = await look_at_opportunity(workspace, pair.opportunity_id)

    told = await stand.control("GET", "requests")
    assert outcome.to_partner_center == ("deal_value",)
    assert (await pair.referral())["details"]["dealValue"] == 52500
    assert told["api_total"] <= 3, told["counts"]


async def test_colleagues_edit_costs_three_calls(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.colleague_edits(CLOSING, "2031-04-15T00:00:00Z")
    await stand.control("DELETE", "requests")

    async with stand.run() as workspace:
        outcome = await look_at_referral(workspace, pair.referral_id)

    told = await stand.control("GET", "requests")
    assert outcome.to_dataverse == ("closing_date",)
    assert (await pair.opportunity())["estimatedclosedate"] == "2031-04-15"
    assert told["api_total"] <= 3, told["counts"]


async def test_echo_of_our_own_write_is_answered_with_silence(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(description="They want it before spring.")
    await pair.look()

    for look in (pair.look_from_partner_center, pair.look):
        fate = Fate()
        outcome = await look(fate)
        assert outcome.result is Result.ECHO
        assert fate.calls(*WRITES) == []


async def test_edits_of_different_fields_on_both_sides_survive(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(estimatedvalue=52500, name="✔ Ordering system, phase 1")
    await pair.colleague_edits(CLOSING, "2031-04-15T00:00:00Z")

    await pair.look()

    row, referral = await pair.opportunity(), await pair.referral()
    assert (row["estimatedvalue"], row["estimatedclosedate"]) == (52500, "2031-04-15")
    assert (referral["details"]["dealValue"], referral["details"]["closingDateTime"][:10]) == (52500, "2031-04-15")
    assert referral["name"] == "Ordering system, phase 1"
    await assert_silence(stand)


async def test_field_that_moved_on_both_sides_goes_to_its_owner_and_the_other_value_is_kept(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(description="Written in the CRM.")
    await pair.colleague_edits(NOTES, "Written in Partner Center.")

    await pair.look()

    row = await pair.opportunity()
    assert (await pair.referral())["details"]["notes"] == row["description"] == "Written in the CRM."
    assert any("Written in Partner Center." in line for line in lines_of(row))
    async with stand.ledger() as ledger:
        (filed,) = await ledger.conflicts.list_open()
    assert filed.conflict.field == "notes"
    assert (filed.conflict.partner_center, filed.conflict.dataverse) == (
        "Written in Partner Center.",
        "Written in the CRM.",
    )
    await assert_silence(stand)


async def test_currency_travels_with_its_amount(stand: Stand) -> None:
    pair = await shared_pair(stand)
    dollars = await stand.currency("USD")

    await pair.seller_edits(
        **{"estimatedvalue": 50000.55, "transactioncurrencyid@odata.bind": f"/transactioncurrencies({dollars})"}
    )
    await pair.look()
    details = (await pair.referral())["details"]
    assert (details["dealValue"], details["currency"]) == (50000.55, "USD")

    await stand.colleague_edits(pair.referral_id, {DEAL_VALUE: 61000, "/details/currency": "GBP"})
    await pair.look_from_partner_center()
    row = await pair.opportunity()
    assert (row["estimatedvalue"], row["_transactioncurrencyid_value"]) == (61000, await stand.currency("GBP"))


async def test_switched_off_pair_is_left_alone(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(cosell_syncwithpartnercenter=False, estimatedvalue=1)
    await pair.colleague_edits(NOTES, "Not for the CRM.")

    for look in (pair.look_from_partner_center, pair.look):
        fate = Fate()
        outcome = await look(fate)
        assert outcome.result is Result.SKIPPED
        assert fate.calls(*WRITES) == []


async def test_opportunity_that_is_gone_leaves_its_referral_alone(stand: Stand) -> None:
    pair = await shared_pair(stand)
    before = await pair.referral()
    await stand.crm("DELETE", f"opportunities({pair.opportunity_id})")

    for look in (pair.look_from_partner_center, pair.look):
        fate = Fate()
        with pytest.raises(RecordNotFound):
            await look(fate)
        assert fate.calls(*WRITES) == []
    assert await pair.referral() == before


async def test_referral_that_is_gone_leaves_the_opportunity_alone_but_says_so_once(stand: Stand) -> None:
    pair = await shared_pair(stand)
    before = await pair.opportunity()
    gone = {"status": 404, "body": {"error": {"code": "itemNotFound", "message": "No such referral."}}}
    await stand.control("PUT", "faults", [{"path": f"/referrals/{pair.referral_id}", "action": gone}])

    with pytest.raises(RecordNotFound):
        await pair.look_from_partner_center()
    assert await pair.opportunity() == before
    for expected_writes in (1, 0):
        fate = Fate()
        with pytest.raises(RecordNotFound):
            await pair.look(fate)
        assert len(fate.calls(*WRITES)) == expected_writes

    row = await pair.opportunity()
    unmarked = {name: row[name] for name in ("estimatedvalue", "estimatedclosedate", "description", "statuscode")}
    assert unmarked == {name: before[name] for name in unmarked}
    assert "gone from Partner Center" in lines_of(row)[0]


async def test_service_which_asks_us_to_wait_is_waited_for_just_so_long(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(estimatedvalue=52500)
    slow_down = {"status": 429, "headers": {"Retry-After": "7"}}
    await stand.control("PUT", "faults", [{"method": "PATCH", "path": PARTNER_CENTER, "nth": 1, "action": slow_down}])

    await pair.look()

    assert stand.waits == [7]
    assert (await pair.referral())["details"]["dealValue"] == 52500

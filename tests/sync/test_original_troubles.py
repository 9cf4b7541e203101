"""The original's troubleshooting page: each cause is impossible with ours, or told in a plain sentence.

Those of flows, connections and sign-in have their proof beside the flows and commands; `docs/original.md` names them.
"""

import asyncio

import pytest

from cosell.errors import CosellError, LeaseHeld
from tests.sync.doors import assert_silence, look_at_opportunity, look_at_referral
from tests.sync.fate import WRITES
from tests.sync.pairs import DEAL_VALUE, NOTES, shared_pair
from tests.sync.portrait import lines_of
from tests.sync.rounds import dead_letters, notified, round_from_crm
from tests.sync.stand import PROOF_OF_CONCEPT, Stand
from tests.sync.test_pair_stages import close_in_crm

NOBODYS_CRM_ID = "11111111-2222-4333-8444-555555555555"


async def unshared(stand: Stand, opportunity_id: str) -> list[str]:
    """Look at an opportunity that is not ready; return the sentences in its audit text, nothing else happened."""
    await round_from_crm(stand)
    assert await stand.referrals() == []
    row = await stand.opportunity(opportunity_id)
    assert row["name"] == "✖ Ordering system"
    return lines_of(row)


async def test_missing_country_code_is_told_with_what_to_write(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity()
    account = (await stand.opportunity(opportunity_id))["_parentaccountid_value"]
    await stand.crm("PATCH", f"accounts({account})", {"address1_country": None})

    (line,) = await unshared(stand, opportunity_id)

    assert "Give the account's country as two letters (ISO 3166)" in line


async def test_missing_solution_id_is_told_whatever_is_missing_of_it(stand: Stand) -> None:
    """No row at all, and a row without details, are the same to Partner Center."""
    opportunity_id = await stand.write_opportunity()
    (row,) = (await stand.crm("GET", "cosell_microsoftsolutions"))["value"]
    await stand.crm("DELETE", f"cosell_microsoftsolutions({row['cosell_microsoftsolutionid']})")
    empty = {"cosell_name": "Typed", "cosell_OpportunityId@odata.bind": f"/opportunities({opportunity_id})"}
    await stand.crm("POST", "cosell_microsoftsolutions", empty)

    (line,) = await unshared(stand, opportunity_id)

    assert "Add at least one Microsoft solution whose details have a solution identifier." in line


async def test_referral_that_is_not_synced_says_all_its_reasons_in_one_line(stand: Stand) -> None:
    """Solution, country and contact, which the original names, are told at once and not one after the other."""
    opportunity_id = await stand.write_opportunity(cosell_help=PROOF_OF_CONCEPT)
    row = await stand.opportunity(opportunity_id)
    await stand.crm("PATCH", f"accounts({row['_parentaccountid_value']})", {"address1_country": "Freedonia"})
    await stand.crm("PATCH", f"contacts({row['_parentcontactid_value']})", {"telephone1": None})
    (solution,) = (await stand.crm("GET", "cosell_microsoftsolutions"))["value"]
    await stand.crm("DELETE", f"cosell_microsoftsolutions({solution['cosell_microsoftsolutionid']})")

    (line,) = await unshared(stand, opportunity_id)

    for words in ("country as two letters", "Microsoft solution", "customer contact with phone number"):
        assert words in line


async def test_value_nought_of_a_calculated_column_is_told_and_not_shared(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity(estimatedvalue=0)
    (line,) = await unshared(stand, opportunity_id)
    assert "deal value above zero" in line
    assert "a calculated column may still be empty" in line


async def test_value_nought_of_a_calculated_column_never_overwrites_the_one_there(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(estimatedvalue=0, description="Being calculated.")
    await pair.look()

    details = (await pair.referral())["details"]
    assert (details["dealValue"], details["notes"]) == (48000, "Being calculated.")
    assert any(line.startswith("Deal value was not sent") for line in lines_of(await pair.opportunity()))

    await pair.seller_edits(estimatedvalue=51000)
    await pair.look()
    assert (await pair.referral())["details"]["dealValue"] == 51000
    assert (await pair.opportunity())["name"] == "✔ Ordering system"


async def test_two_saves_within_a_minute_make_one_referral(stand: Stand) -> None:
    """The original asks sellers to wait a minute between saves, lest a flow runs twice and makes the deal twice."""
    opportunity_id = await stand.write_opportunity()
    await stand.seller_edits(opportunity_id, estimatedvalue=52500)

    async def look() -> None:
        async with stand.run() as workspace:
            try:
                await look_at_opportunity(workspace, opportunity_id)
            except LeaseHeld:
                return  # another run has it in hand; the hint comes again

    await asyncio.gather(look(), look(), look())
    await stand.seller_edits(opportunity_id, estimatedvalue=53000)
    await asyncio.gather(look(), look())
    await look()

    (referral,) = await stand.referrals()
    assert referral["details"]["dealValue"] == 53000
    assert len(await stand.opportunities()) == 1
    await assert_silence(stand)


async def test_notification_that_comes_three_times_makes_one_opportunity(stand: Stand) -> None:
    referral_id = await stand.microsoft_invites()

    async def look() -> None:
        async with stand.run() as workspace:
            try:
                await look_at_referral(workspace, referral_id)
            except LeaseHeld:
                return

    await asyncio.gather(look(), look(), look())
    await look()

    (row,) = await stand.opportunities()
    assert row["cosell_referralid"] == referral_id
    assert len((await stand.crm("GET", "accounts"))["value"]) == 1
    await assert_silence(stand)


async def test_deal_that_was_won_by_accident_says_why_nothing_arrives_any_more(stand: Stand) -> None:
    """Reopened in the CRM, it is told that the referral is closed for good; the original says nothing."""
    pair = await shared_pair(stand)
    await close_in_crm(pair, "WinOpportunity", status=3)
    await pair.look()
    assert (await pair.referral())["status"] == "Closed"

    await pair.seller_edits(statecode=0, statuscode=1)
    await pair.look()

    row = await pair.opportunity()
    assert "The referral is closed as won in Partner Center for good" in lines_of(row)[0]
    assert row["name"].startswith("✖ ")
    assert (await pair.referral())["substatus"] == "Won"


async def test_deal_whose_crm_id_no_crm_of_ours_knows_arrives_all_the_same(stand: Stand) -> None:
    """The original skips it without a word; a second CRM or a restored database then loses deals."""
    referral_id = await stand.microsoft_invites()
    document = await stand.referral(referral_id)
    body = {**document, "externalReferenceId": NOBODYS_CRM_ID}
    rule = {"method": "GET", "path": f"/referrals/{referral_id}$", "action": {"status": 200, "body": body}, "times": 1}
    await stand.control("PUT", "faults", [rule])

    await notified(stand, referral_id)

    (row,) = await stand.opportunities()
    assert row["cosell_referralid"] == referral_id
    assert await dead_letters(stand) == []


async def test_events_that_were_missed_are_made_up_for_when_the_deal_is_next_looked_at(stand: Stand) -> None:
    """Nobody resubmits failed runs: what both sides say now is compared, however many events were lost."""
    pair = await shared_pair(stand)
    await pair.colleague_edits(NOTES, "First, unheard.")
    await pair.colleague_edits(DEAL_VALUE, 60000)
    await pair.seller_edits(estimatedclosedate="2031-07-31")

    await round_from_crm(stand)

    row, details = await pair.opportunity(), (await pair.referral())["details"]
    assert (row["description"], row["estimatedvalue"]) == ("First, unheard.", 60000)
    assert details["closingDateTime"][:10] == "2031-07-31"
    await assert_silence(stand)


async def test_service_that_says_no_for_a_while_loses_nothing(stand: Stand) -> None:
    """An expired password, a role taken away: what sellers did meanwhile is sent when it is mended."""
    pair = await shared_pair(stand)
    await round_from_crm(stand)
    down = {"status": 503, "body": {"error": {"code": "serviceUnavailable", "message": "Later."}}}
    await stand.control("PUT", "faults", [{"path": "/v1.0/", "action": down}])
    await pair.seller_edits(estimatedvalue=52500)
    with pytest.raises(CosellError):
        await pair.look()
    await stand.control("DELETE", "faults")

    outcome = await pair.look()

    assert outcome.to_partner_center == ("deal_value",)
    assert (await pair.referral())["details"]["dealValue"] == 52500
    assert (await round_from_crm(stand)).calls(*WRITES) == []

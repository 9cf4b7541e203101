"""A lead is accepted or declined, from either side; what is accepted becomes one opportunity, never a second deal."""

import pytest

from cosell.domain.ids import LeadId
from cosell.mapping.variables import Variables
from cosell.sync.hold import LEASE_SECONDS
from tests.sync.doors import assert_silence, look_at_opportunity, look_at_referral
from tests.sync.fate import Fate, Killed
from tests.sync.leads import LEAD, LeadInStep, arrived_lead
from tests.sync.portrait import lines_of
from tests.sync.stand import Stand


async def test_what_the_seller_changes_waits_until_the_lead_is_accepted(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await lead.seller_edits(description="Spoke to the bakers.", estimatedamount=70000)
    before = await lead.referral()
    await lead.look()

    assert await lead.referral() == before
    assert (await lead.lead())["description"] == "Spoke to the bakers."
    assert any("qualify it to accept" in line for line in lines_of(await lead.lead()))
    await assert_silence(stand)

    await lead.seller_qualifies()
    await lead.look()

    details = (await lead.referral())["details"]
    assert (details["notes"], details["dealValue"]) == ("Spoke to the bakers.", 70000)
    assert await lead.status() == "Active/Accepted"
    await assert_silence(stand)


async def test_both_changed_a_waiting_lead_and_neither_value_is_lost(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await lead.seller_edits(description="Spoke to the bakers.")
    await lead.colleague_edits(notes="They bake at night.")
    await lead.look_from_partner_center()
    assert (await lead.lead())["description"] == "Spoke to the bakers."
    assert (await lead.referral())["details"]["notes"] == "They bake at night."

    await lead.seller_qualifies()
    await lead.look()

    assert (await lead.referral())["details"]["notes"] == "Spoke to the bakers."
    async with stand.ledger() as ledger:
        (filed,) = await ledger.conflicts.list_open()
    assert filed.conflict.partner_center == "They bake at night."


async def test_seller_accepts_by_qualifying_the_lead(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await lead.seller_qualifies()

    outcome = await lead.look()

    row, referral = await lead.opportunity(), await lead.referral()
    assert await lead.status() == "Active/Accepted"
    assert outcome.opportunity_id == row["opportunityid"]
    assert row["name"] == "✔ Ovens for twelve branches"
    assert row["cosell_syncwithpartnercenter"] is True
    assert row["cosell_referralid"] == lead.referral_id
    assert row["estimatedvalue"] == referral["details"]["dealValue"]
    assert referral["externalReferenceId"] == row["opportunityid"]
    assert "The lead was qualified; the deal goes on in this opportunity." in lines_of(row)
    assert row["_originatingleadid_value"] == lead.lead_id
    assert len(await stand.referrals()) == 1
    assert len((await stand.crm("GET", "accounts"))["value"]) == 1
    await assert_silence(stand)


async def test_lead_that_was_accepted_in_the_portal_is_qualified(stand: Stand) -> None:
    account_id = await stand.write_account(name="Fabrikam Robotics")
    lead = await arrived_lead(stand)
    await lead.colleague_accepts()
    await lead.look_from_partner_center()

    row = await lead.opportunity()
    (contact,) = (await stand.crm("GET", "contacts"))["value"]
    assert ((await lead.lead())["statecode"], row["statecode"], row["statuscode"]) == (1, 0, 1)
    assert row["_customerid_value"] == row["_parentaccountid_value"] == account_id
    assert row["_parentcontactid_value"] == contact["contactid"]
    assert row["estimatedclosedate"] == (await lead.referral())["details"]["closingDateTime"][:10]
    assert (await lead.referral())["externalReferenceId"] == row["opportunityid"]
    await assert_silence(stand)


async def test_lead_that_was_accepted_before_it_arrived_begins_as_an_opportunity(stand: Stand) -> None:
    referral_id = await stand.microsoft_invites(**LEAD)
    await stand.colleague_edits(referral_id, {"/status": "Active", "/substatus": "Accepted"})

    async with stand.run() as workspace:
        outcome = await look_at_referral(workspace, referral_id)

    (row,) = await stand.opportunities()
    assert (outcome.opportunity_id, outcome.lead_id) == (row["opportunityid"], None)
    assert await stand.leads() == []
    await assert_silence(stand)


async def test_opportunity_of_a_lead_lives_on_like_any_other(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await lead.seller_qualifies()
    await lead.look()
    row = await lead.opportunity()

    await stand.seller_edits(row["opportunityid"], estimatedvalue=99000)
    fate = Fate()
    async with stand.run(fate) as workspace:
        await look_at_opportunity(workspace, row["opportunityid"])

    assert (await lead.referral())["details"]["dealValue"] == 99000
    assert len(fate.calls("GET")) == 2
    await assert_silence(stand)


async def test_seller_declines_by_disqualifying_the_lead(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await lead.seller_disqualifies()

    await lead.look()

    assert await lead.status() == "Closed/Declined"
    assert lines_of(await lead.lead())[0] == "Sent to Partner Center: Status (declined, declined by the seller)."
    assert (await lead.lead())["statuscode"] == 6
    await assert_silence(stand)


async def test_lead_that_was_accepted_and_then_disqualified_here_is_lost(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await lead.colleague_accepts()
    await lead.seller_disqualifies()

    await lead.look()

    assert await lead.status() == "Closed/Lost"
    assert await stand.opportunities() == []
    await assert_silence(stand)


async def test_lead_that_was_declined_in_the_portal_is_disqualified_here(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await lead.colleague_closes("Declined")

    await lead.look_from_partner_center()

    row = await lead.lead()
    assert (row["statecode"], row["statuscode"]) == (2, 7)
    assert "Disqualified: the referral is closed as declined in Partner Center." in lines_of(row)
    await assert_silence(stand)


async def test_lead_that_nobody_answered_in_time_is_disqualified(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    stand.pass_time(15 * 86_400)
    await stand.sign_in()
    await stand.control("POST", "clock", {"advance_seconds": 1})

    await lead.look_from_partner_center()

    assert await lead.status() == "Closed/Expired"
    assert (await lead.lead())["statecode"] == 2
    await assert_silence(stand)


async def test_lead_that_expired_and_is_reopened_here_is_refused_once(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await lead.colleague_closes("Declined")
    await lead.look_from_partner_center()
    await lead.seller_edits(statecode=0, statuscode=1)

    await lead.look()
    await assert_silence(stand)

    row = await lead.lead()
    assert row["subject"].startswith("✖")
    assert sum("for good" in line for line in lines_of(row)) == 1
    assert await lead.status() == "Closed/Declined"


async def test_lead_that_was_won_before_we_looked_becomes_a_won_opportunity(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await lead.colleague_accepts()
    await lead.colleague_closes("Won")

    await lead.look_from_partner_center()

    row = await lead.opportunity()
    assert (row["statecode"], row["statuscode"]) == (1, 3)
    await assert_silence(stand)


async def test_lead_that_was_qualified_and_declined_elsewhere_is_a_lost_opportunity(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await lead.seller_qualifies()
    await lead.colleague_closes("Declined")

    await lead.look()

    assert (await lead.opportunity())["statecode"] == 2
    await assert_silence(stand)


async def test_lead_that_was_qualified_without_an_opportunity_is_told_and_mended(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await lead.seller_qualifies(with_opportunity=False)
    await lead.look()
    assert await lead.status() == "New/Pending"
    assert any("without an opportunity" in line for line in lines_of(await lead.lead()))

    await lead.seller_edits(statecode=0, statuscode=1)
    await lead.seller_qualifies()
    await lead.look()

    assert await lead.status() == "Active/Accepted"
    await assert_silence(stand)


async def test_qualified_lead_whose_opportunity_is_shared_by_hand_stays_one_deal(stand: Stand) -> None:
    """A seller is quick: qualifies, opens the new opportunity and sets the switch before anybody looked."""
    lead = await arrived_lead(stand)
    await lead.seller_qualifies()
    row = await lead.opportunity()
    await stand.seller_edits(row["opportunityid"], cosell_syncwithpartnercenter=True)

    async with stand.run() as workspace:
        await look_at_opportunity(workspace, row["opportunityid"])

    assert [item["id"] for item in await stand.referrals()] == [lead.referral_id]
    assert await lead.status() == "Active/Accepted"
    await assert_silence(stand)


async def test_opportunity_of_a_lead_that_the_ledger_forgot_is_not_shared_a_second_time(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await lead.seller_qualifies()
    row = await lead.opportunity()
    await stand.seller_edits(row["opportunityid"], cosell_syncwithpartnercenter=True)
    async with stand.ledger() as ledger:
        (link,) = (await ledger.links.find_by_lead_ids([LeadId(lead.lead_id)])).values()
        async with ledger._database.write() as connection:
            for table in ("cosell_journal", "cosell_conflicts", "cosell_links"):
                await connection.exec_driver_sql(f"DELETE FROM {table} WHERE link_id = '{link.link_id}'")  # noqa: S608  ids of our own

    async with stand.run() as workspace:
        await look_at_opportunity(workspace, row["opportunityid"])

    assert [item["id"] for item in await stand.referrals()] == [lead.referral_id]
    assert any("Accept or decline it in Partner Center" in line for line in lines_of(await lead.lead()))


async def test_answers_are_left_to_partner_center_when_the_setting_says_so(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await lead.seller_disqualifies()

    await lead.look(variables=Variables(on_hold_answers=False))

    assert await lead.status() == "New/Pending"
    assert any("answered in Partner Center only" in line for line in lines_of(await lead.lead()))


async def test_seller_who_is_quicker_than_the_record_of_an_arrival_is_told_that_her_change_waits(stand: Stand) -> None:
    referral_id = await stand.microsoft_invites(**LEAD)
    fate = Fate()
    fate.dies_just_before("PATCH /v1.0/")
    with pytest.raises(Killed):
        async with stand.run(fate) as workspace:
            await look_at_referral(workspace, referral_id)
    (row,) = await stand.leads()
    lead = LeadInStep(stand, row["leadid"], referral_id)
    await lead.seller_edits(description="Spoke to the bakers.")
    stand.pass_time(LEASE_SECONDS + 1)

    await lead.look_from_partner_center()

    assert (await lead.lead())["description"] == "Spoke to the bakers."
    assert any("qualify it to accept" in line for line in lines_of(await lead.lead()))
    await assert_silence(stand)
    await lead.seller_qualifies()
    await lead.look()
    assert (await lead.referral())["details"]["notes"] == "Spoke to the bakers."

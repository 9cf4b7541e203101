"""A lead arrives as a lead, is kept in step, and becomes one opportunity when somebody accepts it."""

import pytest

from cosell.errors import RecordNotFound
from cosell.mapping.variables import Variables
from cosell.sync.outcome import Result
from tests.sync.doors import assert_silence, look_at_referral
from tests.sync.fate import WRITES, Fate
from tests.sync.leads import LEAD, MARKETPLACE, LeadInStep, arrived_lead
from tests.sync.portrait import lines_of
from tests.sync.stand import Stand

NEW = (0, 1)


async def test_lead_that_nobody_accepted_arrives_as_a_lead(stand: Stand) -> None:
    lead = await arrived_lead(stand)

    row, referral = await lead.lead(), await lead.referral()
    assert (row["subject"], row["statecode"], row["statuscode"]) == ("✔ Ovens for twelve branches", *NEW)
    assert (row["companyname"], row["firstname"], row["lastname"]) == ("Fabrikam Robotics", "Orla", "Whitfield")
    assert (row["emailaddress1"], row["address1_country"]) == ("orla.whitfield@fabrikam-robotics.example", "GB")
    assert row["estimatedamount"] == referral["details"]["dealValue"]
    assert row["_transactioncurrencyid_value"] == await stand.currency(referral["details"]["currency"])
    assert row["estimatedclosedate"] == referral["details"]["closingDateTime"][:10]
    assert row["cosell_syncwithpartnercenter"] is True
    assert row["cosell_referralid"] == referral["id"]
    assert referral["id"] in row["cosell_referrallink"]
    assert referral["externalReferenceId"] == row["leadid"]
    assert lines_of(row) == ["Received from Partner Center."]
    assert await lead.status() == "New/Pending"
    assert [await stand.opportunities(), (await stand.crm("GET", "accounts"))["value"]] == [[], []]
    await assert_silence(stand)


async def test_first_lead_takes_six_calls_a_change_three_and_an_echo_no_write(stand: Stand) -> None:
    referral_id = await stand.microsoft_invites(**LEAD)
    first, change, echo = Fate(), Fate(), Fate()
    async with stand.run(first) as workspace:
        outcome = await look_at_referral(workspace, referral_id)
    lead = LeadInStep(stand, str(outcome.lead_id), referral_id)

    await lead.colleague_edits(dealValue=91000)
    await lead.look_from_partner_center(change)
    await lead.look_from_partner_center(echo)

    # What the CRM's tables are like, and who its users are, is read for all records, and kept.
    asked = [call for call in first.calls() if "EntityDefinitions" not in call and "systemusers" not in call]
    assert (len(asked), len(first.calls(*WRITES))) == (6, 2), asked
    assert (len(change.calls()), len(change.calls(*WRITES))) == (3, 1), change.calls()
    assert (len(echo.calls()), len(echo.calls(*WRITES))) == (2, 0), echo.calls()


async def test_what_moves_in_partner_center_comes_over_while_the_lead_waits(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await lead.colleague_edits(dealValue=91000, notes="They bake at night.")

    outcome = await lead.look_from_partner_center()

    row = await lead.lead()
    assert outcome.to_dataverse == ("deal_value", "notes")
    assert (row["estimatedamount"], row["description"]) == (91000, "They bake at night.")
    assert lines_of(row)[0] == "Received from Partner Center: Deal value, notes."
    await assert_silence(stand)


async def test_switched_off_lead_is_left_alone(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await lead.seller_edits(cosell_syncwithpartnercenter=False)
    await lead.colleague_edits(notes="Not for the CRM.")

    for look in (lead.look, lead.look_from_partner_center):
        fate = Fate()
        assert (await look(fate)).result is Result.SKIPPED
        assert fate.calls(*WRITES) == []


async def test_lead_that_is_gone_leaves_its_referral_alone(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    before = await lead.referral()
    await stand.crm("DELETE", f"leads({lead.lead_id})")

    for look in (lead.look, lead.look_from_partner_center):
        fate = Fate()
        with pytest.raises(RecordNotFound):
            await look(fate)
        assert fate.calls(*WRITES) == []
    assert await lead.referral() == before


async def test_refusal_is_told_in_the_lead_once(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await lead.seller_edits(description="Spoke to the bakers.")
    gone = {"status": 404, "body": {"error": {"code": "itemNotFound", "message": "No such referral."}}}
    await stand.control("PUT", "faults", [{"path": f"/referrals/{lead.referral_id}", "action": gone}])

    for expected_writes in (1, 0):
        fate = Fate()
        with pytest.raises(RecordNotFound):
            await lead.look(fate)
        assert len(fate.calls(*WRITES)) == expected_writes

    row = await lead.lead()
    assert row["subject"].startswith("✖")
    assert "gone from Partner Center" in lines_of(row)[0]
    async with stand.ledger() as ledger:
        (filed,) = await ledger.dead_letters.list_open()
    assert (filed.letter.kind, filed.letter.record_id) == ("lead", lead.lead_id)


@pytest.mark.parametrize(
    ("deal", "variables", "arrives"),
    [
        (LEAD, Variables(), True),
        (LEAD, Variables(cosell_opportunities_only=True), False),
        (MARKETPLACE, Variables(), False),
        (MARKETPLACE, Variables(marketplace_leads=True), True),
        (MARKETPLACE, Variables(marketplace_leads=True, cosell_opportunities_only=True), False),
    ],
)
async def test_settings_say_which_leads_arrive(
    stand: Stand, deal: dict[str, object], variables: Variables, *, arrives: bool
) -> None:
    referral_id = await stand.microsoft_invites(**deal)

    async with stand.run(variables=variables) as workspace:
        outcome = await look_at_referral(workspace, referral_id)

    assert len(await stand.leads()) == arrives
    assert (outcome.result is Result.SKIPPED) is not arrives


async def test_marketplace_lead_who_asked_to_be_contacted_is_answered(stand: Stand) -> None:
    lead = await arrived_lead(stand, **MARKETPLACE, callToAction="Contact me")
    await lead.seller_qualifies()

    await lead.look()

    assert await lead.status() == "Active/Accepted"


@pytest.mark.parametrize("answer", ["qualify", "disqualify"])
async def test_marketplace_lead_for_information_is_never_answered(stand: Stand, answer: str) -> None:
    lead = await arrived_lead(stand, **MARKETPLACE, callToAction="Get it now")
    await (lead.seller_qualifies() if answer == "qualify" else lead.seller_disqualifies())

    await lead.look()
    await lead.look_from_partner_center()

    assert await lead.status() == "New/Pending"
    assert [row["cosell_referralid"] for row in await stand.opportunities() if row["cosell_referralid"]] == []
    await assert_silence(stand)


async def test_marketplace_lead_for_information_outlives_its_referral(stand: Stand) -> None:
    lead = await arrived_lead(stand, **MARKETPLACE, callToAction="Free trial")
    await lead.seller_edits(description="Called them.")
    stand.pass_time(15 * 86_400)
    await stand.sign_in()

    await lead.look_from_partner_center()

    assert await lead.status() == "Closed/Expired"
    row = await lead.lead()
    assert (row["statecode"], row["subject"]) == (0, "✔ Ovens for twelve branches")


async def test_lead_that_somebody_else_made_for_the_referral_is_linked_and_not_made_again(stand: Stand) -> None:
    known = await stand.crm("POST", "leads", {"subject": "Known for long", "cosell_syncwithpartnercenter": True})
    referral_id = await stand.microsoft_invites(**LEAD)
    await stand.colleague_edits(referral_id, {"/externalReferenceId": known["leadid"].upper()})

    async with stand.run() as workspace:
        outcome = await look_at_referral(workspace, referral_id)

    (row,) = await stand.leads()
    assert outcome.lead_id == row["leadid"] == known["leadid"]
    assert row["cosell_referralid"] == referral_id
    await assert_silence(stand)


async def test_closed_lead_makes_nothing(stand: Stand) -> None:
    referral_id = await stand.microsoft_invites(**LEAD)
    await stand.colleague_edits(referral_id, {"/status": "Closed", "/substatus": "Declined"})

    async with stand.run() as workspace:
        assert (await look_at_referral(workspace, referral_id)).result is Result.SKIPPED

    assert [await stand.leads(), await stand.opportunities()] == [[], []]

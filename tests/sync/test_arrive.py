"""A referral arrives: its opportunity is made once, with the account and contact which the CRM has, or new ones."""

import asyncio

import pytest

from cosell.domain.ids import ReferralId
from cosell.errors import ConflictError, LeaseHeld, RejectedError
from cosell.sync.arrive import create_opportunity, find_links
from cosell.sync.outcome import Outcome, Result
from tests.sync.doors import assert_silence, look_at_referral
from tests.sync.fate import WRITES, Fate
from tests.sync.pairs import invited_pair
from tests.sync.portrait import lines_of
from tests.sync.stand import ON_HOLD, Document, Stand

CUSTOMER = {
    "name": "Fabrikam Robotics",
    "address": {"addressLine1": "12 Foundry Lane", "city": "Leeds", "postalCode": "LS1 4AP", "country": "GB"},
    "team": [
        {
            "firstName": "Orla ",
            "lastName": "Whitfield",
            "phoneNumber": "+44 113 496 0100",
            "email": "orla.whitfield@fabrikam-robotics.example",
        }
    ],
}


async def test_invitation_becomes_an_opportunity_on_hold_with_account_and_contact(stand: Stand) -> None:
    pair = await invited_pair(stand, name="Robots for the shop floor", customer=CUSTOMER)

    row, referral = await pair.opportunity(), await pair.referral()
    (account,) = (await stand.crm("GET", "accounts"))["value"]
    (contact,) = (await stand.crm("GET", "contacts"))["value"]
    assert (row["name"], row["statuscode"]) == ("✔ Robots for the shop floor", ON_HOLD)
    assert row["cosell_syncwithpartnercenter"] is True
    assert row["estimatedvalue"] == referral["details"]["dealValue"]
    assert row["estimatedclosedate"] == referral["details"]["closingDateTime"][:10]
    assert row["cosell_referralid"] == referral["id"]
    assert referral["externalReferenceId"] == row["opportunityid"]
    assert (account["name"], account["address1_country"]) == ("Fabrikam Robotics", "GB")
    assert (contact["firstname"], contact["_parentcustomerid_value"]) == ("Orla", account["accountid"])
    assert row["_parentaccountid_value"] == row["_customerid_value"] == account["accountid"]
    assert row["_parentcontactid_value"] == contact["contactid"]
    assert "Received from Partner Center." in lines_of(row)
    await assert_silence(stand)


@pytest.mark.parametrize(
    ("known", "arriving"),
    [
        ("Fabrikam Robotics", "FABRIKAM robotics"),
        ("Fábrikam Robótics", "Fabrikam Robotics"),
        ("Fabrikam  Robotics", " Fabrikam Robotics "),
        ("Fabrikam & Sons", "Fabrikam &amp; Sons"),
        ("O'Brien Robotics", "O'Brien Robotics"),
    ],
)
async def test_account_is_found_however_its_name_is_spelled(stand: Stand, known: str, arriving: str) -> None:
    account_id = await stand.write_account(name=known)

    pair = await invited_pair(stand, customer={**CUSTOMER, "name": arriving})

    assert len((await stand.crm("GET", "accounts"))["value"]) == 1
    assert (await pair.opportunity())["_parentaccountid_value"] == account_id


async def test_namesake_in_another_place_is_another_account(stand: Stand) -> None:
    await stand.write_account(name="Fabrikam Robotics", address1_postalcode="80331")

    await invited_pair(stand, customer=CUSTOMER)

    assert len((await stand.crm("GET", "accounts"))["value"]) == 2


async def test_new_account_has_its_name_in_plain_letters(stand: Stand) -> None:
    await invited_pair(stand, customer={**CUSTOMER, "name": "Fabrikam &amp; Sons"})

    (account,) = (await stand.crm("GET", "accounts"))["value"]
    assert account["name"] == "Fabrikam & Sons"


@pytest.mark.parametrize(
    "columns",
    [
        {"lastname": "Whitfield-Moore", "emailaddress1": "ORLA.Whitfield@fabrikam-robotics.example"},
        {"firstname": "orla", "lastname": "WHITFIELD", "emailaddress1": None},
    ],
)
async def test_contact_is_found_by_address_or_by_name(stand: Stand, columns: Document) -> None:
    account_id = await stand.write_account(name="Fabrikam Robotics")
    bind = {"parentcustomerid_account@odata.bind": f"/accounts({account_id})"}
    contact = await stand.crm("POST", "contacts", {**columns, **bind})

    pair = await invited_pair(stand, customer=CUSTOMER)

    assert len((await stand.crm("GET", "contacts"))["value"]) == 1
    assert (await pair.opportunity())["_parentcontactid_value"] == contact["contactid"]


async def test_second_deal_of_a_customer_shares_account_and_contact(stand: Stand) -> None:
    first = await invited_pair(stand, customer=CUSTOMER)
    second = await invited_pair(stand, customer=CUSTOMER, name="Robots for the warehouse")

    assert first.opportunity_id != second.opportunity_id
    assert len((await stand.crm("GET", "accounts"))["value"]) == 1
    assert len((await stand.crm("GET", "contacts"))["value"]) == 1


async def test_closed_referral_makes_no_opportunity(stand: Stand) -> None:
    referral_id = await stand.microsoft_invites()
    await stand.colleague_edits(referral_id, {"/status": "Closed", "/substatus": "Declined"})

    fate = Fate()
    async with stand.run(fate) as workspace:
        with pytest.raises(RejectedError):
            await look_at_referral(workspace, referral_id)

    assert await stand.opportunities() == []
    assert fate.calls(*WRITES) == []


async def test_opportunity_which_the_referral_names_is_linked_and_not_made_again(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity(name="Known for long")
    referral_id = await stand.microsoft_invites(name="Known for long")
    await stand.colleague_edits(referral_id, {"/status": "Active", "/substatus": "Accepted"})
    await stand.colleague_edits(referral_id, {"/externalReferenceId": opportunity_id.upper()})

    async with stand.run() as workspace:
        outcome = await look_at_referral(workspace, referral_id)

    (row,) = await stand.opportunities()
    assert outcome.opportunity_id == row["opportunityid"] == opportunity_id
    assert row["cosell_referralid"] == referral_id
    await assert_silence(stand)


async def test_opportunity_of_another_referral_is_not_taken_away(stand: Stand) -> None:
    pair = await invited_pair(stand)
    other_id = await stand.microsoft_invites(name="Somebody copied the CRM id")
    await stand.colleague_edits(other_id, {"/externalReferenceId": pair.opportunity_id})

    async with stand.run() as workspace:
        outcome = await look_at_referral(workspace, other_id)

    assert outcome.opportunity_id != pair.opportunity_id
    assert (await pair.opportunity())["cosell_referralid"] == pair.referral_id


async def test_two_runs_at_once_make_one_opportunity(stand: Stand) -> None:
    referral_id = await stand.microsoft_invites(customer=CUSTOMER)

    async def arrive() -> Outcome | Exception:
        async with stand.run() as workspace:
            try:
                return await look_at_referral(workspace, referral_id)
            except (LeaseHeld, ConflictError) as error:
                return error

    ends = await asyncio.gather(arrive(), arrive())
    last = await arrive()

    assert any(isinstance(end, Outcome) for end in ends)
    assert isinstance(last, Outcome)
    assert last.result in {Result.ECHO, Result.IN_STEP}
    assert len(await stand.opportunities()) == 1
    assert len((await stand.crm("GET", "accounts"))["value"]) == 1
    await assert_silence(stand)


async def test_referral_which_quarrels_with_a_link_does_not_hold_up_its_neighbours(stand: Stand) -> None:
    pair = await invited_pair(stand)
    # The opportunity forgets its referral, and another referral claims it.
    await pair.seller_edits(cosell_referralid=None)
    claiming_id = await stand.microsoft_invites(name="Claims the opportunity")
    await stand.colleague_edits(claiming_id, {"/externalReferenceId": pair.opportunity_id})
    neighbour = await stand.write_opportunity(name="Neighbour", cosell_syncwithpartnercenter=False)
    neighbour_id = await stand.microsoft_invites(name="Neighbour")
    await stand.colleague_edits(neighbour_id, {"/externalReferenceId": neighbour})

    async with stand.run() as workspace:
        wanted = [await workspace.partner_center.get_referral(ReferralId(item)) for item in (claiming_id, neighbour_id)]
        links = await find_links(workspace, wanted)
        assert set(links) == {neighbour_id}
        with pytest.raises(ConflictError):
            await create_opportunity(workspace, ReferralId(claiming_id))

    assert len(await stand.opportunities()) == 2

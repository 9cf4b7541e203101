"""Whatever a side says or lacks: the field or record is told, its neighbours flow, and nothing is tried for ever.

"Not for ever" is counted: rounds in which nobody edits cost what a quiet poll costs, however often they are repeated.
"""

import pytest

from cosell.errors import CosellError
from tests.sync.fate import WRITES
from tests.sync.pairs import NOTES, PairInStep, invited_pair, shared_pair
from tests.sync.portrait import lines_of
from tests.sync.rounds import QUIET_ROUND, dead_letters, notified, round_from_crm
from tests.sync.site import add_text_column, delete_column
from tests.sync.sold import FIRST, LIST, SECOND, Shelf, member
from tests.sync.stand import ON_HOLD, OPEN, Document, Stand
from tests.sync.test_pair_stages import close_in_portal

ATTRIBUTES = "/details/requirements/additionalRequirements/attributes"
YES = 273_100_000


async def in_portal(stand: Stand, pair: PairInStep, **members: object) -> None:
    """Let Partner Center answer with members which its own checks would never let in."""
    document = await pair.referral()
    body = {**document, "eTag": '"odd"', **members}
    rule = {"method": "GET", "path": f"/referrals/{pair.referral_id}$", "action": {"status": 200, "body": body}}
    await stand.control("PUT", "faults", [rule])


async def answers(stand: Stand, referral_id: str, status: int, code: str) -> None:
    """Let Partner Center refuse to show a referral."""
    action = {"status": status, "body": {"error": {"code": code, "message": "No."}}}
    await stand.control("PUT", "faults", [{"path": f"/referrals/{referral_id}", "action": action}])


async def assert_no_endless_retry(stand: Stand) -> None:
    """Fail unless three more rounds ask only what a quiet poll asks, and write nothing."""
    await round_from_crm(stand)
    for _ in range(3):
        fate = await round_from_crm(stand)
        assert len(fate.calls()) == QUIET_ROUND, fate.calls()
        assert fate.calls(*WRITES) == []


async def settled_pair(stand: Stand) -> PairInStep:
    """Return a pair in step of which no poll has anything to tell any more."""
    pair = await shared_pair(stand)
    await round_from_crm(stand)
    await round_from_crm(stand)
    return pair


@pytest.mark.parametrize(
    ("status", "substatus"), [("Paused", "Accepted"), ("Active", "Escalated"), ("Closed", "Merged"), (None, None)]
)
async def test_status_that_nobody_knows_is_left_alone_and_the_fields_flow(
    stand: Stand, status: str | None, substatus: str | None
) -> None:
    pair = await settled_pair(stand)
    details = {**(await pair.referral())["details"], "notes": "They decided."}
    await in_portal(stand, pair, status=status, substatus=substatus, details=details)

    await notified(stand, pair.referral_id)

    row = await pair.opportunity()
    assert (row["statecode"], row["statuscode"]) == (0, OPEN)
    assert row["description"] == "They decided."
    assert "The status is one that is not known here; it was left alone." in lines_of(row)
    assert row["name"].startswith("✖ ")
    assert (await notified(stand, pair.referral_id)).calls(*WRITES) == []
    await assert_no_endless_retry(stand)


async def test_invitation_in_a_status_that_nobody_knows_stays_on_hold_until_it_is_understood(stand: Stand) -> None:
    pair = await invited_pair(stand)
    await in_portal(stand, pair, status="New", substatus="Deferred")
    await notified(stand, pair.referral_id)
    assert (await pair.opportunity())["statuscode"] == ON_HOLD

    await stand.control("DELETE", "faults")
    await stand.colleague_edits(pair.referral_id, {"/status": "Active", "/substatus": "Accepted"})
    await notified(stand, pair.referral_id)

    row = await pair.opportunity()
    assert (row["statuscode"], row["name"][:2]) == (OPEN, "✔ ")


async def test_solution_area_that_nobody_knows_stays_as_it_came_and_the_rest_flows(stand: Stand) -> None:
    """Area, play and role ride beside the purchase intent; a word of the taxonomy may stand among the solutions."""
    pair = await settled_pair(stand)
    attributes = [
        {"type": "CustomerMarketplaceIntent", "id": "No"},
        {"type": "SolutionArea", "id": "Hovercraft"},
        {"type": "Unheard-of", "id": "x"},
    ]
    word = {"id": "Eels", "name": "Full of eels", "type": "Category"}
    await stand.colleague_edits(
        pair.referral_id,
        {ATTRIBUTES: attributes, LIST: [*(await Shelf(pair).members()), word, member(SECOND)], NOTES: "They decided."},
    )

    await notified(stand, pair.referral_id)
    await pair.seller_edits(cosell_purchaseintent=YES)
    await round_from_crm(stand)

    requirements = (await pair.referral())["details"]["requirements"]
    said = {item["type"]: item["id"] for item in requirements["additionalRequirements"]["attributes"]}
    assert said == {"CustomerMarketplaceIntent": "Yes", "SolutionArea": "Hovercraft", "Unheard-of": "x"}
    assert word["id"] in [item["id"] for item in requirements["solutions"]]
    assert set(await Shelf(pair).in_crm()) == {FIRST, SECOND}
    assert (await pair.opportunity())["description"] == "They decided."
    assert (await pair.opportunity())["name"].startswith("✔ ")
    await assert_no_endless_retry(stand)


async def test_country_that_nobody_knows_holds_up_its_own_deal_only_and_is_told_once(stand: Stand) -> None:
    nowhere, fine = await stand.write_opportunity(), await stand.write_opportunity(name="Till system")
    account = (await stand.opportunity(nowhere))["_parentaccountid_value"]
    await stand.crm("PATCH", f"accounts({account})", {"address1_country": "Freedonia"})

    await round_from_crm(stand)

    assert [item["externalReferenceId"] for item in await stand.referrals()] == [fine]
    (line,) = lines_of(await stand.opportunity(nowhere))
    assert "country as two letters" in line
    assert [filed.letter.record_id for filed in await dead_letters(stand)] == [nowhere]
    await assert_no_endless_retry(stand)

    await stand.crm("PATCH", f"accounts({account})", {"address1_country": "Ireland"})
    await round_from_crm(stand)
    assert {item["externalReferenceId"] for item in await stand.referrals()} == {nowhere, fine}
    assert await dead_letters(stand) == []


async def test_country_that_partner_center_made_up_does_not_keep_a_deal_out(stand: Stand) -> None:
    customer = {
        "name": "Fabrikam Robotics",
        "address": {"addressLine1": "12 Foundry Lane", "city": "Leeds", "postalCode": "LS1 4AP", "country": "GB"},
        "team": [],
    }
    referral_id = await stand.microsoft_invites(customer=customer)
    document = await stand.referral(referral_id)
    address = {**document["customerProfile"]["address"], "country": "Freedonia"}
    body = {**document, "customerProfile": {**document["customerProfile"], "address": address}}
    rule = {"method": "GET", "path": f"/referrals/{referral_id}$", "action": {"status": 200, "body": body}}
    await stand.control("PUT", "faults", [rule])

    await notified(stand, referral_id)

    (row,) = await stand.opportunities()
    account = await stand.crm("GET", f"accounts({row['_parentaccountid_value']})")
    assert (account["name"], account["address1_country"]) == ("Fabrikam Robotics", "Freedonia")


async def test_currency_that_the_crm_lacks_parks_the_value_until_it_is_there(stand: Stand) -> None:
    pair = await settled_pair(stand)
    details = {**(await pair.referral())["details"], "currency": "XTS", "notes": "They decided."}
    await in_portal(stand, pair, details=details)

    await notified(stand, pair.referral_id)

    row = await pair.opportunity()
    assert (row["estimatedvalue"], row["description"]) == (48000, "They decided.")
    assert any(line.startswith("Deal value was left alone") and "XTS" in line for line in lines_of(row))
    await assert_no_endless_retry(stand)


async def test_choice_of_partner_center_that_nobody_knows_is_parked_and_the_others_flow(stand: Stand) -> None:
    pair = await settled_pair(stand)
    details = {**(await pair.referral())["details"], "notes": "They decided."}
    await in_portal(stand, pair, salesStage="Ninety-nine", details=details)

    await notified(stand, pair.referral_id)

    row = await pair.opportunity()
    assert row["description"] == "They decided."
    assert any(line.startswith("Sales stage was left alone") for line in lines_of(row))
    await assert_no_endless_retry(stand)


async def test_column_that_an_administrator_deleted_is_left_out_and_the_others_flow(stand: Stand) -> None:
    """For the minutes in which it is taken to be there still, nothing goes, and nothing is lost."""
    pair = await settled_pair(stand)
    await pair.seller_edits(description="They decided.")
    await delete_column(stand, "opportunity", "cosell_campaignid")
    with pytest.raises(CosellError, match="cosell doctor"):
        await round_from_crm(stand)
    assert await dead_letters(stand) == []

    stand.pass_time(11 * 60)
    await round_from_crm(stand)

    row = await pair.opportunity()
    assert (await pair.referral())["details"]["notes"] == "They decided."
    assert "Campaign was left alone: the CRM has no column cosell_campaignid." in lines_of(row)
    assert row["name"].startswith("✖ ")
    await assert_no_endless_retry(stand)


async def test_column_which_is_back_is_filled_from_partner_center(stand: Stand) -> None:
    pair = await settled_pair(stand)
    await delete_column(stand, "opportunity", "cosell_campaignid")
    stand.pass_time(11 * 60)
    await pair.colleague_edits("/campaignId", "spring-push")
    await notified(stand, pair.referral_id)

    await add_text_column(stand, "opportunity", "cosell_campaignid")
    stand.pass_time(11 * 60)
    await pair.seller_edits(description="They decided.")
    await round_from_crm(stand)

    assert (await pair.opportunity())["cosell_campaignid"] == "spring-push"
    assert (await pair.referral())["campaignId"] == "spring-push"
    await assert_no_endless_retry(stand)


@pytest.mark.parametrize(("status", "code"), [(404, "itemNotFound"), (403, "accessDenied")])
async def test_referral_we_may_not_see_is_told_once_and_the_opportunity_stays(
    stand: Stand, status: int, code: str
) -> None:
    pair = await settled_pair(stand)
    await answers(stand, pair.referral_id, status, code)
    await pair.seller_edits(description="Written in the CRM.")

    await round_from_crm(stand)

    row = await pair.opportunity()
    assert (row["description"], row["statecode"], row["estimatedvalue"]) == ("Written in the CRM.", 0, 48000)
    assert row["name"].startswith("✖ ")
    assert lines_of(row)[0].startswith("Not in step.")
    assert [filed.letter.record_id for filed in await dead_letters(stand)] == [pair.opportunity_id]
    await assert_no_endless_retry(stand)
    assert len(lines_of(await pair.opportunity())) == len(lines_of(row))


async def test_referral_we_may_see_again_goes_on_with_the_next_edit(stand: Stand) -> None:
    pair = await settled_pair(stand)
    await answers(stand, pair.referral_id, 404, "itemNotFound")
    await pair.seller_edits(description="Written in the CRM.")
    await round_from_crm(stand)
    await stand.control("DELETE", "faults")

    await pair.seller_edits(estimatedvalue=52500)
    await round_from_crm(stand)

    details = (await pair.referral())["details"]
    assert (details["notes"], details["dealValue"]) == ("Written in the CRM.", 52500)
    assert (await pair.opportunity())["name"].startswith("✔ ")
    assert await dead_letters(stand) == []


async def test_referral_of_which_we_are_told_but_may_not_see_makes_nothing(stand: Stand) -> None:
    referral_id = await stand.microsoft_invites()
    await answers(stand, referral_id, 404, "itemNotFound")

    for _ in range(2):
        assert (await notified(stand, referral_id)).calls(*WRITES) == []

    assert await stand.opportunities() == []
    assert [filed.letter.record_id for filed in await dead_letters(stand)] == [referral_id]


async def test_opportunity_that_vanished_leaves_its_referral_and_is_on_the_list(stand: Stand) -> None:
    pair = await settled_pair(stand)
    before = await pair.referral()
    other = await shared_pair(stand)
    await stand.crm("DELETE", f"opportunities({pair.opportunity_id})")

    await round_from_crm(stand)

    assert await pair.referral() == before
    letters = await dead_letters(stand)
    assert [filed.letter.record_id for filed in letters] == [pair.opportunity_id]
    assert "gone from the CRM" in letters[0].letter.message
    await assert_no_endless_retry(stand)
    assert (await other.opportunity())["name"].startswith("✔ ")


async def test_account_that_was_deleted_takes_its_deals_along_and_their_referrals_stay(stand: Stand) -> None:
    """The CRM deletes a customer's opportunities with the customer."""
    pair = await settled_pair(stand)
    await shared_pair(stand)
    before = await pair.referral()
    account = (await pair.opportunity())["_parentaccountid_value"]
    await stand.crm("DELETE", f"accounts({account})")

    await round_from_crm(stand)

    assert await pair.referral() == before
    assert [filed.letter.record_id for filed in await dead_letters(stand)] == [pair.opportunity_id]
    await assert_no_endless_retry(stand)


async def test_account_that_was_taken_off_a_shared_deal_changes_nothing_there(stand: Stand) -> None:
    pair = await settled_pair(stand)
    before = (await pair.referral())["customerProfile"]
    nobody: Document = {"parentaccountid@odata.bind": None, "customerid_account@odata.bind": None}
    await pair.seller_edits(**nobody, description="Without a customer.")

    await round_from_crm(stand)

    referral = await pair.referral()
    assert (referral["customerProfile"], referral["details"]["notes"]) == (before, "Without a customer.")
    await assert_no_endless_retry(stand)


async def test_closed_deal_that_is_edited_here_is_told_once_and_never_sent(stand: Stand) -> None:
    pair = await settled_pair(stand)
    await close_in_portal(pair, "Won")
    await notified(stand, pair.referral_id)
    before = await pair.referral()

    await pair.seller_edits(description="Too late.")
    await round_from_crm(stand)

    assert await pair.referral() == before
    row = await pair.opportunity()
    assert lines_of(row)[0] == "Notes was not sent: the referral is closed in Partner Center and takes no changes."
    assert row["description"] == "Too late."
    await assert_no_endless_retry(stand)

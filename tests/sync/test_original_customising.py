"""The few things which the original lets a partner customise, each by its variable or by a row of the mapping.

The CRM's administrator adds a column, somebody writes its name into the variable; deals then travel by that column.
"""

import pytest

from cosell.mapping.loader import load_mappings
from cosell.mapping.variables import Variables
from tests.sync.doors import assert_silence, look_at_opportunity, look_at_referral
from tests.sync.pairs import DEAL_VALUE, invited_pair, shared_pair
from tests.sync.site import add_money_column, add_text_column
from tests.sync.stand import MAPPINGS, Document, Stand

CUSTOMER: Document = {
    "name": "Fabrikam Robotics",
    "address": {"addressLine1": "12 Foundry Lane", "city": "Leeds", "postalCode": "LS1 4AP", "country": "GB"},
    "team": [],
}


def use(stand: Stand, variables: Variables) -> None:
    """Have every run from now on work with these variables."""
    stand.variables = variables
    stand.mappings = variables.fill_in(load_mappings())


async def test_check_mark_says_that_the_sync_works_and_a_cross_that_it_does_not(stand: Stand) -> None:
    pair = await shared_pair(stand)
    assert (await pair.opportunity())["name"] == "✔ Ordering system"
    await pair.seller_edits(estimatedvalue=0)
    await pair.look()
    assert (await pair.opportunity())["name"] == "✖ Ordering system"
    assert (await pair.referral())["name"] == "Ordering system", "a mark never travels"


async def test_without_the_check_mark_names_stay_bare_and_old_marks_go(stand: Stand) -> None:
    pair = await shared_pair(stand)
    use(stand, Variables(show_check_mark=False))

    await pair.look()

    assert (await pair.opportunity())["name"] == "Ordering system"
    await assert_silence(stand)


async def test_deal_value_lives_in_the_column_which_the_variable_names(stand: Stand) -> None:
    await add_money_column(stand, "opportunity", "new_bookedvalue")
    use(stand, Variables(deal_value_field="new_bookedvalue"))
    opportunity_id = await stand.write_opportunity(estimatedvalue=1, new_bookedvalue=72000)
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    (referral,) = await stand.referrals()
    assert referral["details"]["dealValue"] == 72000

    await stand.colleague_edits(referral["id"], {DEAL_VALUE: 75000})
    async with stand.run() as workspace:
        await look_at_referral(workspace, referral["id"])
    row = await stand.opportunity(opportunity_id)
    assert (row["new_bookedvalue"], row["estimatedvalue"]) == (75000, 1), "the estimated revenue is not touched"

    arrived = await invited_pair(stand, customer=CUSTOMER)
    row = await arrived.opportunity()
    assert (row["new_bookedvalue"], row["estimatedvalue"]) == (
        (await arrived.referral())["details"]["dealValue"],
        None,
    )
    await assert_silence(stand)


async def test_country_is_read_from_and_written_to_the_column_which_the_variable_names(stand: Stand) -> None:
    await add_text_column(stand, "account", "new_countrycode", length=2)
    use(stand, Variables(country_code_field="new_countrycode"))
    opportunity_id = await stand.write_opportunity()
    account = (await stand.opportunity(opportunity_id))["_parentaccountid_value"]
    await stand.crm("PATCH", f"accounts({account})", {"address1_country": "Nowhere", "new_countrycode": "IE"})
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    (referral,) = await stand.referrals()
    assert referral["customerProfile"]["address"]["country"] == "IE"

    pair = await invited_pair(stand, customer=CUSTOMER)
    account = (await pair.opportunity())["_parentaccountid_value"]
    row = await stand.crm("GET", f"accounts({account})")
    assert (row["new_countrycode"], row["address1_country"]) == ("GB", None)


@pytest.mark.parametrize("written", ["GB", "gb", "GBR", "United Kingdom", "England"])
async def test_country_which_a_seller_writes_in_words_becomes_two_letters(stand: Stand, written: str) -> None:
    opportunity_id = await stand.write_opportunity()
    account = (await stand.opportunity(opportunity_id))["_parentaccountid_value"]
    await stand.crm("PATCH", f"accounts({account})", {"address1_country": written})
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)

    (referral,) = await stand.referrals()
    assert referral["customerProfile"]["address"]["country"] == "GB"


async def test_customer_is_searched_by_name_and_postal_code_and_made_when_there_is_none(stand: Stand) -> None:
    known = await stand.write_account(name="Fabrikam Robotics")
    pair = await invited_pair(stand, customer=CUSTOMER)
    assert (await pair.opportunity())["_parentaccountid_value"] == known

    elsewhere = {**CUSTOMER, "address": {**CUSTOMER["address"], "postalCode": "D01 F5P2", "country": "IE"}}
    other = await invited_pair(stand, customer=elsewhere)
    made = (await other.opportunity())["_parentaccountid_value"]
    assert made != known
    row = await stand.crm("GET", f"accounts({made})")
    assert (row["name"], row["address1_postalcode"], row["address1_country"]) == ("Fabrikam Robotics", "D01 F5P2", "IE")


async def test_criteria_by_which_a_customer_is_found_can_be_changed(stand: Stand) -> None:
    """With the name alone as criterion, the same company in another place is the same customer."""
    account = MAPPINGS.account.model_copy(update={"match": ("name",)})
    stand.mappings = MAPPINGS.model_copy(update={"account": account})
    known = await stand.write_account(name="Fabrikam Robotics", address1_postalcode="D01 F5P2")

    pair = await invited_pair(stand, customer=CUSTOMER)

    assert (await pair.opportunity())["_parentaccountid_value"] == known

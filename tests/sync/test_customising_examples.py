"""The worked examples of docs/customising.md, each run through the sync: a deal each way, an edit, and then silence."""

from datetime import timedelta
from pathlib import Path

from cosell.dataverse.wanted import ColumnKind, WantedColumn
from cosell.mapping.loader import load_mappings
from tests.reconcile.rounds import assert_nothing_left, reconcile
from tests.sync.doors import assert_silence, look_at_opportunity, look_at_referral
from tests.sync.leads import arrived_lead
from tests.sync.pairs import DEAL_VALUE, invited_pair, shared_pair
from tests.sync.site import add_columns, add_lookup, add_money_column, add_text_column
from tests.sync.stand import Document, Stand

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
CUSTOMER: Document = {
    "name": "Fabrikam Robotics",
    "address": {"addressLine1": "12 Foundry Lane", "city": "Leeds", "postalCode": "LS1 4AP", "country": "GB"},
    "team": [
        {
            "firstName": "Oda",
            "lastName": "Renner",
            "email": "oda@fabrikam-robotics.example",
            "phoneNumber": "+44 113 496 0143",
        }
    ],
}


def use(stand: Stand, example: str) -> None:
    """Have every run from now on work with an example's overlay."""
    stand.mappings = stand.variables.fill_in(load_mappings(EXAMPLES / example))


def column(name: str, kind: ColumnKind, **more: object) -> WantedColumn:
    return WantedColumn(schema_name=name, label=name, kind=kind, description=name, **more)  # type: ignore[arg-type]


async def test_example_deal_value(stand: Stand) -> None:
    await add_money_column(stand, "opportunity", "new_bookedvalue")
    use(stand, "deal-value")

    arrived = await invited_pair(stand, customer=CUSTOMER)

    row = await arrived.opportunity()
    assert (row["new_bookedvalue"], row["estimatedvalue"]) == ((await arrived.referral())["details"]["dealValue"], None)
    await assert_silence(stand)


async def test_example_country_column(stand: Stand) -> None:
    await add_text_column(stand, "account", "new_countrycode", length=2)
    use(stand, "country-column")

    pair = await invited_pair(stand, customer=CUSTOMER)

    account = await stand.crm("GET", f"accounts({(await pair.opportunity())['_parentaccountid_value']})")
    assert (account["new_countrycode"], account["address1_country"]) == ("GB", None)


async def add_countries(stand: Stand, *codes: str) -> dict[str, str]:
    """Add a table of countries, to which the account's lookup leads; return the ids of its rows."""
    await add_lookup(stand, "account", "new_CountryId", "new_Country", "new_alpha2")
    return {code: await add_row(stand, "new_countries", "new_countryid", new_alpha2=code) for code in codes}


async def add_row(stand: Stand, set_: str, id_column: str, **columns: object) -> str:
    return str((await stand.crm("POST", set_, {"new_name": "Row", **columns}))[id_column])


async def test_example_country_lookup_arrives_and_is_sent(stand: Stand) -> None:
    ids = await add_countries(stand, "GB", "IE")
    use(stand, "country-lookup")

    pair = await invited_pair(stand, customer=CUSTOMER)

    account = await stand.crm("GET", f"accounts({(await pair.opportunity())['_parentaccountid_value']})")
    assert account["_new_countryid_value"] == ids["GB"]
    assert account["address1_country"] is None

    opportunity_id = await stand.write_opportunity()
    ours = (await stand.opportunity(opportunity_id))["_parentaccountid_value"]
    change = {"address1_country": "Nowhere", "new_CountryId@odata.bind": f"/new_countries({ids['IE']})"}
    await stand.crm("PATCH", f"accounts({ours})", change)
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    (referral,) = [item for item in await stand.referrals() if item["externalReferenceId"] == opportunity_id]
    assert referral["customerProfile"]["address"]["country"] == "IE"
    await assert_silence(stand)


async def test_country_whose_row_is_made_later_is_found_and_a_known_customer_matched(stand: Stand) -> None:
    await add_countries(stand, "IE")
    use(stand, "country-lookup")
    first = await invited_pair(stand, customer={**CUSTOMER, "name": "Wingtip Toys"})
    account = await stand.crm("GET", f"accounts({(await first.opportunity())['_parentaccountid_value']})")
    assert account["_new_countryid_value"] is None, "nobody knows this country, and the deal is there all the same"

    made = await add_row(stand, "new_countries", "new_countryid", new_alpha2="GB")
    stand.pass_time(600)
    second = await invited_pair(stand, customer=CUSTOMER)
    third = await invited_pair(stand, customer=CUSTOMER)

    account_id = (await second.opportunity())["_parentaccountid_value"]
    assert (await stand.crm("GET", f"accounts({account_id})"))["_new_countryid_value"] == made
    assert (await third.opportunity())["_parentaccountid_value"] == account_id


async def test_lookup_of_countries_costs_no_call_per_record(stand: Stand) -> None:
    await add_countries(stand, "GB")
    use(stand, "country-lookup")
    await invited_pair(stand, customer=CUSTOMER)
    await stand.control("DELETE", "requests")

    await invited_pair(stand, customer={**CUSTOMER, "name": "Wingtip Toys"})

    counts = (await stand.control("GET", "requests"))["counts"]
    assert [route for route in counts if "new_countries" in route or "EntityDefinitions" in route] == []


async def prepare_required_columns(stand: Stand) -> str:
    """Add the columns which the example fills; return the id of the row to which the lookup is to lead."""
    await add_columns(
        stand,
        "opportunity",
        column("new_Region", ColumnKind.TEXT, length=50),
        column("new_Channel", ColumnKind.CHOICE, options=("Partner", "Microsoft")),
        column("new_IsIndirect", ColumnKind.YES_NO),
        column("new_OurShare", ColumnKind.MONEY),
        column("new_Size", ColumnKind.CHOICE, options=("Small", "Large")),
        column("new_Followup", ColumnKind.TEXT, length=20),
    )
    await add_text_column(stand, "lead", "new_source")
    await add_text_column(stand, "account", "new_kind")
    await add_text_column(stand, "contact", "new_greeting")
    await add_lookup(stand, "opportunity", "new_PracticeId", "new_Practice", "new_code")
    await add_row(stand, "new_practices", "new_practiceid", new_code="DATA")
    practice = await add_row(stand, "new_practices", "new_practiceid", new_code="CLOUD")
    use(stand, "required-columns")
    return practice


async def test_example_required_columns_are_filled_when_a_deal_arrives(stand: Stand) -> None:
    practice = await prepare_required_columns(stand)

    pair = await invited_pair(stand, customer=CUSTOMER, dealValue=60000)

    row = await pair.opportunity()
    assert row["new_region"] == "EMEA"
    assert row["new_channel@OData.Community.Display.V1.FormattedValue"] == "Microsoft"
    assert row["new_isindirect"] is True
    assert row["_new_practiceid_value"] == practice
    assert row["new_followup"] == f"{stand.emulators.world.clock.now().date() + timedelta(days=30)}"
    value = (await pair.referral())["details"]["dealValue"]
    assert row["new_ourshare"] == value * 0.2
    account = await stand.crm("GET", f"accounts({row['_parentaccountid_value']})")
    contact = await stand.crm("GET", f"contacts({row['_parentcontactid_value']})")
    assert (account["new_kind"], contact["new_greeting"]) == ("Customer in GB", "Dear Oda")
    await assert_silence(stand)


async def test_lookup_may_be_filled_by_the_id_of_its_row(stand: Stand, tmp_path: Path) -> None:
    practice = await prepare_required_columns(stand)
    rule = f"fill: [{{dataverse: new_practiceid, kind: lookup, lookup: new_practiceid, value: {practice}}}]"
    (tmp_path / "opportunity.yaml").write_text(rule)
    stand.mappings = stand.variables.fill_in(load_mappings(tmp_path))

    pair = await invited_pair(stand, customer=CUSTOMER)

    assert (await pair.opportunity())["_new_practiceid_value"] == practice


async def test_what_is_filled_on_creation_is_the_sellers_from_then_on(stand: Stand) -> None:
    await prepare_required_columns(stand)
    pair = await invited_pair(stand, customer=CUSTOMER)

    await pair.seller_edits(new_region="APAC", new_isindirect=False)
    await pair.look()

    row = await pair.opportunity()
    assert (row["new_region"], row["new_isindirect"]) == ("APAC", False)
    await assert_silence(stand)


async def test_column_which_is_always_computed_follows_the_deal_whoever_moves_it(stand: Stand) -> None:
    await prepare_required_columns(stand)
    pair = await shared_pair(stand)
    row = await pair.opportunity()
    assert (row["new_ourshare"], row["new_size@OData.Community.Display.V1.FormattedValue"]) == (9600, "Small")
    assert row["new_region"] is None, "an opportunity of the seller's own is not made by us"

    await pair.colleague_edits(DEAL_VALUE, 75000)
    await pair.look_from_partner_center()
    row = await pair.opportunity()
    assert (row["new_ourshare"], row["new_size@OData.Community.Display.V1.FormattedValue"]) == (15000, "Large")

    await pair.seller_edits(estimatedvalue=1000, new_ourshare=5)
    await pair.look()
    row = await pair.opportunity()
    assert (row["new_ourshare"], row["new_size@OData.Community.Display.V1.FormattedValue"]) == (200, "Small")
    await assert_silence(stand)


async def test_change_of_the_mapping_reaches_deals_that_nobody_touches_by_reconcile(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await prepare_required_columns(stand)

    await reconcile(stand)

    assert (await pair.opportunity())["new_ourshare"] == 9600
    await assert_nothing_left(stand)
    await assert_silence(stand)


async def test_column_which_cannot_be_filled_is_told_once_and_the_rest_goes_on(stand: Stand, tmp_path: Path) -> None:
    await add_columns(stand, "opportunity", column("new_Size", ColumnKind.CHOICE, options=("Small",)))
    rule = "fill: [{dataverse: new_size, kind: choice, when: always, expression: \"'Large'\"}]"
    (tmp_path / "opportunity.yaml").write_text(rule)
    stand.mappings = stand.variables.fill_in(load_mappings(tmp_path))

    pair = await shared_pair(stand)
    await pair.seller_edits(estimatedvalue=52000)
    await pair.look()

    row = await pair.opportunity()
    assert row["cosell_audit"].count("new_size was not filled: the CRM's choice has no such option.") == 1
    assert row["name"].startswith("✖")
    assert (await pair.referral())["details"]["dealValue"] == 52000
    await assert_silence(stand)


async def test_example_required_columns_of_leads(stand: Stand) -> None:
    await prepare_required_columns(stand)

    lead = await arrived_lead(stand)

    assert (await lead.lead())["new_source"] == "Partner Center"


async def prepare_extra_fields(stand: Stand) -> None:
    await add_text_column(stand, "opportunity", "new_industry")
    await add_text_column(stand, "lead", "new_campaign")
    use(stand, "extra-fields")


async def test_example_extra_fields_arrive_with_values_and_defaults(stand: Stand) -> None:
    await prepare_extra_fields(stand)

    pair = await invited_pair(stand, customer=CUSTOMER)

    row = await pair.opportunity()
    assert row["new_industry"] == "Not known"
    assert row["cosell_campaignid"] == "DIRECT"
    await assert_silence(stand)


async def test_default_reaches_both_sides_when_a_deal_is_shared(stand: Stand) -> None:
    await prepare_extra_fields(stand)

    pair = await shared_pair(stand)

    assert (await pair.opportunity())["cosell_campaignid"] == "DIRECT"
    assert (await pair.referral())["campaignId"] == "DIRECT"
    await pair.seller_edits(cosell_campaignid="")
    await pair.look()
    assert not (await pair.referral())["campaignId"], "emptied later, it stays empty: a default is for creation"
    await assert_silence(stand)


async def test_field_whose_condition_does_not_hold_stays_where_it_is(stand: Stand) -> None:
    await prepare_extra_fields(stand)
    opportunity_id = await stand.write_opportunity(estimatedvalue=900, cosell_campaignid="spring")
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    (referral,) = await stand.referrals()
    assert not referral["campaignId"]

    await stand.seller_edits(opportunity_id, estimatedvalue=5000)
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    (referral,) = await stand.referrals()
    assert referral["campaignId"] == "spring"
    async with stand.run() as workspace:
        await look_at_referral(workspace, referral["id"])
    await assert_silence(stand)


async def test_example_customer_criteria(stand: Stand) -> None:
    use(stand, "customer-criteria")
    known = await stand.write_account(name="Fabrikam Robotics", address1_postalcode="D01 F5P2")

    pair = await invited_pair(stand, customer=CUSTOMER)

    assert (await pair.opportunity())["_parentaccountid_value"] == known

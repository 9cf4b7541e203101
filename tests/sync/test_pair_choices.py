"""Choices, campaign and program: labels become codes and back, and what nobody knows is parked while the rest flows."""

from tests.sync.doors import assert_silence
from tests.sync.pairs import NOTES, PairInStep, invited_pair, shared_pair
from tests.sync.portrait import lines_of
from tests.sync.stand import CRM, Stand

ATTRIBUTES = "/details/requirements/additionalRequirements/attributes"
YES, NO, NOT_DECIDED = 273_100_000, 273_100_001, 273_100_002
QUALIFY, PROPOSE = 0, 2


async def attributes_of(pair: PairInStep) -> dict[str, str]:
    requirements = (await pair.referral())["details"]["requirements"]
    return {item["type"]: item["id"] for item in requirements["additionalRequirements"]["attributes"]}


async def customizer_adds_option(stand: Stand, column: str, label: str) -> int:
    """Add an option to a choice of the opportunity, as somebody may who customises the CRM."""
    body = {
        "AttributeLogicalName": column,
        "EntityLogicalName": "opportunity",
        "Value": 273_100_009,
        "Label": {"LocalizedLabels": [{"Label": label, "LanguageCode": 1033}]},
    }
    may_customise = {"Authorization": "Bearer application"}  # the token of the product's own application user
    answer = await stand.http.post(f"{CRM}/InsertOptionValue", json=body, headers=may_customise)
    assert answer.is_success, answer.text
    return int(answer.json()["NewOptionValue"])


async def test_purchase_intent_travels_both_ways_and_its_neighbours_stay(stand: Stand) -> None:
    pair = await shared_pair(stand)
    assert (await pair.opportunity())["cosell_purchaseintent"] == NOT_DECIDED
    neighbours = [
        {"type": "PartnerRole", "id": "Deployment services"},
        {"type": "CustomerMarketplaceIntent", "id": "Yes"},
    ]
    await pair.colleague_edits(ATTRIBUTES, neighbours)
    await pair.look_from_partner_center()
    assert (await pair.opportunity())["cosell_purchaseintent"] == YES

    await pair.seller_edits(cosell_purchaseintent=NO)
    await pair.look()

    assert await attributes_of(pair) == {"PartnerRole": "Deployment services", "CustomerMarketplaceIntent": "No"}
    await assert_silence(stand)


async def test_purchase_intent_that_was_emptied_stays_in_partner_center(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(cosell_purchaseintent=None)
    await pair.look()
    assert (await attributes_of(pair))["CustomerMarketplaceIntent"] == "HaveNotDecided"
    assert lines_of(await pair.opportunity())[0].startswith("Purchase intent was not sent")


async def test_sales_stage_is_a_percentage_there_and_a_label_here(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(salesstage=PROPOSE)
    await pair.look()
    assert (await pair.referral())["salesStage"] == "60"

    for spelling in ("10", "Qualify"):
        await pair.colleague_edits("/salesStage", spelling)
        await pair.look_from_partner_center()
        assert (await pair.opportunity())["salesstage"] == QUALIFY
        assert (await pair.referral())["salesStage"] == spelling, "understood, so nothing was written back"
    await assert_silence(stand)


async def test_campaign_travels_both_ways_and_may_be_emptied(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(cosell_campaignid="spring-push")
    await pair.look()
    assert (await pair.referral())["campaignId"] == "spring-push"
    await pair.colleague_edits("/campaignId", None)
    await pair.look_from_partner_center()
    assert (await pair.opportunity())["cosell_campaignid"] is None
    await assert_silence(stand)


async def test_program_comes_from_partner_center_only(stand: Stand) -> None:
    pair = await invited_pair(stand, referralProgram="Services co-sell")
    assert (await pair.opportunity())["cosell_referralprogram"] == "Services co-sell"
    await pair.seller_edits(cosell_referralprogram="Typed by hand")
    await pair.look()
    assert (await pair.opportunity())["cosell_referralprogram"] == "Services co-sell"
    assert (await pair.referral())["referralProgram"] == "Services co-sell"


async def test_choice_that_the_mapping_lacks_is_parked_and_the_others_flow(stand: Stand) -> None:
    pair = await shared_pair(stand)
    number = await customizer_adds_option(stand, "cosell_purchaseintent", "Perhaps")
    stand.pass_time(600)
    await pair.seller_edits(cosell_purchaseintent=number, description="Flows all the same.")

    await pair.look()

    assert (await pair.referral())["details"]["notes"] == "Flows all the same."
    assert (await attributes_of(pair))["CustomerMarketplaceIntent"] == "HaveNotDecided"
    told = [line for line in lines_of(await pair.opportunity()) if line.startswith("Purchase intent was left alone")]
    assert 'no row for the choice "Perhaps"' in told[0]
    await assert_silence(stand)


async def test_html_entities_are_read_as_the_letters_they_stand_for(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.colleague_edits(NOTES, "Q&amp;A with R&amp;D\r\nagreed")
    await pair.look_from_partner_center()
    assert (await pair.opportunity())["description"] == "Q&A with R&D\nagreed"
    assert (await pair.referral())["details"]["notes"] == "Q&amp;A with R&amp;D\r\nagreed"
    await assert_silence(stand)

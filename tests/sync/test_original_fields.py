"""The columns of the original connector, each as its documentation describes it to the administrator of the form.

From the outside: a seller works in the CRM, a colleague in Partner Center, and both look at what they then have.
`docs/original.md` says which sentence of the original each of these answers (Microsoft: Co-sell connector for Dynamics
365 CRM, overview).
"""

import pytest

from cosell.mapping.loader import load_mappings
from cosell.sync.outcome import Result
from tests.sync.doors import assert_silence, look_at_opportunity, look_at_referral
from tests.sync.pairs import PairInStep, invited_pair, shared_pair
from tests.sync.portrait import lines_of
from tests.sync.sold import FIRST, SECOND, THIRD, Shelf
from tests.sync.stand import PROOF_OF_CONCEPT, READY_UNTIL, Stand

VISIBILITY = "consentToShareReferralWithMicrosoftSellers"


async def test_opportunity_is_not_shared_until_its_seller_says_so_on_purpose(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity(cosell_syncwithpartnercenter="")
    assert (await stand.opportunity(opportunity_id))["cosell_syncwithpartnercenter"] is False

    async with stand.run() as workspace:
        outcome = await look_at_opportunity(workspace, opportunity_id)
    assert (outcome.result, await stand.referrals()) == (Result.SKIPPED, [])
    assert (await stand.opportunity(opportunity_id))["name"] == "Ordering system"

    await stand.seller_edits(opportunity_id, cosell_syncwithpartnercenter=True)
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    assert [item["externalReferenceId"] for item in await stand.referrals()] == [opportunity_id]


async def test_referral_of_partner_center_arrives_with_the_switch_at_yes(stand: Stand) -> None:
    pair = await invited_pair(stand)
    assert (await pair.opportunity())["cosell_syncwithpartnercenter"] is True


async def test_identifier_and_link_lead_to_the_referral_and_an_edit_of_them_is_put_back(stand: Stand) -> None:
    """They are read-only on the form; whoever writes them all the same changes nothing that lasts."""
    pair = await shared_pair(stand)
    row = await pair.opportunity()
    assert row["cosell_referralid"] == pair.referral_id
    assert row["cosell_referrallink"] == f"https://partner.example/referrals/{pair.referral_id}"

    await pair.seller_edits(cosell_referrallink="https://elsewhere.example", cosell_referralid=None)
    await pair.look()

    row = await pair.opportunity()
    assert row["cosell_referralid"] == pair.referral_id
    assert row["cosell_referrallink"].endswith(pair.referral_id)
    assert len(await stand.referrals()) == 1
    await assert_silence(stand)


async def test_help_makes_a_cosell_referral_once_there_is_a_contact_to_call(stand: Stand) -> None:
    """Help was chosen without a customer contact: told; with one, the next save asks Microsoft."""
    pair = await shared_pair(stand)
    contact = (await pair.opportunity())["_parentcontactid_value"]
    await pair.seller_edits(**{"parentcontactid@odata.bind": None}, cosell_help=PROOF_OF_CONCEPT)
    with pytest.raises(Exception, match="contact"):
        await pair.look()
    referral = await pair.referral()
    assert [copy["id"] for copy in await stand.copies(referral["engagementId"])] == [pair.referral_id]

    await pair.seller_edits(**{"parentcontactid@odata.bind": f"/contacts({contact})"})
    await pair.look()

    copies = await stand.copies(referral["engagementId"])
    assert sorted(copy["organizationId"] == "msft" for copy in copies) == [False, True]
    await assert_silence(stand)


async def test_without_help_it_is_no_cosell_referral_and_may_become_one_at_any_time(stand: Stand) -> None:
    pair = await shared_pair(stand)
    referral = await pair.referral()
    assert (referral["type"], referral["consent"][VISIBILITY]) == ("Independent", False)
    assert len(await stand.copies(referral["engagementId"])) == 1

    stand.pass_time(30 * 86_400)
    await stand.sign_in()
    await pair.seller_edits(cosell_help=PROOF_OF_CONCEPT)
    await pair.look()

    assert len(await stand.copies(referral["engagementId"])) == 2
    assert "Microsoft was invited; it has 14 days to answer." in lines_of(await pair.opportunity())


async def test_help_shows_the_deal_to_microsofts_sellers_from_the_start(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity(cosell_help=PROOF_OF_CONCEPT)
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)

    (referral,) = await stand.referrals()
    assert referral["consent"][VISIBILITY] is True
    assert (await stand.opportunity(opportunity_id))["cosell_visibletomicrosoft"] is True


async def test_deal_that_was_shown_to_microsoft_stays_shown_and_the_seller_is_told(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(cosell_visibletomicrosoft=True)
    await pair.look()
    await pair.seller_edits(cosell_visibletomicrosoft=False)
    await pair.look()

    row = await pair.opportunity()
    assert (await pair.referral())["consent"][VISIBILITY] is True
    assert lines_of(row)[0] == "Visibility was not sent: Partner Center never takes it back."
    assert row["name"].startswith("✖ ")


async def test_microsofts_number_appears_when_microsoft_has_created_and_accepted(stand: Stand) -> None:
    pair = await shared_pair(stand)
    assert (await pair.opportunity())["cosell_microsoftcrmid"] is None
    await pair.seller_edits(cosell_help=PROOF_OF_CONCEPT)
    await pair.look()
    await stand.microsoft(pair.referral_id, "accept")

    await pair.look_from_partner_center()

    number = (await pair.referral())["trackingInfo"]["microsoftMsxId"]
    assert number
    assert (await pair.opportunity())["cosell_microsoftcrmid"] == number


async def test_invitation_of_microsofts_carries_its_number_from_the_start(stand: Stand) -> None:
    pair = await invited_pair(stand)
    assert (await pair.opportunity())["cosell_microsoftcrmid"] == "7-A1B2C3D4"


def test_obsolete_products_are_neither_read_nor_written() -> None:
    mappings = load_mappings()
    columns = [row.dataverse for row in (*mappings.opportunity.fields, *mappings.lead.fields)]
    assert len(columns) > 20
    assert [name for name in columns if "product" in name or name.endswith("partnercentersolutions")] == []


async def test_audit_is_a_log_of_the_sync_with_the_newest_line_first(stand: Stand) -> None:
    pair = await shared_pair(stand)
    stand.pass_time(60)
    await pair.seller_edits(estimatedvalue=52500)
    await pair.look()
    stand.pass_time(60)
    await pair.colleague_edits("/details/notes", "They want it by summer.")
    await pair.look_from_partner_center()

    lines = lines_of(await pair.opportunity())
    assert lines[0] == "Received from Partner Center: Notes."
    assert lines[1] == "Sent to Partner Center: Deal value."
    assert "Shared with Partner Center." in lines[2:]


async def test_solutions_are_added_and_removed_as_the_seller_likes_but_the_last_one(stand: Stand) -> None:
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    await shelf.add_row(SECOND)
    await shelf.add_row(THIRD)
    await shelf.look()
    assert set(await shelf.in_portal()) == {FIRST, SECOND, THIRD}

    await shelf.remove_row(FIRST)
    await shelf.remove_row(SECOND)
    await shelf.look()
    assert set(await shelf.in_portal()) == {THIRD}

    await shelf.remove_row(THIRD)
    await shelf.look()
    assert set(await shelf.in_portal()) == {THIRD}
    assert (await pair.opportunity())["name"].startswith("✖ ")


async def test_deal_without_a_solution_is_not_shared(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity()
    shelf_row = (await stand.crm("GET", "cosell_microsoftsolutions"))["value"][0]
    await stand.crm("DELETE", f"cosell_microsoftsolutions({shelf_row['cosell_microsoftsolutionid']})")
    async with stand.run() as workspace:
        with pytest.raises(Exception, match="at least one Microsoft solution"):
            await look_at_opportunity(workspace, opportunity_id)

    assert await stand.referrals() == []
    assert (await stand.opportunity(opportunity_id))["name"] == "✖ Ordering system"


async def test_solution_which_a_colleague_chose_comes_with_its_row_of_the_catalogue(stand: Stand) -> None:
    """The catalogue may be filled ahead; what it lacks is added, so that nobody has to type identifiers."""
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    chosen = {"id": SECOND, "name": "Contoso Analytics", "type": "Name", "solutionType": "3P"}
    await shelf.put_members(*await shelf.members(), chosen)
    await pair.look_from_partner_center()

    details = (await stand.crm("GET", "cosell_microsoftsolutiondetails"))["value"]
    assert {row["cosell_solutionidentifier"]: row["cosell_name"] for row in details}[SECOND] == "Contoso Analytics"
    assert set(await shelf.in_crm()) == {FIRST, SECOND}
    await assert_silence(stand)


async def test_scenario_one_from_the_crm_to_partner_center_and_on(stand: Stand) -> None:
    """A seller shares a ready opportunity and changes it later; each save is in Partner Center after one look."""
    opportunity_id = await stand.write_opportunity(cosell_help=PROOF_OF_CONCEPT)
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)

    (referral,) = await stand.referrals()
    row = await stand.opportunity(opportunity_id)
    assert row["name"] == "✔ Ordering system"
    assert (row["cosell_referralid"], bool(row["cosell_referrallink"])) == (referral["id"], True)
    assert (referral["name"], referral["details"]["notes"]) == ("Ordering system", "All branches order by telephone.")
    assert (referral["details"]["dealValue"], referral["details"]["currency"]) == (48000, "EUR")
    assert referral["details"]["closingDateTime"][:10] == READY_UNTIL
    profile = referral["customerProfile"]
    assert (profile["name"], profile["address"]["country"]) == ("Northwind Bakeries", "GB")
    assert profile["team"][0]["email"] == "tove@northwind-bakeries.example"

    await stand.seller_edits(opportunity_id, estimatedvalue=61000, estimatedclosedate="2031-06-30")
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    details = (await stand.referral(referral["id"]))["details"]
    assert (details["dealValue"], details["closingDateTime"][:10]) == (61000, "2031-06-30")
    await assert_silence(stand)


async def test_scenario_one_with_something_missing_is_told_in_the_audit_text(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity(description="", estimatedvalue="")
    async with stand.run() as workspace:
        with pytest.raises(Exception, match="deal value"):
            await look_at_opportunity(workspace, opportunity_id)

    row = await stand.opportunity(opportunity_id)
    (line,) = lines_of(row)
    assert "Fill in the description" in line
    assert "Fill in a deal value above zero" in line
    assert row["name"] == "✖ Ordering system"
    assert await stand.referrals() == []


async def test_scenario_two_from_partner_center_to_an_open_opportunity_with_all_details(stand: Stand) -> None:
    """A colleague makes a deal in the portal; the seller opens it in the CRM and finds everything filled in."""
    model = await shared_pair(stand)
    body = await model.referral()
    made = await stand.portal(
        "POST",
        "",
        {name: body[name] for name in ("qualification", "type", "customerProfile", "consent", "details", "team")}
        | {"name": "Made in the portal", "target": []},
    )
    async with stand.run() as workspace:
        outcome = await look_at_referral(workspace, made["id"])

    row = await stand.opportunity(str(outcome.opportunity_id))
    assert (row["name"], row["statecode"]) == ("✔ Made in the portal", 0)
    assert (row["estimatedvalue"], row["estimatedclosedate"]) == (48000, READY_UNTIL)
    assert row["description"] == "All branches order by telephone."
    assert row["_parentaccountid_value"] == (await model.opportunity())["_parentaccountid_value"]
    assert set(await Shelf(PairInStep(stand, row["opportunityid"], made["id"])).in_crm()) == {FIRST}
    assert (await stand.referral(made["id"]))["externalReferenceId"] == row["opportunityid"]
    await assert_silence(stand)

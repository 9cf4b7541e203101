"""How deals end: by which reason, with which value and on which day, from either side."""

from cosell.mapping.values import read_date
from tests.sync.doors import assert_silence
from tests.sync.pairs import DEAL_VALUE, PairInStep, invited_pair, shared_pair
from tests.sync.portrait import lines_of
from tests.sync.stand import Document, Stand
from tests.sync.test_pair_stages import close_in_crm, close_in_portal

DAY = 24 * 3600


async def closing_of(pair: PairInStep) -> Document:
    """Return what the CRM keeps about the end of an opportunity."""
    found: list[Document] = (await pair.stand.crm("GET", "opportunitycloses"))["value"]
    (closing,) = [item for item in found if item["_opportunityid_value"] == pair.opportunity_id]
    return closing


async def test_lost_deal_says_why_in_partner_centers_words(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await close_in_crm(pair, "LoseOpportunity", status=5)

    await pair.look()

    referral = await pair.referral()
    assert (referral["substatus"], referral["statusReason"]) == ("Lost", "Customer chose another vendor")
    assert "“Customer chose another vendor”" in lines_of(await pair.opportunity())[0]
    await assert_silence(stand)


async def test_declined_invitation_says_why(stand: Stand) -> None:
    pair = await invited_pair(stand)
    await close_in_crm(pair, "LoseOpportunity", status=4)

    await pair.look()

    referral = await pair.referral()
    assert (referral["substatus"], referral["statusReason"]) == ("Declined", "Others")
    await assert_silence(stand)


async def test_reason_of_partner_center_picks_the_status_reason_and_is_told(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await close_in_portal(pair, "Lost", **{"/statusReason": "Customer chose another vendor"})

    await pair.look_from_partner_center()

    row = await pair.opportunity()
    assert (row["statecode"], row["statuscode"]) == (2, 5)
    assert "Partner Center's reason: “Customer chose another vendor”." in "\n".join(lines_of(row))
    assert (await closing_of(pair))["description"] == "Customer chose another vendor"
    await assert_silence(stand)


async def test_reason_which_nobody_foresaw_is_kept_as_it_came(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await close_in_portal(pair, "Lost", **{"/statusReason": "R-17: budget frozen"})

    await pair.look_from_partner_center()

    row = await pair.opportunity()
    assert (row["statecode"], row["statuscode"]) == (2, 4)
    assert "“R-17: budget frozen”" in "\n".join(lines_of(row))
    assert (await pair.referral())["statusReason"] == "R-17: budget frozen"
    await assert_silence(stand)


async def test_deal_won_in_partner_center_ends_on_the_day_on_which_it_was_closed(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await close_in_portal(pair, "Won", **{DEAL_VALUE: 51000})
    closed_on = read_date((await pair.referral())["closedDateTime"])
    stand.pass_time(2 * DAY)
    await stand.sign_in()

    await pair.look_from_partner_center()

    row = await pair.opportunity()
    assert closed_on is not None
    assert str(row["actualclosedate"]) == closed_on.isoformat()
    assert (row["actualvalue"], row["estimatedvalue"]) == (51000, 51000)
    await assert_silence(stand)


async def test_value_which_was_won_in_the_crm_becomes_the_deal_value_for_good(stand: Stand) -> None:
    pair = await shared_pair(stand)
    stand.pass_time(4 * DAY)
    await stand.sign_in()
    await close_in_crm(pair, "WinOpportunity", status=3, actualrevenue=47250.5)

    await pair.look()

    referral, row = await pair.referral(), await pair.opportunity()
    assert (referral["substatus"], referral["details"]["dealValue"]) == ("Won", 47250.5)
    assert (row["estimatedvalue"], row["actualvalue"]) == (48000, 47250.5)
    await assert_silence(stand)


async def test_deal_won_without_a_value_keeps_the_one_it_had(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await close_in_crm(pair, "WinOpportunity", status=3)

    await pair.look()

    assert (await pair.referral())["details"]["dealValue"] == 48000
    await assert_silence(stand)


async def test_value_which_only_the_crm_has_does_not_become_the_revenue_of_a_deal_won_in_partner_center(
    stand: Stand,
) -> None:
    pair = await shared_pair(stand)
    await close_in_portal(pair, "Won")
    await pair.seller_edits(estimatedvalue=99000)

    await pair.look_from_partner_center()

    row = await pair.opportunity()
    assert (row["statecode"], row["actualvalue"], row["estimatedvalue"]) == (1, 48000, 99000)
    assert "takes no changes" in "\n".join(lines_of(row))
    await assert_silence(stand)

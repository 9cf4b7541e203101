"""Accepting, declining, winning and losing, from either side; and what is closed stays closed."""

import pytest

from tests.sync.doors import assert_silence
from tests.sync.fate import WRITES, Fate
from tests.sync.pairs import DEAL_VALUE, PairInStep, invited_pair, shared_pair
from tests.sync.portrait import lines_of
from tests.sync.stand import ON_HOLD, OPEN, Stand

WON, LOST, CANCELED = (1, 3), (2, 5), (2, 4)


async def stages(pair: PairInStep) -> tuple[tuple[int, int], str]:
    row, referral = await pair.opportunity(), await pair.referral()
    return (row["statecode"], row["statuscode"]), f"{referral['status']}/{referral['substatus']}"


async def close_in_crm(pair: PairInStep, action: str, *, status: int, **closing: object) -> None:
    """Close an opportunity with the CRM's own dialog."""
    body = {"subject": "Done", "opportunityid@odata.bind": f"/opportunities({pair.opportunity_id})", **closing}
    await pair.stand.crm("POST", action, {"Status": status, "OpportunityClose": body})


async def close_in_portal(pair: PairInStep, substatus: str, **changes: object) -> None:
    """Close a referral in Partner Center."""
    await pair.stand.colleague_edits(pair.referral_id, {**changes, "/status": "Closed", "/substatus": substatus})


async def test_seller_accepts_by_taking_the_opportunity_out_of_on_hold(stand: Stand) -> None:
    pair = await invited_pair(stand)
    assert await stages(pair) == ((0, ON_HOLD), "New/Pending")

    await pair.seller_edits(statuscode=OPEN)
    await pair.look()

    assert await stages(pair) == ((0, OPEN), "Active/Accepted")
    await assert_silence(stand)


async def test_invitation_that_was_accepted_in_the_portal_comes_off_hold(stand: Stand) -> None:
    pair = await invited_pair(stand)
    await stand.colleague_edits(pair.referral_id, {"/status": "Active", "/substatus": "Accepted"})

    await pair.look_from_partner_center()

    assert await stages(pair) == ((0, OPEN), "Active/Accepted")
    await assert_silence(stand)


async def test_seller_declines_by_losing_the_opportunity(stand: Stand) -> None:
    pair = await invited_pair(stand)
    await close_in_crm(pair, "LoseOpportunity", status=4)

    await pair.look()

    assert await stages(pair) == (CANCELED, "Closed/Declined")
    await assert_silence(stand)


@pytest.mark.parametrize(
    ("action", "status", "outcome", "value"),
    [("WinOpportunity", 3, "Closed/Won", 51000), ("LoseOpportunity", 5, "Closed/Lost", 52500)],
)
async def test_deal_closed_in_the_crm_closes_its_referral(
    stand: Stand, action: str, status: int, outcome: str, value: int
) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(estimatedvalue=52500)
    await close_in_crm(pair, action, status=status, actualrevenue=51000)

    await pair.look()

    row, referral = await pair.opportunity(), await pair.referral()
    assert (await stages(pair))[1] == outcome
    assert row["actualvalue"] == 51000
    assert referral["details"]["dealValue"] == value
    await assert_silence(stand)


async def test_deal_won_in_partner_center_is_won_in_the_crm_with_its_value(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await close_in_portal(pair, "Won", **{DEAL_VALUE: 51000})

    await pair.look_from_partner_center()

    row = await pair.opportunity()
    assert await stages(pair) == (WON, "Closed/Won")
    assert (row["estimatedvalue"], row["actualvalue"]) == (51000, 51000)
    await assert_silence(stand)


async def test_deal_lost_in_partner_center_is_lost_in_the_crm(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await close_in_portal(pair, "Lost")

    await pair.look_from_partner_center()

    assert (await stages(pair))[0][0] == LOST[0]
    await assert_silence(stand)


async def test_reopened_deal_is_refused_and_told_once(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await close_in_crm(pair, "WinOpportunity", status=3)
    await pair.look()

    await pair.seller_edits(statecode=0, statuscode=OPEN)
    await pair.look()

    row = await pair.opportunity()
    assert await stages(pair) == ((0, OPEN), "Closed/Won")
    assert row["name"] == "✖ Ordering system"
    assert "closed as won in Partner Center for good" in lines_of(row)[0]
    for look in (pair.look, pair.look_from_partner_center):
        fate = Fate()
        await look(fate)
        assert fate.calls(*WRITES) == []


async def test_edits_of_a_closed_deal_are_told_and_not_sent(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await close_in_portal(pair, "Won")
    await pair.look_from_partner_center()

    await pair.seller_edits(description="One more thing.")
    await pair.look()

    assert (await pair.referral())["details"]["notes"] == "All branches order by telephone."
    assert (await pair.opportunity())["description"] == "One more thing."
    assert "takes no changes" in lines_of(await pair.opportunity())[0]
    await assert_silence(stand)


async def test_both_close_the_deal_differently_and_neither_is_changed(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await close_in_portal(pair, "Lost")
    await close_in_crm(pair, "WinOpportunity", status=3)

    await pair.look()

    assert await stages(pair) == (WON, "Closed/Lost")
    assert "neither was changed" in lines_of(await pair.opportunity())[0]
    await assert_silence(stand)


async def test_expired_invitation_closes_its_opportunity(stand: Stand) -> None:
    pair = await invited_pair(stand)
    await stand.control("POST", "clock", {"advance_seconds": 15 * 24 * 3600})
    await stand.sign_in()

    await pair.look_from_partner_center()

    assert (await stages(pair))[1] == "Closed/Expired"
    assert (await stages(pair))[0][0] == LOST[0]
    await assert_silence(stand)

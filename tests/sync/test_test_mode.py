"""Test mode: what is created says so before its name, the mark never travels, and Microsoft sees no test deal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cosell.errors import NotReady
from cosell.sync.outcome import Result
from cosell.sync.workspace import Workspace
from tests.sync.doors import look_at_opportunity, look_at_referral
from tests.sync.fate import WRITES, Fate
from tests.sync.portrait import lines_of
from tests.sync.stand import PROOF_OF_CONCEPT, Stand


@asynccontextmanager
async def trying(stand: Stand, fate: Fate | None = None) -> AsyncIterator[Workspace]:
    """Open a run in test mode."""
    async with stand.run(fate) as workspace:
        workspace.is_test = True
        yield workspace


async def share(stand: Stand) -> str:
    opportunity_id = await stand.write_opportunity()
    async with trying(stand) as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    return opportunity_id


async def names(stand: Stand, opportunity_id: str) -> tuple[str, str]:
    (referral,) = await stand.referrals()
    return referral["name"], (await stand.opportunity(opportunity_id))["name"]


async def test_referral_which_is_created_carries_the_mark_and_the_opportunity_keeps_its_name(stand: Stand) -> None:
    opportunity_id = await share(stand)

    assert await names(stand, opportunity_id) == ("[TEST] Ordering system", "✔ Ordering system")


@pytest.mark.parametrize("is_still_on", [True, False])
async def test_mark_is_no_difference_between_the_sides(stand: Stand, *, is_still_on: bool) -> None:
    opportunity_id = await share(stand)
    fate = Fate()
    async with stand.run(fate) as workspace:
        workspace.is_test = is_still_on
        await stand.seller_edits(opportunity_id, description="All branches order by telephone.")
        outcome = await look_at_opportunity(workspace, opportunity_id)

    assert outcome.result in {Result.ECHO, Result.IN_STEP}
    assert fate.calls(*WRITES) == []


async def test_new_names_travel_without_the_mark_and_each_side_keeps_its_own(stand: Stand) -> None:
    opportunity_id = await share(stand)
    await stand.seller_edits(opportunity_id, name="✔ Till system")
    async with trying(stand) as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    sent = await names(stand, opportunity_id)
    (referral,) = await stand.referrals()
    await stand.colleague_edits(referral["id"], {"/name": "[TEST] Scale system"})
    async with trying(stand) as workspace:
        await look_at_referral(workspace, referral["id"])

    assert sent == ("[TEST] Till system", "✔ Till system")
    assert await names(stand, opportunity_id) == ("[TEST] Scale system", "✔ Scale system")


async def test_opportunity_which_arrives_carries_the_mark_and_the_referral_keeps_its_name(stand: Stand) -> None:
    referral_id = await stand.microsoft_invites(name="Robots")
    async with trying(stand) as workspace:
        await look_at_referral(workspace, referral_id)
    (row,) = await stand.opportunities()
    await stand.colleague_edits(referral_id, {"/name": "Robots for all"})
    async with trying(stand) as workspace:
        await look_at_referral(workspace, referral_id)
    fate = Fate()
    async with stand.run(fate) as workspace:
        await look_at_opportunity(workspace, row["opportunityid"])
    (renamed,) = await stand.opportunities()

    assert (row["name"], renamed["name"]) == ("✔ [TEST] Robots", "✔ [TEST] Robots for all")
    assert (await stand.referral(referral_id))["name"] == "Robots for all"
    assert fate.calls(*WRITES) == []


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"cosell_help": PROOF_OF_CONCEPT}, "so it was not sent with a call for help"),
        ({"cosell_visibletomicrosoft": True}, "so it was not made visible to Microsoft's sellers"),
    ],
)
async def test_deal_which_asks_for_microsoft_is_not_shared(stand: Stand, columns: dict[str, object], told: str) -> None:
    opportunity_id = await stand.write_opportunity(**columns)
    async with trying(stand) as workspace:
        with pytest.raises(NotReady):
            await look_at_opportunity(workspace, opportunity_id)
    row = await stand.opportunity(opportunity_id)

    assert await stand.referrals() == []
    assert row["name"] == "✖ Ordering system"
    assert any("Test mode: a test deal stays private" in line and told in line for line in lines_of(row))


@pytest.mark.parametrize("columns", [{"cosell_help": PROOF_OF_CONCEPT}, {"cosell_visibletomicrosoft": True}])
async def test_deal_which_asks_for_microsoft_later_stays_private_and_the_rest_flows(
    stand: Stand, columns: dict[str, object]
) -> None:
    opportunity_id = await share(stand)
    await stand.seller_edits(opportunity_id, estimatedvalue=52500, **columns)
    async with trying(stand) as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    fate = Fate()
    async with trying(stand, fate) as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    (referral,) = await stand.referrals()
    row = await stand.opportunity(opportunity_id)

    assert referral["consent"]["consentToShareReferralWithMicrosoftSellers"] is False
    assert len(await stand.copies(referral["engagementId"])) == 1
    assert referral["details"]["dealValue"] == 52500
    assert row["name"] == "✖ Ordering system"
    assert any("a test deal stays private" in line for line in lines_of(row))
    assert fate.calls(*WRITES) == [], "it is told once"


async def test_once_test_mode_is_over_what_was_asked_is_sent(stand: Stand) -> None:
    opportunity_id = await share(stand)
    await stand.seller_edits(opportunity_id, cosell_visibletomicrosoft=True)
    async with trying(stand) as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    await stand.seller_edits(opportunity_id, description="All branches order by telephone, still.")
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    (referral,) = await stand.referrals()

    assert referral["consent"]["consentToShareReferralWithMicrosoftSellers"] is True
    assert (await stand.opportunity(opportunity_id))["name"] == "✔ Ordering system"

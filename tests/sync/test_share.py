"""A seller shares an opportunity: one referral, with everything told back; or every reason why not, told once."""

import pytest

from cosell.errors import NotReady, RetryableError
from cosell.sync.outcome import Result
from tests.sync.doors import look_at_opportunity
from tests.sync.fate import WRITES, Fate
from tests.sync.portrait import lines_of
from tests.sync.stand import PROOF_OF_CONCEPT, Stand

HELP = "cosell_help"


async def test_ready_opportunity_gets_its_referral_and_hears_of_it(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity()

    async with stand.run() as workspace:
        outcome = await look_at_opportunity(workspace, opportunity_id)

    (referral,) = await stand.referrals()
    row = await stand.opportunity(opportunity_id)
    assert outcome.result is Result.CREATED
    assert (referral["externalReferenceId"], referral["status"]) == (opportunity_id, "Active")
    assert (referral["name"], referral["details"]["dealValue"]) == ("Ordering system", 48000)
    assert row["name"] == "✔ Ordering system"
    assert row["cosell_referralid"] == referral["id"]
    assert row["cosell_referrallink"].endswith(referral["id"])
    assert "Shared with Partner Center." in lines_of(row)


async def test_help_brings_microsofts_copy_into_the_same_engagement(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity(**{HELP: PROOF_OF_CONCEPT})

    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)

    (referral,) = await stand.referrals()
    ours, theirs = sorted(await stand.copies(referral["engagementId"]), key=lambda copy: copy["organizationId"])
    assert (ours["id"], theirs["organizationId"]) == (referral["id"], "msft")
    assert theirs["inviteContext"]["assistanceRequestCode"] == "ProofOfConceptOrDemo"
    assert referral["consent"]["consentToShareReferralWithMicrosoftSellers"] is True


async def test_second_look_writes_nothing(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity(**{HELP: PROOF_OF_CONCEPT})
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)

    fate = Fate()
    async with stand.run(fate) as workspace:
        outcome = await look_at_opportunity(workspace, opportunity_id)

    assert outcome.result is Result.ECHO
    assert fate.calls(*WRITES) == []


async def test_everything_that_is_missing_is_told_at_once_and_only_once(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity(description="", estimatedclosedate="")

    for expected_writes in (1, 0):
        fate = Fate()
        async with stand.run(fate) as workspace:
            with pytest.raises(NotReady):
                await look_at_opportunity(workspace, opportunity_id)
        assert len(fate.calls(*WRITES)) == expected_writes

    row = await stand.opportunity(opportunity_id)
    (line,) = lines_of(row)
    assert row["name"] == "✖ Ordering system"
    assert "the description" in line
    assert "the estimated close date" in line
    assert await stand.referrals() == []


async def test_mended_opportunity_is_shared_and_its_cross_becomes_a_check_mark(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity(description="")
    async with stand.run() as workspace:
        with pytest.raises(NotReady):
            await look_at_opportunity(workspace, opportunity_id)

    await stand.seller_edits(opportunity_id, description="They want it before spring.")
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)

    row = await stand.opportunity(opportunity_id)
    (referral,) = await stand.referrals()
    assert row["name"] == "✔ Ordering system"
    assert referral["name"] == "Ordering system"
    assert "Shared with Partner Center." in lines_of(row)


async def test_same_reason_is_told_again_when_another_came_between(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity(description="")
    for columns in (
        {},
        {"estimatedclosedate": None, "description": "Soon."},
        {"estimatedclosedate": "2031-03-31", "description": None},
    ):
        await stand.seller_edits(opportunity_id, name="Ordering system", **columns)
        async with stand.run() as workspace:
            with pytest.raises(NotReady):
                await look_at_opportunity(workspace, opportunity_id)

    newest, between, oldest = lines_of(await stand.opportunity(opportunity_id))
    assert newest == oldest
    assert "close date" in between


async def test_opportunity_that_is_not_switched_on_is_left_alone(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity(cosell_syncwithpartnercenter=False)

    fate = Fate()
    async with stand.run(fate) as workspace:
        outcome = await look_at_opportunity(workspace, opportunity_id)

    assert outcome.result is Result.SKIPPED
    assert fate.calls(*WRITES) == []


@pytest.mark.parametrize(
    "trouble", [{"status": 503}, {"status": 429, "headers": {"Retry-After": "90"}}, {"reset": "before"}]
)
async def test_nothing_is_created_when_nobody_can_look_first(stand: Stand, trouble: dict[str, object]) -> None:
    opportunity_id = await stand.write_opportunity()
    await stand.control("PUT", "faults", [{"method": "GET", "path": "/engagements/referrals$", "action": trouble}])

    async with stand.run() as workspace:
        with pytest.raises(RetryableError):
            await look_at_opportunity(workspace, opportunity_id)

    await stand.control("DELETE", "faults")
    assert await stand.referrals() == []
    async with stand.run() as workspace:
        stand.pass_time(100)
        await look_at_opportunity(workspace, opportunity_id)
        assert await workspace.ledger.dead_letters.list_open() == []
    assert len(await stand.referrals()) == 1

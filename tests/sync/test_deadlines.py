"""Deadlines as stories: told at first, told again while time passes, silent once somebody has answered."""

from cosell.sync.reminders import find_due, remind
from tests.sync.doors import assert_silence, look_at_opportunity, look_at_referral
from tests.sync.fate import WRITES, Fate
from tests.sync.pairs import PairInStep, invited_pair, shared_pair
from tests.sync.portrait import lines_of
from tests.sync.site import know_columns
from tests.sync.stand import OPEN, PROOF_OF_CONCEPT, Stand
from tests.sync.test_pair_stages import close_in_crm

DAY = 24 * 3600.0


async def pass_days(stand: Stand, days: float) -> None:
    """Let time pass, and everybody sign in again."""
    await stand.control("POST", "clock", {"advance_seconds": days * DAY})
    await stand.sign_in()


async def sweep(stand: Stand, fate: Fate | None = None) -> int:
    """Remind of what is due, in a run of its own; return of how many deals."""
    async with stand.run(fate) as workspace:
        due = await find_due(workspace)
        for link in due:
            await remind(workspace, link)
    return len(due)


async def told(pair: PairInStep) -> str:
    """Return what the seller reads, as one text."""
    return "\n".join(lines_of(await pair.opportunity()))


async def test_invitation_is_told_with_its_end_by_the_write_that_makes_the_opportunity(stand: Stand) -> None:
    referral_id = await stand.microsoft_invites()
    fate = Fate()
    async with stand.run(fate) as workspace:
        outcome = await look_at_referral(workspace, referral_id)
    pair = PairInStep(stand, str(outcome.opportunity_id), referral_id)

    assert (await told(pair)).count("(14 days left), or it expires.") == 1
    made = [call for call in fate.calls(*WRITES) if "opportunities" in call or "$batch" in call]
    assert len(made) == 1, made
    await assert_silence(stand)


async def test_unanswered_invitation_is_told_at_seven_three_and_one_days(stand: Stand) -> None:
    pair = await invited_pair(stand)

    for days, left in ((7.1, "7 days left"), (3.9, "3 days left"), (2, "1 day left")):
        await pass_days(stand, days)
        assert await sweep(stand) == 1
        assert left in lines_of(await pair.opportunity())[0]
        fate = Fate()
        assert await sweep(stand, fate) == 0
        assert fate.calls() == [], "nothing is read while nothing is due"


async def test_answered_invitation_is_not_reminded_of(stand: Stand) -> None:
    pair = await invited_pair(stand)
    await pair.seller_edits(statuscode=OPEN)
    await pair.look()
    before = await told(pair)

    await pass_days(stand, 7.5)
    await sweep(stand)

    assert await told(pair) == before
    await assert_silence(stand)


async def test_late_answer_is_sent_without_being_asked_for(stand: Stand) -> None:
    pair = await invited_pair(stand)
    await pass_days(stand, 12)
    await pair.seller_edits(statuscode=OPEN)

    await pair.look()

    assert (await pair.referral())["status"] == "Active"
    assert "(2 days left)" not in await told(pair)
    await assert_silence(stand)


async def test_answer_whose_notification_was_lost_is_found_in_place_of_a_reminder(stand: Stand) -> None:
    pair = await invited_pair(stand)
    await stand.colleague_edits(pair.referral_id, {"/status": "Active", "/substatus": "Accepted"})

    await pass_days(stand, 7.5)
    await sweep(stand)

    assert (await pair.opportunity())["statuscode"] == OPEN
    assert "days left" not in lines_of(await pair.opportunity())[0]
    await assert_silence(stand)


async def test_expired_invitation_is_found_when_its_time_is_over(stand: Stand) -> None:
    pair = await invited_pair(stand)
    await pass_days(stand, 14.5)

    assert await sweep(stand) == 1

    assert (await pair.opportunity())["statecode"] == 2
    assert await sweep(stand) == 0
    await assert_silence(stand)


async def test_answer_of_microsofts_is_waited_for(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity(cosell_help=PROOF_OF_CONCEPT)
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    (referral,) = await stand.referrals()
    pair = PairInStep(stand, opportunity_id, referral["id"])
    await assert_silence(stand)

    await pass_days(stand, 7.5)
    await sweep(stand)
    assert "Microsoft has not answered our invitation yet" in lines_of(await pair.opportunity())[0]

    await stand.microsoft(pair.referral_id, "accept")
    await pass_days(stand, 4)
    await sweep(stand)
    assert "Microsoft accepted the deal." in "\n".join(lines_of(await pair.opportunity())[:3])
    assert await sweep(stand) == 0
    await assert_silence(stand)


async def test_private_deal_is_told_what_cannot_be_taken_back_and_again_when_it_is_sent(stand: Stand) -> None:
    pair = await shared_pair(stand)
    assert "Microsoft's sellers do not see it." in await told(pair)
    assert "as won not before" not in await told(pair)

    await pair.seller_edits(cosell_visibletomicrosoft=True)
    await pair.look()

    assert "Microsoft's sellers see this deal from now on" in await told(pair)
    assert "as won not before" in await told(pair)
    await assert_silence(stand)


async def test_win_within_72_hours_is_sent_with_a_warning(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity(cosell_visibletomicrosoft=True)
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    (referral,) = await stand.referrals()
    pair = PairInStep(stand, opportunity_id, referral["id"])
    await pass_days(stand, 2)
    await close_in_crm(pair, "WinOpportunity", status=3)

    await pair.look()

    assert (await pair.referral())["substatus"] == "Won"
    assert "won within 72 hours" in await told(pair)
    assert (await pair.opportunity())["name"].startswith("✔")
    await assert_silence(stand)


async def test_win_after_72_hours_is_sent_without_a_word(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(cosell_visibletomicrosoft=True)
    await pair.look()
    await pass_days(stand, 3.5)
    await know_columns(stand)
    fate = Fate()
    await sweep(stand, fate)
    assert fate.calls() == [], "that the 72 hours are over is no news"
    await close_in_crm(pair, "WinOpportunity", status=3)

    await pair.look()

    assert "within 72 hours" not in await told(pair)
    assert await sweep(stand) == 0
    await assert_silence(stand)

"""What was given up on is tried again by the clock: less and less often, never for ever in silence."""

from datetime import timedelta

import pytest

from cosell.store import DeadLetter, FiledDeadLetter, HintKind
from cosell.store.retrying import PAUSES, TRIES
from cosell.sync.retrying import PER_CAUSE, Round, retry_due
from tests.sync.pairs import shared_pair
from tests.sync.rounds import dead_letters, notified, round_from_crm
from tests.sync.stand import Stand
from tests.sync.test_missed_notifications import listing

NO = {"status": 400, "body": {"error": {"code": "0x80040203", "message": "A plug-in says no."}}}
REFUSES_NEW_ROWS = [{"path": r"/(opportunities\(|\$batch)", "action": NO}]
MOMENT = timedelta(seconds=1)


async def retry(stand: Stand) -> Round:
    """Do what the flow does every five minutes, and what the flows of the records do right after it."""
    async with stand.run() as workspace:
        done = await retry_due(workspace)
        inbox = workspace.ledger.inbox
        entries = await inbox.claim([HintKind.REFERRAL], limit=100, holder=workspace.holder, seconds=60)
    for entry in entries:
        await notified(stand, entry.record_id)
    async with stand.ledger() as ledger:
        await ledger.inbox.settle(entries)
    await round_from_crm(stand)
    await stand.sign_in()  # People stay as they are, whatever time has passed.
    return done


async def refused_invitation(stand: Stand) -> str:
    """Let a deal of Microsoft's arrive which the CRM does not take."""
    referral_id = await stand.microsoft_invites()
    await stand.colleague_edits(referral_id, {"/status": "Active", "/substatus": "Accepted"})
    await stand.control("PUT", "faults", REFUSES_NEW_ROWS)
    await notified(stand, referral_id)
    return referral_id


async def the_letter(stand: Stand) -> FiledDeadLetter:
    """Return the only dead letter."""
    (letter,) = await dead_letters(stand)
    return letter


async def test_refusal_is_tried_again_with_growing_pauses_and_is_one_dead_letter(stand: Stand) -> None:
    await refused_invitation(stand)

    for number, pause in enumerate((*PAUSES, PAUSES[-1]), start=1):
        stand.pass_time((pause - MOMENT).total_seconds())
        assert (await retry(stand)).retried == (), "too early"
        stand.pass_time(2)
        assert len((await retry(stand)).retried) == 1
        letter = await the_letter(stand)
        assert (letter.count, letter.attempts) == (number + 1, number)
    assert await stand.opportunities() == []


async def test_privilege_given_back_lets_the_record_pass_without_an_edit(stand: Stand) -> None:
    await refused_invitation(stand)
    await stand.control("DELETE", "faults")

    stand.pass_time(301)
    await retry(stand)

    assert len(await stand.opportunities()) == 1
    assert await dead_letters(stand) == []


async def test_after_two_weeks_only_a_person_tries_again_and_it_stays_on_the_list(stand: Stand) -> None:
    await refused_invitation(stand)
    for _ in range(TRIES):
        stand.pass_time(24 * 3600 + 1)
        assert len((await retry(stand)).retried) == 1

    letter = await the_letter(stand)
    assert (letter.attempts, letter.due_at) == (TRIES, None)
    stand.pass_time(60 * 24 * 3600)
    assert (await retry(stand)).retried == ()

    async with stand.ledger() as ledger:
        await ledger.dead_letters.retry([letter.dead_letter_id])
    await retry(stand)
    letter = await the_letter(stand)
    assert letter.attempts == 0
    assert letter.due_at is not None, "who retries by hand begins anew"


@pytest.mark.parametrize("status", [403, 503])
async def test_outage_of_a_service_uses_up_no_try(stand: Stand, status: int) -> None:
    await refused_invitation(stand)
    answer = {"status": status, "body": {"error": {"code": "0x80040220", "message": "Not now."}}}
    await stand.control("PUT", "faults", [{"path": r"WhoAmI", "action": answer}, *REFUSES_NEW_ROWS])

    stand.pass_time(301)
    for _ in range(3):
        done = await retry(stand)
        assert (done.retried, bool(done.waits)) == ((), True)
        stand.pass_time(300)

    assert (await the_letter(stand)).attempts == 0
    await stand.control("DELETE", "faults")
    assert len((await retry(stand)).retried) == 1


async def test_refusal_told_once_is_not_told_again_by_each_try(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity(description="")
    await round_from_crm(stand)
    told = (await stand.opportunity(opportunity_id))["cosell_audit"]

    for _ in range(3):
        stand.pass_time(24 * 3600)
        assert len((await retry(stand)).retried) == 1

    assert (await the_letter(stand)).letter.record_id == opportunity_id
    assert (await stand.opportunity(opportunity_id))["cosell_audit"] == told


async def test_many_letters_of_one_cause_are_tried_a_few_at_a_time(stand: Stand) -> None:
    async with stand.ledger() as ledger:
        for number in range(PER_CAUSE + 5):
            for cause in ("AccessDenied", "RequestRejected"):
                record_id = f"{number:08d}-0000-4000-8000-{1 if cause == 'AccessDenied' else 2:012d}"
                letter = DeadLetter(
                    kind=HintKind.OPPORTUNITY, record_id=record_id, flow="any", cause=cause, message="No."
                )
                await ledger.dead_letters.add(letter)
    stand.pass_time(301)

    async with stand.run() as workspace:
        done = await retry_due(workspace)

    causes = [filed.letter.cause for filed in done.retried]
    assert (causes.count("AccessDenied"), causes.count("RequestRejected")) == (PER_CAUSE, PER_CAUSE)
    assert sum(filed.attempts for filed in await dead_letters(stand)) == 0


async def test_letter_whose_record_passed_without_a_word_is_closed(stand: Stand) -> None:
    """Its seller has switched the sync off: nothing is refused any more, and nothing is recorded either."""
    opportunity_id = await stand.write_opportunity(description="")
    await round_from_crm(stand)
    await stand.seller_edits(opportunity_id, cosell_syncwithpartnercenter=False)
    stand.pass_time(301)
    await retry(stand)
    assert await dead_letters(stand) == []

    stand.pass_time(1801)

    assert (await retry(stand)).settled == 1


async def test_listing_leaves_a_refused_referral_to_its_dead_letter_until_it_moves(stand: Stand) -> None:
    referral_id = await refused_invitation(stand)

    async with listing(stand) as moved:
        assert moved == []
    stand.pass_time(60)
    await stand.colleague_edits(referral_id, {"/details/notes": "Try this."})

    async with listing(stand) as moved:
        assert moved == [referral_id]


async def test_another_reason_begins_with_the_short_pauses_again(stand: Stand) -> None:
    pair = await shared_pair(stand)
    letter = DeadLetter(
        kind=HintKind.OPPORTUNITY, record_id=pair.opportunity_id, flow="any", cause="RequestRejected", message="No."
    )
    async with stand.ledger() as ledger:
        first = await ledger.dead_letters.add(letter)
        stand.pass_time(7200)
        same = await ledger.dead_letters.add(letter)
        other = await ledger.dead_letters.add(
            DeadLetter(kind=letter.kind, record_id=letter.record_id, flow="any", cause="NotReady", message="Fill in.")
        )

    assert same.due_at == first.due_at, "who looked at it meanwhile changes nothing"
    assert other.due_at is not None
    assert other.due_at - other.last_at - PAUSES[0] < MOMENT

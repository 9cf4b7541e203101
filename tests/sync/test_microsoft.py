"""Microsoft's copy of an engagement: what it says comes into the opportunity once, and it never becomes a deal."""

import pytest

from cosell.domain.ids import ReferralId
from cosell.store import Door, Hint, HintKind
from cosell.sync.microsoft import read_deals_of_copies
from cosell.sync.outcome import Outcome, Result
from cosell.sync.recent import ALONE_AT_MOST
from tasks.inbox import TRIES_OF_WAITING, claim_hints
from tasks.links import follow_copy
from tasks.workspace import _current
from tests.sync.doors import assert_silence, look_at_opportunity, look_at_referral
from tests.sync.fate import WRITES, Fate
from tests.sync.pairs import PairInStep, invited_pair
from tests.sync.portrait import lines_of
from tests.sync.stand import PROOF_OF_CONCEPT, Document, Stand


async def pair_with_help(stand: Stand) -> tuple[PairInStep, Document]:
    """Return a pair for which Microsoft's help was asked, and Microsoft's copy."""
    opportunity_id = await stand.write_opportunity(cosell_help=PROOF_OF_CONCEPT)
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    (ours,) = [item for item in await stand.referrals() if item["externalReferenceId"] == opportunity_id]
    (theirs,) = [copy for copy in await stand.copies(ours["engagementId"]) if copy["organizationId"] == "msft"]
    return PairInStep(stand, opportunity_id, ours["id"]), theirs


async def look(stand: Stand, referral_id: str, fate: Fate | None = None) -> Result:
    async with stand.run(fate) as workspace:
        return (await look_at_referral(workspace, referral_id)).result


async def test_acceptance_brings_microsofts_crm_id_and_is_told_once(stand: Stand) -> None:
    pair, copy = await pair_with_help(stand)
    accepted = await stand.microsoft(pair.referral_id, "accept")

    await look(stand, copy["id"])

    row = await pair.opportunity()
    assert row["cosell_microsoftcrmid"] == accepted["trackingInfo"]["microsoftMsxId"]
    assert lines_of(row).count("Microsoft accepted the deal.") == 1
    for referral_id in (copy["id"], pair.referral_id, copy["id"]):
        fate = Fate()
        await look(stand, referral_id, fate)
        assert fate.calls(*WRITES) == []
    assert len(await stand.opportunities()) == 1


async def test_copy_which_says_nothing_new_costs_one_read(stand: Stand) -> None:
    """Microsoft announces its copy whenever anybody writes to it."""
    _, copy = await pair_with_help(stand)
    await look(stand, copy["id"])

    fate = Fate()
    assert await look(stand, copy["id"], fate) is Result.ECHO

    assert fate.calls() == [f"GET /v1.0/engagements/referrals/{copy['id']}"]


async def test_deals_of_many_copies_are_read_in_pages(stand: Stand) -> None:
    found = [await pair_with_help(stand) for _ in range(ALONE_AT_MOST + 1)]
    copies = [ReferralId(copy["id"]) for _, copy in found]

    fate = Fate()
    async with stand.run(fate) as workspace:
        for copy_id in copies:
            await workspace.get_referral(copy_id)
        before = len(fate.calls())
        await read_deals_of_copies(workspace, copies)
        pages = fate.calls()[before:]
        assert {pair.referral_id for pair, _ in found} < workspace.reads.referrals.keys()
        assert {pair.opportunity_id for pair, _ in found} == workspace.reads.opportunities.keys()

    assert pages == ["GET /v1.0/engagements/referrals", "GET /api/data/v9.2/opportunities"]


async def test_copy_which_comes_before_its_deal_comes_again_a_few_times(stand: Stand) -> None:
    """The run which has our own referral in hand may have died: it is taken up again within a minute or two."""
    engagement_id = (await stand.referral(await stand.microsoft_invites()))["engagementId"]
    (copy,) = [item for item in await stand.copies(engagement_id) if item["organizationId"] == "msft"]
    hint = Hint(door=Door.PARTNER_CENTER, kind=HintKind.RELATED_REFERRAL, record_id=copy["id"])
    async with stand.run() as workspace:
        await workspace.ledger.inbox.add([hint])

    found = [await follow_claimed(stand, copy["id"]) for _ in range(TRIES_OF_WAITING + 1)]

    assert [outcome.only_waits for outcome in found] == [True] * TRIES_OF_WAITING + [False]
    assert found[-1].result is Result.SKIPPED


async def follow_claimed(stand: Stand, copy_id: str) -> Outcome:
    async with stand.run() as workspace:
        token = _current.set(workspace)
        try:
            assert await claim_hints.fn([HintKind.RELATED_REFERRAL], 1) == [copy_id]
            outcome = await follow_copy.fn(copy_id)
            await workspace.ledger.inbox.release(workspace.claims, delay_seconds=0)
        finally:
            _current.reset(token)
    return outcome


async def test_invitation_is_told_with_the_days_to_wait(stand: Stand) -> None:
    pair, copy = await pair_with_help(stand)

    await look(stand, copy["id"])

    assert lines_of(await pair.opportunity()).count("Microsoft was invited; it has 14 days to answer.") == 1
    await assert_silence(stand)


@pytest.mark.parametrize(
    ("action", "line"),
    [
        ("decline", "Microsoft declined the deal."),
        ("expire", "Microsoft did not answer within 14 days; its invitation has expired."),
    ],
)
async def test_microsofts_no_leaves_our_deal_open(stand: Stand, action: str, line: str) -> None:
    pair, copy = await pair_with_help(stand)
    if action == "expire":
        await stand.control("POST", "clock", {"advance_seconds": 15 * 24 * 3600})
        await stand.sign_in()
    else:
        await stand.microsoft(pair.referral_id, action)

    await look(stand, copy["id"])

    row = await pair.opportunity()
    assert line in lines_of(row)
    assert (row["statecode"], (await pair.referral())["status"]) == (0, "Active")
    await assert_silence(stand)


async def test_microsofts_end_is_told_and_ours_goes_on(stand: Stand) -> None:
    pair, copy = await pair_with_help(stand)
    await stand.microsoft(pair.referral_id, "accept")
    await look(stand, copy["id"])
    await stand.microsoft(pair.referral_id, "win")

    await look(stand, copy["id"])

    row = await pair.opportunity()
    assert lines_of(row)[0] == "Microsoft closed its side as won."
    assert row["statecode"] == 0
    await assert_silence(stand)


async def test_copy_without_an_opportunity_of_ours_is_left_alone(stand: Stand) -> None:
    referral_id = await stand.microsoft_invites()
    ours = await stand.referral(referral_id)
    (theirs,) = [copy for copy in await stand.copies(ours["engagementId"]) if copy["id"] != referral_id]

    assert await look(stand, theirs["id"]) is Result.SKIPPED
    assert await stand.opportunities() == []


async def test_microsoft_who_invited_us_is_not_said_to_accept(stand: Stand) -> None:
    pair = await invited_pair(stand)
    ours = await pair.referral()
    (theirs,) = [copy for copy in await stand.copies(ours["engagementId"]) if copy["id"] != pair.referral_id]

    await look(stand, theirs["id"])

    row = await pair.opportunity()
    assert not any("Microsoft accepted" in line for line in lines_of(row))
    assert row["cosell_microsoftcrmid"] == theirs["trackingInfo"]["microsoftMsxId"]
    assert len(await stand.opportunities()) == 1
    await assert_silence(stand)

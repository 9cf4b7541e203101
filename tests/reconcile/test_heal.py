"""Each kind of fault that comparing finds is healed by the road of its flow; afterwards there is silence."""

from dataclasses import replace

from cosell.domain.ids import OpportunityId, ReferralId
from cosell.domain.link import LinkState
from cosell.store import Door, Hint, HintKind
from cosell.sync.outcome import Result
from cosell.sync.reconcile.finding import Cause, Kind
from tests.reconcile.rounds import assert_nothing_left, reconcile
from tests.reconcile.test_compare import forget_that_it_moved
from tests.sync.doors import assert_silence
from tests.sync.fate import WRITES, Fate
from tests.sync.pairs import DEAL_VALUE, NOTES, invited_pair, shared_pair
from tests.sync.portrait import portrait
from tests.sync.rounds import dead_letters
from tests.sync.stand import Stand

NO = {"status": 400, "body": {"error": {"code": "0x80040203", "message": "A plug-in says no."}}}


async def test_edits_which_both_channels_lost_reach_the_other_side(stand: Stand) -> None:
    ours, theirs = await shared_pair(stand), await shared_pair(stand)
    await ours.seller_edits(estimatedvalue=51000)
    await theirs.colleague_edits(NOTES, "Nobody told us.")
    stand.pass_time(40 * 24 * 3600)  # longer than the listing looks back
    await stand.sign_in()

    done = await reconcile(stand)

    assert [item.result for item in done.outcomes] == [Result.WRITTEN, Result.WRITTEN]
    assert (await ours.referral())["details"]["dealValue"] == 51000
    assert (await theirs.opportunity())["description"] == "Nobody told us."
    await assert_nothing_left(stand)
    await assert_silence(stand)


async def test_difference_behind_two_echoes_is_healed(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.colleague_edits(DEAL_VALUE, 61000)
    await forget_that_it_moved(pair)

    await reconcile(stand)

    assert (await pair.opportunity())["estimatedvalue"] == 61000
    await assert_nothing_left(stand)


async def test_newcomers_of_both_sides_are_brought_over_once(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity()
    await stand.microsoft_invites(name="Nobody told us")

    done = await reconcile(stand)

    assert {item.result for item in done.outcomes} == {Result.CREATED}
    assert len(await stand.referrals()) == len(await stand.opportunities()) == 2
    assert opportunity_id in {item["externalReferenceId"] for item in await stand.referrals()}
    await assert_nothing_left(stand)
    await assert_silence(stand)


async def test_link_which_the_ledger_lost_is_found_by_the_id_in_the_crm(stand: Stand) -> None:
    pair = await shared_pair(stand)
    async with stand.ledger() as ledger:
        (link,) = (await ledger.links.find_by_referral_ids([ReferralId(pair.referral_id)])).values()
        # As after a restore of the ledger: it knows another, older pair by the same name only.
        await ledger.links.save(replace(link, referral_id=None, opportunity_id=None, state=LinkState.BROKEN))

    done = await reconcile(stand)

    assert done.kinds == [Kind.UNLINKED]
    assert done.findings[0].opportunity_id == pair.opportunity_id
    assert len(await stand.referrals()) == len(await stand.opportunities()) == 1
    await assert_nothing_left(stand)


async def test_opportunity_whose_sharing_died_before_the_referral_was_known_is_finished(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity()
    async with stand.ledger() as ledger:
        await ledger.links.begin(opportunity_id=OpportunityId(opportunity_id))

    done = await reconcile(stand)

    assert [(item.kind, item.cause) for item in done.findings] == [(Kind.HALF_CREATED, Cause.HALF_CREATED)]
    assert len(await stand.referrals()) == 1
    await assert_nothing_left(stand)


async def test_help_that_was_never_asked_of_microsoft_is_asked(stand: Stand) -> None:
    """A run died between our referral and Microsoft's copy, and left both records as echoes."""
    pair = await shared_pair(stand)
    await pair.seller_edits(cosell_help=await help_option(stand))
    await forget_that_it_moved(pair)

    done = await reconcile(stand)

    assert done.kinds == [Kind.HALF_CREATED]
    assert "help" in done.findings[0].fields
    engagement = (await pair.referral())["engagementId"]
    assert len(await stand.copies(engagement)) == 2
    await assert_nothing_left(stand)


async def help_option(stand: Stand) -> int:
    """Return the number of a help which Microsoft may be asked for."""
    async with stand.run() as workspace:
        codes = await workspace.get_codes()
    return next(iter(codes.choices["cosell_help"].options.values()))


async def test_referral_that_is_gone_leaves_its_opportunity_and_is_on_the_list(stand: Stand) -> None:
    pair, _ = await shared_pair(stand), await shared_pair(stand)
    stand.emulators.world.store.execute("DELETE FROM pc_referrals WHERE id = ?", (pair.referral_id,))

    done = await reconcile(stand)

    assert done.kinds == [Kind.VANISHED_REFERRAL]
    assert [item.result for item in done.outcomes] == [Result.REFUSED]
    assert [filed.letter.record_id for filed in await dead_letters(stand)] == [pair.opportunity_id]
    assert (await pair.opportunity())["name"].startswith("✖ ")
    await assert_nothing_left(stand)


async def test_opportunity_that_is_gone_leaves_its_referral_and_is_on_the_list(stand: Stand) -> None:
    pair, _ = await shared_pair(stand), await shared_pair(stand)
    await stand.crm("DELETE", f"opportunities({pair.opportunity_id})")

    done = await reconcile(stand)

    assert done.kinds == [Kind.VANISHED_OPPORTUNITY]
    assert [filed.letter.record_id for filed in await dead_letters(stand)] == [pair.opportunity_id]
    assert (await pair.referral())["status"] == "Active"
    await assert_nothing_left(stand)


async def test_second_referral_of_one_opportunity_makes_no_second_opportunity(stand: Stand) -> None:
    pair = await shared_pair(stand)
    first = await pair.referral()
    second = await stand.portal("POST", "", body_of(first))
    await stand.control("DELETE", "violations")  # It was not us.

    done = await reconcile(stand)

    assert done.kinds == [Kind.DUPLICATE]
    assert (done.findings[0].referral_id, done.findings[0].is_healable) == (second["id"], False)
    assert pair.referral_id in done.findings[0].detail
    assert len(await stand.opportunities()) == 1


def body_of(referral: dict[str, object]) -> dict[str, object]:
    """Return what creates the like of a referral."""
    kept = ("name", "externalReferenceId", "customerProfile", "consent", "details", "team", "qualification", "type")
    return {name: referral[name] for name in kept} | {"target": []}


async def test_what_the_inbox_holds_is_left_to_its_flow(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(estimatedvalue=51000)
    async with stand.ledger() as ledger:
        hint = Hint(door=Door.DATAVERSE, kind=HintKind.OPPORTUNITY, record_id=pair.opportunity_id)
        await ledger.inbox.add([hint])

    fate = Fate()
    done = await reconcile(stand, fate)

    assert [item.cause for item in done.findings] == [Cause.ON_ITS_WAY]
    assert fate.calls(*WRITES) == []


async def test_edit_of_a_closed_deal_stands_in_the_report_and_is_told_once(stand: Stand) -> None:
    pair = await invited_pair(stand)
    await stand.colleague_edits(pair.referral_id, {"/status": "Closed", "/substatus": "Declined"})
    await pair.look_from_partner_center()
    await pair.seller_edits(description="Too late.")
    await pair.look()

    fate = Fate()
    done = await reconcile(stand, fate)

    assert [(item.cause, item.fields, item.is_healable) for item in done.findings] == [
        (Cause.EDITED_WHILE_CLOSED, ("notes",), False)
    ]
    assert fate.calls(*WRITES) == []


async def test_refused_record_is_one_dead_letter_however_often_it_is_reconciled(stand: Stand) -> None:
    await stand.microsoft_invites()
    await stand.control("PUT", "faults", [{"path": r"/(opportunities\(|\$batch)", "action": NO}])

    first, second = await reconcile(stand), await reconcile(stand)

    assert [item.result for item in (*first.outcomes, *second.outcomes)] == [Result.REFUSED, Result.REFUSED]
    assert [item.cause for item in second.findings] == [Cause.REFUSED]
    assert len(await dead_letters(stand)) == 1
    await stand.control("DELETE", "faults")
    await reconcile(stand)
    assert await dead_letters(stand) == []
    await assert_nothing_left(stand)


async def test_dry_run_writes_nothing_anywhere(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(estimatedvalue=51000)
    await stand.write_opportunity()
    await stand.microsoft_invites()
    await reconcile(stand, is_dry_run=True)  # What the CRM's numbers mean is looked up once, and kept.
    before = await portrait(stand)

    fate = Fate()
    done = await reconcile(stand, fate, is_dry_run=True)

    assert len(done.findings) == 3
    assert [what for what in fate.steps if not what.startswith("GET ")] == []
    assert await portrait(stand) == before


async def test_killed_at_any_step_the_next_run_goes_on(stand: Stand) -> None:
    """Two edits and two newcomers; whatever a dead run has left, the next one finishes."""
    edited, moved = await shared_pair(stand), await shared_pair(stand)
    step, deaths = 1, 0
    while True:
        await edited.seller_edits(estimatedvalue=50000 + step)
        await moved.colleague_edits(NOTES, f"Edit {step}.")
        fate = Fate(dies_at=step)
        try:
            await reconcile(stand, fate)
        except Exception:  # noqa: BLE001  the process ended here, whatever was said of it
            deaths += 1
        if not fate.is_dead:
            break
        stand.pass_time(180)  # its leases run out
        await reconcile(stand)
        assert (await edited.referral())["details"]["dealValue"] == 50000 + step
        assert (await moved.opportunity())["description"] == f"Edit {step}."
        step += 1
    assert step > 10
    assert deaths
    await assert_nothing_left(stand)
    await assert_silence(stand)

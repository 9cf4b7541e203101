"""What looks more like a fault than like work stops reconcile before its first write, and a person is asked."""

from dataclasses import replace
from datetime import timedelta

import pytest

from cosell.domain.ids import OpportunityId
from cosell.domain.link import LinkState
from cosell.errors import RecordNotFound
from cosell.store import HintKind
from cosell.sync.outcome import Result
from cosell.sync.reconcile.alarms import Alarm, Limits, Surroundings, find_alarms
from cosell.sync.reconcile.asking import ORGANIZATION
from cosell.sync.reconcile.finding import Kind
from cosell.sync.reconcile.scan import Scan
from cosell.sync.refusal import file_refusal
from tests.reconcile.many import many_pairs
from tests.reconcile.rounds import Reconciled, assert_nothing_left, reconcile
from tests.reconcile.test_compare import forget_that_it_moved
from tests.sync.doors import look_at_opportunity
from tests.sync.fate import WRITES, Fate
from tests.sync.pairs import PairInStep, shared_pair
from tests.sync.stand import Stand

FEW = Limits(always=2)
"""Limits which a handful of pairs can reach."""


async def asks(stand: Stand, limits: Limits | None = None) -> Reconciled:
    """Reconcile, and make sure that it has asked before it wrote anything."""
    fate = Fate()
    done = await reconcile(stand, fate, limits=limits)
    assert done.asked.startswith("Nothing was written. ")
    assert done.outcomes == []
    assert fate.calls(*WRITES) == []
    return done


async def test_partner_center_that_shows_nothing_is_not_believed(stand: Stand) -> None:
    pairs = [await shared_pair(stand) for _ in range(2)]
    stand.emulators.world.store.execute("DELETE FROM pc_referrals")

    done = await asks(stand)

    assert "2 of 2 linked referrals are not in Partner Center's listing, which is empty" in done.asked
    assert "cosell reconcile --confirm gone-referrals:2" in done.asked
    confirmed = await reconcile(stand, confirmed=["gone-referrals:2"])
    assert [item.result for item in confirmed.outcomes] == [Result.REFUSED, Result.REFUSED]
    assert {(await pair.opportunity())["name"][0] for pair in pairs} == {"✖"}
    await assert_nothing_left(stand)


async def test_while_somebody_is_asked_no_flow_breaks_a_link(stand: Stand) -> None:
    pair, _ = await shared_pair(stand), await shared_pair(stand)
    stand.emulators.world.store.execute("DELETE FROM pc_referrals")
    await asks(stand)
    await pair.seller_edits(estimatedvalue=51000)

    async with stand.run() as workspace:
        with pytest.raises(RecordNotFound) as gone:
            await look_at_opportunity(workspace, pair.opportunity_id)
        await file_refusal(workspace, HintKind.OPPORTUNITY, pair.opportunity_id, gone.value, flow="a test")

    async with stand.ledger() as ledger:
        assert await ledger.links.count_by_state() == {LinkState.LINKED: 2}


async def test_flow_which_meets_an_empty_partner_center_breaks_no_link_before_anybody_was_asked(stand: Stand) -> None:
    pair, _ = await shared_pair(stand), await shared_pair(stand)
    stand.emulators.world.store.execute("DELETE FROM pc_referrals")
    await pair.seller_edits(estimatedvalue=51000)

    async with stand.run() as workspace:
        with pytest.raises(RecordNotFound) as gone:
            await look_at_opportunity(workspace, pair.opportunity_id)
        await file_refusal(workspace, HintKind.OPPORTUNITY, pair.opportunity_id, gone.value, flow="a test")

    async with stand.ledger() as ledger:
        assert await ledger.links.count_by_state() == {LinkState.LINKED: 2}


async def test_many_referrals_gone_at_once_are_counted_and_asked_about(stand: Stand) -> None:
    links = await many_pairs(stand, 30)
    for link in links[:6]:
        stand.emulators.world.store.execute("DELETE FROM pc_referrals WHERE id = ?", (link.referral_id,))

    assert "6 of 30 linked referrals" in (await asks(stand)).asked


async def test_crm_that_shows_no_opportunity_is_not_believed(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await stand.crm("DELETE", f"opportunities({pair.opportunity_id})")

    done = await asks(stand)

    assert "1 of 1 linked opportunities are gone from the CRM" in done.asked
    assert "gone-opportunities:1" in done.asked


async def test_more_than_the_limit_is_not_changed_unseen(stand: Stand) -> None:
    pairs = [await shared_pair(stand) for _ in range(4)]
    for pair in pairs[:3]:
        await pair.seller_edits(description="Changed by a script.")

    done = await asks(stand, Limits(always=2, percent=70))

    assert "3 deals would change, 0 of them created; 4 pairs are known" in done.asked
    assert "--confirm changes:3" in done.asked
    assert (await reconcile(stand, limits=Limits(always=2, percent=75))).asked == ""
    await assert_nothing_left(stand)


async def test_thirty_one_percent_are_too_many_and_thirty_are_not(stand: Stand) -> None:
    scan = Scan()
    scan.tally.linked = scan.tally.compared = 1000
    (finding,) = (await _one_finding(stand)).findings
    scan.findings = [finding] * 300
    assert find_alarms(scan, limits=Limits(), surroundings=Surroundings(skews={})) == []

    scan.findings = [finding] * 301

    (alarm,) = find_alarms(scan, limits=Limits(), surroundings=Surroundings(skews={}))
    assert alarm.word == "changes:301"


async def _one_finding(stand: Stand) -> Reconciled:
    pair = await shared_pair(stand)
    await pair.seller_edits(description="Changed.")
    return await reconcile(stand, is_dry_run=True)


async def test_field_that_differs_everywhere_names_its_row_of_the_mapping(stand: Stand) -> None:
    pairs = [await shared_pair(stand) for _ in range(3)]
    for pair in pairs:
        await stand.colleague_edits(pair.referral_id, {"/details/dealValue": 1})
        await forget_that_it_moved(pair)

    done = await asks(stand, FEW)

    assert "deal_value differs in 3 of 3 pairs, which looks like a wrong mapping" in done.asked
    assert (
        "row deal_value of mappings/opportunity.yaml ties /details/dealValue to the column estimatedvalue" in done.asked
    )
    assert "--confirm mapping:deal_value" in done.asked


async def test_crm_that_was_restored_from_a_backup_is_recognised(stand: Stand) -> None:
    """The ledger has left higher versions than the CRM shows now: it has forgotten our last writes."""
    pairs = [await shared_pair(stand) for _ in range(6)]
    await _leave_higher_versions(stand, pairs)

    done = await asks(stand)

    assert "6 of 6 opportunities have a lower version than the one we left" in done.asked
    assert "restored:6" in done.asked


async def _leave_higher_versions(stand: Stand, pairs: list[PairInStep]) -> None:
    async with stand.ledger() as ledger:
        links = await ledger.links.find_by_opportunity_ids([OpportunityId(pair.opportunity_id) for pair in pairs])
        await ledger.links.save_all([replace(link, opportunity_etag='W/"999999999"') for link in links.values()])


async def test_another_organization_of_dataverse_is_another_crm(stand: Stand) -> None:
    await shared_pair(stand)
    await reconcile(stand)
    async with stand.ledger() as ledger:
        await ledger.meta.save(ORGANIZATION, "11111111-2222-4333-8444-555555555555")

    assert "another organization of Dataverse" in (await asks(stand)).asked
    assert (await reconcile(stand, confirmed=["another-crm"])).asked == ""
    assert (await reconcile(stand)).asked == "", "it is ours from now on"


@pytest.mark.parametrize(
    ("skew", "told"),
    [(timedelta(hours=1), "60 minutes ahead of Dataverse"), (-timedelta(hours=1), "60 minutes behind Dataverse")],
)
def test_clock_that_is_an_hour_off_stops_everything(skew: timedelta, told: str) -> None:
    around = Surroundings(skews={"Dataverse": skew, "Partner Center": timedelta(seconds=2)})

    (alarm,) = find_alarms(Scan(), limits=Limits(), surroundings=around)

    assert alarm.word == "clock"
    assert told in alarm.text
    assert "Partner Center" not in alarm.text


@pytest.mark.parametrize(
    ("given", "is_enough"),
    [
        ("changes:301", True),
        ("changes:400", True),
        (" Changes:301 ", True),
        ("changes:300", False),
        ("changes", False),
        ("gone-referrals:400", False),
    ],
)
def test_as_much_as_was_confirmed_and_no_more(given: str, is_enough: bool) -> None:  # noqa: FBT001  a row of a table
    assert Alarm(word="changes:301", text="").is_confirmed([given]) is is_enough


async def test_first_load_is_asked_about_too(stand: Stand) -> None:
    for number in range(3):
        await stand.microsoft_invites(name=f"Deal {number}")

    done = await asks(stand, FEW)

    assert "3 deals would change, 3 of them created" in done.asked
    assert done.kinds == [Kind.UNLINKED] * 3

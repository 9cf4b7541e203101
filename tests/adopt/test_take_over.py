"""Pairs of the connector's are taken over: linked, filled in, nothing made anew, and from then on kept in step."""

import json

import pytest

from cosell.emulators.connector_deals import WEBHOOK
from cosell.emulators.dataverse import connector_schema as theirs
from cosell.errors import NotActivated
from cosell.store import HintKind
from cosell.sync.adopt.run import AdoptionReport
from tests.adopt.left import OUR_URL, ROWS, TAKE_OVER, a_pair, adopt, go_back, registered_url, seed
from tests.sync.conftest import Stands
from tests.sync.doors import look_at_opportunity, look_at_referral
from tests.sync.fate import WRITES, Fate, Killed
from tests.sync.portrait import lines_of, portrait
from tests.sync.stand import Document, Stand


async def test_pairs_are_linked_and_filled_in_and_none_is_made_anew(stand: Stand) -> None:
    await seed(stand, 50)
    before = (len(await stand.opportunities()), len(await stand.referrals()))
    kept = {item.opportunity_id: item for item in (await adopt(stand)).found.compared}

    done = (await adopt(stand, TAKE_OVER)).done

    assert done is not None
    assert (done.adopted, done.moved, dict(done.refused)) == (len(kept), 0, {})
    assert (len(await stand.opportunities()), len(await stand.referrals())) == before
    for row in await stand.opportunities():
        item = kept.get(row["opportunityid"])
        assert row["cosell_referralid"] == (item.referral_id if item else None)
        assert row["cosell_syncwithpartnercenter"] is (item is not None)
        if item:
            assert row["cosell_visibletomicrosoft"] == row[theirs.VISIBLE]
            assert row["cosell_microsoftcrmid"] == row[theirs.CRM_ID]
            assert label(row["cosell_help"]) == label(row[theirs.HELP_COLUMN])
            assert label(row["cosell_purchaseintent"]) == label(row[theirs.INTENT_COLUMN])
            assert row["cosell_referrallink"] == f"https://partner.example/referrals/{item.referral_id}"
            assert lines_of(row) == ["Taken over from Microsoft's connector."]


def label(option: int | None) -> int | None:
    """Return which option it is, whoever's numbers are used."""
    return None if option is None else option % 100_000


async def test_solutions_are_copied_with_their_catalogue(stand: Stand) -> None:
    await seed(stand)
    report = await adopt(stand, TAKE_OVER)

    rows = (await stand.crm("GET", f"{ROWS}?$expand=cosell_SolutionDetailId"))["value"]

    sold = {row["_cosell_opportunityid_value"]: row["cosell_SolutionDetailId"] for row in rows}
    assert len(rows) == len(sold) == len(report.found.compared)
    for item in report.found.compared:
        (member,) = item.match.referral.details.requirements.solutions
        assert sold[item.opportunity_id]["cosell_solutionidentifier"] == member.id


async def test_taken_over_pairs_which_agree_are_silent(stand: Stand) -> None:
    await seed(stand, 75)
    report = await adopt(stand, TAKE_OVER)
    quiet = [item for item in report.found.compared if item.plan.is_empty]
    assert quiet
    fate = Fate()

    async with stand.run(fate) as workspace:
        for item in quiet:
            await look_at_opportunity(workspace, item.opportunity_id)
            await look_at_referral(workspace, item.referral_id)

    assert fate.calls(*WRITES) == []


async def test_edit_after_the_take_over_reaches_partner_center(stand: Stand) -> None:
    await seed(stand)
    opportunity_id, referral_id = a_pair(await adopt(stand, TAKE_OVER))
    await stand.seller_edits(opportunity_id, description="They want it by spring.")

    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)

    referral = await stand.referral(referral_id)
    assert referral["details"]["notes"] == "They want it by spring."
    assert not referral["name"].startswith(("✔", "✓", "✖"))


async def test_columns_which_were_made_a_moment_ago_are_known(stand: Stand) -> None:
    await seed(stand)
    async with stand.run() as workspace:
        now = stand.emulators.world.clock.now().isoformat()
        await workspace.ledger.meta.save("choices of opportunity", json.dumps({"read_at": now, "codes": {}}))
        ours = dict.fromkeys([row.dataverse for row in stand.mappings.opportunity.fields], False)
        await workspace.ledger.meta.save("columns of opportunity", json.dumps({"read_at": now, "codes": ours}))

    report = await adopt(stand, TAKE_OVER)

    asked = [item for item in report.found.compared if item.match.row.values[theirs.HELP_COLUMN] is not None]
    assert asked
    for item in asked:
        assert (await stand.opportunity(item.opportunity_id))["cosell_help"] is not None


async def test_second_take_over_finds_nothing_to_do(stand: Stand) -> None:
    await seed(stand)
    first = (await adopt(stand, TAKE_OVER)).done
    fate = Fate()

    report = await adopt(stand, TAKE_OVER, fate=fate)

    assert first is not None
    assert report.done is not None
    assert (report.done.adopted, report.found.adopted_count) == (0, first.adopted)
    assert fate.calls(*WRITES) == []


async def test_calls_of_a_take_over_are_batches(stand: Stand) -> None:
    await seed(stand, 75)
    fate = Fate()

    await adopt(stand, TAKE_OVER, fate=fate)

    writes = fate.calls(*WRITES)
    assert {call.rsplit("/", 1)[1] for call in writes} == {"$batch"}
    assert len(writes) == 3, "the catalogue, the rows of solutions, the opportunities"


async def test_where_both_sides_differ_both_values_are_kept_until_the_owner_wins(stand: Stand) -> None:
    await seed(stand)
    report = await adopt(stand)
    opportunity_id, referral_id = a_pair(report)
    async with stand.ledger() as ledger:
        await ledger.adoptions.forget_all()  # Nobody has looked before.
    await stand.seller_edits(opportunity_id, description="The seller's")
    await stand.colleague_edits(referral_id, {"/details/notes": "The colleague's"})

    await adopt(stand, TAKE_OVER)

    async with stand.ledger() as ledger:
        link = (await ledger.links.find_by_opportunity_ids([opportunity_id]))[opportunity_id]  # type: ignore[list-item,index]
        (filed,) = [item.conflict for item in await ledger.conflicts.find_open(link.link_id)]
        assert (filed.dataverse, filed.partner_center, filed.winner) == ("The seller's", "The colleague's", None)
        assert "notes" not in link.base
        hinted = await ledger.inbox.claim([HintKind.OPPORTUNITY], limit=500, holder="a test", seconds=1)
        assert opportunity_id in {entry.record_id for entry in hinted}
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    assert (await stand.referral(referral_id))["details"]["notes"] == "The seller's"
    row = await stand.opportunity(opportunity_id)
    assert any("not “The colleague's”" in line for line in lines_of(row))
    async with stand.ledger() as ledger:
        (filed,) = [item.conflict for item in await ledger.conflicts.find_open(link.link_id)]
        assert (filed.winner, filed.partner_center) == ("dataverse", "The colleague's")


async def test_what_was_looked_at_before_is_no_conflict(stand: Stand) -> None:
    await seed(stand)
    opportunity_id, referral_id = a_pair(await adopt(stand))
    await stand.colleague_edits(referral_id, {"/details/notes": "The colleague's"})

    await adopt(stand, TAKE_OVER)

    async with stand.run() as workspace:
        link = (await workspace.ledger.links.find_by_opportunity_ids([opportunity_id]))[opportunity_id]  # type: ignore[list-item,index]
        assert await workspace.ledger.conflicts.find_open(link.link_id) == []
        await look_at_opportunity(workspace, opportunity_id)
    assert (await stand.opportunity(opportunity_id))["description"] == "The colleague's", (
        "though the CRM owns the notes"
    )


async def test_deal_which_is_over_is_linked_and_left_alone(stand: Stand) -> None:
    await seed(stand)
    report = await adopt(stand, TAKE_OVER)
    over = [item for item in report.found.compared if item.is_history]
    assert over
    fate = Fate()

    async with stand.run(fate) as workspace:
        for item in over:
            await look_at_opportunity(workspace, item.opportunity_id)
        names = {(await stand.opportunity(item.opportunity_id))["name"] for item in over}

    assert fate.calls(*WRITES) == []
    assert names == {item.match.row.values["name"] for item in over}


async def test_webhook_is_only_taken_when_that_is_said_and_undo_puts_it_back(stand: Stand) -> None:
    await seed(stand)
    shown = (await adopt(stand, TAKE_OVER)).found.webhook_url
    assert await registered_url(stand) == WEBHOOK

    report = await adopt(stand, TAKE_OVER, takes_webhook=True)

    assert report.done is not None
    assert report.done.replaced_url == shown
    assert await registered_url(stand) == OUR_URL
    assert (await go_back(stand)).restored_url == shown
    assert await registered_url(stand) == WEBHOOK
    assert "sig=" in WEBHOOK
    assert "sig=" not in str(shown)


async def test_undo_forgets_what_nobody_has_touched_since(stand: Stand) -> None:
    await seed(stand)
    report = await adopt(stand, TAKE_OVER)
    opportunity_id, _ = a_pair(report)
    await stand.seller_edits(opportunity_id, description="They want it by spring.")
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)

    undone = await go_back(stand)

    assert (undone.forgotten, undone.kept) == (len(report.found.compared) - 1, 1)
    async with stand.ledger() as ledger:
        assert [link.opportunity_id async for link in ledger.links.iter_all()] == [opportunity_id]
    assert (await stand.opportunity(opportunity_id))["cosell_referralid"], "our columns stay"
    again = (await adopt(stand, TAKE_OVER)).done
    assert again is not None
    assert again.adopted == undone.forgotten


async def test_undo_is_refused_while_our_flows_are_active(stand: Stand) -> None:
    from cosell.domain.flows import FlowName

    await seed(stand)
    await adopt(stand, TAKE_OVER)
    async with stand.ledger() as ledger:
        await ledger.activations.activate(FlowName.REGISTER_WEBHOOK, "for a test")

    with pytest.raises(NotActivated, match="Deactivate them first"):
        await go_back(stand)


async def test_connector_which_still_writes_is_found_out(stand: Stand) -> None:
    await seed(stand)
    opportunity_id, _ = a_pair(await adopt(stand, TAKE_OVER))
    assert (await adopt(stand)).found.still_writing == []
    row = await stand.opportunity(opportunity_id)
    line = f"2026-11-26 09:05 - Partner Center Referral to CRM sync success.\n{row[theirs.AUDIT]}"
    await stand.seller_edits(opportunity_id, **{theirs.AUDIT: line})

    assert list((await adopt(stand)).found.still_writing) == [opportunity_id]


async def test_row_which_somebody_saves_meanwhile_is_left_to_the_next_run(stand: Stand) -> None:
    await seed(stand)
    opportunity_id, _ = a_pair(await adopt(stand))
    fate = Fate()

    async def save() -> None:
        await stand.seller_edits(opportunity_id, stepname="Qualify")

    for _ in range(3):  # The third batch is that of the opportunities.
        fate.just_before("POST /api/data/v9.2/$batch", _nothing if len(fate.acts) < 2 else save)
    done = (await adopt(stand, TAKE_OVER, fate=fate)).done

    assert done is not None
    assert done.moved == 1
    again = (await adopt(stand, TAKE_OVER)).done
    assert again is not None
    assert (again.adopted, again.moved) == (1, 0)


async def _nothing() -> None:
    pass


async def outcome_of(stand: Stand) -> Document:
    """Describe the end: both services, links and what is remembered."""
    seen = await portrait(stand)
    # Each run reads at a time of its own, and rows come in the order of their ids, which are the same for a seed.
    seen["links"] = sorted(map(str, seen["links"]))
    return seen


@pytest.mark.timeout(300)
async def test_take_over_killed_at_any_step_ends_as_if_nothing_had_been(stands: Stands) -> None:
    stand = await stands.begin()
    await seed(stand, 8)
    whole = Fate()
    await adopt(stand, TAKE_OVER, fate=whole)
    wanted = await outcome_of(stand)

    for step in whole.turning_points():
        stand = await stands.begin()
        await seed(stand, 8)
        with pytest.raises(Killed):
            await adopt(stand, TAKE_OVER, fate=Fate(dies_at=step))
        stand.pass_time(200)  # until the leases of the dead run are over
        await adopt(stand, TAKE_OVER)
        assert await outcome_of(stand) == wanted, whole.steps[step - 1]


async def test_pair_which_the_ledger_links_otherwise_is_told_and_left_alone(stand: Stand) -> None:
    await seed(stand)
    opportunity_id, _ = a_pair(await adopt(stand))
    other = "99999999-2222-4333-8444-555555555555"
    async with stand.ledger() as ledger:
        await ledger.links.begin(referral_id=other, opportunity_id=opportunity_id)  # type: ignore[arg-type]

    report: AdoptionReport = await adopt(stand, TAKE_OVER)

    assert [row_id for _, row_id in report.found.linked_otherwise] == [opportunity_id]
    assert (await stand.opportunity(opportunity_id))["cosell_referralid"] is None

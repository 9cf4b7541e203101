"""A first load from Partner Center into the CRM: planned, confirmed, in pages and batches; then there is silence."""

import pytest

from cosell.errors import RecordNotFound, UnsafePlan
from cosell.store import HintKind
from cosell.sync.arrive import CREATED_IN
from cosell.sync.backfill.applying import apply_backfill
from cosell.sync.backfill.planning import KNOWN_ACCOUNTS, NEW_ACCOUNTS
from cosell.sync.look import stage_of_referral
from cosell.sync.watched import poll_deals
from tests.backfill.loads import apply, counts, describe_deals, every, find_item, look_at_all_again, plan, seed
from tests.sync.conftest import Stands
from tests.sync.doors import assert_silence, look_at_referral
from tests.sync.fate import WRITES, Fate
from tests.sync.stand import Stand

MANY = 200
BATCH = "POST /api/data/v9.2/$batch"


def reads_of_partner_center(fate: Fate) -> list[str]:
    return [call for call in fate.calls("GET") if call.startswith("GET /v1.0/")]


def calls_to_dataverse(fate: Fate) -> list[str]:
    return [call for call in fate.calls() if "/api/data/" in call]


async def test_hundreds_of_referrals_cost_pages_and_batches(stand: Stand) -> None:
    await seed(stand, MANY)
    planning, applying = Fate(), Fate()

    made = await plan(stand, fate=planning)
    await apply(stand, made, applying)

    found = await counts(stand, made)
    assert found["create", "done"] == len(await every(stand, "opportunities")) > MANY // 2
    assert sum(found.values()) == MANY
    assert planning.calls(*WRITES) == []
    for fate in (planning, applying):
        assert len(reads_of_partner_center(fate)) / MANY <= 0.05
    unavoidable = [call for call in applying.calls("PATCH") if "/opportunities(" in call]
    asked = len(calls_to_dataverse(planning)) + len(calls_to_dataverse(applying)) - len(unavoidable)
    assert asked / MANY <= 0.5, "the promise is 1.5"
    assert applying.calls().count(BATCH) <= MANY // 100 * 2 + 1
    assert len([call for call in applying.calls("PATCH") if call.startswith("PATCH /v1.0")]) == found["create", "done"]


async def test_records_are_those_which_the_single_road_makes(stands: Stands) -> None:
    stand = await stands.begin()
    await seed(stand, 25)
    await apply(stand, await plan(stand))
    by_pages = await describe_deals(stand)
    customers = [len(await every(stand, set_)) for set_ in ("accounts", "contacts")]

    alone = await stands.begin()
    await seed(alone, 25)
    async with alone.run() as workspace:
        async for page in workspace.partner_center.iter_referrals(order_by="createdDateTime desc"):
            for referral in page:
                if stage_of_referral(referral) in CREATED_IN:
                    await look_at_referral(workspace, referral.id)

    assert await describe_deals(alone) == by_pages
    assert [len(await every(alone, set_)) for set_ in ("accounts", "contacts")] == customers


async def test_afterwards_there_is_silence(stand: Stand) -> None:
    await seed(stand, 25)
    async with stand.run() as workspace:
        await poll_deals(workspace)
    await apply(stand, await plan(stand))

    async with stand.run() as workspace:
        assert await poll_deals(workspace) == 0
    assert (await look_at_all_again(stand)).calls(*WRITES) == []
    again = await plan(stand)
    assert set(await counts(stand, again)) == {("linked already", "done"), ("left out", "left out")}


async def test_what_is_in_the_crm_already_is_linked_and_not_made_again(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity(cosell_syncwithpartnercenter=True)
    named = await stand.microsoft_invites(name="Named")
    await stand.colleague_edits(named, {"/status": "Active", "/substatus": "Accepted"})
    await stand.colleague_edits(named, {"/externalReferenceId": opportunity_id})
    other = await stand.microsoft_invites(name="Known by its id")
    await stand.write_opportunity(cosell_referralid=other)

    made = await plan(stand)
    assert await counts(stand, made) == {("link", "waiting"): 2}
    await apply(stand, made)

    assert await counts(stand, made) == {("link", "done"): 2}
    rows = {row["cosell_referralid"]: row["opportunityid"] for row in await every(stand, "opportunities")}
    assert rows[named] == opportunity_id
    assert set(rows) == {named, other}
    await assert_silence(stand)


async def test_customer_who_is_known_is_found_and_one_of_two_deals_is_made_once(stand: Stand) -> None:
    await stand.write_account(name="Northwind  bakeries ", address1_postalcode="LS1 4AP")
    known = {"name": "NORTHWIND Bakeries", "address": {"postalCode": "ls1 4ap", "country": "GB"}}
    new = {"name": "Fabrikam & Söhne", "address": {"postalCode": "8001", "country": "CH"}}
    people = [{"firstName": "Tove", "lastName": "Lindqvist", "email": "tove@fabrikam.example", "phoneNumber": "1"}]
    await stand.microsoft_invites(customerProfile=known | {"team": []})
    for spelled in ("Fabrikam & Söhne", "fabrikam &amp; söhne"):
        await stand.microsoft_invites(customerProfile=new | {"name": spelled, "team": people})

    made = await plan(stand)
    await apply(stand, made)

    assert made.details == {NEW_ACCOUNTS: 1, KNOWN_ACCOUNTS: 1}
    assert len(await every(stand, "accounts")) == 2
    assert [row["lastname"] for row in await every(stand, "contacts")] == ["Lindqvist"]


async def test_refused_deal_takes_no_other_with_it_and_is_told(stand: Stand) -> None:
    await seed(stand, 12)
    refused = await stand.microsoft_invites(name="More than the CRM can hold")
    await stand.colleague_edits(refused, {"/status": "Active", "/substatus": "Accepted"})
    await stand.colleague_edits(refused, {"/details/dealValue": 10**17})

    made = await plan(stand)
    await apply(stand, made)

    found = await counts(stand, made)
    assert found["create", "refused"] == 1
    assert found["create", "done"] >= 8
    async with stand.ledger() as ledger:
        assert [item.letter.record_id for item in await ledger.dead_letters.list_open()] == [refused]
    await stand.control("DELETE", "violations")  # that it was refused is the point


async def test_opportunity_which_somebody_makes_at_the_same_moment_is_found(stand: Stand) -> None:
    await seed(stand, 8)
    made = await plan(stand)
    item, fate = await find_item(stand, made, "create"), Fate()
    fate.just_before(BATCH, lambda: stand.write_opportunity(cosell_referralid=item.record_id))

    await apply(stand, made, fate)

    assert set(await counts(stand, made)) <= {("create", "done"), ("left out", "left out")}
    rows = [row["cosell_referralid"] for row in await every(stand, "opportunities")]
    assert len(rows) == len(set(rows))


async def test_leads_arrive_as_leads_and_those_which_the_settings_keep_out_are_told(stand: Stand) -> None:
    lead = await stand.microsoft_invites(name="A lead", type="Independent", qualification="SalesQualified")

    made = await plan(stand)
    await apply(stand, made)

    assert [row["cosell_referralid"] for row in await stand.leads()] == [lead]
    assert await counts(stand, made) == {("create", "done"): 1}
    await assert_silence(stand)


async def test_record_in_somebody_elses_hand_is_left_to_them_and_taken_when_they_are_done(stand: Stand) -> None:
    await seed(stand, 10)
    made = await plan(stand)
    item = await find_item(stand, made, "create")
    async with stand.ledger() as ledger:
        async with ledger.leases.hold([f"referral:{item.record_id}"], holder="a notification", seconds=600):
            await apply(stand, made)
        found = await ledger.backfills.find_items(made.plan_id, HintKind.REFERRAL, [item.record_id])
        assert found[item.record_id].state == "waiting"

    await apply(stand, made)

    assert ("create", "waiting") not in await counts(stand, made)


async def test_record_which_a_notification_brought_meanwhile_is_handled_once(stand: Stand) -> None:
    await seed(stand, 10)
    made = await plan(stand)
    item = await find_item(stand, made, "create")
    async with stand.run() as workspace:
        await look_at_referral(workspace, item.record_id)

    await apply(stand, made)

    assert set(await counts(stand, made)) <= {("create", "done"), ("left out", "left out")}
    rows = [row["cosell_referralid"] for row in await every(stand, "opportunities")]
    assert len(rows) == len(set(rows))


async def test_deal_which_was_closed_since_the_plan_is_left_alone(stand: Stand) -> None:
    await seed(stand, 10)
    closed = await stand.microsoft_invites()
    await stand.colleague_edits(closed, {"/status": "Active", "/substatus": "Accepted"})
    made = await plan(stand)
    await stand.colleague_edits(closed, {"/status": "Closed", "/substatus": "Lost"})

    await apply(stand, made)

    async with stand.ledger() as ledger:
        item = (await ledger.backfills.find_items(made.plan_id, HintKind.REFERRAL, [closed]))[closed]
    assert (item.state, item.reason) == ("left out", "no opportunity is made of a lost referral")


async def test_world_which_moved_too_much_since_the_plan_stops_it(stand: Stand) -> None:
    invited = [await stand.microsoft_invites(name=f"Deal {number}") for number in range(25)]
    made = await plan(stand)
    for referral_id in invited:
        await stand.colleague_edits(referral_id, {"/status": "Closed", "/substatus": "Declined"})
    fate = Fate()

    with pytest.raises(UnsafePlan, match="plan again"):
        await apply(stand, made, fate)

    assert fate.calls(*WRITES) == []
    assert await every(stand, "opportunities") == []


async def test_only_the_newest_plan_is_applied(stand: Stand) -> None:
    first = await plan(stand)
    await plan(stand)

    with pytest.raises(RecordNotFound, match="plan again"):
        async with stand.run() as workspace:
            await apply_backfill(workspace, first.plan_id)

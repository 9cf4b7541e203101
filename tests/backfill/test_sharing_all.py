"""A first load from the CRM to Partner Center, and one both ways."""

from cosell.store import HintKind
from cosell.sync.backfill.verdicts import Direction
from tests.backfill.loads import apply, counts, every, look_at_all_again, plan
from tests.sync.fate import WRITES, Fate
from tests.sync.stand import READY_UNTIL, Stand

SHARED = 6
TO_PARTNER_CENTER = Direction.TO_PARTNER_CENTER


async def write_many(stand: Stand, count: int) -> list[str]:
    """Write opportunities of one customer which are ready to be shared."""
    first = await stand.write_opportunity(name="Deal 0")
    known = await stand.opportunity(first)
    ids = [first]
    for number in range(1, count):
        body = {
            "name": f"Deal {number}",
            "description": "Written by a seller.",
            "estimatedvalue": 1000 + number,
            "estimatedclosedate": READY_UNTIL,
            "parentaccountid@odata.bind": f"/accounts({known['_parentaccountid_value']})",
            "customerid_account@odata.bind": f"/accounts({known['_parentaccountid_value']})",
            "parentcontactid@odata.bind": f"/contacts({known['_parentcontactid_value']})",
            "transactioncurrencyid@odata.bind": f"/transactioncurrencies({known['_transactioncurrencyid_value']})",
            "cosell_syncwithpartnercenter": True,
        }
        made = await stand.crm("POST", "opportunities", body)
        await stand.add_solution(made["opportunityid"])
        ids.append(str(made["opportunityid"]))
    return ids


async def test_opportunities_are_shared_once_and_no_listing_is_read_for_each(stand: Stand) -> None:
    ids = await write_many(stand, SHARED)
    planning, applying = Fate(), Fate()

    made = await plan(stand, TO_PARTNER_CENTER, planning)
    await apply(stand, made, applying)

    assert planning.calls(*WRITES) == []
    assert await counts(stand, made) == {("share", "done"): SHARED}
    referrals = await stand.referrals()
    assert sorted(item["externalReferenceId"] for item in referrals) == sorted(ids)
    listings = [call for call in applying.calls("GET") if call == "GET /v1.0/engagements/referrals"]
    assert len(listings) == 1
    assert (await look_at_all_again(stand)).calls(*WRITES) == []


async def test_what_is_not_ready_is_told_in_the_plan_with_everything_to_fix(stand: Stand) -> None:
    ready = await stand.write_opportunity()
    poor = await stand.write_opportunity(description="", estimatedvalue=0)
    closed = await stand.write_opportunity()
    off = await stand.write_opportunity(cosell_syncwithpartnercenter=False)
    await stand.crm(
        "POST",
        "LoseOpportunity",
        {"Status": 4, "OpportunityClose": {"subject": "Lost", "opportunityid@odata.bind": f"/opportunities({closed})"}},
    )

    made = await plan(stand, TO_PARTNER_CENTER)

    async with stand.ledger() as ledger:
        items = await ledger.backfills.find_items(made.plan_id, HintKind.OPPORTUNITY, [ready, poor, closed, off])
    assert items[ready].verdict == "share"
    assert "description" in items[poor].reason
    assert "deal value above zero" in items[poor].reason
    assert items[closed].reason == "no referral is made of a closed opportunity"
    assert off not in items
    await apply(stand, made)
    assert [item["externalReferenceId"] for item in await stand.referrals()] == [ready]


async def test_opportunity_which_a_referral_names_is_linked_and_not_shared_again(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity()
    named = await stand.microsoft_invites()
    await stand.colleague_edits(named, {"/status": "Active", "/substatus": "Accepted"})
    await stand.colleague_edits(named, {"/externalReferenceId": opportunity_id})

    made = await plan(stand, TO_PARTNER_CENTER)
    await apply(stand, made)

    assert await counts(stand, made) == {("link", "done"): 1}
    assert [item["id"] for item in await stand.referrals()] == [named]


async def test_both_ways_each_deal_is_brought_once(stand: Stand) -> None:
    await write_many(stand, 2)
    invited = await stand.microsoft_invites()
    await stand.colleague_edits(invited, {"/status": "Active", "/substatus": "Accepted"})
    paired = await stand.write_opportunity(name="Has a referral")
    named = await stand.microsoft_invites(name="Named")
    await stand.colleague_edits(named, {"/status": "Active", "/substatus": "Accepted"})
    await stand.colleague_edits(named, {"/externalReferenceId": paired})

    made = await plan(stand, Direction.BOTH)
    assert await counts(stand, made) == {("create", "waiting"): 1, ("link", "waiting"): 1, ("share", "waiting"): 2}
    await apply(stand, made)

    assert await counts(stand, made) == {("create", "done"): 1, ("link", "done"): 1, ("share", "done"): 2}
    assert len(await stand.referrals()) == len(await every(stand, "opportunities")) == 4
    assert (await look_at_all_again(stand)).calls(*WRITES) == []

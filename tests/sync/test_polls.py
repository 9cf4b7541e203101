"""What a poll of the CRM finds: what moved, what was mended elsewhere, what is gone, and what it does not believe."""

import pytest

from cosell.domain.ids import OpportunityId, ReferralId
from cosell.domain.link import LinkState
from cosell.errors import NotReady, RecordNotFound, UnsafePlan
from cosell.store import DeadLetter, HintKind, InboxEntry
from cosell.sync.gone import is_doubtful
from cosell.sync.refusal import file_refusal
from cosell.sync.watched import poll_deals
from tests.sync.doors import look_at_opportunity
from tests.sync.fate import Fate
from tests.sync.pairs import shared_pair
from tests.sync.stand import CRM, Stand

SETS = ("opportunities", "accounts", "contacts")
FLOW = "opportunities-to-partner-center"


async def poll(stand: Stand, *, confirmed_gone: int = 0) -> list[InboxEntry]:
    """Poll in a run of its own and return what it has put into the inbox."""
    async with stand.run() as workspace:
        await poll_deals(workspace, confirmed_gone=confirmed_gone)
        taken = await workspace.ledger.inbox.claim(list(HintKind), limit=1000, holder="test", seconds=60)
        await workspace.ledger.inbox.settle(taken)
        return taken


def told(entries: list[InboxEntry]) -> set[tuple[str, str]]:
    return {(entry.kind.value, entry.record_id) for entry in entries}


async def calls_of_poll(stand: Stand) -> int:
    await stand.control("DELETE", "requests")
    await poll(stand)
    return int((await stand.control("GET", "requests"))["api_total"])


async def account_of(stand: Stand, opportunity_id: str) -> str:
    return str((await stand.opportunity(opportunity_id))["_parentaccountid_value"])


async def contact_of(stand: Stand, opportunity_id: str) -> str:
    return str((await stand.opportunity(opportunity_id))["_parentcontactid_value"])


async def refused_opportunity(stand: Stand) -> str:
    """Return an opportunity which was refused for its account's country, and whose refusal was filed."""
    opportunity_id = await stand.write_opportunity()
    account_id = await account_of(stand, opportunity_id)
    await stand.crm("PATCH", f"accounts({account_id})", {"address1_country": "Nowhere"})
    async with stand.run() as workspace:
        with pytest.raises(NotReady) as refused:
            await look_at_opportunity(workspace, opportunity_id)
        await file_refusal(workspace, HintKind.OPPORTUNITY, opportunity_id, refused.value, flow=FLOW)
    return opportunity_id


async def test_quiet_poll_costs_a_call_for_each_table_and_says_nothing(stand: Stand) -> None:
    await shared_pair(stand)
    await poll(stand)

    assert await calls_of_poll(stand) == len(SETS)
    assert await poll(stand) == []


async def test_account_that_was_mended_brings_its_refused_opportunity_back(stand: Stand) -> None:
    opportunity_id = await refused_opportunity(stand)
    shared = await shared_pair(stand)
    await poll(stand)

    account_id = await account_of(stand, opportunity_id)
    await stand.crm("PATCH", f"accounts({account_id})", {"address1_country": "GB"})
    await stand.crm("PATCH", f"accounts({await account_of(stand, shared.opportunity_id)})", {"telephone1": "1"})

    assert told(await poll(stand)) == {("opportunity", opportunity_id)}
    async with stand.run() as workspace:
        outcome = await look_at_opportunity(workspace, opportunity_id)
    assert outcome.referral_id


async def test_contact_that_was_mended_brings_back_what_was_refused_for_it(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(cosell_visibletomicrosoft=True)
    await pair.look()
    await poll(stand)
    contact_id = await contact_of(stand, pair.opportunity_id)

    await stand.crm("PATCH", f"contacts({contact_id})", {"telephone1": "+44 113 496 0001"})
    assert told(await poll(stand)) == set(), "once the deal is visible, its contact is fixed"

    letter = DeadLetter(
        kind=HintKind.OPPORTUNITY, record_id=pair.opportunity_id, flow=FLOW, cause="NotReady", message="No phone."
    )
    async with stand.ledger() as ledger:
        await ledger.dead_letters.add(letter)
    await stand.crm("PATCH", f"contacts({contact_id})", {"telephone1": "+44 113 496 0002"})
    assert told(await poll(stand)) == {("opportunity", pair.opportunity_id)}


async def test_many_moved_accounts_are_asked_for_in_one_page(stand: Stand) -> None:
    waiting = await stand.write_opportunity()
    await poll(stand)
    accounts = [await stand.write_account(name=f"Bakery {number}") for number in range(60)]
    await stand.crm("PATCH", f"opportunities({waiting})", {"parentaccountid@odata.bind": f"/accounts({accounts[7]})"})
    await poll(stand)

    for account_id in accounts:
        await stand.crm("PATCH", f"accounts({account_id})", {"telephone1": "+44 113 496 0003"})
    await stand.control("DELETE", "requests")
    found = told(await poll(stand))
    calls = await stand.control("GET", "requests")
    assert found == {("opportunity", waiting)}
    assert calls["api_total"] == len(SETS) + 1, calls["counts"]


async def test_poll_which_dies_before_it_has_stored_finds_the_same_again(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await poll(stand)
    await pair.seller_edits(estimatedvalue=52500)

    fate = Fate(dies_before="ledger")
    async with stand.run(fate) as workspace:
        with pytest.raises(Exception, match="ledger"):
            await poll_deals(workspace)
    assert told(await poll(stand)) == {("opportunity", pair.opportunity_id)}
    assert await poll(stand) == []


async def test_lost_delta_link_reads_everything_once_and_finds_what_vanished_meanwhile(stand: Stand) -> None:
    edited, deleted, untouched = [await shared_pair(stand) for _ in range(3)]
    await poll(stand)
    await edited.seller_edits(estimatedvalue=52500)
    await stand.crm("DELETE", f"opportunities({deleted.opportunity_id})")
    stand.pass_time(8 * 24 * 3600)  # Dataverse keeps changes for seven days.
    await stand.sign_in()

    expected = {("opportunity", edited.opportunity_id), ("opportunity", deleted.opportunity_id)}
    assert told(await poll(stand)) == expected
    assert untouched.opportunity_id not in {record_id for _, record_id in expected}
    assert await poll(stand) == []


async def test_other_columns_than_before_read_everything_once(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await poll(stand)
    async with stand.ledger() as ledger:
        known = await ledger.marks.find_delta_link("opportunities")
        assert known
        await ledger.record_poll("opportunities", delta_link=known.link, select_hash="another", hints=[])
    await stand.crm("DELETE", f"opportunities({pair.opportunity_id})")
    await stand.write_opportunity(cosell_syncwithpartnercenter=False)

    assert told(await poll(stand)) == {("opportunity", pair.opportunity_id)}


async def test_emptied_side_is_not_believed_until_a_person_confirms_it(stand: Stand) -> None:
    pairs = [await shared_pair(stand) for _ in range(5)]
    await poll(stand)
    for pair in pairs:
        await stand.crm("DELETE", f"opportunities({pair.opportunity_id})")

    for _ in range(2):
        with pytest.raises(UnsafePlan, match=r"5 of 5 linked opportunities are gone .* confirmed_gone = 5"):
            await poll(stand)
    with pytest.raises(UnsafePlan):
        await poll(stand, confirmed_gone=4)
    async with stand.run() as workspace:
        gone = RecordNotFound("It is gone.")
        await file_refusal(workspace, HintKind.REFERRAL, pairs[0].referral_id, gone, flow=FLOW)
        links = await workspace.ledger.links.find_by_referral_ids([ReferralId(pair.referral_id) for pair in pairs])
    assert {link.state for link in links.values()} == {LinkState.LINKED}, "in doubt, no link is broken"

    assert told(await poll(stand, confirmed_gone=5)) == {("opportunity", pair.opportunity_id) for pair in pairs}
    assert await poll(stand) == []


async def test_emptied_side_is_not_believed_after_a_lost_delta_link_either(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await poll(stand)
    async with stand.ledger() as ledger:
        await ledger.marks.forget_delta_link("opportunities")
    await stand.crm("DELETE", f"opportunities({pair.opportunity_id})")

    with pytest.raises(UnsafePlan, match="1 of 1"):
        await poll(stand)


async def test_rows_which_can_still_be_read_are_not_gone_whatever_the_feed_says(stand: Stand) -> None:
    pair = await shared_pair(stand)
    nothing = {"status": 200, "body": {"value": [], "@odata.deltaLink": f"{CRM}/opportunities?$deltatoken=1!x"}}
    fault = {"method": "GET", "path": "/opportunities$", "nth": 1, "times": 1, "action": nothing}
    await stand.control("PUT", "faults", [fault])

    assert told(await poll(stand)) == {("opportunity", pair.opportunity_id)}
    async with stand.run() as workspace:
        outcome = await look_at_opportunity(workspace, pair.opportunity_id)
    assert outcome.opportunity_id == OpportunityId(pair.opportunity_id)


async def test_doubt_ends_when_the_rows_are_back(stand: Stand) -> None:
    pairs = [await shared_pair(stand) for _ in range(5)]
    await poll(stand)
    rows = [await stand.opportunity(pair.opportunity_id) for pair in pairs]
    for pair in pairs:
        await stand.crm("DELETE", f"opportunities({pair.opportunity_id})")
    with pytest.raises(UnsafePlan):
        await poll(stand)

    for row in rows:
        body = {
            "name": row["name"],
            "cosell_syncwithpartnercenter": True,
            "cosell_referralid": row["cosell_referralid"],
        }
        await stand.crm("PATCH", f"opportunities({row['opportunityid']})", body)
    assert told(await poll(stand)) == {("opportunity", pair.opportunity_id) for pair in pairs}


@pytest.mark.parametrize(
    ("gone", "linked", "is_empty", "expected"),
    [
        (0, 10, False, False),
        (0, 10, True, False),
        (1, 10, True, True),
        (4, 4, False, False),
        (5, 50, False, False),
        (5, 49, False, True),
        (100, 10_000, False, False),
        (101, 10_000, False, True),
    ],
)
def test_what_is_doubtful(*, gone: int, linked: int, is_empty: bool, expected: bool) -> None:
    assert is_doubtful(gone, linked_count=linked, is_side_empty=is_empty) is expected

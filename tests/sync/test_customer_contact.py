"""The customer's contact of a shared deal: sent while nobody else sees it, fixed from then on."""

from dataclasses import replace
from typing import Any

import pytest

from cosell.domain.ids import OpportunityId
from cosell.errors import RequestRejected
from cosell.store import HintKind
from cosell.sync.outcome import Result
from cosell.sync.pair import sync_link
from cosell.sync.refusal import tell_refusal
from cosell.sync.watched import poll_deals
from tests.sync.doors import assert_silence, look_at_referral
from tests.sync.fate import WRITES, Fate
from tests.sync.pairs import PairInStep, shared_pair
from tests.sync.portrait import lines_of
from tests.sync.stand import Stand

CONTACTS = "/customerProfile/team"
OTHER = {"firstname": "Omar", "lastname": "Haddad", "emailaddress1": "omar@northwind-bakeries.example"}


async def contact_id_of(pair: PairInStep) -> str:
    return str((await pair.opportunity())["_parentcontactid_value"])


async def contacts(pair: PairInStep) -> list[dict[str, Any]]:
    named: list[dict[str, Any]] = (await pair.referral())["customerProfile"]["team"]
    return named


async def edit_contact(pair: PairInStep, **columns: object) -> None:
    await pair.stand.crm("PATCH", f"contacts({await contact_id_of(pair)})", columns)


async def follow(pair: PairInStep, fate: Fate | None = None) -> list[Any]:
    """Poll and look at what the poll has found, as flow 8 does."""
    async with pair.stand.run(fate) as workspace:
        await poll_deals(workspace)
        entries = await workspace.ledger.inbox.claim(list(HintKind), limit=100, holder="test", seconds=60)
        await workspace.ledger.inbox.settle(entries)
        links = await workspace.ledger.links.find_by_opportunity_ids(
            [OpportunityId(entry.record_id) for entry in entries]
        )
        return [
            await sync_link(
                workspace, links[OpportunityId(entry.record_id)], with_people=entry.kind is HintKind.CONTACT
            )
            for entry in entries
        ]


async def test_contact_who_moved_reaches_a_private_deal(stand: Stand) -> None:
    pair = await shared_pair(stand)
    assert await follow(pair) == [], "what was sent when the deal was shared is no news"
    await edit_contact(pair, telephone1="+44 113 496 0999")

    (outcome,) = await follow(pair)
    assert outcome.to_partner_center == ("customer_contact",)
    (contact,) = await contacts(pair)
    assert (contact["lastName"], contact["phoneNumber"]) == ("Lindqvist", "+44 113 496 0999")
    assert lines_of(await pair.opportunity())[0].endswith("Sent to Partner Center: Customer contact.")
    assert await follow(pair) == []
    await assert_silence(stand)


async def test_other_contact_is_sent_and_the_customers_others_stay(stand: Stand) -> None:
    pair = await shared_pair(stand)
    (first,) = await contacts(pair)
    second = {**first, "firstName": "Per", "email": "per@northwind-bakeries.example"}
    await pair.colleague_edits(CONTACTS, [first, second])
    await pair.look()
    made = await stand.crm("POST", "contacts", OTHER)

    await pair.seller_edits(**{"parentcontactid@odata.bind": f"/contacts({made['contactid']})"})
    outcome = await pair.look()

    assert outcome.to_partner_center == ("customer_contact",)
    assert [contact["firstName"] for contact in await contacts(pair)] == ["Omar", "Per"]
    await assert_silence(stand)


async def test_contact_of_a_visible_deal_is_fixed_and_the_seller_hears_it_once(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(cosell_visibletomicrosoft=True)
    await pair.look()
    before = await contacts(pair)
    made = await stand.crm("POST", "contacts", OTHER)

    await pair.seller_edits(**{"parentcontactid@odata.bind": f"/contacts({made['contactid']})"})
    await stand.control("DELETE", "requests")
    await pair.look()
    told = await stand.control("GET", "requests")
    assert told["api_total"] == 3, told["counts"]
    assert "does not let it change once the deal is visible" in lines_of(await pair.opportunity())[0]
    assert str((await pair.opportunity())["name"]).startswith("✔"), "nothing that the seller could mend"

    await pair.seller_edits(estimatedvalue=52500)
    await pair.look()
    assert str((await pair.opportunity())["cosell_audit"]).count("once the deal is visible") == 1
    assert await contacts(pair) == before


async def test_contact_and_visibility_which_change_together_are_both_sent(stand: Stand) -> None:
    pair = await shared_pair(stand)
    made = await stand.crm("POST", "contacts", OTHER)
    bind = {"parentcontactid@odata.bind": f"/contacts({made['contactid']})"}
    await pair.seller_edits(cosell_visibletomicrosoft=True, **bind)

    outcome = await pair.look()
    assert set(outcome.to_partner_center) == {"visibility", "customer_contact"}
    assert [contact["firstName"] for contact in await contacts(pair)] == ["Omar"]
    await assert_silence(stand)


@pytest.mark.parametrize("missing", ["emailaddress1", "firstname"])
async def test_contact_whom_partner_center_would_not_take_is_told_and_kept_back(stand: Stand, missing: str) -> None:
    pair = await shared_pair(stand)
    await follow(pair)
    before = await contacts(pair)
    await edit_contact(pair, **{missing: None})

    await follow(pair)
    assert await contacts(pair) == before
    assert "it needs a first name, a last name and an e-mail" in lines_of(await pair.opportunity())[0]

    await edit_contact(pair, emailaddress1="tove@northwind-bakeries.example", firstname="Tove-Lin")
    await follow(pair)
    assert [contact["firstName"] for contact in await contacts(pair)] == ["Tove-Lin"]


async def test_contact_who_was_edited_on_both_sides_is_told_with_what_was_lost(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await follow(pair)
    (first,) = await contacts(pair)
    await pair.colleague_edits(CONTACTS, [{**first, "phoneNumber": "+44 113 496 0555"}])
    await pair.look()
    assert (await contacts(pair))[0]["phoneNumber"] == "+44 113 496 0555", "it goes one way, when the CRM moves"
    await edit_contact(pair, telephone1="+44 113 496 0999")

    await follow(pair)
    assert (await contacts(pair))[0]["phoneNumber"] == "+44 113 496 0999"
    assert any("+44 113 496 0555" in line for line in lines_of(await pair.opportunity()))


async def test_emptied_contact_empties_nothing(stand: Stand) -> None:
    pair = await shared_pair(stand)
    before = await contacts(pair)
    await pair.seller_edits(**{"parentcontactid@odata.bind": None})
    await pair.look()
    assert await contacts(pair) == before


async def test_arrived_invitation_leaves_its_contact_alone(stand: Stand) -> None:
    referral_id = await stand.microsoft_invites()
    async with stand.run() as workspace:
        outcome = await look_at_referral(workspace, referral_id)
    pair = PairInStep(stand, str(outcome.opportunity_id), referral_id)
    before = await contacts(pair)
    await edit_contact(pair, telephone1="+44 113 496 0999")

    fate = Fate()
    assert [outcome for outcome in await follow(pair, fate) if outcome.result is not Result.ECHO] == []
    assert fate.calls(*WRITES) == []
    assert await contacts(pair) == before


async def test_nobody_can_be_told_from_what_the_ledger_keeps_of_a_contact(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await edit_contact(pair, telephone1="+44 113 496 0999")
    (outcome,) = await follow(pair)
    assert "Lindqvist" not in str(outcome)
    async with stand.ledger() as ledger:
        links = await ledger.links.find_by_opportunity_ids([OpportunityId(pair.opportunity_id)])
        journal = await ledger.journal.list_for(opportunity_id=OpportunityId(pair.opportunity_id), limit=50)
    assert "lindqvist" not in str(links).casefold() + str(journal).casefold()


async def test_contact_whom_partner_center_refused_goes_with_the_next_look(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await edit_contact(pair, telephone1="+44 113 496 0999")
    refusal = {"status": 400, "body": {"error": {"code": "invalidRequest", "message": "Not now."}}}
    await stand.control("PUT", "faults", [{"method": "PATCH", "path": "/v1.0/", "times": 1, "action": refusal}])
    with pytest.raises(RequestRejected) as refused:
        await follow(pair)
    async with stand.run() as workspace:
        await tell_refusal(workspace, OpportunityId(pair.opportunity_id), refused.value)

    assert (await pair.look()).to_partner_center == ("customer_contact",)
    await assert_silence(stand)


async def test_contacts_which_differ_at_the_first_meeting_are_left_as_they_are(stand: Stand) -> None:
    pair = await shared_pair(stand)
    async with stand.ledger() as ledger:
        links = await ledger.links.find_by_opportunity_ids([OpportunityId(pair.opportunity_id)])
        await ledger.links.save(replace(links[OpportunityId(pair.opportunity_id)], base={}, opportunity_etag=None))
    await edit_contact(pair, telephone1="+44 113 496 0999")
    before = await contacts(pair)

    await pair.look()
    assert await contacts(pair) == before
    await edit_contact(pair, telephone1="+44 113 496 0777")
    await follow(pair)
    assert (await contacts(pair))[0]["phoneNumber"] == "+44 113 496 0777"


async def test_account_alone_is_no_contact_to_ask_for(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(**{"parentcontactid@odata.bind": None, "name": "Ordering system, phase 2"})
    row = await pair.opportunity()
    assert (row["_parentcontactid_value"], row["_customerid_value"]) == (None, row["_parentaccountid_value"])
    fate = Fate()

    (outcome,) = await follow(pair, fate)

    assert outcome.to_partner_center == ("name",)
    assert len([call for call in fate.calls() if call.endswith("/contacts")]) == 1, "the poll's, which saw who moved"
    assert len(await contacts(pair)) == 1, "the one who was sent stays"

"""Solutions are added, changed and removed on either side, and the other one follows; each is decided for itself."""

import pytest

from cosell.cli.choosing import Choice, choose_value
from cosell.domain.ids import Side
from cosell.errors import RejectedError
from cosell.sync.outcome import Result
from tests.sync.doors import assert_silence, look_at_referral
from tests.sync.fate import WRITES, Fate
from tests.sync.pairs import PairInStep, invited_pair, shared_pair
from tests.sync.portrait import lines_of
from tests.sync.sold import DETAILS, FIRST, SECOND, THIRD, Shelf, member
from tests.sync.stand import OPEN, Document, Stand

KNOWN_CUSTOMER = {
    "name": "Northwind Bakeries",
    "address": {"addressLine1": "4 Mill Road", "city": "Leeds", "postalCode": "LS1 4AP", "country": "GB"},
    "team": [{"firstName": "Tove", "lastName": "Lindqvist", "email": "tove@northwind-bakeries.example"}],
}


async def lines(pair: PairInStep) -> list[str]:
    return lines_of(await pair.opportunity())


def without_nulls(document: Document) -> Document:
    """Return what a member says; null and missing are the same to Partner Center."""
    return {name: value for name, value in document.items() if value is not None}


async def test_row_that_a_seller_adds_changes_and_removes_reaches_the_referral(stand: Stand) -> None:
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    await shelf.add_row(SECOND, cosell_quantity=3, cosell_price=1250.5)
    outcome = await shelf.look()
    added = next(item for item in await shelf.members() if item["id"] == SECOND)
    assert outcome.to_partner_center == (f"solution:{SECOND}",)
    assert {name: added[name] for name in ("name", "type", "publisherName", "solutionType", "currency")} == {
        "name": f"Name of {SECOND}",
        "type": "Name",
        "publisherName": "Contoso",
        "solutionType": "3P",
        "currency": "EUR",
    }
    assert (await shelf.in_portal())[SECOND] == (3, 1250.5)
    assert (await lines(pair))[0] == f"Sent to Partner Center: Solution {SECOND} added."

    await shelf.edit_row(SECOND, cosell_quantity=4)
    await shelf.look()
    assert (await shelf.in_portal())[SECOND] == (4, 1250.5)
    assert (await lines(pair))[0] == f"Sent to Partner Center: Solution {SECOND} changed."

    await shelf.remove_row(SECOND)
    await shelf.look()
    assert list(await shelf.in_portal()) == [FIRST]
    assert (await lines(pair))[0] == f"Sent to Partner Center: Solution {SECOND} removed."
    await assert_silence(stand)


async def test_member_that_a_colleague_adds_changes_and_removes_reaches_the_crm(stand: Stand) -> None:
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    (first,) = await shelf.members()

    await shelf.put_members(first, member(SECOND, quantity=2, price=99.5, currency="EUR", publisherName="Contoso"))
    outcome = await pair.look_from_partner_center()
    assert outcome.to_dataverse == (f"solution:{SECOND}",)
    assert await shelf.in_crm() == {FIRST: (None, None), SECOND: (2, 99.5)}
    (detail,) = [
        row for row in (await stand.crm("GET", DETAILS))["value"] if row["cosell_solutionidentifier"] == SECOND
    ]
    told = ("cosell_name", "cosell_solutiontype", "cosell_publishername")
    assert [detail[name] for name in told] == [f"Name of {SECOND}", "3P", "Contoso"]
    assert (await shelf.row(SECOND))["_transactioncurrencyid_value"] == await stand.currency("EUR")

    await shelf.put_members(first, member(SECOND, quantity=5))
    await pair.look_from_partner_center()
    assert await shelf.in_crm() == {FIRST: (None, None), SECOND: (5, None)}

    await shelf.put_members(first)
    await pair.look_from_partner_center()
    assert await shelf.in_crm() == {FIRST: (None, None)}
    assert (await lines(pair))[0] == f"Received from Partner Center: Solution {SECOND} removed."
    await assert_silence(stand)


async def test_different_solutions_of_both_sides_come_together_in_one_look(stand: Stand) -> None:
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    (first,) = await shelf.members()
    await shelf.add_row(SECOND)
    await shelf.put_members(first, member(THIRD))

    await shelf.look()

    assert set(await shelf.in_crm()) == set(await shelf.in_portal()) == {FIRST, SECOND, THIRD}
    await assert_silence(stand)


async def test_quantity_that_moved_on_both_sides_is_the_crms_and_the_other_one_is_kept(stand: Stand) -> None:
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    await shelf.edit_row(FIRST, cosell_quantity=7)
    await shelf.put_members(member(FIRST, quantity=8))

    await shelf.look()

    assert (await shelf.in_portal())[FIRST][0] == (await shelf.in_crm())[FIRST][0] == 7
    async with stand.ledger() as ledger:
        (filed,) = await ledger.conflicts.list_open()
    assert filed.conflict.field == f"solution:{FIRST}"
    assert [str(filed.conflict.partner_center), str(filed.conflict.dataverse)] == ["quantity 8", "quantity 7"]
    assert any("quantity 8" in line for line in await lines(pair))
    await assert_silence(stand)


async def test_other_value_of_a_dispute_can_be_chosen_even_a_removal(stand: Stand) -> None:
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    (first,) = await shelf.members()
    await shelf.put_members(first, member(SECOND))
    await pair.look_from_partner_center()
    await shelf.edit_row(FIRST, cosell_quantity=7)
    await shelf.edit_row(SECOND, cosell_quantity=2)
    await shelf.put_members({**first, "quantity": 8})
    await shelf.look()
    assert await shelf.in_portal() == {FIRST: (7, None), SECOND: (2, None)}

    async with stand.run() as workspace:
        for filed in await workspace.ledger.conflicts.list_open():
            assert await choose_value(workspace, filed, Side.PARTNER_CENTER) is Choice.WRITTEN

    assert await shelf.in_portal() == await shelf.in_crm() == {FIRST: (8, None)}
    await assert_silence(stand)


async def test_last_solution_stays_in_partner_center_until_there_is_another(stand: Stand) -> None:
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    await shelf.remove_row(FIRST)

    await shelf.look()
    row = await pair.opportunity()
    assert list(await shelf.in_portal()) == [FIRST]
    assert row["name"].startswith("✖ ")
    assert "wants at least one" in lines_of(row)[0]

    # An edit of something else neither tells it again nor takes the cross away.
    await pair.seller_edits(description="They want it before spring.")
    await pair.look()
    row = await pair.opportunity()
    assert row["name"].startswith("✖ ")
    assert sum("wants at least one" in line for line in lines_of(row)) == 1

    await shelf.add_row(SECOND)
    await shelf.look()
    assert list(await shelf.in_portal()) == [SECOND]
    assert (await pair.opportunity())["name"].startswith("✔ ")
    await assert_silence(stand)


async def test_members_of_which_nothing_changes_stay_as_they_came(stand: Stand) -> None:
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    nameless = {"id": THIRD, "name": None, "type": "None", "closingDateTime": "2031-01-01T00:00:00Z"}
    category = {"id": "Dynamics365forFieldService", "name": "Field Service", "type": "Category"}
    await shelf.put_members(member(FIRST), nameless, category)
    await pair.look_from_partner_center()
    before = [without_nulls(item) for item in await shelf.members()]
    assert set(await shelf.in_crm()) == {FIRST, THIRD}

    await shelf.add_row(SECOND)
    await shelf.look()

    after = [without_nulls(item) for item in await shelf.members()]
    assert after[:3] == before
    assert [item["id"] for item in after[3:]] == [SECOND]
    await assert_silence(stand)


async def test_row_without_an_identifier_is_told_by_its_name_and_stops_nothing(stand: Stand) -> None:
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    await shelf.add_row(None, cosell_name="2031-04-02-01150")
    await shelf.add_row(SECOND)
    await pair.seller_edits(description="They want it before spring.")

    await shelf.look()

    assert set(await shelf.in_portal()) == {FIRST, SECOND}
    assert (await pair.referral())["details"]["notes"] == "They want it before spring."
    row = await pair.opportunity()
    assert row["name"].startswith("✖ ")
    (told,) = [line for line in lines_of(row) if "2031-04-02-01150" in line]
    assert told.endswith("was left alone: it names no solution detail.")
    await assert_silence(stand)


async def test_identifier_with_characters_that_no_key_takes_finds_its_way(stand: Stand) -> None:
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    odd = "Contoso/Suite: A&B+"
    (first,) = await shelf.members()

    for members in ((first, member(odd)), (first,), (first, member(odd, quantity=2))):
        await shelf.put_members(*members)
        await pair.look_from_partner_center()

    assert await shelf.in_crm() == {FIRST: (None, None), odd: (2, None)}
    details = [row["cosell_solutionidentifier"] for row in (await stand.crm("GET", DETAILS))["value"]]
    assert details.count(odd) == 1
    await assert_silence(stand)


async def test_solution_spelled_in_other_letters_is_the_same(stand: Stand) -> None:
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    await shelf.put_members(member(FIRST.lower(), quantity=2))

    await pair.look_from_partner_center()

    assert await shelf.in_crm() == {FIRST: (2, None)}
    await assert_silence(stand)


async def test_arrival_makes_its_rows_in_the_same_call_and_costs_six_at_most(stand: Stand) -> None:
    account = await stand.write_account()
    solutions = [member(FIRST, quantity=2), member(SECOND)]
    await stand.crm(
        "POST", "contacts", {"lastname": "Somebody", "parentcustomerid_account@odata.bind": f"/accounts({account})"}
    )
    referral_id = await stand.microsoft_invites(customer=KNOWN_CUSTOMER, solutions=solutions)
    fate = Fate()
    async with stand.run(fate) as workspace:
        await workspace.get_codes()
        await workspace.codebook.get_users()
        known = len(fate.calls())
        outcome = await look_at_referral(workspace, referral_id)

    shelf = Shelf(PairInStep(stand, str(outcome.opportunity_id), referral_id))
    assert await shelf.in_crm() == {FIRST: (2, None), SECOND: (None, None)}
    bulk = [call for call in fate.calls("GET") if call.endswith("/opportunities")]
    calls = [call for call in fate.calls()[known:] if call not in bulk]
    assert len(calls) <= 6, calls
    await assert_silence(stand)


async def test_rows_which_nobody_asks_for_are_not_read(stand: Stand) -> None:
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    await shelf.add_row(SECOND)
    await pair.seller_edits(description="They want it before spring.")

    fate = Fate()
    await pair.look(fate)

    assert list(await shelf.in_portal()) == [FIRST]
    assert [call for call in fate.calls() if "solution" in call] == []
    await shelf.look()
    assert set(await shelf.in_portal()) == {FIRST, SECOND}


async def test_row_added_while_an_invitation_waits_is_sent_with_the_answer(stand: Stand) -> None:
    pair = await invited_pair(stand)
    shelf = Shelf(pair)
    await shelf.add_row(SECOND)
    await shelf.look()
    assert list(await shelf.in_portal()) == [FIRST]

    await pair.seller_edits(statuscode=OPEN)
    await pair.look()
    await pair.look()

    assert set(await shelf.in_portal()) == {FIRST, SECOND}
    await assert_silence(stand)


async def test_row_added_while_the_pair_was_switched_off_is_sent_once_it_is_on(stand: Stand) -> None:
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    await pair.seller_edits(cosell_syncwithpartnercenter=False)
    await shelf.add_row(SECOND)
    assert (await shelf.look()).result is Result.SKIPPED

    await pair.seller_edits(cosell_syncwithpartnercenter=True)
    await pair.look()

    assert set(await shelf.in_portal()) == {FIRST, SECOND}
    await assert_silence(stand)


async def test_rows_which_the_crm_refuses_hold_up_nothing_else(stand: Stand) -> None:
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    (first,) = await shelf.members()
    await shelf.put_members(first, member(SECOND))
    await pair.colleague_edits("/details/notes", "Written in Partner Center.")
    refused = {"status": 400, "body": {"error": {"code": "0x80040265", "message": "A plug-in of ours says no."}}}
    await stand.control("PUT", "faults", [{"method": "POST", "path": r"\$batch", "nth": 1, "action": refused}])

    with pytest.raises(RejectedError, match="plug-in"):
        await pair.look_from_partner_center()
    assert (await pair.opportunity())["description"] == "Written in Partner Center."

    await pair.seller_edits(estimatedvalue=50000)
    await pair.look()
    assert set(await shelf.in_crm()) == {FIRST, SECOND}
    await assert_silence(stand)


async def test_second_look_at_the_same_rows_writes_nothing(stand: Stand) -> None:
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    await shelf.add_row(SECOND, cosell_price=0)
    await shelf.look()

    fate = Fate()
    outcome = await shelf.look(fate)

    assert outcome.result is Result.ECHO
    assert fate.calls(*WRITES) == []

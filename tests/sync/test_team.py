"""Our team of a deal: whoever works on it in the CRM stands in the referral, and colleagues added there stay."""

from typing import Any

import pytest

from cosell.dataverse import Row
from cosell.domain.ids import OpportunityId
from cosell.errors import NotReady
from cosell.store import Ledger
from cosell.sync.hold import LEASE_SECONDS
from cosell.sync.outcome import Outcome, Result
from cosell.sync.pair import sync_link
from cosell.sync.roster import read_teams
from tests.sync.conftest import Stands
from tests.sync.doors import assert_silence, look_at_opportunity, look_at_referral
from tests.sync.fate import WRITES, Fate, Killed
from tests.sync.pairs import PairInStep, invited_pair, shared_pair
from tests.sync.portrait import lines_of
from tests.sync.stand import OPEN, Stand

SELLER, COLLEAGUE, MANAGER = (f"{name}@contoso-partner.example" for name in ("seller", "seller2", "manager"))
FROM_PORTAL = {"firstName": "Ida", "lastName": "Moreau", "email": "Ida@contoso-partner.example", "title": "Alliances"}


async def user_id(stand: Stand, email: str) -> str:
    found = await stand.crm("GET", f"systemusers?$filter=internalemailaddress eq '{email}'&$select=systemuserid")
    return str(found["value"][0]["systemuserid"])


async def team_row(stand: Stand, *emails: str, about: str | None = None) -> str:
    """Write a team with members; one that is about an opportunity is its sales team."""
    body: dict[str, Any] = {"name": "Sales team", "teamtype": 1 if about else 0}
    if about:
        body["regardingobjectid_opportunity@odata.bind"] = f"/opportunities({about})"
    team = await administrate(stand, "POST", "teams", body)
    for email in emails:
        await join(stand, str(team["teamid"]), email)
    return str(team["teamid"])


async def join(stand: Stand, team_id: str, email: str) -> None:
    reference = {"@odata.id": f"https://localhost/api/data/v9.2/systemusers({await user_id(stand, email)})"}
    await administrate(stand, "POST", f"teams({team_id})/teammembership_association/$ref", reference)


async def leave(stand: Stand, team_id: str, email: str) -> None:
    member = f"teams({team_id})/teammembership_association({await user_id(stand, email)})/$ref"
    await administrate(stand, "DELETE", member)


async def administrate(stand: Stand, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Do something in the CRM which sellers may not."""
    told = await stand.control("POST", "tokens", {"user": "admin@contoso-partner.example"})
    before, stand.crm_headers = stand.crm_headers, {"Authorization": f"Bearer {told['access_token']}"}
    try:
        return await stand.crm(method, path, body)
    finally:
        stand.crm_headers = before


async def give_to(pair: PairInStep, email: str) -> None:
    bind = f"/systemusers({await user_id(pair.stand, email)})"
    await pair.seller_edits(**{"ownerid@odata.bind": bind})


async def members(pair: PairInStep) -> list[str]:
    return [member["email"] for member in (await pair.referral())["team"]]


async def look_by_hand(pair: PairInStep, fate: Fate | None = None) -> Outcome:
    """Look as `cosell sync` does."""
    async with pair.stand.run(fate) as workspace:
        links = await workspace.ledger.links.find_by_opportunity_ids([OpportunityId(pair.opportunity_id)])
        return await sync_link(workspace, links[OpportunityId(pair.opportunity_id)], with_people=True)


async def base_of(ledger: Ledger, pair: PairInStep) -> dict[str, Any]:
    links = await ledger.links.find_by_opportunity_ids([OpportunityId(pair.opportunity_id)])
    return dict(links[OpportunityId(pair.opportunity_id)].base)


async def test_deal_is_created_with_owner_and_sales_team(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity()
    await team_row(stand, COLLEAGUE, SELLER, MANAGER, about=opportunity_id)

    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)

    (referral,) = await stand.referrals()
    emails = [member["email"] for member in referral["team"]]
    assert emails[0] == SELLER, "the owner comes first"
    assert sorted(emails) == sorted([SELLER, COLLEAGUE, MANAGER]), "each once"
    assert {member["lastName"] for member in referral["team"]} == {"Verma", "Lindqvist", "Okonjo"}
    await assert_silence(stand)


async def test_new_owner_takes_the_place_of_the_old_one_and_colleagues_stay_in_their_order(stand: Stand) -> None:
    pair = await shared_pair(stand)
    (before,) = (await pair.referral())["team"]
    await pair.colleague_edits("/team", [FROM_PORTAL, before])
    await pair.look()

    await give_to(pair, COLLEAGUE)
    outcome = await pair.look()

    assert outcome.to_partner_center == ("team",)
    assert await members(pair) == [FROM_PORTAL["email"], COLLEAGUE]
    assert (await pair.referral())["team"][0]["title"] == "Alliances", "who stays, stays as they came"
    assert "Sent to Partner Center: Team." in lines_of(await pair.opportunity())[0]
    await assert_silence(stand)


async def test_sales_team_is_followed_when_somebody_asks_by_hand(stand: Stand) -> None:
    pair = await shared_pair(stand)
    team_id = await team_row(stand, COLLEAGUE, about=pair.opportunity_id)
    assert (await pair.look()).result is Result.ECHO
    assert (await look_by_hand(pair)).to_partner_center == ("team",)
    assert await members(pair) == [SELLER, COLLEAGUE]

    await leave(stand, team_id, COLLEAGUE)
    await look_by_hand(pair)
    assert await members(pair) == [SELLER]
    fate = Fate()
    assert (await look_by_hand(pair, fate)).result is Result.ECHO
    assert fate.calls(*WRITES) == []


async def test_member_whom_a_colleague_took_out_in_the_portal_stays_out(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.colleague_edits("/team", [FROM_PORTAL])

    await look_by_hand(pair)
    assert await members(pair) == [FROM_PORTAL["email"]]


async def test_team_that_owns_a_deal_stands_for_its_members(stand: Stand) -> None:
    pair = await shared_pair(stand)
    team_id = await team_row(stand, COLLEAGUE, MANAGER)
    role = await stand.crm("GET", "roles?$filter=name eq 'Salesperson'&$select=roleid")
    assert role["value"]

    await pair.seller_edits(**{"ownerid@odata.bind": f"/teams({team_id})"})
    await pair.look()
    assert sorted(await members(pair)) == sorted([COLLEAGUE, MANAGER])


async def test_user_without_a_name_is_told_once_and_not_sent(stand: Stand) -> None:
    pair = await shared_pair(stand)
    nameless = await user_id(stand, COLLEAGUE)
    await administrate(stand, "PATCH", f"systemusers({nameless})", {"lastname": None})
    await give_to(pair, COLLEAGUE)

    await pair.look()
    assert await members(pair) == [SELLER], "one member stays at least"
    assert "was not sent to Partner Center" in lines_of(await pair.opportunity())[0]
    assert COLLEAGUE not in str((await pair.opportunity())["cosell_audit"])
    fate = Fate()
    await look_by_hand(pair, fate)
    assert fate.calls(*WRITES) == []


async def test_deal_of_which_nobody_can_be_a_member_is_not_shared(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity()
    owner = await user_id(stand, SELLER)
    await administrate(stand, "PATCH", f"systemusers({owner})", {"lastname": None})
    async with stand.run() as workspace:
        with pytest.raises(NotReady, match="sales team"):
            await look_at_opportunity(workspace, opportunity_id)

    await team_row(stand, COLLEAGUE, about=opportunity_id)
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    (referral,) = await stand.referrals()
    assert [member["email"] for member in referral["team"]] == [COLLEAGUE]


async def test_invitation_keeps_its_team_until_it_is_answered(stand: Stand) -> None:
    pair = await invited_pair(stand)
    before = await members(pair)
    await give_to(pair, MANAGER)
    await pair.look()
    assert await members(pair) == before

    await pair.seller_edits(statuscode=OPEN)
    await pair.look()
    assert (await pair.referral())["status"] == "Active"
    assert await members(pair) == [*before, MANAGER], "the application which made the opportunity is nobody's colleague"
    await assert_silence(stand)


async def test_changed_field_still_costs_three_calls_and_a_new_owner_two_more(stand: Stand) -> None:
    pair = await shared_pair(stand)
    for expected, edit in ((3, pair.seller_edits(estimatedvalue=52500)), (5, give_to(pair, COLLEAGUE))):
        await edit
        async with stand.run() as workspace:
            await workspace.get_opportunity(OpportunityId(pair.opportunity_id))
            await stand.control("DELETE", "requests")
            await look_at_opportunity(workspace, pair.opportunity_id)
        told = await stand.control("GET", "requests")
        assert told["api_total"] <= expected, told["counts"]


async def test_invitation_that_arrives_asks_for_nobody(stand: Stand) -> None:
    referral_id = await stand.microsoft_invites()
    async with stand.run() as workspace:
        await workspace.codebook.get_users()
    fate = Fate()
    async with stand.run(fate) as workspace:
        await look_at_referral(workspace, referral_id)
    assert not [call for call in fate.calls("GET") if "teams" in call or "systemusers" in call]


async def test_teams_of_many_opportunities_are_read_in_two_pages(stand: Stand) -> None:
    ids = [await stand.write_opportunity() for _ in range(6)]
    for opportunity_id in ids[:3]:
        await team_row(stand, COLLEAGUE, about=opportunity_id)
    async with stand.run() as workspace:
        rows: list[Row] = []
        for opportunity_id in ids:
            row = await workspace.get_opportunity(OpportunityId(opportunity_id))
            assert row
            rows.append(row)
        await stand.control("DELETE", "requests")
        teams = await read_teams(workspace, rows)
        told = await stand.control("GET", "requests")
    assert told["api_total"] == 2, told["counts"]
    assert [len(teams[OpportunityId(item)]) for item in ids] == [2, 2, 2, 1, 1, 1]


async def test_people_stand_in_the_base_and_nowhere_else_in_the_ledger(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await give_to(pair, COLLEAGUE)
    outcome = await pair.look()
    assert COLLEAGUE not in str(outcome)
    async with stand.ledger() as ledger:
        assert (await base_of(ledger, pair))["team"] == frozenset({COLLEAGUE})
        journal = await ledger.journal.list_for(opportunity_id=OpportunityId(pair.opportunity_id), limit=50)
    entries = [entry for entry in journal if entry.field == "team"]
    assert [(entry.old, entry.new) for entry in entries] == [(None, None)]


async def test_killed_at_any_step_the_new_owner_still_arrives(stands: Stands) -> None:
    async def story(fate: Fate) -> PairInStep:
        pair = await shared_pair(await stands.begin())
        await pair.colleague_edits("/team", [FROM_PORTAL, *(await pair.referral())["team"]])
        await pair.look()
        await give_to(pair, COLLEAGUE)
        try:
            await pair.look(fate)
        except Killed:
            pair.stand.pass_time(LEASE_SECONDS + 1)
        return pair

    undisturbed = Fate()
    await story(undisturbed)
    for dies_at in undisturbed.turning_points():
        pair = await story(Fate(dies_at=dies_at))
        await pair.look()
        await pair.look()
        assert await members(pair) == [FROM_PORTAL["email"], COLLEAGUE], undisturbed.steps[dies_at - 1]
        async with pair.stand.ledger() as ledger:
            assert (await base_of(ledger, pair))["team"] == frozenset({COLLEAGUE})
        await assert_silence(pair.stand)

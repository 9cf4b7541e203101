"""What arrives belongs to whoever of our team works on it, so that sellers see it; that costs no call per record."""

from cosell.mapping.assigning import Assign
from cosell.mapping.models import Mappings
from tests.sync.doors import assert_silence, look_at_referral
from tests.sync.fate import Fate
from tests.sync.pairs import invited_pair
from tests.sync.stand import MAPPINGS, Stand
from tests.sync.test_team import COLLEAGUE, MANAGER, SELLER, team_row, user_id

NOBODYS = [{"firstName": "Ida", "lastName": "Moreau", "email": "ida@contoso-partner.example", "phoneNumber": "+33 1"}]


def member(email: str) -> dict[str, str]:
    return {"firstName": "Lin", "lastName": "Novak", "email": email.upper(), "phoneNumber": "+44 20 7946 0100"}


def with_rule(rule: Assign) -> Mappings:
    opportunity = MAPPINGS.opportunity.model_copy(update={"assign": rule})
    return MAPPINGS.model_copy(update={"opportunity": opportunity})


async def test_first_of_our_team_who_is_a_user_owns_the_opportunity(stand: Stand) -> None:
    team = [*NOBODYS, member(COLLEAGUE), member(SELLER)]

    pair = await invited_pair(stand, team=team)

    assert (await pair.opportunity())["_ownerid_value"] == await user_id(stand, COLLEAGUE)
    await assert_silence(stand)


async def test_where_nobody_of_the_team_is_a_user_the_mapping_says_who(stand: Stand) -> None:
    stand.mappings = with_rule(Assign(otherwise=MANAGER))

    pair = await invited_pair(stand, team=NOBODYS)

    assert (await pair.opportunity())["_ownerid_value"] == await user_id(stand, MANAGER)
    await assert_silence(stand)


async def test_team_may_own_what_arrives(stand: Stand) -> None:
    team_id = await team_row(stand, SELLER)
    stand.mappings = with_rule(Assign(otherwise="team: Sales team"))

    pair = await invited_pair(stand, team=NOBODYS)

    assert (await pair.opportunity())["_ownerid_value"] == team_id
    await assert_silence(stand)


async def test_users_are_read_once_for_all_that_arrives(stand: Stand) -> None:
    invited = [await stand.microsoft_invites(name=f"Deal {number}", team=[member(SELLER)]) for number in range(3)]
    fate = Fate()
    async with stand.run(fate) as workspace:
        for referral_id in invited:
            await look_at_referral(workspace, referral_id)

    assert fate.calls().count("GET /api/data/v9.2/systemusers") == 1
    assert {row["_ownerid_value"] for row in await stand.opportunities()} == {await user_id(stand, SELLER)}

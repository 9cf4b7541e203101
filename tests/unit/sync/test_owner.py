"""Who owns what is made of a referral: a table of the rule."""

import pytest

from cosell.mapping.assigning import Assign, AssignTo
from cosell.sync.owner import pick_owner

USERS = {"ida@contoso-partner.example": "u-ida", "sasha@contoso-partner.example": "u-sasha"}
TEAMS = {"emea sales": "t-emea"}
SASHA = "sasha@contoso-partner.example"


@pytest.mark.parametrize(
    ("rule", "emails", "owner"),
    [
        (Assign(), [SASHA, "ida@contoso-partner.example"], ("systemusers", "u-sasha")),
        (Assign(), ["left@contoso-partner.example", SASHA], ("systemusers", "u-sasha")),
        (Assign(), ["left@contoso-partner.example"], None),
        (Assign(), [], None),
        (Assign(otherwise="Ida@contoso-partner.example "), [], ("systemusers", "u-ida")),
        (Assign(otherwise="Ida@contoso-partner.example"), [SASHA], ("systemusers", "u-sasha")),
        (Assign(otherwise="Team: EMEA Sales"), [], ("teams", "t-emea")),
        (Assign(otherwise="team:Nobody's"), [], None),
        (Assign(otherwise="nobody@contoso-partner.example"), [], None),
        (Assign(to=AssignTo.NOBODY), [SASHA], None),
        (Assign(to=AssignTo.NOBODY, otherwise="ida@contoso-partner.example"), [SASHA], ("systemusers", "u-ida")),
    ],
)
def test_owner_by_the_rule(rule: Assign, emails: list[str], owner: tuple[str, str] | None) -> None:
    asked = emails if rule.to is AssignTo.MEMBERS else []
    assert pick_owner(rule, asked, users=USERS, teams=TEAMS) == owner

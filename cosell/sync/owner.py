"""Decides who owns what is made of a referral, for a seller only sees in the CRM what is somebody's of the team.

A rule of the mapping: the first of our team in the referral who is a user of the CRM; otherwise a user or a team that
the mapping names; otherwise nobody is named, and it belongs to the application user which makes it.
"""

from collections.abc import Mapping, Sequence

from cosell.mapping.assigning import TEAM_PREFIX, Assign, AssignTo
from cosell.sync.team import list_emails
from cosell.sync.workspace import Workspace

OWNER = "ownerid"
USERS, TEAMS = "systemusers", "teams"


def pick_owner(
    rule: Assign, emails: Sequence[str], *, users: Mapping[str, str], teams: Mapping[str, str]
) -> tuple[str, str] | None:
    """Return the set and the id of the owner; None leaves it to the CRM. Pure.

    Args:
        rule: the mapping's.
        emails: our team in the referral, in its order.
        users: ids of those who can own, by e-mail address in small letters.
        teams: ids of teams by name in small letters.
    """
    if rule.to is AssignTo.MEMBERS:
        for email in emails:
            if email in users:
                return USERS, users[email]
    named = (rule.otherwise or "").strip().casefold()
    if named.startswith(TEAM_PREFIX):
        team_id = teams.get(named.removeprefix(TEAM_PREFIX).strip())
        return (TEAMS, team_id) if team_id else None
    return (USERS, users[named]) if named in users else None


async def bind_owner(workspace: Workspace, rule: Assign, document: Mapping[str, object]) -> dict[str, object]:
    """Spell the owner of a new record; nothing where the CRM is to decide. Users are read once an hour for all."""
    emails = list_emails(document) if rule.to is AssignTo.MEMBERS else []
    if not (emails or rule.otherwise):
        return {}
    named = rule.otherwise or ""
    owner = pick_owner(
        rule,
        emails,
        users=await workspace.codebook.get_users(),
        teams=await workspace.codebook.get_teams() if named.casefold().startswith(TEAM_PREFIX) else {},
    )
    if owner is None:
        return {}
    set_, row_id = owner
    return {f"{OWNER}@odata.bind": f"/{set_}({row_id})"}

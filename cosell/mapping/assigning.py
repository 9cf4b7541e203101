"""Who owns what is made of a referral, as a mapping file says it."""

from enum import StrEnum

from pydantic import Field

from cosell.mapping.rows import Strict

TEAM_PREFIX = "team:"


class AssignTo(StrEnum):
    """Who is asked first."""

    MEMBERS = "members"
    """The first of our team in the referral who is a user of the CRM."""
    NOBODY = "nobody"


class Assign(Strict):
    """Who owns a new opportunity or lead; the application user when nobody is found."""

    to: AssignTo = Field(
        default=AssignTo.MEMBERS,
        description="members: the first of our team in the referral who is a user of the CRM; or nobody",
    )
    otherwise: str | None = Field(
        default=None,
        max_length=200,
        description="who else: the e-mail address of a user, or team: and the name of a team",
    )

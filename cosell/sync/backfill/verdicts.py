"""What a first load would do with a record, and why it would leave one alone. Pure."""

from enum import StrEnum


class Direction(StrEnum):
    """Where records are brought."""

    TO_CRM = "to-crm"
    TO_PARTNER_CENTER = "to-partner-center"
    BOTH = "both"

    @property
    def goes_to_crm(self) -> bool:
        """Whether referrals are brought into the CRM."""
        return self is not Direction.TO_PARTNER_CENTER

    @property
    def goes_to_partner_center(self) -> bool:
        """Whether opportunities are shared."""
        return self is not Direction.TO_CRM


class Verdict(StrEnum):
    """What is planned for one record."""

    CREATE = "create"
    """The referral gets a record in the CRM."""
    LINK = "link"
    """Both records are there; they are brought together."""
    FINISH = "finish"
    """Somebody has begun with it and not come to the end."""
    SHARE = "share"
    """The opportunity gets a referral."""
    IN_STEP = "linked already"
    LEFT_OUT = "left out"


WORK = frozenset({Verdict.CREATE, Verdict.LINK, Verdict.FINISH, Verdict.SHARE})
"""What there is something to do for."""

MOVED_AT_LEAST = 20
MOVED_SHARE = 0.1


def moved_too_much(*, moved: int, looked_at: int) -> bool:
    """Tell whether so many records are not as they were when the plan was made that it has to be made anew."""
    return moved > max(MOVED_AT_LEAST, looked_at * MOVED_SHARE)

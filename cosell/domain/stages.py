"""How far a deal has come, in one word per side.

A referral's stage is read from its status and substatus, an opportunity's or a lead's from its state and status
reason.
"""

from dataclasses import dataclass
from enum import StrEnum


class ReferralStage(StrEnum):
    """Status and substatus of a referral in one word (Microsoft: Referral resources, status and substatus)."""

    INVITED = "invited"
    ACTIVE = "active"
    WON = "won"
    LOST = "lost"
    DECLINED = "declined"
    EXPIRED = "expired"
    ERROR = "error"
    CLOSED = "closed"
    """Closed with an outcome that no page of Microsoft's names."""
    UNKNOWN = "unknown"

    @property
    def is_terminal(self) -> bool:
        """Whether Partner Center takes no further change."""
        return self in TERMINAL


TERMINAL = frozenset(
    {
        ReferralStage.WON,
        ReferralStage.LOST,
        ReferralStage.DECLINED,
        ReferralStage.EXPIRED,
        ReferralStage.ERROR,
        ReferralStage.CLOSED,
    }
)


class OpportunityStage(StrEnum):
    """State and status reason of an opportunity in one word; which is which stands in `mappings/statuses.yaml`."""

    ON_HOLD = "on_hold"
    OPEN = "open"
    WON = "won"
    LOST = "lost"
    UNKNOWN = "unknown"

    @property
    def is_closed(self) -> bool:
        """Whether the opportunity is won or lost."""
        return self in {OpportunityStage.WON, OpportunityStage.LOST}


class LeadStage(StrEnum):
    """State and status reason of a lead in one word; which is which stands in `mappings/lead.yaml`."""

    OPEN = "open"
    QUALIFIED = "qualified"
    DISQUALIFIED = "disqualified"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReason:
    """A status reason and the state it belongs to."""

    value: int
    state: int
    label: str


REFERRAL_STAGES: dict[tuple[str, str], ReferralStage] = {
    ("new", "pending"): ReferralStage.INVITED,
    ("new", "received"): ReferralStage.INVITED,
    ("active", "accepted"): ReferralStage.ACTIVE,
    ("closed", "won"): ReferralStage.WON,
    ("closed", "lost"): ReferralStage.LOST,
    ("closed", "declined"): ReferralStage.DECLINED,
    ("closed", "expired"): ReferralStage.EXPIRED,
    ("closed", "error"): ReferralStage.ERROR,
}

REFERRAL_STATUSES: dict[ReferralStage, tuple[str, str]] = {
    ReferralStage.ACTIVE: ("Active", "Accepted"),
    ReferralStage.WON: ("Closed", "Won"),
    ReferralStage.LOST: ("Closed", "Lost"),
    ReferralStage.DECLINED: ("Closed", "Declined"),
}
"""What may be written: status and substatus always travel together."""


def read_referral_stage(status: str | None, substatus: str | None) -> ReferralStage:
    """Return the stage of a referral; UNKNOWN for a pair that no page of Microsoft's names.

    Whatever its outcome is called, a closed referral is CLOSED: it takes no change (Microsoft: Manage co-sell
    opportunities).
    """
    pair = ((status or "").strip().lower(), (substatus or "").strip().lower())
    unnamed = ReferralStage.CLOSED if pair[0] == "closed" else ReferralStage.UNKNOWN
    return REFERRAL_STAGES.get(pair, unnamed)

"""A link: the pair that belongs together, and what both sides agreed on last."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cosell.domain.ids import EngagementId, LeadId, OpportunityId, ReferralId
from cosell.domain.snapshot import Value


class LinkState(StrEnum):
    """How far a link has come."""

    CREATING = "creating"
    """One side is known, the other is being created; after a crash look first, then create."""
    LINKED = "linked"
    BROKEN = "broken"
    """One side is gone; nothing is deleted on the other, a person decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A referral and its opportunity; one link for life, so that what begins as a lead keeps it when it is qualified.

    Until then `lead_id` is the CRM's side and `opportunity_id` is None; afterwards the lead only says where it began.

    `base` holds the canonical value of each shared field which both sides agreed on last. The etags are those seen
    when `base` was recorded: the same etags again are our own echo. `told` are the keys of what the seller has already
    been told and what is still so, to tell each thing once.
    """

    link_id: str
    state: LinkState
    referral_id: ReferralId | None = None
    engagement_id: EngagementId | None = None
    lead_id: LeadId | None = None
    opportunity_id: OpportunityId | None = None
    referral_etag: str | None = None
    opportunity_etag: str | None = None
    lead_etag: str | None = None
    base: Mapping[str, Value] = field(default_factory=dict)
    told: frozenset[str] = frozenset()
    synced_at: datetime | None = None
    remind_at: datetime | None = None
    """When something has to be told although nothing moves; None when no clock runs."""

    @property
    def is_lead(self) -> bool:
        """Whether the CRM's side is a lead that has not become an opportunity."""
        return self.lead_id is not None and self.opportunity_id is None

"""What one look at one record came to: what flows report, artifacts show and tests count."""

from dataclasses import dataclass
from enum import StrEnum

from cosell.domain.ids import LeadId, OpportunityId, ReferralId
from cosell.errors import LeaseHeld


class Result(StrEnum):
    """In one word."""

    CREATED = "created"
    WRITTEN = "written"
    IN_STEP = "in step"
    ECHO = "echo"
    SKIPPED = "skipped"
    NOT_READY = "not ready"
    REFUSED = "refused"
    LATER = "later"


NOT_THERE_YET = "NotThereYet"
"""The cause when Microsoft's copy comes before the opportunity of its engagement."""
QUIET = frozenset({Result.ECHO, Result.IN_STEP})
"""Results of which nobody has to hear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Ids and field names only: an outcome may be logged and shown anywhere."""

    result: Result
    referral_id: ReferralId | None = None
    lead_id: LeadId | None = None
    """Only while the lead is the CRM's side; of one that was qualified the opportunity is named."""
    opportunity_id: OpportunityId | None = None
    to_partner_center: tuple[str, ...] = ()
    to_dataverse: tuple[str, ...] = ()
    reason: str = ""
    cause: str = ""
    """Name of the error's class when something stood in the way; what the way out is told by."""

    @property
    def is_in_other_hands(self) -> bool:
        """Whether another run had the record in hand just then."""
        return self.result is Result.LATER and self.cause == LeaseHeld.__name__

    @property
    def only_waits(self) -> bool:
        """Whether it waits for another run or another record: nothing stands in the way, and nobody has to look."""
        return self.is_in_other_hands or (self.result is Result.LATER and self.cause == NOT_THERE_YET)

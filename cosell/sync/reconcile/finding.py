"""What comparing has found about one deal, and why it came to be so: ids and field names only. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cosell.domain.ids import LeadId, OpportunityId, ReferralId, Side


class Kind(StrEnum):
    """What is wrong with a deal."""

    DRIFTED = "drifted"
    """Both sides are there, and some fields differ."""
    UNLINKED = "unlinked"
    """A referral which no record of the CRM belongs to."""
    UNSHARED = "unshared"
    """An opportunity which is switched on and has no referral."""
    HALF_CREATED = "half-created"
    """Creating it ended on the way: the other side's id, or Microsoft's copy, is missing."""
    VANISHED_REFERRAL = "referral gone"
    VANISHED_OPPORTUNITY = "opportunity gone"
    DUPLICATE = "duplicate"
    """Two records stand for one deal; a person decides which of them goes."""
    UNTOLD = "not told"
    """The fields agree; the audit text or the mark of the opportunity does not say what it should."""
    UNRECORDED = "not recorded"
    """Both sides agree on something which the ledger does not know yet; nothing has to be written."""


class Cause(StrEnum):
    """Why it was missed, as far as the ledger can tell."""

    LOST_NOTIFICATION = "lost notification"
    """Partner Center's record moved, and nobody told us."""
    LOST_POLL = "lost poll"
    """The CRM's record moved, and change tracking did not tell us."""
    ON_ITS_WAY = "on its way"
    """A hint waits in the inbox: it is not lost, only not done yet."""
    HALF_CREATED = "half-created"
    EDITED_WHILE_CLOSED = "edited while closed"
    FIXED = "fixed in Partner Center"
    """Partner Center takes no change of it, or wants a value which the CRM has emptied."""
    WAITS = "waits for an answer"
    """The seller has to answer the invitation first."""
    MAPPING_CHANGED = "mapping changed"
    """Both sides have agreed before, but never on this field."""
    NOT_UNDERSTOOD = "not understood"
    VANISHED = "vanished"
    REFUSED = "refused"
    """It was tried and refused: a dead letter is open."""
    CREATED_TWICE = "created twice"
    BEFORE_ACTIVATION = "before activation"
    """It is older than the day on which its flow became active."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field which is not the same on both sides; `to` is the side that would be written, None when none can be."""

    field: str
    cause: Cause
    to: Side | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One deal which is not as it should be.

    `since` is when the record moved which was missed, None when nothing tells. `is_healable` says whether looking at it
    would do something; what is not stands until a person or its other side moves.
    """

    kind: Kind
    cause: Cause
    referral_id: ReferralId | None = None
    opportunity_id: OpportunityId | None = None
    lead_id: LeadId | None = None
    link_id: str | None = None
    differences: tuple[Difference, ...] = ()
    since: datetime | None = None
    is_healable: bool = True
    detail: str = ""
    """What a person has to know beyond the fields: the id of the other record."""

    @property
    def changes_something(self) -> bool:
        """Whether healing writes more than what the seller reads: what counts when much would change at once."""
        return self.is_healable and self.kind not in {Kind.UNTOLD, Kind.UNRECORDED}

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields which differ, each once."""
        return tuple(dict.fromkeys(item.field for item in self.differences))

    @property
    def key(self) -> str:
        """What this is a finding about, for logs: the first id that is known."""
        return str(self.opportunity_id or self.referral_id or self.lead_id or self.link_id or "")

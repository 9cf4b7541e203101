"""What an adoption has found and done: what the command shows, the flow publishes and tests count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cosell.domain.ids import OpportunityId, ReferralId
from cosell.mapping.connector import ConnectorTables, OfferedVariable
from cosell.store import Ended, KeptDifference
from cosell.sync.adopt.compare import Compared
from cosell.sync.adopt.pairing import Duplicate, Single

LOST_AFTER = timedelta(hours=1)
"""A difference that stands so long was lost by the connector, which carries an edit over within about ten minutes
(Microsoft: Use the co-sell connector for Dynamics 365)."""
SHARE = 30
"""More than so many of a hundred pairs in which something differs are doubted: a mapping is wrong, or a backup came
back."""
DOUBTED_FROM = 5
"""Fewer than this are believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What stands in both services, and what our sync would do about it."""

    compared: Sequence[Compared]
    """Pairs which are not taken over yet."""
    adopted_count: int
    """Pairs which are linked in the ledger already."""
    linked_otherwise: Sequence[tuple[ReferralId, OpportunityId]]
    """Pairs of the connector's of which the ledger links one half with something else."""
    singles: Sequence[Single]
    duplicates: Sequence[Duplicate]
    row_count: int
    referral_count: int
    variables: Sequence[OfferedVariable]
    webhook_url: str | None
    """Where Partner Center sends its notifications; None when nothing is registered."""
    webhook_problem: str
    """Why that could not be read, if so."""
    tables: ConnectorTables | None
    still_writing: Sequence[OpportunityId]
    """Opportunities in which the connector has written audit lines since they were taken over."""

    @property
    def drifted(self) -> list[Compared]:
        """Pairs in which something differs that the connector keeps in step, deals which are over left aside."""
        return [item for item in self.compared if item.has_drifted and not item.is_history]

    @property
    def is_doubtful(self) -> bool:
        """Whether so many differ that a person has to say whether that is meant."""
        count = len(self.drifted)
        return count >= DOUBTED_FROM and count * 100 > SHARE * len(self.compared)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a take-over has done."""

    adopted: int = 0
    moved: int = 0
    """Pairs which somebody edited meanwhile: the next run takes them."""
    refused: Mapping[OpportunityId, str] = field(default_factory=dict)
    """Opportunities which the CRM refused to write, and why."""
    conflicts: int = 0
    to_look_at: int = 0
    solution_rows: int = 0
    catalogue_rows: int = 0
    variables: tuple[str, ...] = ()
    """Variables which were set."""
    replaced_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """How long pairs have differed, from one look to the next."""

    standing: Sequence[KeptDifference]
    ended: Mapping[Ended, int]

    def lost(self, now: datetime) -> list[KeptDifference]:
        """Return the differences which stand longer than the connector takes for an edit."""
        return [item for item in self.standing if is_lost(item, now)]


def is_lost(item: KeptDifference, now: datetime) -> bool:
    """Tell whether the connector has lost an edit: it keeps the field in step, and yet the sides still differ."""
    return item.difference.was_synced and now - item.first_seen_at >= LOST_AFTER

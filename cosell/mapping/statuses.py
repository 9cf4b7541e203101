"""Which stage a state and status reason mean, and which ones are written: statuses.yaml and the CRM's names together.

Pure: the CRM's status reasons are handed in, and only where the file does not say enough by itself.
"""

import re
from dataclasses import dataclass

from cosell.domain.stages import OpportunityStage, StatusReason
from cosell.mapping.models import STATES, StatusRow

_NOT_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenStatus:
    """A state and the number of a status reason, as they are written."""

    state: int
    status_reason: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusBook:
    """The rows of statuses.yaml with the CRM's own status reasons; `known` is empty while nobody had to ask."""

    rows: tuple[StatusRow, ...]
    known: tuple[StatusReason, ...] = ()

    @property
    def has_labels(self) -> bool:
        """Whether a row can only be understood with the CRM's labels."""
        return any(row.label is not None for row in self.rows)

    def find_number(self, row: StatusRow) -> int | None:
        """Return the number of a row's status reason, None when the CRM has no such label in that state."""
        if row.label is None:
            return row.status_reason
        wanted = row.label.strip().casefold()
        same = (item for item in self.known if item.state == row.state and item.label.strip().casefold() == wanted)
        return next((item.value for item in same), None)

    def find_row(self, state: object, status_reason: object) -> StatusRow | None:
        """Return the row which names this status reason; the first one, as those of the overlay come first."""
        return next((row for row in self.rows if (row.state, self.find_number(row)) == (state, status_reason)), None)

    def find_missing(self, state: object = None) -> list[StatusRow]:
        """Return the rows whose label the CRM does not have, of one state or of all."""
        return [row for row in self.rows if state in {None, row.state} and self.find_number(row) is None]

    def read_stage(self, state: object, status_reason: object) -> OpportunityStage:
        """Return the stage; a status reason which no row names is judged by its state.

        While a label of that state is not found, nobody knows whether this is the one: then the stage is UNKNOWN.
        """
        if state is None:
            state = next((item.state for item in self.known if item.value == status_reason), None)
        row = self.find_row(state, status_reason)
        if row is not None:
            return row.stage
        if state is None or self.find_missing(state):
            return OpportunityStage.UNKNOWN
        # A partner's own status reason of an open opportunity means that somebody works on it.
        alone = {STATES[stage]: stage for stage in (OpportunityStage.OPEN, OpportunityStage.WON, OpportunityStage.LOST)}
        return next((stage for number, stage in alone.items() if number == state), OpportunityStage.UNKNOWN)

    def find_status(self, stage: OpportunityStage, *, reason: str = "") -> WrittenStatus | None:
        """Return what is written for a stage: the row with Partner Center's `reason`, else the stage's first.

        None when the CRM does not have the label of that row.
        """
        rows = [row for row in self.rows if row.stage is stage]
        if not rows:
            return None
        wanted = _letters(reason)
        said = (row for row in rows if wanted and wanted in {_letters(text) for text in row.reason})
        row = next(said, rows[0])
        number = self.find_number(row)
        return None if number is None else WrittenStatus(state=row.state, status_reason=number)

    def read_reason(self, state: object, status_reason: object) -> str:
        """Return what Partner Center calls the reason of a lost opportunity; empty when no row says."""
        row = self.find_row(state, status_reason)
        if row is None or not row.reason:
            row = next((item for item in self.rows if item.stage is OpportunityStage.LOST and item.reason), None)
        return row.reason[0] if row else ""


def _letters(text: str) -> str:
    """Return a reason without case, blanks and signs: Partner Center's pages do not tell how it spells its reasons."""
    return _NOT_LETTERS.sub("", text).casefold()

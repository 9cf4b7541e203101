"""Writes into the catalogue what differs from the file, hundreds of rows a request, and says of each what it came to.

Every write is bound to what was read: a new row is only created, a changed one only with its etag. What somebody else
moved meanwhile, and what got no answer, is read again and planned anew; so a second run after a crash has only the
rest to do.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from cosell.dataverse import DataverseClient, Row
from cosell.dataverse.batch import BatchOperation, BatchResult
from cosell.dataverse.operations import create_operation, update_operation
from cosell.errors import (
    AccessDenied,
    ConfigurationError,
    ConflictError,
    CosellError,
    Origin,
    RecordNotFound,
    RetryableError,
    ServiceUnreachable,
)
from cosell.http.pace import Sleep
from cosell.mapping.models import Catalogue
from cosell.sync.catalogue.check import ROW
from cosell.sync.catalogue.plan import Change, Verdict, catalogue_columns, plan_changes

PAGE_SIZE = 5000
ROWS_PER_REQUEST = 200
"""Far fewer than a batch may hold: Dataverse ends a request after two minutes, and a row takes a tenth of a second."""
AT_ONCE = 4
ROUNDS = 3
WAIT_AT_MOST_SECONDS = 60.0
NOT_TRIED = "not tried"

Progress = Callable[[int, int], None]
"""Is told how many rows are done, of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """What became of one row of the file."""

    number: int
    identifier: str
    verdict: Verdict
    why: str = ""


async def read_catalogue(dataverse: DataverseClient, catalogue: Catalogue) -> list[Row]:
    """Return the whole catalogue, in pages."""
    rows: list[Row] = []
    async for page in dataverse.query(catalogue.set, select=catalogue_columns(catalogue), page_size=PAGE_SIZE):
        rows += page
    return rows


@dataclass(slots=True, kw_only=True)
class Upload:
    """One upload; `results` grows while it runs, and is true at any moment."""

    dataverse: DataverseClient
    catalogue: Catalogue
    sleep: Sleep
    tell: Progress
    results: dict[int, RowResult] = field(default_factory=dict)
    stopped: CosellError | None = None
    """What kept it from coming to its end; no row's fault."""
    _unsure: dict[int, Verdict] = field(default_factory=dict)
    """What rows will turn out to have become if the request that was not answered was carried out."""
    _reasons: dict[int, CosellError] = field(default_factory=dict)
    _total: int = 0

    async def run(self, wanted: pd.DataFrame) -> None:
        """Bring the catalogue to what the rows say; what cannot be written is among the results, never an error."""
        self._total = len(wanted)
        left = wanted
        try:
            for _ in range(ROUNDS):
                left = left[~left[ROW].isin(list(self.results))]
                if left.empty or self.stopped is not None:
                    break
                await self._wait_as_told(left)
                await self._go_round(left)
        except (ConfigurationError, RetryableError, AccessDenied) as error:
            self.stopped = error
        self._give_up(wanted)

    async def _go_round(self, left: pd.DataFrame) -> None:
        changes = plan_changes(left, await read_catalogue(self.dataverse, self.catalogue), self.catalogue)
        for change in changes:
            if change.verdict is Verdict.UNCHANGED:
                self._settle(change, self._unsure.get(change.number, Verdict.UNCHANGED))
        due = [change for change in changes if change.number not in self.results]
        self._reasons.clear()
        slots, broken = asyncio.Semaphore(AT_ONCE), asyncio.Event()

        async def send(part: list[Change]) -> None:
            async with slots:
                # Once a request came to nothing, the next round asks first whether the service is there again.
                if not broken.is_set() and self.stopped is None and not await self._send(part):
                    broken.set()

        parts = [due[start : start + ROWS_PER_REQUEST] for start in range(0, len(due), ROWS_PER_REQUEST)]
        await asyncio.gather(*(send(part) for part in parts))

    async def _send(self, part: list[Change]) -> bool:
        """Write some rows in one request; return whether it was answered."""
        try:
            done = await self.dataverse.batch([_operation(change, self.catalogue) for change in part])
        except RetryableError as error:
            self._note_unsure(part, error)
            return False
        except CosellError as error:
            self.stopped = self.stopped or error
            return False
        for change, result in zip(part, done, strict=False):
            self._note(change, result)
        if len(done) < len(part):
            missing = ServiceUnreachable("Not all of the batch was answered", origin=Origin(service="Dataverse"))
            self._note_unsure(part[len(done) :], missing)
        return len(done) == len(part)

    def _note(self, change: Change, result: BatchResult) -> None:
        match result.error:
            case None:
                self._settle(change, change.verdict)
            case ConfigurationError() | AccessDenied() as error:
                self.stopped = self.stopped or error
            case RetryableError() | ConflictError() | RecordNotFound() as error:
                # Gone since it was read: the next round creates it.
                self._reasons[change.number] = error
            case CosellError() as error:
                self._settle(change, Verdict.FAILED, why=str(error))

    def _note_unsure(self, part: list[Change], error: CosellError) -> None:
        for change in part:
            self._unsure[change.number] = change.verdict
            self._reasons[change.number] = error

    def _settle(self, change: Change, verdict: Verdict, *, why: str = "") -> None:
        self.results[change.number] = RowResult(
            number=change.number, identifier=change.identifier, verdict=verdict, why=why
        )
        self.tell(len(self.results), self._total)

    async def _wait_as_told(self, left: pd.DataFrame) -> None:
        errors = (self._reasons.get(int(number)) for number in left[ROW])
        waits = [error.retry_after for error in errors if isinstance(error, RetryableError) and error.retry_after]
        if waits:
            await self.sleep(min(max(waits), WAIT_AT_MOST_SECONDS))

    def _give_up(self, wanted: pd.DataFrame) -> None:
        """Say of the rows that are left why they are."""
        for number, identifier in zip(wanted[ROW], wanted["identifier"], strict=True):
            reason = self._reasons.get(int(number))
            if int(number) in self.results:
                continue
            if isinstance(reason, RetryableError) and self.stopped is None:
                self.stopped = reason
            why = str(reason) if reason else f"{NOT_TRIED}: {self.stopped or 'the service did not answer'}"
            change = Change(number=int(number), identifier=str(identifier))
            self._settle(change, Verdict.FAILED, why=why)


def _operation(change: Change, catalogue: Catalogue) -> BatchOperation:
    """Spell a change as it travels in a batch: creating by the alternate key, changing by id and etag."""
    answered = (catalogue.id,)
    if change.row_id is None:
        key = {catalogue.identifier: change.identifier}
        return create_operation(catalogue.set, key, change.body, select=answered)
    return update_operation(catalogue.set, change.row_id, change.body, etag=change.etag, select=answered)

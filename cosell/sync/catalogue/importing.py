"""One import from beginning to end: the file is checked as a whole, and only then is anything written."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cosell.dataverse import DataverseClient
from cosell.dataverse.fit import find_faults
from cosell.errors import CosellError, FileInvalid, Origin, SchemaMissing
from cosell.http.pace import Sleep
from cosell.mapping.models import Catalogue
from cosell.sync.catalogue.cells import Field, Problem
from cosell.sync.catalogue.check import SAME_AS, check_rows
from cosell.sync.catalogue.files import read_grids
from cosell.sync.catalogue.headings import Table, find_table, wording
from cosell.sync.catalogue.plan import Verdict, plan_changes
from cosell.sync.catalogue.result_file import refuse_unfit_place, write_result
from cosell.sync.catalogue.upload import Progress, RowResult, Upload, read_catalogue

INVALID = "invalid"
_TEXT = frozenset({"StringType", "MemoType"})
_KEY = frozenset({"StringType"})
_INSTALL = "`cosell crm install` makes what is ours; `cosell crm check` tells what else is missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be imported; `columns` are headings of this file which the mapping does not know."""

    file: Path
    sheet: str | None = None
    columns: Mapping[Field, str] = field(default_factory=dict)
    result: Path | None = None
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an import came to; with problems, nothing was written. `sample` is what the first few rows say."""

    sheet: str
    results: tuple[RowResult, ...] = ()
    problems: tuple[Problem, ...] = ()
    ignored: tuple[str, ...] = ()
    sample: tuple[Mapping[str, str], ...] = ()
    stopped: CosellError | None = None
    result_file: Path | None = None
    is_dry_run: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """How many rows became what."""
        found = Counter(result.verdict for result in self.results)
        return {verdict.value: found[verdict] for verdict in Verdict}


SAMPLE_ROWS = 5


async def import_catalogue(
    dataverse: DataverseClient, catalogue: Catalogue, asked: Asked, *, sleep: Sleep, tell: Progress
) -> Report:
    """Bring the catalogue to what a file says; running it again only does what is left.

    Raises:
        FileInvalid: the file cannot be read, or its columns cannot be told.
        SchemaMissing: the CRM lacks the catalogue, one of its columns, or its key.
        RetryableError: the CRM does not answer, and nothing was written yet.
    """
    words = wording(catalogue, asked.columns)
    table = await asyncio.to_thread(_open, asked, words)
    if asked.result is not None:
        refuse_unfit_place(asked.result)
    lengths = await read_lengths(dataverse, catalogue)
    frame, problems = await asyncio.to_thread(check_rows, table, lengths)
    if problems:
        return _finish(asked, table, problems=problems)
    if frame.empty:
        raise FileInvalid(f"{asked.file.name} has headings, and no solution below them.")
    once = frame[frame[SAME_AS] == 0]
    if asked.is_dry_run:
        changes = plan_changes(once, await read_catalogue(dataverse, catalogue), catalogue)
        planned = {
            change.number: RowResult(number=change.number, identifier=change.identifier, verdict=change.verdict)
            for change in changes
        }
        return _finish(asked, table, results=_in_order(frame, planned), frame=frame)
    upload = Upload(dataverse=dataverse, catalogue=catalogue, sleep=sleep, tell=tell)
    try:
        await upload.run(once)
    except BaseException:
        # Broken off: what was done so far is told all the same.
        _finish(asked, table, results=_in_order(frame, upload.results), frame=frame)
        raise
    return _finish(asked, table, results=_in_order(frame, upload.results), frame=frame, stopped=upload.stopped)


async def read_lengths(dataverse: DataverseClient, catalogue: Catalogue) -> dict[Field, int]:
    """Return how many characters each column of the catalogue takes, as the CRM says now.

    Raises:
        SchemaMissing: a column is missing or holds no text, or the identifier is no key by which rows are found.
    """
    table = await dataverse.get_table(catalogue.table)
    lengths: dict[Field, int] = {}
    for said in Field:
        name = getattr(catalogue, said.value)
        column = table.columns.get(name)
        types = _KEY if said is Field.IDENTIFIER else _TEXT
        faults = (
            [problem for _, problem in find_faults(column, types=types, length=None, is_written=True, options=())]
            if column
            else ["is missing"]
        )
        if column is None or faults:
            raise SchemaMissing(
                f"Column {catalogue.table}.{name} {', '.join(faults)}; {_INSTALL}",
                origin=Origin(service="Dataverse", field=name),
            )
        if column.max_length is not None:
            lengths[said] = column.max_length
    if not any(key.is_active for key in table.keys if key.columns == (catalogue.identifier,)):
        raise SchemaMissing(
            f"Column {catalogue.table}.{catalogue.identifier} is no alternate key, or its index is still being built; "
            f"{_INSTALL}",
            origin=Origin(service="Dataverse", field=catalogue.identifier),
        )
    return lengths


def _open(asked: Asked, words: Mapping[Field, tuple[str, ...]]) -> Table:
    table = find_table(read_grids(asked.file, sheet=asked.sheet), words, name=asked.file.name)
    unknown = [said.value for said in asked.columns if said not in table.places]
    if unknown:
        raise FileInvalid(f"{asked.file.name} has no column with the heading that was named for: {', '.join(unknown)}.")
    return table


def _in_order(frame: pd.DataFrame, done: Mapping[int, RowResult]) -> tuple[RowResult, ...]:
    """Return the results of all rows; a row that repeats another says so."""
    results: list[RowResult] = []
    for number, identifier, same_as in zip(frame["row"], frame[Field.IDENTIFIER], frame[SAME_AS], strict=True):
        if same_as:
            first = done.get(int(same_as))
            verdict = Verdict.FAILED if first is None or first.verdict is Verdict.FAILED else Verdict.UNCHANGED
            result = RowResult(
                number=int(number), identifier=str(identifier), verdict=verdict, why=f"the same as row {same_as}"
            )
        else:
            missing = RowResult(
                number=int(number), identifier=str(identifier), verdict=Verdict.FAILED, why="broken off before its turn"
            )
            result = done.get(int(number), missing)
        results.append(result)
    return tuple(results)


def _finish(
    asked: Asked,
    table: Table,
    *,
    results: tuple[RowResult, ...] = (),
    problems: list[Problem] | None = None,
    frame: pd.DataFrame | None = None,
    stopped: CosellError | None = None,
) -> Report:
    """Write the result file and return the report."""
    sheet = table.grid.sheet
    words = (
        {verdict: f"would be {verdict}" for verdict in (Verdict.CREATED, Verdict.UPDATED)} if asked.is_dry_run else {}
    )
    lines: list[tuple[object, ...]] = [
        (sheet, item.row, item.column, item.identifier, INVALID, item.problem) for item in problems or ()
    ]
    lines += [
        (sheet, item.number, "", item.identifier, words.get(item.verdict, item.verdict), item.why) for item in results
    ]
    if asked.result is not None:
        write_result(asked.result, lines)
    sample: tuple[Mapping[str, str], ...] = ()
    if frame is not None:
        said = frame.head(SAMPLE_ROWS)[[*Field]].astype(str).to_dict(orient="records")
        sample = tuple({str(name): str(text) for name, text in row.items()} for row in said)
    return Report(
        sheet=sheet,
        results=results,
        problems=tuple(problems or ()),
        ignored=table.ignored,
        sample=sample,
        stopped=stopped,
        result_file=asked.result,
        is_dry_run=asked.is_dry_run,
    )

"""Writes solutions into the CRM: rows and, where the catalogue lacks one, its row, all in one call.

The rows are written all or none, together with their opportunity. A row of the catalogue is for everybody: it is made
before, and one that is there already stays as the sellers have it.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cosell.dataverse import BatchOperation, ChangeSet, Row
from cosell.dataverse.odata import row_path
from cosell.dataverse.operations import create_operation, delete_operation, update_operation
from cosell.domain.snapshot import Value
from cosell.domain.solution import SolutionTerms
from cosell.errors import AlreadyExists, Origin, RecordNotFound, ServiceUnreachable, StaleEtag
from cosell.mapping.solutions import NAME_LENGTH, Solution, to_catalogue_columns, to_row_columns
from cosell.mapping.values import shorten
from cosell.sync.solutions.read import find_in_catalogue
from cosell.sync.solutions.row import SolutionRow, Spelling
from cosell.sync.workspace import Workspace

_SAFE_IN_KEYS = re.compile(r"[A-Za-z0-9._-]+")
"""Other characters are not found by a key in the address, or may not be (Dataverse: alternate keys)."""


@dataclass(slots=True, kw_only=True)
class RowWrites:
    """What has to be written: rows of the catalogue, then rows of the opportunity; ids of rows by their operation."""

    catalogue: list[BatchOperation] = field(default_factory=list)
    rows: list[BatchOperation] = field(default_factory=list)
    row_ids: list[str] = field(default_factory=list)
    removed_ids: set[str] = field(default_factory=set)


async def prepare_writes(
    workspace: Workspace,
    changes: Mapping[str, Value],
    *,
    opportunity: str,
    rows: Sequence[SolutionRow] = (),
    spelling: Spelling,
    known: Mapping[str, Solution],
    currency_id: str | None,
) -> RowWrites:
    """Return the writes which bring these solutions into the CRM.

    Args:
        workspace: where to work; the catalogue is asked for identifiers that cannot stand in an address.
        changes: new values of solutions, by field; None takes one out.
        opportunity: path of their opportunity, as a lookup is bound.
        rows: the rows as they were read.
        spelling: how the fields are spelled.
        known: what is known of solutions which are new, by field.
        currency_id: the row of the deal's currency.
    """
    own, writes = workspace.mappings.solutions, RowWrites()
    new: dict[str, Value] = {}
    for name, terms in changes.items():
        same = [row for row in rows if row.identifier and spelling.field(row.identifier) == name]
        if not isinstance(terms, SolutionTerms):
            for row in same:
                _add(writes, row.id, delete_operation(own.set, row.id, etag=row.etag))
                writes.removed_ids.add(row.id)
        elif same:
            body = to_row_columns(terms, own, currency_id=currency_id)
            _add(writes, same[0].id, update_operation(own.set, same[0].id, body, etag=same[0].etag, select=(own.id,)))
        else:
            new[name] = terms
    details = await _prepare_details(workspace, [known[name] for name in new], writes)
    for name, terms in new.items():
        row_id, solution = str(uuid.uuid4()), known[name]
        assert isinstance(terms, SolutionTerms)  # noqa: S101  so they were sorted above
        body = {
            own.name: shorten(solution.name or solution.identifier, NAME_LENGTH),
            f"{own.opportunity}@odata.bind": opportunity,
            f"{own.detail}@odata.bind": details[solution.identifier],
            **{key: value for key, value in to_row_columns(terms, own, currency_id=currency_id).items() if value},
        }
        _add(writes, row_id, create_operation(own.set, row_id, body, select=(own.id,)))
    return writes


def _add(writes: RowWrites, row_id: str, operation: BatchOperation) -> None:
    writes.rows.append(operation)
    writes.row_ids.append(row_id)


async def _prepare_details(workspace: Workspace, new: Sequence[Solution], writes: RowWrites) -> dict[str, str]:
    """Return how each catalogue row is bound, by identifier; those which may be missing are made before."""
    catalogue = workspace.mappings.solutions.catalogue
    odd = [item.identifier for item in new if not _SAFE_IN_KEYS.fullmatch(item.identifier)]
    found = await find_in_catalogue(workspace, odd) if odd else {}
    bound: dict[str, str] = {}
    for solution in new:
        identifier, body = solution.identifier, to_catalogue_columns(solution, catalogue)
        if identifier not in odd:
            key = {catalogue.identifier: identifier}
            bound[identifier] = f"/{row_path(catalogue.set, key)}"
            writes.catalogue.append(create_operation(catalogue.set, key, body))
        elif identifier.casefold() in found:
            bound[identifier] = f"/{row_path(catalogue.set, found[identifier.casefold()][0])}"
        else:
            row_id = str(uuid.uuid4())
            bound[identifier] = f"/{row_path(catalogue.set, row_id)}"
            writes.catalogue.append(create_operation(catalogue.set, row_id, {**body, catalogue.identifier: identifier}))
    return bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a batch left: the opportunity's row when it was part of it, and the etags of the rows it wrote, by id."""

    opportunity: Row | None
    etags: Mapping[str, str]


async def run_writes(workspace: Workspace, writes: RowWrites, opportunity: BatchOperation | None = None) -> Written:
    """Write rows, with their opportunity before them when it is given.

    Raises:
        StaleEtag: a row moved or went since it was read; read again and plan anew.
        AlreadyExists: the opportunity is there already.
        RejectedError: the CRM refuses; nothing but rows of the catalogue was written.
        ServiceUnreachable: how much was done is not known; look first.
    """
    first = [opportunity] if opportunity else []
    results = await workspace.dataverse.batch([*writes.catalogue, ChangeSet((*first, *writes.rows))])
    if len(results) != len(writes.catalogue) + len(first) + len(writes.rows):
        raise ServiceUnreachable("Not all of the batch was answered; look first", origin=Origin(service="Dataverse"))
    made, written = results[: len(writes.catalogue)], results[len(writes.catalogue) :]
    for result in made:
        # Somebody else's row of the same solution serves as well.
        if result.error is not None and not isinstance(result.error, AlreadyExists):
            raise result.error
    for result in written:
        if isinstance(result.error, RecordNotFound):
            raise StaleEtag("A row went while it was looked at; read it again", origin=result.error.origin)
        if result.error is not None:
            raise result.error
    answers = [result.answer for result in written]
    row = workspace.dataverse.read_row(workspace.opportunity.set, answers.pop(0)) if opportunity else None
    kept = [(row_id, answer) for row_id, answer in zip(writes.row_ids, answers, strict=True) if answer.find_object()]
    set_ = workspace.mappings.solutions.set
    return Written(
        opportunity=row, etags={row_id: workspace.dataverse.read_row(set_, answer).etag for row_id, answer in kept}
    )

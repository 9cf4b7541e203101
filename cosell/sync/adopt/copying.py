"""Copies what the connector keeps in tables of its own into ours: catalogue first, then rows of solutions, in batches.

Ids are made of what a row stands for, so that a second attempt meets the row which the first one made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid5

from cosell.dataverse import BatchOperation, BatchResult
from cosell.dataverse.operations import create_operation
from cosell.domain.ids import OpportunityId
from cosell.domain.money import Money
from cosell.errors import AlreadyExists, CosellError
from cosell.mapping.fields import lookup_column
from cosell.mapping.solutions import NAME_LENGTH, Solution, to_catalogue_columns, to_row_columns
from cosell.mapping.values import read_text, shorten
from cosell.sync.adopt.compare import Compared
from cosell.sync.planner import VALUE_FIELD
from cosell.sync.solutions.read import find_in_catalogue
from cosell.sync.workspace import Workspace

ROWS_AT_ONCE = 200


@dataclass(slots=True)
class Shelf:
    """Our own tables as they are: catalogue rows by identifier in lower case, rows by opportunity, then by detail."""

    details: dict[str, str] = field(default_factory=dict)
    rows: dict[OpportunityId, dict[str, tuple[str, str]]] = field(default_factory=dict)
    """Row id and etag."""
    made_details: int = 0
    made_rows: int = 0

    def etags_of(self, opportunity_id: OpportunityId) -> dict[str, str]:
        """Return the etags of the rows of an opportunity."""
        return dict(self.rows.get(opportunity_id, {}).values())


async def read_shelf(workspace: Workspace) -> Shelf:
    """Read which rows of solutions there are, in pages."""
    own, shelf = workspace.mappings.solutions, Shelf()
    owner, detail = lookup_column(own.opportunity.lower()), lookup_column(own.detail.lower())
    async for page in workspace.dataverse.query(own.set, select=(own.id, owner, detail), page_size=5000):
        for row in page:
            of = shelf.rows.setdefault(OpportunityId(str(row.get(owner)).lower()), {})
            of[str(row.get(detail)).lower()] = (row.id, row.etag)
    return shelf


async def copy_catalogue(workspace: Workspace, shelf: Shelf, solutions: Mapping[str, Solution]) -> None:
    """Bring solutions into our catalogue which it lacks; what it has is left as it is.

    Args:
        workspace: where to work.
        shelf: learns the ids of all of them.
        solutions: by identifier in lower case.

    Raises:
        CosellError: one could not be written.
    """
    own = workspace.mappings.solutions.catalogue
    wanted = [solutions[key].identifier for key in sorted(solutions) if key not in shelf.details]
    shelf.details |= {key: row_id for key, (row_id, _) in (await find_in_catalogue(workspace, wanted)).items()}
    missing = [key for key in sorted(solutions) if key not in shelf.details]
    for start in range(0, len(missing), ROWS_AT_ONCE):
        chunk = missing[start : start + ROWS_AT_ONCE]
        steps = [
            create_operation(
                own.set, {own.identifier: solutions[key].identifier}, to_catalogue_columns(solutions[key], own)
            )
            for key in chunk
        ]
        results = await workspace.dataverse.batch(steps)
        shelf.made_details += _count_made(results)
    if missing:
        found = await find_in_catalogue(workspace, [solutions[key].identifier for key in missing])
        shelf.details |= {key: row_id for key, (row_id, _) in found.items()}


async def copy_rows(workspace: Workspace, shelf: Shelf, pairs: Sequence[Compared]) -> None:
    """Bring the rows of solutions of these pairs into our table, where they are missing.

    Raises:
        CosellError: one could not be written.
    """
    own, steps, keys = workspace.mappings.solutions, list[BatchOperation](), list[tuple[OpportunityId, str]]()
    currencies = (await workspace.get_codes()).currencies
    for pair in pairs:
        value = pair.seen.opportunity.get(VALUE_FIELD)
        currency_id = currencies.find_id(value.currency) if isinstance(value, Money) else None
        for solution in _each_once(pair):
            key = (pair.opportunity_id, shelf.details[solution.identifier.casefold()])
            if key[1] in shelf.rows.get(pair.opportunity_id, {}):
                continue
            body: dict[str, object] = {
                own.name: shorten(solution.name or solution.identifier, NAME_LENGTH),
                f"{own.opportunity}@odata.bind": f"/{workspace.opportunity.set}({pair.opportunity_id})",
                f"{own.detail}@odata.bind": f"/{own.catalogue.set}({key[1]})",
                **to_row_columns(solution.terms, own, currency_id=currency_id),
            }
            steps.append(create_operation(own.set, str(uuid5(NAMESPACE_URL, "/".join(key))), body, select=(own.id,)))
            keys.append(key)
    for start in range(0, len(steps), ROWS_AT_ONCE):
        results = await workspace.dataverse.batch(steps[start : start + ROWS_AT_ONCE])
        shelf.made_rows += _count_made(results)
        for key, result in zip(keys[start : start + ROWS_AT_ONCE], results, strict=True):
            document = result.answer.document
            if result.error is None and isinstance(document, dict):
                etag = read_text(document.get("@odata.etag")) or ""
                shelf.rows.setdefault(key[0], {})[key[1]] = (str(document[own.id]).lower(), etag)


def _each_once(pair: Compared) -> list[Solution]:
    found: dict[str, Solution] = {}
    for row in pair.solutions:
        if row.solution is not None:
            found.setdefault(row.solution.identifier.casefold(), row.solution)
    return list(found.values())


def solutions_of(pairs: Sequence[Compared]) -> dict[str, Solution]:
    """Return the solutions of pairs by identifier in lower case; of several spellings the first counts."""
    found: dict[str, Solution] = {}
    for pair in pairs:
        for solution in _each_once(pair):
            found.setdefault(solution.identifier.casefold(), solution)
    return found


def _count_made(results: Sequence[BatchResult]) -> int:
    """Count what was written; what was there already is fine.

    Raises:
        CosellError: something was refused.
    """
    errors = [result.error for result in results if result.error is not None]
    wrong: CosellError | None = next((error for error in errors if not isinstance(error, AlreadyExists)), None)
    if wrong is not None:
        raise wrong
    return len(results) - len(errors)

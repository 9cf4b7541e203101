"""Reads the CRM's rows of Microsoft solutions: for many opportunities in pages, and never without need."""

from collections.abc import Sequence

from cosell.domain.ids import OpportunityId
from cosell.mapping.fields import lookup_column
from cosell.mapping.solutions import Solution
from cosell.sync.solutions.row import (
    CREATED,
    SolutionRow,
    detail_columns,
    opportunity_of,
    read_detail,
    read_row,
    row_columns,
)
from cosell.sync.workspace import Workspace


async def read_solution_rows(workspace: Workspace, opportunity_ids: Sequence[OpportunityId]) -> None:
    """Read the rows of many opportunities, so that whoever looks at one of them has no call to make."""
    wanted = [row_id for row_id in dict.fromkeys(opportunity_ids) if row_id not in workspace.reads.solutions]
    if not wanted:
        return
    own = workspace.mappings.solutions
    rows = await workspace.dataverse.query_one_of(
        own.set,
        lookup_column(own.opportunity.lower()),
        wanted,
        select=row_columns(own),
        expand={own.detail: detail_columns(own)},
    )
    found: dict[OpportunityId, list[SolutionRow]] = {row_id: [] for row_id in wanted}
    # Of several rows of one solution the first counts, whatever the order of the answer.
    for row in sorted(rows, key=lambda row: (str(row.get(CREATED)), row.id)):
        owner = opportunity_of(row, own)
        if owner in found:
            found[owner].append(read_row(row, own))
    workspace.reads.solutions |= {row_id: tuple(items) for row_id, items in found.items()}


async def take_solution_rows(
    workspace: Workspace, opportunity_id: OpportunityId, *, is_fresh: bool = False
) -> tuple[SolutionRow, ...]:
    """Return the rows of one opportunity and forget them: who looks again reads again."""
    if is_fresh:
        workspace.reads.solutions.pop(opportunity_id, None)
    await read_solution_rows(workspace, [opportunity_id])
    return workspace.reads.solutions.pop(opportunity_id)


async def find_in_catalogue(workspace: Workspace, identifiers: Sequence[str]) -> dict[str, tuple[str, Solution]]:
    """Return row id and content of the catalogue's rows, by identifier in lower case."""
    own = workspace.mappings.solutions
    rows = await workspace.dataverse.query_one_of(
        own.catalogue.set, own.catalogue.identifier, identifiers, select=detail_columns(own)
    )
    read = [(row.id, read_detail(row.values, own)) for row in rows]
    return {solution.identifier.casefold(): (row_id, solution) for row_id, solution in read if solution}

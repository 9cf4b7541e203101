"""Writes changed solutions on either side, from what a look has found."""

from collections.abc import Mapping
from dataclasses import replace

from cosell.dataverse import Row
from cosell.dataverse.odata import row_path
from cosell.dataverse.operations import create_operation, update_operation
from cosell.domain.ids import OpportunityId
from cosell.domain.money import Money
from cosell.domain.snapshot import Value
from cosell.domain.solution import SolutionTerms
from cosell.mapping.fields import lookup_column
from cosell.mapping.solutions import Solution
from cosell.mapping.values import read_text
from cosell.partner_center import Referral
from cosell.sync.solutions.batch import RowWrites, prepare_writes, run_writes
from cosell.sync.solutions.look import Look, Members, find_solution, identifier_of, members_of, read_members
from cosell.sync.solutions.patch import spell_list
from cosell.sync.solutions.read import find_in_catalogue
from cosell.sync.solutions.row import SolutionRow, Spelling
from cosell.sync.solutions.rules import pick_solutions
from cosell.sync.workspace import Workspace


async def spell_solutions(
    workspace: Workspace, changes: Mapping[str, Value], referral: Referral, look: Look
) -> list[dict[str, object]]:
    """Return the JSON Patch for the solutions among the changes of a referral; nothing when there are none."""
    value = changes.get("deal_value")
    return spell_list(
        pick_solutions(changes),
        members_of(referral),
        spelling=look.spelling,
        known=await _get_known(workspace, pick_solutions(changes), look),
        currency=value.currency if isinstance(value, Money) else referral.details.currency,
    )


async def write_with_solutions(
    workspace: Workspace, row: Row, body: Mapping[str, object], changes: Mapping[str, Value], look: Look
) -> tuple[Row, dict[str, str]]:
    """Write an opportunity with the solutions among its changes, all or nothing; return it, and its rows' etags.

    Raises:
        StaleEtag: one of the rows moved since it was read.
        RejectedError: the CRM refuses.
    """
    own = workspace.opportunity
    solutions = pick_solutions(changes)
    value = changes.get("deal_value")
    currencies = (await workspace.get_codes()).currencies
    writes = await prepare_writes(
        workspace,
        solutions,
        opportunity=f"/{own.set}({row.id})",
        rows=look.rows or (),
        spelling=look.spelling,
        known=await _get_known(workspace, solutions, look),
        currency_id=currencies.find_id(value.currency)
        if isinstance(value, Money)
        else read_text(row.get(lookup_column(own.columns.currency))),
    )
    update = update_operation(own.set, row.id, body, etag=row.etag, select=workspace.select) if body else None
    written = await run_writes(workspace, writes, update)
    kept = {row_id: etag for row_id, etag in (etags_of(look.rows) or {}).items() if row_id not in writes.removed_ids}
    return written.opportunity or row, {**kept, **written.etags}


async def create_with_solutions(
    workspace: Workspace, referral: Referral, key: Mapping[str, object], body: Mapping[str, object]
) -> Row | None:
    """Create the opportunity of a referral with its solutions in one call; None when the referral names none.

    Raises:
        AlreadyExists: the opportunity is there.
        RejectedError: the CRM refuses; nothing but rows of the catalogue was written.
    """
    own = workspace.opportunity
    writes, members = await prepare_new_rows(workspace, referral, key)
    if not members.solutions:
        return None
    written = await run_writes(workspace, writes, create_operation(own.set, key, body, select=workspace.select))
    if written.opportunity is None:
        return None
    # The first look at the pair has no need to read what was just written.
    workspace.reads.solutions[OpportunityId(written.opportunity.id)] = tuple(
        SolutionRow(
            id=row_id,
            etag=written.etags.get(row_id, ""),
            name=solution.name or solution.identifier,
            identifier=solution.identifier,
            solution=solution,
        )
        for row_id, solution in zip(writes.row_ids, members.solutions.values(), strict=True)
    )
    return written.opportunity


async def prepare_new_rows(
    workspace: Workspace, referral: Referral, key: Mapping[str, object]
) -> tuple[RowWrites, Members]:
    """Return the writes which make the solutions of an opportunity that is about to be made, and the solutions."""
    spelling, currency = Spelling({}), referral.details.currency
    members = read_members(referral, spelling)
    writes = await prepare_writes(
        workspace,
        members.terms,
        opportunity=f"/{row_path(workspace.opportunity.set, key)}",
        spelling=spelling,
        known=members.solutions,
        currency_id=(await workspace.get_codes()).currencies.find_id(currency.upper()) if currency else None,
    )
    return writes, members


def etags_of(rows: tuple[SolutionRow, ...] | None) -> dict[str, str] | None:
    """Return the etags of rows by their ids, None when they were not read."""
    return None if rows is None else {row.id: row.etag for row in rows}


async def _get_known(workspace: Workspace, changes: Mapping[str, Value], look: Look) -> dict[str, Solution]:
    """Return name, kind and publisher of solutions, with their new terms; from the catalogue when neither side says."""
    wanted = {name: terms for name, terms in changes.items() if isinstance(terms, SolutionTerms)}
    found = {name: solution for name in wanted if (solution := find_solution(look, name))}
    missing = [identifier_of(name) for name in wanted if name not in found]
    catalogue = await find_in_catalogue(workspace, missing) if missing else {}
    known: dict[str, Solution] = {}
    for name, terms in wanted.items():
        identifier = identifier_of(name)
        _, listed = catalogue.get(identifier.casefold(), ("", Solution(identifier=identifier)))
        known[name] = replace(found.get(name, listed), terms=terms)
    return known

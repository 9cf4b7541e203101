"""A row of Microsoft solutions as the CRM has it, with the row of the catalogue to which it leads. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from cosell.dataverse.rows import Row
from cosell.domain.ids import OpportunityId
from cosell.domain.solution import find_identifier, solution_field
from cosell.mapping.fields import lookup_column
from cosell.mapping.models import SolutionsMapping
from cosell.mapping.solutions import Solution, read_terms
from cosell.mapping.values import read_text

CREATED = "createdon"


@dataclass(frozen=True, slots=True, kw_only=True)
class SolutionRow:
    """A row; `solution` is None when it says nothing that can be shared, and `problem` says why."""

    id: str
    etag: str
    name: str
    solution: Solution | None = None
    identifier: str | None = None
    problem: str = ""


def row_columns(mapping: SolutionsMapping) -> tuple[str, ...]:
    """Return the columns of a row which the sync reads."""
    return (
        mapping.id,
        mapping.name,
        mapping.quantity,
        mapping.price,
        lookup_column(mapping.opportunity.lower()),
        CREATED,
    )


def detail_columns(mapping: SolutionsMapping) -> tuple[str, ...]:
    """Return the columns of the catalogue which the sync reads."""
    own = mapping.catalogue
    return (own.identifier, own.name, own.type, own.publisher)


def opportunity_of(row: Row, mapping: SolutionsMapping) -> OpportunityId | None:
    """Return the opportunity of a row, None when it has none."""
    owner = read_text(row.get(lookup_column(mapping.opportunity.lower())))
    return OpportunityId(owner.lower()) if owner else None


def read_row(row: Row, mapping: SolutionsMapping) -> SolutionRow:
    """Return a row which was read with its catalogue row expanded."""
    name = read_text(row.get(mapping.name)) or row.id
    detail = row.find_expanded(mapping.detail)
    if detail is None:
        return SolutionRow(id=row.id, etag=row.etag, name=name, problem="it names no solution detail")
    solution = read_detail(detail, mapping)
    if solution is None:
        return SolutionRow(
            id=row.id, etag=row.etag, name=name, problem="its solution detail has no solution identifier"
        )
    try:
        terms = read_terms(row.get(mapping.quantity), row.get(mapping.price))
    except ValueError as error:
        return SolutionRow(id=row.id, etag=row.etag, name=name, identifier=solution.identifier, problem=f"{error}")
    shared = Solution(
        identifier=solution.identifier,
        name=solution.name,
        type=solution.type,
        publisher=solution.publisher,
        terms=terms,
    )
    return SolutionRow(id=row.id, etag=row.etag, name=name, identifier=solution.identifier, solution=shared)


def read_detail(detail: Mapping[str, object], mapping: SolutionsMapping) -> Solution | None:
    """Return what a row of the catalogue says, None when it has no identifier."""
    identifier, name, kind, publisher = (read_text(detail.get(column)) for column in detail_columns(mapping))
    if identifier is None:
        return None
    return Solution(identifier=identifier, name=name, type=kind, publisher=publisher)


class Spelling:
    """One spelling for each solution, whichever the two sides use: the first one that was met."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        """Begin with the fields on which both sides agreed."""
        self._fields = {field.casefold(): field for field in fields if find_identifier(field)}

    def field(self, identifier: str) -> str:
        """Return the name of the field of a solution."""
        field = solution_field(identifier)
        return self._fields.setdefault(field.casefold(), field)

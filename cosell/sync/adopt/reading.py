"""Reads what the connector has left behind in both services: in pages only, never a call per record."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cosell.dataverse import Row
from cosell.domain.ids import EngagementId, OpportunityId, ReferralId
from cosell.domain.solution import SolutionTerms
from cosell.mapping.connector import FIELD_COLUMNS, REFERRAL_ID, SYNC_SWITCH, ConnectorTables, connector_mappings
from cosell.mapping.fields import lookup_column, select_columns
from cosell.mapping.models import Direction, Mappings, OpportunityMapping
from cosell.mapping.solutions import Solution, read_terms
from cosell.mapping.values import read_text
from cosell.partner_center import Referral
from cosell.sync.adopt.tables import BY_LABEL, NamedTables, find_tables
from cosell.sync.references import read_reference
from cosell.sync.solutions.row import CREATED, SolutionRow
from cosell.sync.workspace import Reads, Workspace

PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What was found.

    `workspace` reads the opportunity by the connector's columns. `copies` are Microsoft's by engagement, as far as the
    listing shows them. `solutions` are the rows of solutions of each opportunity; there are none when the tables were
    not found. `filled` are fields which only Partner Center says and for which ours has a column of its own: that is
    filled from the referral, whatever the connector's column says.
    """

    workspace: Workspace
    rows: Mapping[OpportunityId, Row]
    referrals: Mapping[ReferralId, Referral]
    copies: Mapping[EngagementId, Referral]
    filled: frozenset[str] = frozenset()
    tables: ConnectorTables | None = None
    solutions: Mapping[OpportunityId, tuple[SolutionRow, ...]] = field(default_factory=dict)


async def read_left(workspace: Workspace, named: NamedTables = BY_LABEL) -> Left:
    """Read opportunities which carry the connector's columns, all referrals, and the rows of solutions.

    Raises:
        SchemaMissing: the connector is not installed in this CRM, or a table that was named is not there.
    """
    whole = workspace.whole_mappings
    present = await workspace.dataverse.get_column_names(whole.opportunity.table)
    # Reads of its own: rows which were read by other columns must not take the place of these.
    theirs = replace(
        workspace, mappings=connector_mappings(whole, present), wanted=None, missing={}, reads=Reads(), outcomes=[]
    )
    tables = await find_tables(workspace.dataverse, whole, named)
    referrals, copies = await _read_referrals(workspace)
    select = _select(theirs, whole, present)
    rows = await _read_rows(theirs, select)
    rows |= await _read_named(theirs, rows, referrals, select)
    return Left(
        workspace=theirs,
        rows=rows,
        referrals=referrals,
        copies=copies,
        filled=frozenset(_iter_filled(theirs.opportunity, whole.opportunity)),
        tables=tables,
        solutions=await _read_solutions(workspace, tables) if tables else {},
    )


def _select(theirs: Workspace, ours: Mappings, present: Collection[str]) -> tuple[str, ...]:
    """Return the columns to read: the connector's, and those of ours which are there, to write only what they lack."""
    own = ours.opportunity
    named = (own.columns.sync_switch, own.columns.referral_id, own.columns.audit)
    more = [*named, *(row.dataverse for row in own.fields if row.field in FIELD_COLUMNS)]
    return tuple(dict.fromkeys([*select_columns(theirs.opportunity), *(name for name in more if name in present)]))


def _iter_filled(theirs: OpportunityMapping, ours: OpportunityMapping) -> Iterator[str]:
    columns = {row.field: row.dataverse for row in theirs.fields}
    for row in ours.fields:
        if row.direction is Direction.TO_DATAVERSE and columns.get(row.field) not in {None, row.dataverse}:
            yield row.field


async def _read_rows(theirs: Workspace, select: Sequence[str]) -> dict[OpportunityId, Row]:
    own = theirs.opportunity
    filter_ = f"{REFERRAL_ID} ne null or {SYNC_SWITCH} eq true"
    found: dict[OpportunityId, Row] = {}
    async for page in theirs.dataverse.query(
        own.set, select=select, filter_=filter_, order_by="createdon asc", page_size=PAGE_SIZE
    ):
        found |= {OpportunityId(row.id): row for row in page}
    return found


async def _read_named(
    theirs: Workspace,
    rows: Mapping[OpportunityId, Row],
    referrals: Mapping[ReferralId, Referral],
    select: Sequence[str],
) -> dict[OpportunityId, Row]:
    """Read opportunities which referrals name and which show no trace of the connector, hundreds in a page."""
    named = {reference for item in referrals.values() if (reference := read_reference(item))}
    missing = sorted(named - set(rows))
    own = theirs.opportunity
    found = await theirs.dataverse.get_many(own.set, missing, select=select)
    return {OpportunityId(row_id): row for row_id, row in found.items()}


async def _read_referrals(
    workspace: Workspace,
) -> tuple[dict[ReferralId, Referral], dict[EngagementId, Referral]]:
    ours: dict[ReferralId, Referral] = {}
    copies: dict[EngagementId, Referral] = {}
    async for page in workspace.partner_center.iter_referrals(order_by="createdDateTime asc"):
        for referral in page:
            if not referral.is_microsofts_copy:
                ours[referral.id] = referral
            elif referral.engagement_id:
                copies[referral.engagement_id] = referral
    return ours, copies


async def _read_solutions(
    workspace: Workspace, tables: ConnectorTables
) -> dict[OpportunityId, tuple[SolutionRow, ...]]:
    owner = lookup_column(tables.opportunity.lower())
    columns = [tables.identifier, tables.catalogue_name, tables.type, tables.publisher]
    select = [tables.id, tables.name, owner, CREATED, *(name for name in (tables.quantity, tables.price) if name)]
    found: dict[OpportunityId, list[SolutionRow]] = {}
    async for page in workspace.dataverse.query(
        tables.set,
        select=tuple(dict.fromkeys(select)),
        order_by=f"{CREATED} asc",
        expand={tables.detail: [name for name in columns if name]},
        page_size=PAGE_SIZE,
    ):
        for row in page:
            of = read_text(row.get(owner))
            if of:
                found.setdefault(OpportunityId(of.lower()), []).append(_read_solution(row, tables))
    return {row_id: tuple(rows) for row_id, rows in found.items()}


def _read_solution(row: Row, tables: ConnectorTables) -> SolutionRow:
    name = read_text(row.get(tables.name)) or row.id
    detail = row.find_expanded(tables.detail) or {}
    identifier = read_text(detail.get(tables.identifier))
    if identifier is None:
        return SolutionRow(id=row.id, etag=row.etag, name=name, problem="its solution detail has no identifier")
    try:
        terms = read_terms(
            row.get(tables.quantity) if tables.quantity else None, row.get(tables.price) if tables.price else None
        )
    except ValueError as error:
        return SolutionRow(id=row.id, etag=row.etag, name=name, identifier=identifier, problem=str(error))
    solution = Solution(
        identifier=identifier,
        name=read_text(detail.get(tables.catalogue_name)),
        type=read_text(detail.get(tables.type)) if tables.type else None,
        publisher=read_text(detail.get(tables.publisher)) if tables.publisher else None,
        terms=terms,
    )
    return SolutionRow(id=row.id, etag=row.etag, name=name, identifier=identifier, solution=solution)


def with_terms(
    rows: tuple[SolutionRow, ...], theirs: Mapping[str, SolutionTerms], tables: ConnectorTables
) -> tuple[SolutionRow, ...]:
    """Return rows with the referral's quantity and price, where the connector's table has no column for them.

    `theirs` are the referral's terms by identifier in lower case. What a side cannot hold is no difference.
    """
    if tables.quantity and tables.price:
        return rows
    filled: list[SolutionRow] = []
    for row in rows:
        known = theirs.get((row.identifier or "").casefold())
        if row.solution is None or known is None:
            filled.append(row)
            continue
        terms = SolutionTerms(
            quantity=row.solution.terms.quantity if tables.quantity else known.quantity,
            price=row.solution.terms.price if tables.price else known.price,
        )
        filled.append(replace(row, solution=replace(row.solution, terms=terms)))
    return tuple(filled)

"""Everything one run works with: both clients, the ledger, the mapping, the clock, and what it has read so far."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cosell.dataverse import DataverseClient, Row
from cosell.domain.clock import Clock
from cosell.domain.ids import ContactId, LeadId, OpportunityId, ReferralId
from cosell.mapping.codes import Codes, LookupBook, Lookups
from cosell.mapping.effective import VariableSheet
from cosell.mapping.fields import select_columns
from cosell.mapping.models import Mappings, OpportunityMapping, PartyMapping
from cosell.mapping.parties import Party
from cosell.mapping.statuses import StatusBook
from cosell.mapping.variables import Variables
from cosell.partner_center import PartnerCenterClient, Referral, WebhookClient
from cosell.store import InboxEntry, Ledger
from cosell.sync.codebook import Codebook
from cosell.sync.contact import Contact
from cosell.sync.outcome import Outcome
from cosell.sync.solutions.row import SolutionRow
from cosell.sync.team import User

DEFAULTS = Variables()


@dataclass(slots=True)
class Reads:
    """What this run has read fresh, so that no flow of one run reads a record which another has just read.

    A record which was looked for and is not there is kept as None.
    """

    referrals: dict[ReferralId, Referral | None] = field(default_factory=dict)
    opportunities: dict[OpportunityId, Row | None] = field(default_factory=dict)
    leads: dict[LeadId, Row | None] = field(default_factory=dict)
    solutions: dict[OpportunityId, tuple[SolutionRow, ...]] = field(default_factory=dict)
    """Rows of Microsoft solutions, until somebody has looked at their opportunity."""
    contacts: dict[ContactId, Contact] = field(default_factory=dict)
    users: dict[str, tuple[User, ...]] = field(default_factory=dict)
    """Users by the id of an owner: the user alone, or the members of the team that owns."""
    sales_teams: dict[OpportunityId, tuple[User, ...]] = field(default_factory=dict)
    made: set[OpportunityId] = field(default_factory=set)
    """Opportunities which this run has created: nobody has added anything to them yet."""


@dataclass(slots=True, kw_only=True)
class Workspace:
    """Open one with `cosell.wiring.open_workspace`; it lives as long as one flow run, its subflows included."""

    partner_center: PartnerCenterClient
    webhooks: WebhookClient
    dataverse: DataverseClient
    ledger: Ledger
    mappings: Mappings
    variables: Variables
    clock: Clock
    link_template: str
    holder: str
    """Who holds leases and claims: unique to this run."""
    sheet: VariableSheet | None = None
    """The variables with the place of each, when that is known."""
    crm_url: str = ""
    """Where people open the CRM, without a slash at its end."""
    is_test: bool = False
    """Whether what is created is marked as a test, and never shown to Microsoft."""
    reads: Reads = field(default_factory=Reads)
    outcomes: list[Outcome] = field(default_factory=list)
    """What this run has come to so far, its subflows included."""
    claims: list[InboxEntry] = field(default_factory=list)
    """Inbox entries which this run has claimed and not settled yet."""
    codebook: Codebook = field(init=False)
    wanted: Mappings | None = None
    references: Mapping[OpportunityId, ReferralId] | None = None
    """Which opportunities are named by a referral, when this run has listed them all; else each is searched for."""
    missing: dict[str, str] = field(default_factory=dict)
    """Fields which are left out, with the columns that the CRM does not have."""
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin a codebook of this run."""
        self.codebook = Codebook(dataverse=self.dataverse, ledger=self.ledger, clock=self.clock)

    async def leave_out_missing_columns(self) -> None:
        """Take fields out of the mapping whose column the CRM does not have: the others flow, and it is told."""
        own = self.opportunity
        named = {*(row.dataverse for row in own.fields), *(row.dataverse for row in own.fill)}
        missing = await self.codebook.find_missing_columns(own.table, named)
        self.missing = {row.field: row.dataverse for row in own.fields if row.dataverse in missing}
        self.missing |= {row.dataverse: row.dataverse for row in own.fill if row.dataverse in missing}
        if self.missing:
            self.wanted = self.mappings
            fields = tuple(row for row in own.fields if row.field not in self.missing)
            fill = tuple(row for row in own.fill if row.dataverse not in self.missing)
            narrowed = own.model_copy(update={"fields": fields, "fill": fill})
            self.mappings = self.mappings.model_copy(update={"opportunity": narrowed})

    @property
    def whole_mappings(self) -> Mappings:
        """The mappings as they were written, fields included whose column is missing."""
        return self.wanted or self.mappings

    async def find_out_currency_kind(self) -> None:
        """Find out in the CRM how the column which a setting names holds the currency; no call for the default.

        Raises:
            SchemaMissing: there is no such column, or it cannot hold a currency.
        """
        own = self.opportunity
        named = self.variables.deal_currency_field
        if own.columns.currency == named and named != DEFAULTS.deal_currency_field:
            kind = await self.codebook.get_currency_kind(own.table, own.columns.currency)
            filled = own.model_copy(update={"currency_kind": kind})
            self.mappings = self.mappings.model_copy(update={"opportunity": filled})

    @property
    def opportunity(self) -> OpportunityMapping:
        """The mapping of the opportunity, which nearly everything needs."""
        return self.mappings.opportunity

    async def get_codes(self, row: Row | None = None) -> Codes:
        """Return what the CRM's currencies and choices mean; those of `row` are looked up again when not known."""
        return await self.codebook.get_codes(
            self.opportunity.table,
            self.opportunity.fields,
            self.mappings.choices,
            numbers=row.values if row else None,
            currency=self.opportunity.columns.currency,
        )

    async def get_lookups(self, mapping: PartyMapping, *, wanted: Party | None = None) -> Lookups:
        """Return where the lookups of a party lead; a row which says what is `wanted` is asked for once more."""
        books: dict[str, LookupBook] = {}
        for row in (row for row in mapping.fields if row.lookup):
            text = (wanted or {}).get(row.field)
            book = await self.codebook.find_lookup(mapping.table, row.dataverse, row.lookup or "")
            if text and (book is None or book.find_id(text) is None):
                book = await self.codebook.find_lookup(mapping.table, row.dataverse, row.lookup or "", is_fresh=True)
            if book is not None:
                books[row.dataverse] = book
        return books

    async def get_statuses(self, row: Row | None = None) -> StatusBook:
        """Return what the CRM's status reasons mean; the CRM is asked only where statuses.yaml does not say enough.

        A label which is not found, and a status reason of `row` which is not known, are asked for once more.
        """
        own = self.opportunity
        book = StatusBook(rows=self.mappings.statuses.opportunity)
        status = (row.values.get(own.columns.state), row.values.get(own.columns.status_reason)) if row else None
        if not book.has_labels and (status is None or book.find_row(*status)):
            return book
        book = replace(book, known=await self.codebook.get_status_reasons(own.table))
        is_unknown = status is not None and all(item.value != status[1] for item in book.known)
        if is_unknown or book.find_missing():
            book = replace(book, known=await self.codebook.get_status_reasons(own.table, is_fresh=True))
        return book

    async def get_referral(self, referral_id: ReferralId, *, is_fresh: bool = False) -> Referral | None:
        """Return a referral, None when it is gone; `is_fresh` reads it again even when this run has read it."""
        if is_fresh or referral_id not in self.reads.referrals:
            self.reads.referrals[referral_id] = await self.partner_center.find_referral(referral_id)
        return self.reads.referrals[referral_id]

    async def get_opportunity(self, opportunity_id: OpportunityId, *, is_fresh: bool = False) -> Row | None:
        """Return an opportunity, None when it is gone; `is_fresh` reads it again even when this run has read it."""
        if is_fresh or opportunity_id not in self.reads.opportunities:
            self.reads.opportunities[opportunity_id] = await self.dataverse.find(
                self.opportunity.set, opportunity_id, select=self.select
            )
        return self.reads.opportunities[opportunity_id]

    async def read_opportunities(self, opportunity_ids: Sequence[OpportunityId]) -> None:
        """Read many opportunities in pages; those this run has read already are left out.

        One that a page lacks is not taken for gone: whoever needs it asks for it by itself.
        """
        wanted = [row_id for row_id in opportunity_ids if row_id not in self.reads.opportunities]
        if not wanted:
            return
        rows = await self.dataverse.get_many(self.opportunity.set, wanted, select=self.select)
        self.reads.opportunities |= {OpportunityId(row_id): row for row_id, row in rows.items()}

    @property
    def select(self) -> tuple[str, ...]:
        """The columns of the opportunity which every read asks for."""
        return select_columns(self.opportunity)

    def turn(self, key: str) -> asyncio.Lock:
        """Return what tasks of this run take turns by, so that they wait for one another instead of failing."""
        return self._turns.setdefault(key, asyncio.Lock())

    def is_switched_on(self, row: Row) -> bool:
        """Tell whether the seller shares this opportunity."""
        return row.values.get(self.opportunity.columns.sync_switch) is True

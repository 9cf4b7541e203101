"""The tables of the CRM whose changes are read, and what a moved row of each means to us.

Accounts and contacts matter only while Partner Center takes something of them: before a deal is shared, and, for the
contact, as long as Microsoft's sellers do not see it. Which opportunities refer to them is asked in one page, never
record by record.
"""

from collections.abc import Collection, Iterable, Sequence

from cosell.dataverse import Row
from cosell.domain.ids import OpportunityId
from cosell.domain.link import Link
from cosell.errors import UnsafePlan
from cosell.mapping.fields import lookup_column
from cosell.mapping.models import PartyMapping
from cosell.mapping.parties import party_select
from cosell.store import Door, Hint, HintKind
from cosell.sync.contact import CONTACT_FIELD, read_contact
from cosell.sync.polls import Watched, poll_table
from cosell.sync.workspace import Workspace

VISIBILITY = "visibility"
ASKED_BY_ID = 25
"""Up to so many accounts or contacts at once, their opportunities are asked for; of more, all that may matter are."""


async def poll_deals(workspace: Workspace, *, confirmed_gone: int = 0) -> int:
    """Poll the opportunities and what their deals take from elsewhere; return how many hints are new.

    Raises:
        UnsafePlan: suspiciously many opportunities are gone at once; the other tables were read all the same.
    """
    doubt: UnsafePlan | None = None
    count = 0
    try:
        count += await poll_table(workspace, watch_opportunities(workspace), confirmed_gone=confirmed_gone)
    except UnsafePlan as error:
        doubt = error
    for watched in (watch_accounts(workspace), watch_contacts(workspace)):
        count += await poll_table(workspace, watched)
    if doubt is not None:
        raise doubt
    return count


def watch_opportunities(workspace: Workspace) -> Watched:
    """Watch the opportunities themselves: a row whose etag is not our own is looked at."""

    async def find_hints(rows: Sequence[Row]) -> list[Hint]:
        links = await workspace.ledger.links.find_by_opportunity_ids([OpportunityId(row.id) for row in rows])
        moved = []
        for row in rows:
            opportunity_id = OpportunityId(row.id)
            link = links.get(opportunity_id)
            is_echo = link is not None and link.opportunity_etag == row.etag
            if is_echo or not workspace.is_switched_on(row):
                continue
            workspace.reads.opportunities[opportunity_id] = row
            moved.append(Hint(door=Door.DATAVERSE, kind=HintKind.OPPORTUNITY, record_id=row.id, etag=row.etag))
        return moved

    own = workspace.opportunity
    return Watched(set=own.set, select=workspace.select, find_hints=find_hints, has_links=True)


def watch_accounts(workspace: Workspace) -> Watched:
    """Watch the accounts: opportunities of theirs which are not shared yet, or were refused, are looked at."""
    own, mapping = workspace.opportunity.columns, workspace.mappings.account

    async def find_hints(rows: Sequence[Row]) -> list[Hint]:
        referring = _Referring(workspace, (own.account, own.customer))
        return [
            Hint(door=Door.DATAVERSE, kind=HintKind.OPPORTUNITY, record_id=row.id)
            for row, _ in await referring.find_rows([row.id for row in rows])
            if await referring.is_open(row)
        ]

    return Watched(set=mapping.set, select=_party_columns(mapping), find_hints=find_hints)


def watch_contacts(workspace: Workspace) -> Watched:
    """Watch the contacts: beside what holds for accounts, deals which Microsoft's sellers do not see are looked at."""
    own, mapping = workspace.opportunity.columns, workspace.mappings.contact

    async def find_hints(rows: Sequence[Row]) -> list[Hint]:
        referring = _Referring(workspace, (own.contact, own.customer))
        said = {row.id: read_contact(row.values, mapping).fingerprint for row in rows}
        found = await referring.find_rows(list(said))
        links = await workspace.ledger.links.find_by_opportunity_ids([OpportunityId(row.id) for row, _ in found])
        hints = []
        for row, contact_id in found:
            link = links.get(OpportunityId(row.id))
            if await referring.is_open(row):
                hints.append(Hint(door=Door.DATAVERSE, kind=HintKind.OPPORTUNITY, record_id=row.id))
            elif not referring.is_visible(row) and not _knows(link, said[contact_id]):
                hints.append(Hint(door=Door.DATAVERSE, kind=HintKind.CONTACT, record_id=row.id))
        return hints

    return Watched(set=mapping.set, select=_party_columns(mapping), find_hints=find_hints)


def _knows(link: Link | None, fingerprint: str) -> bool:
    """Tell whether this is how the contact was when both sides agreed last."""
    return link is not None and link.base.get(CONTACT_FIELD) == fingerprint


def _party_columns(mapping: PartyMapping) -> tuple[str, ...]:
    return tuple(dict.fromkeys([mapping.id, *party_select(mapping)]))


class _Referring:
    """Finds the opportunities which refer to accounts or contacts, and tells which of them matter."""

    def __init__(self, workspace: Workspace, lookups: Iterable[str]) -> None:
        self._workspace = workspace
        self._lookups = [lookup_column(name) for name in lookups]
        rows = workspace.opportunity.fields
        self._visible = next((row.dataverse for row in rows if row.field == VISIBILITY), None)
        self._referral_id = workspace.opportunity.columns.referral_id
        self._refused: frozenset[str] | None = None

    async def find_rows(self, party_ids: Collection[str]) -> list[tuple[Row, str]]:
        """Return opportunities that are to be shared and refer to one of these, each with the id of that one."""
        wanted = frozenset(party_ids)
        if not wanted:
            return []
        switch = f"{self._workspace.opportunity.columns.sync_switch} eq true"
        rows: dict[str, Row] = {}
        if len(wanted) <= ASKED_BY_ID:
            named = " or ".join(f"{name} eq {party_id}" for party_id in sorted(wanted) for name in self._lookups)
            await self._read(rows, f"{switch} and ({named})")
        else:
            await self._read(rows, f"{switch} and ({self._may_matter()})")
            rows |= await self._workspace.dataverse.get_many(
                self._workspace.opportunity.set, sorted(await self._get_refused()), select=self._select
            )
        found = ((row, self._party_of(row, wanted)) for row in rows.values())
        return [(row, party_id) for row, party_id in found if party_id and self._workspace.is_switched_on(row)]

    async def is_open(self, row: Row) -> bool:
        """Tell whether an opportunity is not shared yet, or something of it was refused."""
        return not row.values.get(self._referral_id) or row.id in await self._get_refused()

    def is_visible(self, row: Row) -> bool:
        """Tell whether Microsoft's sellers see the deal; then its contact is fixed."""
        return self._visible is not None and row.values.get(self._visible) is True

    def _may_matter(self) -> str:
        open_ = f"{self._referral_id} eq null"
        # Not `ne true`: whether that finds empty columns is not documented.
        private = [f"{self._visible} eq false", f"{self._visible} eq null"] if self._visible else []
        return " or ".join([open_, *private])

    async def _read(self, rows: dict[str, Row], filter_: str) -> None:
        pages = self._workspace.dataverse.query(
            self._workspace.opportunity.set, select=self._select, filter_=filter_, page_size=5000
        )
        async for page in pages:
            rows |= {row.id: row for row in page}

    @property
    def _select(self) -> tuple[str, ...]:
        own = self._workspace.opportunity
        plain = [own.id, own.columns.sync_switch, self._referral_id]
        return (*plain, *([self._visible] if self._visible else []), *self._lookups)

    def _party_of(self, row: Row, wanted: frozenset[str]) -> str:
        named = (str(row.values.get(name) or "").lower() for name in self._lookups)
        return next((party_id for party_id in named if party_id in wanted), "")

    async def _get_refused(self) -> frozenset[str]:
        if self._refused is None:
            letters = await self._workspace.ledger.dead_letters.list_open()
            self._refused = frozenset(
                filed.letter.record_id for filed in letters if filed.letter.kind is HintKind.OPPORTUNITY
            )
        return self._refused

"""The ledger: everything cosell-sync has to remember, in one database, behind one facade.

Each part is an attribute. What has to happen together or not at all is a method of the ledger itself: `record_sync`,
the last step of every sync, and `record_poll`, the last step of every reading of a feed.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from cosell.domain.clock import Clock
from cosell.domain.ids import TenantName
from cosell.domain.link import Link
from cosell.store.activations import Activations
from cosell.store.adoptions import Adoptions, SeenPair, store_pairs
from cosell.store.backfills import Backfills
from cosell.store.budgets import Budgets
from cosell.store.cipher import Cipher
from cosell.store.conflicts import Conflict, Conflicts, store_conflicts
from cosell.store.dead_letters import DeadLetters, resolve_letters
from cosell.store.engine import Database, create_engine, parse_url
from cosell.store.failures import Place, opening
from cosell.store.hints import Added, Hint, HintKind
from cosell.store.inbox import Inbox, store_hints
from cosell.store.journal import Journal, JournalEntry, store_entries
from cosell.store.leases import Lease, Leases, check_lease
from cosell.store.links import Links, store_links
from cosell.store.marks import Marks, store_delta_link, store_watermark
from cosell.store.meta import Meta
from cosell.store.migrate import migrate_engine
from cosell.store.sign_ins import SignIns
from cosell.store.solution_rows import PolledRows, SolutionRows, store_polled_rows, store_synced_rows
from cosell.store.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRecord:
    """What one sync leaves behind: the link as both sides now agree on it, what was done, what disagreed.

    `lease` is the proof that the record is still in our hand; without one nothing is checked. `solution_rows` are the
    CRM's rows of solutions as they were left, etags by id; None when they were not looked at.
    """

    link: Link
    journal: Sequence[JournalEntry] = ()
    conflicts: Sequence[Conflict] = ()
    lease: Lease | None = None
    solution_rows: Mapping[str, str] | None = None


class Ledger:
    """One tenant's ledger; get it from `open_ledger`."""

    def __init__(self, database: Database, *, cipher: Cipher) -> None:
        """Lay out the parts."""
        self._database = database
        self.links = Links(database)
        self.inbox = Inbox(database)
        self.marks = Marks(database)
        self.leases = Leases(database)
        self.dead_letters = DeadLetters(database)
        self.conflicts = Conflicts(database)
        self.journal = Journal(database)
        self.activations = Activations(database)
        self.vault = Vault(database, cipher=cipher, leases=self.leases)
        self.sign_ins = SignIns(database)
        self.meta = Meta(database)
        self.solution_rows = SolutionRows(database)
        self.adoptions = Adoptions(database)
        self.budgets = Budgets(database)
        self.backfills = Backfills(database)

    @property
    def tenant(self) -> TenantName:
        """Whose ledger this is."""
        return self._database.tenant

    async def record_sync(
        self,
        link: Link,
        *,
        journal: Sequence[JournalEntry] = (),
        conflicts: Sequence[Conflict] = (),
        lease: Lease | None = None,
        solution_rows: Mapping[str, str] | None = None,
    ) -> None:
        """Record the end of one sync, all of it or nothing.

        The dead letters of both records are closed, that of the solutions only when they were looked at, and older
        conflicts whose field has moved on.

        Raises:
            LeaseHeld: the lease was lost; somebody else has the record in hand, and nothing was recorded.
        """
        await self.record_syncs(
            [SyncRecord(link=link, journal=journal, conflicts=conflicts, lease=lease, solution_rows=solution_rows)]
        )

    async def record_syncs(self, records: Sequence[SyncRecord]) -> None:
        """Record the end of many syncs in one transaction, all of them or nothing.

        Raises:
            LeaseHeld: the lease of at least one was lost, and nothing was recorded.
        """
        if not records:
            return
        synced = {record.link.link_id: record.link for record in records}
        async with self._database.write() as connection:
            await self._store(connection, records, synced=synced)
            await resolve_letters(connection, self._database, _records_of(records))

    async def record_adoption(
        self, records: Sequence[SyncRecord], pairs: Sequence[SeenPair], hints: Sequence[Hint]
    ) -> None:
        """Record pairs which were taken over: links, what is remembered of them, and which to look at; all or none.

        Raises:
            AlreadyExists: one of the records was linked meanwhile, by another run.
            LeaseHeld: a lease was lost, and nothing was recorded.
        """
        if not records:
            return
        async with self._database.write() as connection:
            await self._store(connection, records, synced={})
            await store_pairs(connection, self._database, pairs)
            await store_hints(connection, self._database, hints)

    async def _store(
        self, connection: AsyncConnection, records: Sequence[SyncRecord], *, synced: Mapping[str, Link]
    ) -> None:
        """Store what both kinds of records have in common, once all leases are seen to be held; `synced` by link id."""
        for lease in _join_leases(records):
            await check_lease(connection, self._database, lease)
        await store_links(connection, self._database, [record.link for record in records])
        found = [conflict for record in records for conflict in record.conflicts]
        await store_conflicts(connection, self._database, synced=synced, found=found)
        await store_entries(connection, self._database, [entry for record in records for entry in record.journal])
        for record in records:
            if record.link.opportunity_id is not None and record.solution_rows is not None:
                await store_synced_rows(connection, self._database, record.link.opportunity_id, record.solution_rows)

    async def record_poll(
        self,
        name: str,
        *,
        delta_link: str,
        select_hash: str,
        hints: Iterable[Hint],
        solution_rows: PolledRows | None = None,
    ) -> Added:
        """Store what a reading of change tracking has found, together with where the next one goes on."""
        given = list(hints)
        async with self._database.write() as connection:
            if solution_rows is not None:
                await store_polled_rows(connection, self._database, solution_rows)
            added = await store_hints(connection, self._database, given)
            await store_delta_link(connection, self._database, name=name, link=delta_link, select_hash=select_hash)
        return added

    async def record_listing(self, name: str, *, until: datetime, hints: Iterable[Hint]) -> Added:
        """Store what a listing has found, together with up to when it has been read."""
        given = list(hints)
        async with self._database.write() as connection:
            added = await store_hints(connection, self._database, given)
            await store_watermark(connection, self._database, name=name, at=until)
        return added


def _join_leases(records: Sequence[SyncRecord]) -> list[Lease]:
    """Bring the leases together by holder, so that each holder is checked once."""
    keys: dict[str, set[str]] = {}
    for record in records:
        if record.lease is not None:
            keys.setdefault(record.lease.holder, set()).update(record.lease.keys)
    return [Lease(holder=holder, keys=frozenset(held)) for holder, held in sorted(keys.items())]


def _records_of(records: Sequence[SyncRecord]) -> list[tuple[HintKind, str]]:
    """Name all records of each link."""
    named: list[tuple[HintKind, str]] = []
    for record in records:
        if record.link.referral_id is not None:
            named.append((HintKind.REFERRAL, record.link.referral_id))
        if record.link.opportunity_id is not None:
            named.append((HintKind.OPPORTUNITY, record.link.opportunity_id))
            if record.solution_rows is not None:
                named.append((HintKind.SOLUTION, record.link.opportunity_id))
        if record.link.lead_id is not None:
            named.append((HintKind.LEAD, record.link.lead_id))
    return named


@asynccontextmanager
async def open_ledger(url: str, *, tenant: TenantName, clock: Clock, cipher: Cipher) -> AsyncIterator[Ledger]:
    """Open the ledger at this address, bringing its tables up to date when they are not.

    Raises:
        ConfigurationError: it cannot be reached or written, or a newer version made it.
    """
    parsed = parse_url(url)
    place = Place.of(parsed)
    with opening(place):
        engine = create_engine(parsed)
    try:
        await migrate_engine(engine, place)
        yield Ledger(Database(engine=engine, tenant=tenant, clock=clock), cipher=cipher)
    finally:
        await engine.dispose()

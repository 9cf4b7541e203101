"""Makes the CRM's records of a page of referrals: looked up together, written in one batch, recorded at once.

Each deal is a change set of its own, so that one which is refused takes no other with it. An account of several deals
is made once, before them. The referral id is the opportunity's alternate key: what was made before a run died is found
by the next one, and nothing is made twice.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from uuid import uuid4

from cosell.dataverse import BatchOperation, BatchResult, ChangeSet, Row
from cosell.dataverse.operations import create_operation
from cosell.domain.ids import OpportunityId, ReferralId, Side
from cosell.domain.link import Link, LinkState
from cosell.errors import AlreadyExists, Origin, RejectedError, ServiceUnreachable
from cosell.partner_center import Referral
from cosell.store import JournalEntry, SyncRecord
from cosell.sync.arrive import bind_customer, spell_opportunity
from cosell.sync.backfill.customers import Customers, Wanted, find_customers, read_customer
from cosell.sync.hold import LEASE_SECONDS
from cosell.sync.solutions.write import prepare_new_rows
from cosell.sync.workspace import Workspace

logger = logging.getLogger(__name__)

OPERATIONS_AT_MOST = 400
"""Of one batch: below the service's 1,000, so that it is answered within its two minutes."""


@dataclass(slots=True)
class Made:
    """What became of a page; `alone` have to take the road of single records, `later` are in somebody else's hand."""

    done: set[ReferralId] = field(default_factory=set)
    alone: list[ReferralId] = field(default_factory=list)
    later: list[ReferralId] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deal:
    """Everything that makes the records of one referral.

    Its `parties`, accounts and contacts, may be those of other deals of the batch as well; and so may the rows of the
    `catalogue`.
    """

    referral: Referral
    parties: tuple[BatchOperation, ...]
    catalogue: tuple[BatchOperation, ...]
    change_set: ChangeSet
    """The opportunity, then its rows of solutions."""
    row_ids: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many operations it is at most."""
        return len(self.parties) + len(self.catalogue) + len(self.change_set.operations)


async def make_opportunities(workspace: Workspace, referrals: Sequence[Referral], *, known: set[str]) -> Made:
    """Create the opportunities of referrals which have none, with customers and solutions.

    `known` are the catalogue's rows, by path, of which the run knows that they are there; it grows.

    Raises:
        RetryableError: the CRM does not answer; what was made is found by the next run.
    """
    made = Made()
    wanted = {item.id: read_customer(item, workspace.mappings) for item in referrals}
    async with _held(workspace, referrals, wanted) as free:
        made.later += [item.id for item in referrals if item.id not in free]
        links = await workspace.ledger.links.find_by_referral_ids(free)
        ours = [item for item in referrals if item.id in free]
        made.done |= {item.id for item in ours if item.id in links and links[item.id].opportunity_id}
        ours = [item for item in ours if item.id not in made.done]
        customers = await find_customers(workspace, [item for key in free if (item := wanted[key]) is not None])
        batch: list[_Deal] = []
        for referral in ours:
            try:
                deal = await _lay_out(workspace, referral, wanted[referral.id], customers)
            except RejectedError as error:
                logger.warning("taken alone: referral %s: %s", referral.id, error)
                made.alone.append(referral.id)
                continue
            if sum(item.size for item in batch) + deal.size > OPERATIONS_AT_MOST:
                await _write(workspace, batch, made, known)
                batch = []
            batch.append(deal)
        await _write(workspace, batch, made, known)
    return made


@asynccontextmanager
async def _held(
    workspace: Workspace, referrals: Sequence[Referral], wanted: dict[ReferralId, Wanted | None]
) -> AsyncIterator[set[ReferralId]]:
    """Hold the referrals of a page and their customers; yield those which nobody else has in hand."""
    leases, holder = workspace.ledger.leases, f"{workspace.holder}#{uuid4().hex[:8]}"
    keys = {item.id: {f"referral:{item.id}"} for item in referrals}
    for referral_id, customer in wanted.items():
        keys[referral_id] |= {customer.key} if customer else set()
    every = {key for own in keys.values() for key in own}
    taken = await leases.acquire(every, holder=holder, seconds=LEASE_SECONDS)
    try:
        yield {referral_id for referral_id, own in keys.items() if own <= taken}
    finally:
        await leases.release(taken, holder=holder)


async def _lay_out(workspace: Workspace, referral: Referral, wanted: Wanted | None, customers: Customers) -> _Deal:
    own = workspace.opportunity
    key = {own.columns.referral_id: referral.id}
    body = await spell_opportunity(workspace, referral)
    writes, _ = await prepare_new_rows(workspace, referral, key)
    customer, before = await customers.place(wanted)
    return _Deal(
        referral=referral,
        parties=tuple(before),
        catalogue=tuple(writes.catalogue),
        change_set=ChangeSet(
            (
                create_operation(own.set, key, {**body, **bind_customer(workspace, customer)}, select=workspace.select),
                *writes.rows,
            )
        ),
        row_ids=tuple(writes.row_ids),
    )


async def _write(workspace: Workspace, batch: Sequence[_Deal], made: Made, known: set[str]) -> None:
    """Send one batch and record what it has made; what was refused takes the road of single records."""
    if not batch:
        return
    new = {item.path: item for deal in batch for item in deal.catalogue if item.path not in known}
    before = [*new.values(), *(item for deal in batch for item in deal.parties)]
    steps: list[BatchOperation | ChangeSet] = [*before, *(deal.change_set for deal in batch)]
    try:
        results = await workspace.dataverse.batch(steps)
    except RejectedError as error:
        logger.warning("a batch of %d deals was refused as a whole, each is tried alone: %s", len(batch), error)
        made.alone += [deal.referral.id for deal in batch]
        return
    if len(results) != len(before) + sum(len(deal.change_set.operations) for deal in batch):
        raise ServiceUnreachable("Not all of the batch was answered; look first", origin=Origin(service="Dataverse"))
    for path, result in zip(new, results, strict=False):
        if result.error is None or isinstance(result.error, AlreadyExists):
            known.add(path)
    at, written = len(before), []
    for deal in batch:
        size = len(deal.change_set.operations)
        own, at = results[at : at + size], at + size
        refused = next((result.error for result in own if result.error is not None), None)
        if refused is None:
            written.append((deal, own))
        else:
            logger.info("taken alone: referral %s: %s", deal.referral.id, refused)
            made.alone.append(deal.referral.id)
    made.done |= await _record(workspace, written)
    made.alone += [deal.referral.id for deal, _ in written if deal.referral.id not in made.done]


async def _record(workspace: Workspace, written: Sequence[tuple[_Deal, Sequence[BatchResult]]]) -> set[ReferralId]:
    """Record the pairs, with the etags which we left, so that the next poll knows its echo; return whose they are."""
    own, rows_set = workspace.opportunity, workspace.mappings.solutions.set
    records: dict[ReferralId, tuple[Row, dict[str, str]]] = {}
    for deal, results in written:
        row = workspace.dataverse.read_row(own.set, results[0].answer)
        answers = zip(deal.row_ids, results[1:], strict=True)
        etags = {row_id: workspace.dataverse.read_row(rows_set, result.answer).etag for row_id, result in answers}
        records[deal.referral.id] = (row, etags)
    links = await workspace.ledger.links.begin_all(
        [
            Link(
                link_id=uuid4().hex,
                state=LinkState.CREATING,
                referral_id=deal.referral.id,
                opportunity_id=OpportunityId(records[deal.referral.id][0].id),
                engagement_id=deal.referral.engagement_id,
            )
            for deal, _ in written
        ]
    )
    synced = []
    for link in links:
        assert link.referral_id is not None  # noqa: S101  each was begun with one
        row, etags = records[link.referral_id]
        entry = JournalEntry(link_id=link.link_id, side=Side.DATAVERSE, rule="created from the referral")
        left = replace(link, opportunity_etag=row.etag)
        synced.append(SyncRecord(link=left, journal=(entry,), solution_rows=etags))
    await workspace.ledger.record_syncs(synced)
    return {link.referral_id for link in links if link.referral_id is not None}

"""Takes hints out of the inbox and gives back those which have to wait."""

import asyncio
from collections.abc import AsyncIterator, Collection, MutableMapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from cosell.dataverse import Row
from cosell.domain.ids import LeadId, OpportunityId, ReferralId
from cosell.errors import RetryableError
from cosell.partner_center import Referral
from cosell.store import Door, Hint, HintKind, InboxEntry
from cosell.sync.workspace import Reads, Workspace
from tasks.policy import step
from tasks.workspace import get_workspace

Id = TypeVar("Id", bound=str)
Read = TypeVar("Read", Referral, Row)

CLAIM_AT_MOST = 100
CLAIM_SECONDS = 60
"""How long the hints of a run that died stay out of reach; one that lives holds its claims anew before."""
HOLD_ANEW_SECONDS = 15
IN_HAND_SECONDS = 5
"""So soon a record comes again which another run had in hand: most are done within a second.

Each time it has to wait twice as long, up to `LATER_SECONDS`: then a run has died, and its lease has to end.
"""
LATER_SECONDS = 60
TRIES_OF_WAITING = 6
"""So often a copy of Microsoft's comes again whose deal is not there: the run which brings it may have died."""


@step(name="claim-hints", run_name="claim hints, round {round_number}", tags={"inbox"})
async def claim_hints(kinds: list[HintKind], round_number: int) -> list[str]:
    """Claim waiting hints of these kinds and return the ids of their records, oldest first."""
    workspace = get_workspace()
    entries = await _claim_ours(workspace, kinds)
    workspace.claims += entries
    _forget_older_reads(workspace, entries, round_number)
    return list(dict.fromkeys(entry.record_id for entry in entries))


async def _claim_ours(workspace: Workspace, kinds: list[HintKind]) -> list[InboxEntry]:
    """Claim hints; those of leads which never came from Partner Center, as most in a CRM, are settled right away."""
    inbox = workspace.ledger.inbox
    while True:
        entries = await inbox.claim(kinds, limit=CLAIM_AT_MOST, holder=workspace.holder, seconds=CLAIM_SECONDS)
        leads = [LeadId(entry.record_id) for entry in entries if entry.kind is HintKind.LEAD]
        known = await workspace.ledger.links.find_by_lead_ids(leads)
        foreign = [entry for entry in entries if entry.kind is HintKind.LEAD and entry.record_id not in known]
        await inbox.settle(foreign)
        ours = [entry for entry in entries if entry not in foreign]
        if ours or not foreign:
            return ours


@step(name="settle-hints", run_name="settle hints, round {round_number}", tags={"inbox"})
async def settle_hints(
    kinds: list[HintKind],  # noqa: ARG001  tells rounds apart
    later: list[str],
    in_hand: list[str],
    round_number: int,  # noqa: ARG001  tells rounds apart
) -> int:
    """Forget the hints this run has claimed, but for the records in `later`: they wait and come again.

    Those `in_hand` of another run come again sooner.
    """
    workspace = get_workspace()
    entries, workspace.claims = workspace.claims, []
    done = [entry for entry in entries if entry.record_id not in {*later, *in_hand}]
    await workspace.ledger.inbox.settle(done)
    waiting: dict[float, list[InboxEntry]] = {}
    for entry in entries:
        if entry.record_id in in_hand:
            delay = min(IN_HAND_SECONDS * 2**entry.attempts, LATER_SECONDS)
            waiting.setdefault(delay, []).append(entry)
        elif entry.record_id in later:
            waiting.setdefault(LATER_SECONDS, []).append(entry)
    for delay, these in waiting.items():
        await workspace.ledger.inbox.release(these, delay_seconds=delay)
    return len(done)


@step(name="take-wake-ups", run_name="take wake-ups", tags={"inbox"})
async def take_wake_ups(kinds: list[HintKind]) -> int:
    """Forget the wake-ups that came in, before the poll which they ask for: one that comes later asks for another."""
    workspace = get_workspace()
    inbox = workspace.ledger.inbox
    entries = await inbox.claim(kinds, limit=CLAIM_AT_MOST, holder=workspace.holder, seconds=CLAIM_SECONDS)
    await inbox.settle(entries)
    return len(entries)


def may_come_later(workspace: Workspace, record_id: str) -> bool:
    """Tell whether a hint of this record is in hand which has not come often: what it waits for may still come."""
    return any(entry.record_id == record_id and entry.attempts < TRIES_OF_WAITING for entry in workspace.claims)


async def give_back_claims() -> None:
    """Let everything that this run has claimed wait again, due at once: it stops for a reason which is no record's."""
    workspace = get_workspace()
    entries, workspace.claims = workspace.claims, []
    await workspace.ledger.inbox.release(entries, delay_seconds=0)


def _forget_older_reads(workspace: Workspace, entries: Sequence[InboxEntry], round_number: int) -> None:
    """Let claimed records be read after the claim: what this run has read before may be older than the hint.

    Only what the listing or poll of this very run has just read is good enough, when the hint says so by its etag.
    """
    if round_number > 1:
        workspace.reads = Reads()
        return
    for entry in entries:
        _forget_older(workspace.reads.referrals, ReferralId(entry.record_id), entry)
        _forget_older(workspace.reads.leads, LeadId(entry.record_id), entry)
        _forget_older(workspace.reads.opportunities, OpportunityId(entry.record_id), entry)


def _forget_older(reads: MutableMapping[Id, Read | None], record_id: Id, entry: InboxEntry) -> None:
    read = reads.get(record_id)
    if read is None or entry.hint.etag is None or read.etag != entry.hint.etag:
        reads.pop(record_id, None)


@asynccontextmanager
async def held_claims() -> AsyncIterator[None]:
    """Keep what this run has claimed while the block lasts, however long that is."""
    holding = asyncio.create_task(_hold(get_workspace()))
    try:
        yield
    finally:
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)


async def _hold(workspace: Workspace) -> None:
    while True:
        await asyncio.sleep(HOLD_ANEW_SECONDS)
        with suppress(RetryableError):
            workspace.claims = await workspace.ledger.inbox.extend(workspace.claims, CLAIM_SECONDS)


async def add_hints(door: Door, kind: HintKind, record_ids: Collection[str]) -> None:
    """Put hints into the inbox: look at these records."""
    await get_workspace().ledger.inbox.add(
        [Hint(door=door, kind=kind, record_id=record_id) for record_id in record_ids]
    )

"""Takes hints out of the inbox and gives back those which have to wait."""

from collections.abc import Collection

from cosell.store import Door, Hint, HintKind
from tasks.policy import step
from tasks.workspace import get_workspace

CLAIM_AT_MOST = 100
CLAIM_SECONDS = 300
LATER_SECONDS = 60


@step(name="claim-hints", run_name="claim hints, round {round_number}", tags={"inbox"})
async def claim_hints(kinds: list[HintKind], round_number: int) -> list[str]:  # noqa: ARG001  tells rounds apart
    """Claim waiting hints of these kinds and return the ids of their records, oldest first."""
    workspace = get_workspace()
    entries = await workspace.ledger.inbox.claim(
        kinds, limit=CLAIM_AT_MOST, holder=workspace.holder, seconds=CLAIM_SECONDS
    )
    workspace.claims += entries
    return list(dict.fromkeys(entry.record_id for entry in entries))


@step(name="settle-hints", run_name="settle hints, round {round_number}", tags={"inbox"})
async def settle_hints(later: list[str], round_number: int) -> int:  # noqa: ARG001  tells rounds apart
    """Forget the hints this run has claimed, but for the records in `later`: they wait and come again."""
    workspace = get_workspace()
    entries, workspace.claims = workspace.claims, []
    waiting = [entry for entry in entries if entry.record_id in set(later)]
    done = [entry for entry in entries if entry.record_id not in set(later)]
    await workspace.ledger.inbox.settle(done)
    await workspace.ledger.inbox.release(waiting, delay_seconds=LATER_SECONDS)
    return len(done)


async def give_back_claims() -> None:
    """Let everything that this run has claimed wait again, due at once: it stops for a reason which is no record's."""
    workspace = get_workspace()
    entries, workspace.claims = workspace.claims, []
    await workspace.ledger.inbox.release(entries, delay_seconds=0)


async def add_hints(door: Door, kind: HintKind, record_ids: Collection[str]) -> None:
    """Put hints into the inbox: look at these records."""
    await get_workspace().ledger.inbox.add(
        [Hint(door=door, kind=kind, record_id=record_id) for record_id in record_ids]
    )

"""Compares everything and heals what was missed: a task to compare, and one for each chunk that is healed.

What was found lives as long as the run: it is never stored with Prefect, and a run that is run again compares anew.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from cosell.sync.outcome import Outcome
from cosell.sync.reconcile.finding import Finding
from cosell.sync.reconcile.heal import heal_all
from cosell.sync.reconcile.scan import Scan, scan_all
from cosell.sync.roads import Road
from tasks.policy import RETRY_DELAYS_SECONDS, may_pass_later
from tasks.progress import shown_progress
from tasks.workspace import get_workspace

CHUNK = 50
PROGRESS_KEY = "reconcile-progress"
NAME = "reconcile"


@dataclass(slots=True)
class InHand:
    """What one run has found, and what it came to so far, each beside its finding."""

    scan: Scan = field(default_factory=Scan)
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    @property
    def chunk_count(self) -> int:
        """How many chunks there are to heal."""
        return -(-len(self.scan.findings) // CHUNK)

    def chunk(self, number: int) -> list[Finding]:
        """Return the findings of a chunk, counted from 1."""
        return self.scan.findings[(number - 1) * CHUNK : number * CHUNK]


IN_HAND: ContextVar[InHand] = ContextVar("reconciling")


@task(
    name="compare-all-pairs",
    task_run_name="compare all pairs",
    tags={"reconcile"},
    retries=len(RETRY_DELAYS_SECONDS),
    retry_delay_seconds=RETRY_DELAYS_SECONDS,
    retry_condition_fn=may_pass_later,
    persist_result=False,
    cache_policy=NO_CACHE,
)
async def compare_all_pairs() -> int:
    """Compare all pairs by pages and keep what is not in step; return how many deals that are."""
    hand = IN_HAND.get()
    async with shown_progress(PROGRESS_KEY, "Pairs that are compared") as tell:
        hand.scan = await scan_all(get_workspace(), tell=tell)
    return len(hand.scan.findings)


@task(
    name="heal-chunk",
    task_run_name="heal chunk {number} of {count}",
    tags={"reconcile"},
    persist_result=False,
    cache_policy=NO_CACHE,
)
async def heal_chunk(number: int, count: int) -> int:  # noqa: ARG001  it stands in the name of the task's run
    """Heal one chunk of what was found; return how many records it held. None holds up its neighbours."""
    hand, workspace = IN_HAND.get(), get_workspace()
    findings = hand.chunk(number)
    road = Road(flow=NAME, run_id=str(flow_run.id or ""), with_people=False)
    outcomes = await heal_all(workspace, findings, road)
    hand.outcomes |= {(number - 1) * CHUNK + at: outcome for at, outcome in enumerate(outcomes)}
    workspace.outcomes += outcomes
    return len(outcomes)

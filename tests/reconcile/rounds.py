"""A whole reconcile without Prefect around it: compare, ask, heal."""

from collections.abc import Collection
from dataclasses import dataclass

from cosell.sync.outcome import Outcome
from cosell.sync.reconcile.alarms import Limits
from cosell.sync.reconcile.asking import ask_first
from cosell.sync.reconcile.finding import Finding, Kind
from cosell.sync.reconcile.heal import heal_all
from cosell.sync.reconcile.scan import Scan, scan_all
from cosell.sync.roads import Road
from tests.sync.fate import WRITES, Fate
from tests.sync.stand import Stand

ROAD = Road(flow="reconcile", run_id="a test", with_people=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What one reconcile came to."""

    scan: Scan
    asked: str
    outcomes: list[Outcome]

    @property
    def findings(self) -> list[Finding]:
        """What was found."""
        return self.scan.findings

    @property
    def kinds(self) -> list[Kind]:
        """The kinds of what was found, sorted."""
        return sorted(item.kind for item in self.findings)


async def reconcile(
    stand: Stand,
    fate: Fate | None = None,
    *,
    limits: Limits | None = None,
    confirmed: Collection[str] = (),
    is_dry_run: bool = False,
) -> Reconciled:
    """Reconcile everything in a run of its own."""
    async with stand.run(fate) as workspace:
        scan = await scan_all(workspace)
        question = await ask_first(
            workspace, scan, limits=limits or Limits(), confirmed=confirmed, is_dry_run=is_dry_run
        )
        outcomes = []
        if not question.text and not is_dry_run:
            outcomes = await heal_all(workspace, scan.findings, ROAD)
    return Reconciled(scan=scan, asked=question.text, outcomes=outcomes)


async def assert_nothing_left(stand: Stand) -> None:
    """Fail when another reconcile finds anything, or writes."""
    fate = Fate()
    again = await reconcile(stand, fate)
    assert again.findings == []
    assert fate.calls(*WRITES) == []

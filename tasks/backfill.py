"""The steps of a first load, each a walk over all pages: done again, it only does what is left."""

from collections.abc import Callable

from prefect.runtime import flow_run

from cosell.sync.backfill.applying import (
    Load,
    Tell,
    bring_all,
    close_load,
    measure_progress,
    open_load,
    share_all,
)
from cosell.sync.backfill.planning import plan_backfill
from cosell.sync.backfill.verdicts import Direction
from tasks.policy import step
from tasks.progress import shown_progress
from tasks.workspace import get_workspace

PROGRESS_KEY = "backfill-progress"


@step(name="plan-first-load", run_name="plan {direction}", tags={"backfill"})
async def plan_first_load(direction: Direction) -> str:
    """Look at everything, keep in the ledger what would be done, and return the plan's id."""
    return (await plan_backfill(get_workspace(), direction)).plan_id


@step(name="bring-referrals", run_name="bring referrals into the CRM, round {number}", tags={"dataverse"})
async def bring_referrals(plan_id: str, number: int) -> None:  # noqa: ARG001  tells the rounds apart
    """Create the CRM's records of all referrals which have none, in batches, and tell Partner Center their ids."""
    load = await _open(plan_id)
    async with shown_progress(PROGRESS_KEY, "Records of the first load that are done") as tell:
        await bring_all(load, _teller(load, tell))


@step(name="share-opportunities", run_name="share opportunities, round {number}", tags={"partner-center"})
async def share_opportunities(plan_id: str, number: int) -> int:  # noqa: ARG001  as above
    """Create the referrals of all opportunities which have none; return how many records of the plan are left."""
    load = await _open(plan_id)
    async with shown_progress(PROGRESS_KEY, "Records of the first load that are done") as tell:
        await share_all(load, _teller(load, tell))
    return await close_load(load)


async def _open(plan_id: str) -> Load:
    return await open_load(get_workspace(), plan_id, run_id=str(flow_run.id or ""))


def _teller(load: Load, tell: Callable[[float, int], None]) -> Tell:
    async def told() -> None:
        tell(*measure_progress(await load.workspace.ledger.backfills.count(load.plan.plan_id)))

    return told

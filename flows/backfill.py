"""The first load: what was there before the first day is brought across, after a person has seen the plan."""

from collections.abc import Sequence
from typing import Any

from prefect import flow
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed

from cosell.domain.flows import FlowName
from cosell.domain.tenants import tenant_artifact
from cosell.http.budget import Urgency
from cosell.settings import load_settings
from cosell.store import ItemState
from cosell.sync.backfill.applying import ROUNDS
from cosell.sync.backfill.report import Case, plan_file, write_cases
from cosell.sync.backfill.verdicts import WORK, Direction
from cosell.sync.workspace import Workspace
from flows.operating import NEEDS_ATTENTION, NOT_ACTIVATED, RECONNECT, ends_plainly
from tasks.activation import find_missing, refuse
from tasks.backfill import bring_referrals, plan_first_load, share_opportunities
from tasks.sign_in import find_lost_sign_in, waits_for_sign_in
from tasks.workspace import entered_workspace

ROWS_AT_MOST = 200


@flow(name="backfill", flow_run_name="first load {direction}", persist_result=True)
@ends_plainly
async def backfill(direction: Direction = Direction.TO_CRM, plan_id: str | None = None) -> State[Any]:
    """Bring across what was there before the first day: referrals into the CRM, opportunities to Partner Center.

    Without a plan it only looks and plans: nothing is written to either service. The table *backfill-plan* says what
    would be done, and why something would not; run it again with the plan's id to apply just that. It goes on where it
    was, whenever it is run again with the same plan, and stops when too much has moved since. What a person waits for
    goes before it. Applying needs flow 6 to be active for the CRM, and flow 8 for Partner Center.

    Args:
        direction: where records are brought; a plan has its own.
        plan_id: the plan to apply.
    """
    async with entered_workspace(Urgency.BACKGROUND) as workspace:
        lost = await find_lost_sign_in(workspace)
        if lost:
            return Cancelled(name=RECONNECT, message=waits_for_sign_in(lost))
        if plan_id is None:
            planned = await plan_first_load(direction)
            return await _tell_plan(workspace, planned)
        refused = await _find_inactive(workspace, plan_id)
        if refused:
            return Cancelled(name=NOT_ACTIVATED, message=f"Not run. {refused}")
        for number in range(1, ROUNDS + 1):
            await bring_referrals(plan_id, number)
            if await share_opportunities(plan_id, number) == 0:
                break
        return await _tell_end(workspace, plan_id)


async def _find_inactive(workspace: Workspace, plan_id: str) -> str:
    """Return why a plan may not be applied yet; empty when the flows which go on from there are active."""
    direction = Direction((await workspace.ledger.backfills.get(plan_id)).direction)
    flow_name = (
        FlowName.OPPORTUNITIES_TO_PARTNER_CENTER
        if direction.goes_to_partner_center
        else FlowName.PARTNER_CENTER_TO_DYNAMICS
    )
    missing = await find_missing(workspace.ledger, (*flow_name.predecessors, flow_name))
    return refuse(flow_name, missing).replace(str(flow_name), f"backfill {direction}", 1) if missing else ""


async def _tell_plan(workspace: Workspace, plan_id: str) -> State[Any]:
    cases = await _publish(workspace, plan_id, key=tenant_artifact("backfill-plan", workspace.ledger.tenant))
    work = sum(case.count for case in cases if case.verdict in WORK)
    left_out = sum(case.count for case in cases if case.state == ItemState.LEFT_OUT)
    plan = await workspace.ledger.backfills.get(plan_id)
    details = "".join(f", {count} {name}" for name, count in plan.details.items())
    return Completed(
        message=f"Planned as {plan_id}: {work} records to bring across, {left_out} left out{details}. Nothing was "
        f"written. Look at the table, then run it with this plan's id."
    )


async def _tell_end(workspace: Workspace, plan_id: str) -> State[Any]:
    cases = await _publish(workspace, plan_id, key=tenant_artifact("backfill", workspace.ledger.tenant))
    counts = {
        state: sum(case.count for case in cases if case.state == state and case.verdict in WORK) for state in ItemState
    }
    message = ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "Nothing to do"
    if counts[ItemState.WAITING] or counts[ItemState.MADE]:
        return Failed(
            name=NEEDS_ATTENTION,
            message=f"{message}. Not all came to its end; run it again with the same plan, it goes on from there.",
        )
    if counts[ItemState.REFUSED]:
        return Failed(
            name=NEEDS_ATTENTION,
            message=f"{message}. What was refused is a dead letter until its record changes; the table says why.",
        )
    return Completed(message=f"{message}.")


async def _publish(workspace: Workspace, plan_id: str, *, key: str) -> Sequence[Case]:
    path = plan_file(load_settings().home, plan_id)
    cases = await write_cases(workspace.ledger, plan_id, path)
    await acreate_table_artifact(
        key=key,
        table=[
            {
                "record": case.kind,
                "plan": case.verdict,
                "state": case.state,
                "count": str(case.count),
                "why": case.reason,
                "for instance": ", ".join(case.samples),
            }
            for case in cases[:ROWS_AT_MOST]
        ],
        description=f"Plan {plan_id}; a line for each record: {path.name} in the folder backfill of the data directory",
    )
    return cases

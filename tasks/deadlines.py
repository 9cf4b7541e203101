"""What time brings: reminders of deadlines, and names which follow a setting that was changed."""

from prefect.runtime import flow_run

from cosell.domain.ids import OpportunityId
from cosell.errors import RejectedError
from cosell.store import HintKind
from cosell.sync.marking import sweep_marks
from cosell.sync.outcome import Outcome, Result
from cosell.sync.refusal import file_refusal
from cosell.sync.reminders import find_due, remind
from tasks.policy import step
from tasks.workspace import get_workspace


@step(name="find-due-reminders", run_name="find due reminders", tags={"sync"})
async def find_due_reminders() -> list[str]:
    """Return the ids of opportunities of which something has to be told by now, from the ledger alone."""
    return [link.opportunity_id for link in await find_due(get_workspace()) if link.opportunity_id]


@step(name="remind-of-deadline", run_name="remind of deadlines of {opportunity_id}", tags={"sync"})
async def remind_of_deadline(opportunity_id: str) -> Outcome:
    """Look at a pair because time has passed; what is due is told in its audit text."""
    workspace = get_workspace()
    wanted = OpportunityId(opportunity_id)
    try:
        links = await workspace.ledger.links.find_by_opportunity_ids([wanted])
        if wanted not in links:
            return Outcome(result=Result.SKIPPED, opportunity_id=wanted, reason="no referral belongs to it any more")
        return await remind(workspace, links[wanted], run_id=str(flow_run.id or ""))
    except RejectedError as error:
        await file_refusal(workspace, HintKind.OPPORTUNITY, opportunity_id, error, flow=str(flow_run.flow_name))
        raise


@step(name="sweep-marks", run_name="follow the setting for marks", tags={"dataverse"})
async def follow_mark_setting() -> int:
    """Set the marks before all names anew when the setting was changed; return how many names were written."""
    return await sweep_marks(get_workspace())

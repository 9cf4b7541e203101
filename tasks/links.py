"""Brings one record in step: the task a person will want to see, and to retry, for itself."""

from dataclasses import replace

from prefect.runtime import flow_run

from cosell.domain.ids import OpportunityId, ReferralId
from cosell.domain.stages import ReferralStage
from cosell.errors import Origin, RecordNotFound, RejectedError
from cosell.store import HintKind
from cosell.sync.arrive import CREATED_IN
from cosell.sync.arrive import create_opportunity as create_from_referral
from cosell.sync.leads.pair import sync_any_link
from cosell.sync.look import stage_of_referral
from cosell.sync.microsoft import follow_microsofts_copy, read_deals_of_copies
from cosell.sync.outcome import NOT_THERE_YET, Outcome, Result
from cosell.sync.pair import sync_link
from cosell.sync.refusal import file_refusal
from cosell.sync.share import share_opportunity as share
from cosell.sync.workspace import Workspace
from tasks.inbox import may_come_later
from tasks.policy import step
from tasks.workspace import get_workspace


@step(name="sync-referral", run_name="sync referral {referral_id}", tags={"sync"})
async def sync_referral(referral_id: str) -> Outcome:
    """Bring a referral and its opportunity or lead in step, coming from the referral."""
    workspace = get_workspace()
    try:
        links = await workspace.ledger.links.find_by_referral_ids([ReferralId(referral_id)])
        if ReferralId(referral_id) not in links:
            raise RecordNotFound("No record of the CRM belongs to this referral.", origin=Origin(record=referral_id))
        return await sync_any_link(workspace, links[ReferralId(referral_id)], run_id=_run_id())
    except RejectedError as error:
        await _file(workspace, HintKind.REFERRAL, referral_id, error)
        raise


@step(name="sync-opportunity", run_name="sync opportunity {opportunity_id}", tags={"sync"})
async def sync_opportunity(opportunity_id: str, *, with_people: bool = False, with_solutions: bool = False) -> Outcome:
    """Bring an opportunity and its referral in step, coming from the opportunity, its people or its solutions."""
    workspace = get_workspace()
    try:
        links = await workspace.ledger.links.find_by_opportunity_ids([OpportunityId(opportunity_id)])
        link = links[OpportunityId(opportunity_id)]
        return await sync_link(
            workspace, link, with_people=with_people, with_solutions=with_solutions, run_id=_run_id()
        )
    except RejectedError as error:
        # What is tried again then has to look at the solutions again; a record that is gone has none.
        of_solutions = with_solutions and not isinstance(error, RecordNotFound)
        kind = HintKind.SOLUTION if of_solutions else HintKind.OPPORTUNITY
        await _file(workspace, kind, opportunity_id, error)
        raise


@step(name="share-opportunity", run_name="share opportunity {opportunity_id}", tags={"sync"})
async def share_opportunity(opportunity_id: str) -> Outcome:
    """Create the referral of an opportunity, Microsoft's copy when help is asked, and write both ids across."""
    workspace = get_workspace()
    try:
        return await share(workspace, OpportunityId(opportunity_id), run_id=_run_id())
    except RejectedError as error:
        await _file(workspace, HintKind.OPPORTUNITY, opportunity_id, error)
        raise


@step(name="follow-microsofts-copy", run_name="follow Microsoft's copy {referral_id}", tags={"sync"})
async def follow_copy(referral_id: str) -> Outcome:
    """Bring what Microsoft's copy of an engagement says into the opportunity."""
    workspace = get_workspace()
    try:
        copy = await workspace.get_referral(ReferralId(referral_id))
        if copy is None:
            raise RecordNotFound("Microsoft's copy is gone.", origin=Origin(record=f"referral {referral_id}"))
        outcome = await follow_microsofts_copy(workspace, copy, run_id=_run_id())
        waits = outcome.cause == NOT_THERE_YET and may_come_later(workspace, referral_id)
        return replace(outcome, result=Result.LATER) if waits else outcome
    except RejectedError as error:
        await _file(workspace, HintKind.REFERRAL, referral_id, error)
        raise


@step(
    name="read-deals-of-copies", run_name="read the deals of Microsoft's copies", tags={"partner-center", "dataverse"}
)
async def read_deals(copy_ids: list[str]) -> None:
    """Read both sides of the deals to which copies of Microsoft's belong, in pages where there are many."""
    await read_deals_of_copies(get_workspace(), [ReferralId(item) for item in copy_ids])


@step(name="create-opportunity", run_name="create opportunity of {referral_id}", tags={"dataverse"})
async def create_opportunity(referral_id: str) -> Outcome:
    """Create the opportunity of a referral with its account and contact; a closed referral is left alone."""
    workspace = get_workspace()
    try:
        referral = await workspace.get_referral(ReferralId(referral_id))
        stage = stage_of_referral(referral) if referral else ReferralStage.UNKNOWN
        if stage not in CREATED_IN:
            reason = f"no opportunity is made of a {stage} deal"
            return Outcome(result=Result.SKIPPED, referral_id=ReferralId(referral_id), reason=reason)
        link = await create_from_referral(workspace, ReferralId(referral_id))
        return Outcome(result=Result.CREATED, referral_id=link.referral_id, opportunity_id=link.opportunity_id)
    except RejectedError as error:
        await _file(workspace, HintKind.REFERRAL, referral_id, error)
        raise


async def _file(workspace: Workspace, kind: HintKind, record_id: str, error: RejectedError) -> None:
    await file_refusal(workspace, kind, record_id, error, flow=str(flow_run.flow_name))


def _run_id() -> str:
    return str(flow_run.id or "")

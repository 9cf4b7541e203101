"""Heals what a scan has found, each finding by the road of its flow: same leases, same plan, same refusals.

What differed when it was scanned is read again, so whatever was healed meanwhile meets an empty plan.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from cosell.domain.ids import OpportunityId
from cosell.domain.link import Link
from cosell.errors import (
    ConfigurationError,
    ConflictError,
    NotReady,
    Origin,
    RecordNotFound,
    RejectedError,
    RetryableError,
)
from cosell.store import HintKind
from cosell.sync.leads.look import read_leads
from cosell.sync.leads.pair import sync_any_link
from cosell.sync.outcome import Outcome, Result
from cosell.sync.reconcile.finding import Cause, Finding
from cosell.sync.refusal import file_refusal
from cosell.sync.roads import Road, go_from_opportunity, go_from_referral
from cosell.sync.solutions.read import read_solution_rows
from cosell.sync.workspace import Reads, Workspace

AT_ONCE = 16
"""Records in hand at the same time; the clients keep to the services' limits by themselves."""

logger = logging.getLogger(__name__)


async def heal_all(workspace: Workspace, findings: Sequence[Finding], road: Road) -> list[Outcome]:
    """Heal findings side by side and return what each came to, in their order; none holds up another.

    Raises:
        ConfigurationError: what went wrong is no record's fault; what had not begun was not tried.
    """
    await _read_in_pages(workspace, findings)
    slots, stopped = asyncio.Semaphore(AT_ONCE), list[ConfigurationError]()

    async def heal_one(finding: Finding) -> Outcome:
        async with slots:
            if stopped:
                return _outcome(finding, Result.LATER, str(stopped[0]))
            try:
                return await heal(workspace, finding, road)
            except ConfigurationError as error:
                stopped.append(error)
                return _outcome(finding, Result.LATER, str(error))
            except RejectedError as error:
                result = Result.NOT_READY if isinstance(error, NotReady) else Result.REFUSED
                return replace(_outcome(finding, result, str(error)), cause=type(error).__name__)
            except (RetryableError, ConflictError) as error:
                return replace(_outcome(finding, Result.LATER, str(error)), cause=type(error).__name__)
            except Exception:
                # A fault of our own: its neighbours go on, and the next run finds it again.
                logger.exception("%s could not be healed.", finding.key)
                return _outcome(finding, Result.LATER, "an error of cosell-sync itself; the log says which")

    outcomes = list(await asyncio.gather(*(heal_one(finding) for finding in findings)))
    workspace.reads = Reads()
    if stopped:
        raise stopped[0]
    return outcomes


async def heal(workspace: Workspace, finding: Finding, road: Road) -> Outcome:
    """Heal one finding.

    Raises:
        LeaseHeld: a flow has it in hand.
        RejectedError: it was refused; that is a dead letter now, and the seller was told.
    """
    if not finding.is_healable:
        return _outcome(finding, Result.SKIPPED, finding.detail)
    if finding.cause is Cause.ON_ITS_WAY:
        return _outcome(finding, Result.SKIPPED, "it waits in the inbox, and its flow does it")
    if finding.link_id:
        return await _heal_link(workspace, await workspace.ledger.links.get(finding.link_id), road)
    if finding.referral_id:
        return await go_from_referral(workspace, finding.referral_id, road)
    if finding.opportunity_id:
        return await go_from_opportunity(workspace, finding.opportunity_id, road)
    raise RecordNotFound("The finding names no record.", origin=Origin(record=finding.key))


async def _heal_link(workspace: Workspace, link: Link, road: Road) -> Outcome:
    try:
        return await sync_any_link(workspace, link, with_solutions=True, run_id=road.run_id)
    except RejectedError as error:
        kind = HintKind.LEAD if link.is_lead else HintKind.OPPORTUNITY
        record_id = str(link.lead_id if link.is_lead else link.opportunity_id)
        await file_refusal(workspace, kind, record_id, error, flow=road.flow)
        raise


async def _read_in_pages(workspace: Workspace, findings: Sequence[Finding]) -> None:
    """Read the CRM's side of what is healed together; referrals have to be read one by one, but only these."""
    workspace.reads = Reads()
    linked = [item for item in findings if item.link_id and item.is_healable]
    ids = [OpportunityId(item.opportunity_id) for item in linked if item.opportunity_id and not item.lead_id]
    await workspace.read_opportunities(ids)
    await read_solution_rows(workspace, ids)
    await read_leads(workspace, [item.lead_id for item in linked if item.lead_id])


def _outcome(finding: Finding, result: Result, reason: str) -> Outcome:
    return Outcome(
        result=result,
        referral_id=finding.referral_id,
        lead_id=finding.lead_id,
        opportunity_id=finding.opportunity_id,
        reason=reason,
    )

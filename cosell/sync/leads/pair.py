"""Looks at one referral and its lead and brings them in step; once it is accepted, goes on with the opportunity.

Every door that leads to a link leads through `sync_any_link`, which knows whether the CRM's side is a lead still.
"""

from dataclasses import replace

from cosell.dataverse import Row
from cosell.domain.ids import LeadId
from cosell.domain.link import Link
from cosell.domain.stages import LeadStage
from cosell.errors import Origin, RecordNotFound, StaleEtag
from cosell.partner_center import Referral
from cosell.store import Lease
from cosell.sync.hold import LEASE_SECONDS
from cosell.sync.leads.apply import LeadPair, apply_lead_plan
from cosell.sync.leads.look import get_lead, is_lead_switched_on, look_at_lead, look_at_stages
from cosell.sync.leads.plan import plan_lead
from cosell.sync.leads.qualify import go_on_as_opportunity, qualify
from cosell.sync.leads.stages import LeadDecision, LeadMove, LeadSeen, decide_lead
from cosell.sync.outcome import Outcome, Result
from cosell.sync.pair import ATTEMPTS, sync_link
from cosell.sync.planner import read_base_stages
from cosell.sync.workspace import Workspace


async def sync_any_link(workspace: Workspace, link: Link, *, with_solutions: bool = False, run_id: str = "") -> Outcome:
    """Bring a link in step, be the CRM's side a lead, which has no solutions, or an opportunity.

    Raises:
        as `sync_link` and `sync_lead`.
    """
    if link.is_lead:
        return await sync_lead(workspace, link, run_id=run_id)
    return await sync_link(workspace, link, with_solutions=with_solutions, run_id=run_id)


async def sync_lead(workspace: Workspace, link: Link, *, run_id: str = "") -> Outcome:
    """Bring a lead and its referral in step; one that is accepted becomes its opportunity, which is brought in step.

    Raises:
        LeaseHeld: another run has it in hand.
        StaleEtag: it moved each time we looked.
        RecordNotFound: one side is gone.
        RejectedError: a service refused, or the plan is not safe.
    """
    async with workspace.ledger.leases.hold(
        [f"link:{link.link_id}"], holder=workspace.holder, seconds=LEASE_SECONDS
    ) as lease:
        found = await _sync_until_still(workspace, link, lease=lease, run_id=run_id)
    if isinstance(found, Link):
        return await sync_link(workspace, found, run_id=run_id)
    return found


async def _sync_until_still(workspace: Workspace, link: Link, *, lease: Lease, run_id: str) -> Outcome | Link:
    """Return what it came to, or the link when it goes on as an opportunity."""
    for attempt in range(ATTEMPTS):
        try:
            return await _sync_once(workspace, link, is_fresh=attempt > 0, lease=lease, run_id=run_id)
        except StaleEtag:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


async def _sync_once(workspace: Workspace, link: Link, *, is_fresh: bool, lease: Lease, run_id: str) -> Outcome | Link:
    link = await workspace.ledger.links.get(link.link_id)  # under the lease: another run may just have recorded it
    if link.opportunity_id is not None:
        return link
    referral, row = await _read_both(workspace, link, is_fresh=is_fresh)
    if not is_lead_switched_on(workspace, row):
        return _outcome(link, Result.SKIPPED, "Sync with Partner Center is set to No")
    if is_lead_echo(link, referral, row):
        return _outcome(link, Result.ECHO)
    pair = LeadPair(link=link, referral=referral, row=row)
    stages = look_at_stages(workspace, referral, row)
    decision = decide_lead(stages, base=read_base_stages(link.base))
    if decision.move is LeadMove.QUALIFY:
        pair = await qualify(workspace, pair, lease=lease)
    if decision.move in {LeadMove.QUALIFY, LeadMove.FOLLOW}:
        return await go_on_as_opportunity(workspace, pair, rule=decision.rule, lease=lease, run_id=run_id)
    if is_left_alone(stages, decision):
        settled = replace(link, referral_etag=referral.etag, lead_etag=row.etag)
        await workspace.ledger.record_sync(settled, lease=lease)
        return _outcome(link, Result.IN_STEP)
    seen = await look_at_lead(workspace, referral, row)
    plan = plan_lead(seen, stages, decision, base=link.base, told=link.told, rows=workspace.mappings.lead.fields)
    plan.raise_if_unsafe(f"lead {row.id}")
    return await apply_lead_plan(workspace, pair, plan, decision, lease=lease, run_id=run_id)


def is_left_alone(stages: LeadSeen, decision: LeadDecision) -> bool:
    """Tell whether nothing is left to say: the lead is closed, and its referral too or nobody waits for an answer."""
    is_settled = decision.move is LeadMove.STAY and not decision.refused and decision.move_referral_to is None
    return is_settled and (stages.lead is not LeadStage.OPEN or stages.referral.is_terminal)


def is_lead_echo(link: Link, referral: Referral, row: Row) -> bool:
    """Tell whether both records are as we left them."""
    return link.referral_etag == referral.etag and link.lead_etag == row.etag


async def _read_both(workspace: Workspace, link: Link, *, is_fresh: bool) -> tuple[Referral, Row]:
    if link.referral_id is None or link.lead_id is None:
        raise RecordNotFound("The link is not complete yet.", origin=Origin(record=f"link {link.link_id}"))
    row = await get_lead(workspace, LeadId(link.lead_id), is_fresh=is_fresh)
    if row is None:
        raise RecordNotFound(
            "The lead is gone from the CRM; the referral was left as it is.",
            origin=Origin(service="Dataverse", record=f"lead {link.lead_id}"),
        )
    referral = await workspace.get_referral(link.referral_id, is_fresh=is_fresh)
    if referral is None:
        raise RecordNotFound(
            "The referral is gone from Partner Center, or this user may not see it; the lead was left as it is.",
            origin=Origin(service="Partner Center", record=f"referral {link.referral_id}"),
        )
    return referral, row


def _outcome(link: Link, result: Result, reason: str = "") -> Outcome:
    return Outcome(result=result, referral_id=link.referral_id, lead_id=link.lead_id, reason=reason)

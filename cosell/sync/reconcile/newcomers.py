"""Judges referrals which no record of the CRM belongs to: to be brought over, or a second record of a known deal.

One engagement is one deal, and so is one opportunity: what claims either a second time is a duplicate, of which nothing
is made. Nothing is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cosell.domain.flows import FlowName
from cosell.domain.ids import EngagementId, OpportunityId, ReferralId
from cosell.domain.link import Link
from cosell.partner_center import Referral
from cosell.store import Activation
from cosell.sync.arrive import CREATED_IN, find_rows
from cosell.sync.leads.arrive import find_lead_rows, refuse_lead
from cosell.sync.look import stage_of_referral
from cosell.sync.reconcile.compare import Known
from cosell.sync.reconcile.finding import Cause, Finding, Kind
from cosell.sync.references import read_reference
from cosell.sync.sort import Arrival, sort_referral
from cosell.sync.workspace import Workspace


@dataclass(slots=True, kw_only=True)
class Claims:
    """Which deals newcomers have claimed so far in this scan, and since when which flow is active."""

    activations: Mapping[FlowName, Activation]
    opportunities: dict[OpportunityId, ReferralId] = field(default_factory=dict)
    engagements: dict[EngagementId, ReferralId] = field(default_factory=dict)


async def judge_newcomers(
    workspace: Workspace,
    referrals: Sequence[Referral],
    claims: Claims,
    known: Known,
    *,
    half_done: Mapping[ReferralId, Link],
) -> list[Finding]:
    """Return what is to be done about referrals without a record in the CRM; those which stay out are left out.

    Args:
        workspace: where to look.
        referrals: the newcomers of one page.
        claims: what newcomers of earlier pages have claimed.
        known: what waits, and what was refused.
        half_done: links which know the referral, but no record of the CRM: a run died there.
    """
    if not referrals:
        return []
    rows = await _find_records(workspace, referrals)
    owners = await _find_owners(workspace, referrals)
    findings = []
    for referral in sorted(referrals, key=lambda item: item.id not in rows):  # Who has a record claims the deal first.
        if not _arrives(workspace, referral, has_row=referral.id in rows):
            continue
        twin = _claim(claims, referral) or owners.get(referral.id)
        if twin is not None and referral.id not in rows:
            findings.append(duplicate(referral, twin))
            continue
        is_half = referral.id in half_done
        findings.append(
            Finding(
                kind=Kind.HALF_CREATED if is_half else Kind.UNLINKED,
                cause=_find_cause(referral, claims, known, is_half=is_half),
                referral_id=referral.id,
                opportunity_id=rows.get(referral.id),
                since=referral.updated_date_time,
            )
        )
    return findings


async def _find_records(workspace: Workspace, referrals: Sequence[Referral]) -> dict[ReferralId, OpportunityId | None]:
    """Return which of the referrals have a record in the CRM already, with its id where it is an opportunity."""
    leads = [item for item in referrals if sort_referral(item) is Arrival.LEAD]
    found: dict[ReferralId, OpportunityId | None] = {
        referral.id: OpportunityId(row.id) for referral, row in await find_rows(workspace, referrals)
    }
    return {referral.id: None for referral, _ in await find_lead_rows(workspace, leads)} | found


async def _find_owners(workspace: Workspace, referrals: Sequence[Referral]) -> dict[ReferralId, ReferralId]:
    """Return to which other referral the deal of each belongs, by the opportunity it names or by its engagement."""
    links = workspace.ledger.links
    by_opportunity = await links.find_by_opportunity_ids(
        [reference for item in referrals if (reference := read_reference(item))]
    )
    by_engagement = await links.find_by_engagement_ids([item.engagement_id for item in referrals if item.engagement_id])
    owners: dict[ReferralId, ReferralId] = {}
    for referral in referrals:
        reference, engagement_id = read_reference(referral), referral.engagement_id
        named = [by_opportunity[reference]] if reference in by_opportunity else []
        same = by_engagement.get(engagement_id, []) if engagement_id else []
        others = [link.referral_id for link in (*named, *same) if link.referral_id not in (None, referral.id)]
        if others and others[0]:
            owners[referral.id] = others[0]
    return owners


def _claim(claims: Claims, referral: Referral) -> ReferralId | None:
    """Return which newcomer has claimed the same deal before; None when this one is the first."""
    reference, engagement_id = read_reference(referral), referral.engagement_id
    first = claims.opportunities.setdefault(reference, referral.id) if reference else referral.id
    other = claims.engagements.setdefault(engagement_id, referral.id) if engagement_id else referral.id
    return next((item for item in (first, other) if item != referral.id), None)


def _arrives(workspace: Workspace, referral: Referral, *, has_row: bool) -> bool:
    """Tell whether a referral comes into the CRM at all, by the rules of its flow."""
    if has_row:
        return True
    if sort_referral(referral) is Arrival.LEAD and refuse_lead(workspace, referral):
        return False
    return stage_of_referral(referral) in CREATED_IN


def _find_cause(referral: Referral, claims: Claims, known: Known, *, is_half: bool) -> Cause:
    if referral.id in known.waiting:
        return Cause.ON_ITS_WAY
    if referral.id in known.refused:
        return Cause.REFUSED
    if is_half:
        return Cause.HALF_CREATED
    active = claims.activations.get(FlowName.PARTNER_CENTER_TO_DYNAMICS)
    moved_at = referral.updated_date_time
    if active and moved_at and moved_at < active.activated_at:
        return Cause.BEFORE_ACTIVATION
    return Cause.LOST_NOTIFICATION


async def find_twins(workspace: Workspace, referrals: Sequence[Referral]) -> list[Finding]:
    """Return those linked referrals whose engagement another link has, too: of each deal all but the first."""
    engagements = {item.id: item.engagement_id for item in referrals if item.engagement_id}
    found = await workspace.ledger.links.find_by_engagement_ids(engagements.values())
    findings = []
    for referral in referrals:
        engagement_id = engagements.get(referral.id)
        links = [link for link in found.get(engagement_id, []) if link.referral_id] if engagement_id else []
        first = min(links, key=lambda link: (link.synced_at is None, link.synced_at, link.link_id), default=None)
        if first is not None and first.referral_id and first.referral_id != referral.id:
            findings.append(duplicate(referral, first.referral_id))
    return findings


def duplicate(referral: Referral, twin: ReferralId) -> Finding:
    """Return that a referral stands for the deal of another one."""
    return Finding(
        kind=Kind.DUPLICATE,
        cause=Cause.CREATED_TWICE,
        referral_id=referral.id,
        since=referral.created_date_time,
        is_healable=False,
        detail=f"stands for the same deal as referral {twin}",
    )

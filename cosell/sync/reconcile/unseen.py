"""Finds what no page of referrals shows: links whose referral is gone, and opportunities which have none.

The CRM is asked once, in pages, which opportunities are switched on; the ledger knows the rest. Nothing is written.
"""

from collections.abc import Collection

from cosell.dataverse import Row
from cosell.domain.flows import FlowName
from cosell.domain.ids import OpportunityId, ReferralId, parse_guid
from cosell.domain.link import Link, LinkState
from cosell.sync.reconcile.compare import MODIFIED, read_moment
from cosell.sync.reconcile.finding import Cause, Finding, Kind
from cosell.sync.reconcile.newcomers import Claims
from cosell.sync.workspace import Workspace

PAGE_SIZE = 5000


async def find_unseen(
    workspace: Workspace, listed: Collection[ReferralId], claims: Claims, refused: Collection[str]
) -> list[Finding]:
    """Return the links whose referral was not listed, and the opportunities which wait for a referral."""
    findings = [
        _vanished(link)
        async for link in workspace.ledger.links.iter_all()
        if link.referral_id and link.referral_id not in listed and link.state is not LinkState.BROKEN
        if link.opportunity_id or link.lead_id
    ]
    own = workspace.opportunity
    pages = workspace.dataverse.query(
        own.set,
        select=(own.id, own.columns.referral_id, MODIFIED),
        filter_=f"{own.columns.sync_switch} eq true",
        page_size=PAGE_SIZE,
    )
    async for rows in pages:
        findings += await _judge_rows(workspace, rows, listed, claims, refused)
    return findings


def _vanished(link: Link) -> Finding:
    return Finding(
        kind=Kind.VANISHED_REFERRAL,
        cause=Cause.VANISHED,
        referral_id=link.referral_id,
        opportunity_id=link.opportunity_id,
        lead_id=link.lead_id if link.is_lead else None,
        link_id=link.link_id,
    )


async def _judge_rows(
    workspace: Workspace, rows: list[Row], listed: Collection[ReferralId], claims: Claims, refused: Collection[str]
) -> list[Finding]:
    links = workspace.ledger.links
    known = await links.find_by_opportunity_ids([OpportunityId(row.id) for row in rows])
    alone = [row for row in rows if (link := known.get(OpportunityId(row.id))) is None or link.referral_id is None]
    named = {row.id: referral_id for row in alone if (referral_id := _read_named(workspace, row))}
    taken = await links.find_by_referral_ids(named.values())
    waiting = await workspace.ledger.inbox.find_records([row.id for row in alone])
    findings = []
    for row in alone:
        referral_id = named.get(row.id)
        owner = taken.get(referral_id) if referral_id else None
        if owner is not None and owner.opportunity_id:
            findings.append(_second_claim(row, owner))
        elif referral_id is None or referral_id not in listed:  # Else the listing has shown it as a newcomer.
            cause = _find_cause(row, claims, waiting, refused, is_half=row.id in known)
            findings.append(
                Finding(
                    kind=Kind.HALF_CREATED if row.id in known and cause is not Cause.REFUSED else Kind.UNSHARED,
                    cause=cause,
                    opportunity_id=OpportunityId(row.id),
                    since=read_moment(row, MODIFIED),
                )
            )
    return findings


def _read_named(workspace: Workspace, row: Row) -> ReferralId | None:
    """Return the referral which an opportunity names."""
    try:
        return ReferralId(parse_guid(str(row.values.get(workspace.opportunity.columns.referral_id) or "")))
    except ValueError:
        return None


def _second_claim(row: Row, owner: Link) -> Finding:
    return Finding(
        kind=Kind.DUPLICATE,
        cause=Cause.CREATED_TWICE,
        referral_id=owner.referral_id,
        opportunity_id=OpportunityId(row.id),
        since=read_moment(row, MODIFIED),
        is_healable=False,
        detail=f"names the referral of opportunity {owner.opportunity_id}",
    )


def _find_cause(
    row: Row, claims: Claims, waiting: Collection[str], refused: Collection[str], *, is_half: bool
) -> Cause:
    if row.id in waiting:
        return Cause.ON_ITS_WAY
    if row.id in refused:
        return Cause.REFUSED
    if is_half:
        return Cause.HALF_CREATED
    active = claims.activations.get(FlowName.OPPORTUNITIES_TO_PARTNER_CENTER)
    moved_at = read_moment(row, MODIFIED)
    if active and moved_at and moved_at < active.activated_at:
        return Cause.BEFORE_ACTIVATION
    return Cause.LOST_POLL

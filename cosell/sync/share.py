"""Creates the referral of an opportunity which a seller wants to share: never twice, whatever crashes in between.

The link is recorded first, Partner Center is searched for our reference before anything is created, and when we cannot
look, we do not create. What is left to do then, Microsoft's copy included, belongs to the first look at the pair.
"""

from dataclasses import replace
from datetime import UTC, datetime

from cosell.dataverse import Row
from cosell.domain.ids import OpportunityId, ReferralId, Side, parse_guid
from cosell.domain.link import Link
from cosell.errors import NotReady, Origin, RecordNotFound, RequestRejected
from cosell.partner_center import Referral
from cosell.store import JournalEntry, Lease
from cosell.sync.deal import check_deal, spell_referral
from cosell.sync.gather import read_deal, read_deal_row
from cosell.sync.hold import LEASE_SECONDS, keep_lease
from cosell.sync.leads.arrive import find_link_of_origin
from cosell.sync.leads.pair import sync_any_link
from cosell.sync.outcome import Outcome, Result
from cosell.sync.pair import sync_link
from cosell.sync.workspace import Workspace

BEFORE_PARTNER_CENTER = datetime(2015, 1, 1, tzinfo=UTC)


async def share_opportunity(workspace: Workspace, opportunity_id: OpportunityId, *, run_id: str = "") -> Outcome:
    """Create the referral of an opportunity and write its id and link back; resume when a run died on the way.

    Raises:
        NotReady: something has to be filled in first; every problem at once.
        LeaseHeld: another run has it in hand.
        RetryableError: we could not look whether it is there already, so nothing was created.
    """
    async with workspace.ledger.leases.hold(
        [f"opportunity:{opportunity_id}"], holder=workspace.holder, seconds=LEASE_SECONDS
    ) as lease:
        row = await read_deal_row(workspace, opportunity_id)
        if not workspace.is_switched_on(row):
            return Outcome(
                result=Result.SKIPPED, opportunity_id=opportunity_id, reason="Sync with Partner Center is set to No"
            )
        workspace.reads.opportunities[opportunity_id] = row
        of_lead = await find_link_of_origin(workspace, row)
        if of_lead is not None:
            return await sync_any_link(workspace, of_lead, with_solutions=True, run_id=run_id)
        link = await workspace.ledger.links.begin(opportunity_id=opportunity_id)
        link, is_new = await _ensure_referral(workspace, link, row, lease=lease)
        outcome = await sync_link(workspace, link, with_solutions=True, run_id=run_id)
        return replace(outcome, result=Result.CREATED) if is_new else outcome


async def _ensure_referral(workspace: Workspace, link: Link, row: Row, *, lease: Lease) -> tuple[Link, bool]:
    """Return the link with its referral, and whether the referral had to be created."""
    if link.referral_id is not None:
        return link, False
    known = row.values.get(workspace.opportunity.columns.referral_id)
    if known:
        referral, is_new = await _get_named(workspace, _read_id(known, row)), False
    else:
        referral, is_new = await _find_or_create(workspace, row, lease=lease)
    workspace.reads.referrals[referral.id] = referral
    # Not saved as it was read above: Partner Center's notification may have brought another run here meanwhile.
    link = await workspace.ledger.links.begin(
        opportunity_id=OpportunityId(row.id), referral_id=referral.id, engagement_id=referral.engagement_id
    )
    if is_new:
        entry = JournalEntry(link_id=link.link_id, side=Side.PARTNER_CENTER, rule="created from the opportunity")
        await workspace.ledger.journal.append([entry])
    return link, is_new


async def _find_or_create(workspace: Workspace, row: Row, *, lease: Lease) -> tuple[Referral, bool]:
    deal = await read_deal(workspace, row)
    problems = check_deal(deal)
    if problems:
        raise NotReady(problems, origin=Origin(record=f"opportunity {deal.opportunity_id}"))
    referral = await _find_by_reference(workspace, deal.opportunity_id, row)
    if referral is not None:
        return referral, False
    await keep_lease(workspace, lease)  # The search may have taken its time, and what follows cannot be taken back.
    return await workspace.partner_center.create_referral(spell_referral(deal, workspace.mappings)), True


async def _find_by_reference(workspace: Workspace, opportunity_id: OpportunityId, row: Row) -> Referral | None:
    """Return the referral which names an opportunity, as Partner Center says now or as this run has listed them all."""
    if workspace.references is None:
        return await workspace.partner_center.find_referral_by_external_reference(
            opportunity_id, created_after=_created_at(row)
        )
    known = workspace.references.get(opportunity_id)
    return await workspace.get_referral(known) if known is not None else None


async def _get_named(workspace: Workspace, referral_id: ReferralId) -> Referral:
    """Return the referral which an opportunity names already."""
    referral = await workspace.get_referral(referral_id)
    if referral is None:
        raise RecordNotFound(
            "The opportunity names a referral which is not in Partner Center, or which this user may not see. "
            "Empty the referral identifier to create a new one.",
            origin=Origin(service="Partner Center", record=f"referral {referral_id}"),
        )
    return referral


def _read_id(text: object, row: Row) -> ReferralId:
    try:
        return ReferralId(parse_guid(str(text)))
    except ValueError:
        raise RequestRejected(
            "The referral identifier of the opportunity is none. Empty it to create a new referral.",
            origin=Origin(service="Dataverse", record=f"opportunity {row.id}"),
        ) from None


def _created_at(row: Row) -> datetime:
    raw = row.values.get("createdon")
    return datetime.fromisoformat(str(raw)).astimezone(UTC) if raw else BEFORE_PARTNER_CENTER

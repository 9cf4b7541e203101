"""Creates the referral of an opportunity which a seller wants to share: never twice, whatever crashes in between.

The link is recorded first, Partner Center is searched for our reference before anything is created, and Microsoft's
copy is looked for in the engagement before Microsoft is invited. When we cannot look, we do not create.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from cosell.dataverse import Row
from cosell.domain.ids import OpportunityId, ReferralId, parse_guid
from cosell.domain.link import Link
from cosell.errors import NotReady, Origin, RecordNotFound, RequestRejected
from cosell.mapping.fields import lookup_column, read_opportunity
from cosell.mapping.parties import read_party_columns
from cosell.partner_center import Referral
from cosell.sync.deal import NOT_DECIDED, Deal, Solution, check_deal, spell_microsofts_copy, spell_referral
from cosell.sync.outcome import Outcome, Result
from cosell.sync.pair import LEASE_SECONDS, Remark, sync_link
from cosell.sync.plan import Note
from cosell.sync.planner import EVENT
from cosell.sync.workspace import Workspace

BEFORE_PARTNER_CENTER = datetime(2015, 1, 1, tzinfo=UTC)
OWNER_COLUMNS = {
    "first_name": "firstname",
    "last_name": "lastname",
    "email": "internalemailaddress",
}
"""Columns of systemuser by the field names of `mappings/contact.yaml`."""


async def share_opportunity(workspace: Workspace, opportunity_id: OpportunityId, *, run_id: str = "") -> Outcome:
    """Create the referral of an opportunity and write its id and link back; resume when a run died on the way.

    Raises:
        NotReady: something has to be filled in first; every problem at once.
        LeaseHeld: another run has it in hand.
        RetryableError: we could not look whether it is there already, so nothing was created.
    """
    async with workspace.ledger.leases.hold(
        [f"opportunity:{opportunity_id}"], holder=workspace.holder, seconds=LEASE_SECONDS
    ):
        row = await _read_deal_row(workspace, opportunity_id)
        if not workspace.is_switched_on(row):
            return Outcome(
                result=Result.SKIPPED, opportunity_id=opportunity_id, reason="Sync with Partner Center is set to No"
            )
        link = await workspace.ledger.links.begin(opportunity_id=opportunity_id)
        link, is_new = await _ensure_referral(workspace, link, row)
        workspace.reads.opportunities[opportunity_id] = row
        remark = Remark(notes=(Note(key=f"{EVENT}shared", text="Shared with Partner Center."),)) if is_new else Remark()
        outcome = await sync_link(workspace, link, remark=remark, run_id=run_id)
        return replace(outcome, result=Result.CREATED) if is_new else outcome


async def _ensure_referral(workspace: Workspace, link: Link, row: Row) -> tuple[Link, bool]:
    """Return the link with its referral, and whether the referral had to be created."""
    if link.referral_id is not None:
        return link, False
    known = row.values.get(workspace.opportunity.columns.referral_id)
    if known:
        return await _adopt(workspace, link, ReferralId(parse_guid(str(known)))), False
    deal = await read_deal(workspace, row)
    problems = check_deal(deal)
    if problems:
        raise NotReady(problems, origin=Origin(record=f"opportunity {deal.opportunity_id}"))
    referral = await workspace.partner_center.find_referral_by_external_reference(
        deal.opportunity_id, created_after=_created_at(row)
    )
    is_new = referral is None
    if referral is None:
        referral = await workspace.partner_center.create_referral(spell_referral(deal, workspace.mappings))
    workspace.reads.referrals[referral.id] = referral
    link = replace(link, referral_id=referral.id, engagement_id=referral.engagement_id)
    await workspace.ledger.links.save(link)
    if deal.help:
        await _invite_microsoft(workspace, deal, referral, may_be_there=not is_new)
    return link, is_new


async def _adopt(workspace: Workspace, link: Link, referral_id: ReferralId) -> Link:
    """Link an opportunity which already names its referral."""
    referral = await workspace.get_referral(referral_id)
    if referral is None:
        raise RecordNotFound(
            "The opportunity names a referral which is not in Partner Center, or which this user may not see. "
            "Empty the referral identifier to create a new one.",
            origin=Origin(service="Partner Center", record=f"referral {referral_id}"),
        )
    link = replace(link, referral_id=referral_id, engagement_id=referral.engagement_id)
    await workspace.ledger.links.save(link)
    return link


async def _invite_microsoft(workspace: Workspace, deal: Deal, referral: Referral, *, may_be_there: bool) -> None:
    engagement_id = referral.engagement_id
    if engagement_id is None:
        raise RequestRejected("Partner Center gave no engagement.", origin=Origin(record=f"referral {referral.id}"))
    if may_be_there:
        copies = await workspace.partner_center.get_engagement(engagement_id)
        if any(copy.is_microsofts_copy for copy in copies):
            return
    body = spell_microsofts_copy(deal, workspace.mappings, engagement_id=engagement_id)
    await workspace.partner_center.create_referral(body)


async def _read_deal_row(workspace: Workspace, opportunity_id: OpportunityId) -> Row:
    mappings, own = workspace.mappings, workspace.opportunity.columns
    account = [row.dataverse for row in mappings.account.fields]
    contact = [row.dataverse for row in mappings.contact.fields]
    row = await workspace.dataverse.find(
        workspace.opportunity.set,
        opportunity_id,
        select=workspace.select,
        expand={
            own.account: account,
            f"{own.customer}_account": account,
            own.contact: contact,
            f"{own.customer}_contact": contact,
            "owninguser": list(OWNER_COLUMNS.values()),
        },
    )
    if row is None:
        raise RecordNotFound(
            "The opportunity is not in the CRM.",
            origin=Origin(service="Dataverse", record=f"opportunity {opportunity_id}"),
        )
    return row


async def read_deal(workspace: Workspace, row: Row) -> Deal:
    """Return the deal of an opportunity that was read with account, contact and owner."""
    mappings, own = workspace.mappings, workspace.opportunity.columns
    reading = read_opportunity(row.values, workspace.opportunity, currencies=await workspace.get_currencies())
    owner = _expanded(row, "owninguser")
    return Deal(
        opportunity_id=OpportunityId(row.id),
        fields=reading.snapshot,
        customer=read_party_columns(_expanded(row, own.account, f"{own.customer}_account"), mappings.account),
        contact=read_party_columns(_expanded(row, own.contact, f"{own.customer}_contact"), mappings.contact),
        owner={name: str(owner.get(column) or "") or None for name, column in OWNER_COLUMNS.items()},
        solutions=await _read_solutions(workspace, OpportunityId(row.id)),
        help=mappings.choices.help.get(row.find_label(own.help) or ""),
        is_visible=row.values.get(own.visible) is True,
        purchase_intent=mappings.choices.purchase_intent.get(row.find_label(own.purchase_intent) or "", NOT_DECIDED),
    )


def _expanded(row: Row, *names: str) -> Mapping[str, object]:
    return next((found for name in names if (found := row.find_expanded(name))), {})


async def _read_solutions(workspace: Workspace, opportunity_id: OpportunityId) -> tuple[Solution, ...]:
    own = workspace.mappings.solutions
    catalogue = own.catalogue
    columns = (catalogue.identifier, catalogue.name, catalogue.type, catalogue.publisher)
    found: list[Solution] = []
    async for page in workspace.dataverse.query(
        own.set,
        select=(own.id,),
        filter_=f"{lookup_column(own.opportunity.lower())} eq {opportunity_id}",
        expand={own.detail: columns},
    ):
        found += [solution for row in page if (solution := _read_solution(_expanded(row, own.detail), columns))]
    return tuple(found)


def _read_solution(detail: Mapping[str, object], columns: Sequence[str]) -> Solution | None:
    identifier, name, kind, publisher = (str(detail.get(column) or "") or None for column in columns)
    if identifier is None:
        return None
    return Solution(identifier=identifier, name=name, type=kind, publisher=publisher)


def _created_at(row: Row) -> datetime:
    raw = row.values.get("createdon")
    return datetime.fromisoformat(str(raw)).astimezone(UTC) if raw else BEFORE_PARTNER_CENTER

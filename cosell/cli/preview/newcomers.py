"""What would be created for a record which has no other side yet, and what would keep that from happening."""

import html
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from cosell.cli.preview.pair import MICROSOFTS_COPY, SWITCHED_OFF, Preview, link_in_mind, preview_pair
from cosell.dataverse import Row
from cosell.domain.ids import OpportunityId, ReferralId, Side, parse_guid
from cosell.domain.snapshot import Snapshot, Value, is_empty
from cosell.mapping.fields import read_referral
from cosell.mapping.parties import Party, full_name, read_first_contact, read_party_document
from cosell.partner_center import Referral
from cosell.sync.arrive import CREATED_IN, iter_clocks
from cosell.sync.customer import find_account, find_contact
from cosell.sync.deal import Deal, check_deal
from cosell.sync.filling import RULE, fill_in_arrival, find_fill
from cosell.sync.gather import read_deal, read_deal_row
from cosell.sync.look import document_of, stage_of_referral
from cosell.sync.plan import Change
from cosell.sync.share import BEFORE_PARTNER_CENTER
from cosell.sync.solutions.look import read_members
from cosell.sync.solutions.row import Spelling
from cosell.sync.stages import EXPECTED
from cosell.sync.workspace import Workspace

REFERRAL = "a referral in Partner Center"
OPPORTUNITY = "an opportunity in the CRM"
NEW_REFERRAL, NEW_OPPORTUNITY = "new referral", "new opportunity"
WRITTEN_BACK = "written back"
KNOWN, NEW = "known", "new"


async def preview_new_referral(workspace: Workspace, opportunity_id: OpportunityId) -> Preview:
    """Say what sharing an opportunity would create.

    Raises:
        RecordNotFound: it is not in the CRM.
    """
    row = await read_deal_row(workspace, opportunity_id)
    workspace.reads.opportunities[opportunity_id] = row
    if not workspace.is_switched_on(row):
        return Preview(summary=SWITCHED_OFF, opportunity_id=opportunity_id)
    named = row.values.get(workspace.opportunity.columns.referral_id)
    if named:
        return await _preview_named(workspace, opportunity_id, ReferralId(parse_guid(str(named))))
    deal = await read_deal(workspace, row)
    problems = check_deal(deal)
    known = None if problems else await _find_by_reference(workspace, row)
    if known is not None:
        workspace.reads.referrals[known.id] = known
        return await preview_pair(workspace, await link_in_mind(workspace, known, opportunity_id))
    return Preview(
        summary="Nothing would be created: the deal is not ready." if problems else "A referral would be created.",
        opportunity_id=opportunity_id,
        created=(REFERRAL, *((MICROSOFTS_COPY,) if deal.help else ())),
        changes=tuple(_referral_changes(workspace, deal)),
        said={Side.DATAVERSE: deal.fields},
        problems=problems,
    )


async def _preview_named(workspace: Workspace, opportunity_id: OpportunityId, referral_id: ReferralId) -> Preview:
    """Go on with the referral which an opportunity names already."""
    referral = await workspace.get_referral(referral_id)
    if referral is None:
        return Preview(
            summary="Nothing: the opportunity names a referral which is not in Partner Center, or which this user may "
            "not see. Empty the referral identifier to create a new one.",
            opportunity_id=opportunity_id,
            referral_id=referral_id,
        )
    return await preview_pair(workspace, await link_in_mind(workspace, referral, opportunity_id))


async def _find_by_reference(workspace: Workspace, row: Row) -> Referral | None:
    created = row.values.get("createdon")
    since = datetime.fromisoformat(str(created)).astimezone(UTC) if created else BEFORE_PARTNER_CENTER
    return await workspace.partner_center.find_referral_by_external_reference(row.id, created_after=since)


def _referral_changes(workspace: Workspace, deal: Deal) -> Iterable[Change]:
    shared = {row.field: row for row in workspace.opportunity.fields if row.direction.allows(Side.PARTNER_CENTER)}
    fields: dict[str, Value] = {name: value for name, value in deal.fields.items() if name in shared}
    fields |= _party("customer", deal.customer) | _party("contact", deal.contact)
    fields["team"] = frozenset(str(member.get("email")) for member in deal.team)
    fields["solutions"] = frozenset(item.identifier for item in deal.solutions)
    fields["help"] = deal.help
    fields["visibility"] = deal.is_visible or bool(deal.help)
    fields["purchase_intent"] = deal.purchase_intent
    yield from _new(Side.PARTNER_CENTER, fields, rule=NEW_REFERRAL)
    yield from _new(Side.DATAVERSE, {"referral_id": "the new one", "referral_link": "made of it"}, rule=WRITTEN_BACK)


async def preview_new_opportunity(workspace: Workspace, referral: Referral) -> Preview:
    """Say what the arrival of a referral would create."""
    stage = stage_of_referral(referral)
    if stage not in CREATED_IN:
        return Preview(summary=f"Nothing: no opportunity is made of a {stage} deal.", referral_id=referral.id)
    document, own = document_of(referral), workspace.opportunity
    reading = read_referral(document, own, codes=await workspace.get_codes(), link_template=workspace.link_template)
    allowed = {row.field for row in own.fields if row.direction.allows(Side.DATAVERSE)}
    arriving = await fill_in_arrival(workspace, own, reading.snapshot, document)
    fields = {name: value for name, value in arriving.items() if name in allowed}
    filled = await find_fill(workspace, own, document, referral=reading.snapshot)
    fields |= {"status": EXPECTED[stage].value, "sync_switch": True}
    members = read_members(referral, Spelling({}))
    fields |= members.terms
    people = await _describe_people(workspace, document)
    return Preview(
        summary="An opportunity would be created.",
        referral_id=referral.id,
        created=(OPPORTUNITY, *(f"its {name}" for name, said in people.items() if said.startswith(NEW))),
        changes=(
            *_new(Side.DATAVERSE, {**fields, **people}, rule=NEW_OPPORTUNITY),
            *_new(Side.DATAVERSE, filled.values, rule=RULE),
            Change(
                side=Side.PARTNER_CENTER,
                field="crm_id",
                old=referral.external_reference_id,
                new="the new one",
                rule=WRITTEN_BACK,
            ),
        ),
        problems=tuple(
            f"{name} would be left alone: {reason}."
            for name, reason in {**reading.parked, **members.parked, **filled.problems}.items()
        ),
        told=("Received from Partner Center.", *iter_clocks(workspace, referral)),
        said={Side.PARTNER_CENTER: reading.snapshot},
    )


async def _describe_people(workspace: Workspace, document: Mapping[str, object]) -> dict[str, str]:
    """Say which account and contact the CRM has already, and which would be new."""
    customer = _in_plain_letters(read_party_document(document, workspace.mappings.account))
    if not customer.get("name"):
        return {}
    account_id = await find_account(workspace, customer)
    said = {"account": f"{KNOWN} {account_id}" if account_id else f"{NEW}: {customer['name']}"}
    first = read_first_contact(document, workspace.mappings.contact)
    if first is not None:
        contact = _in_plain_letters(first)
        contact_id = await find_contact(workspace, contact, account_id) if account_id else None
        said["contact"] = f"{KNOWN} {contact_id}" if contact_id else f"{NEW}: {full_name(contact)}"
    return said


def _in_plain_letters(party: Party) -> Party:
    """Return a party without HTML entities: Partner Center sends `&amp;` where somebody typed `&`."""
    return {field: html.unescape(text) if text else text for field, text in party.items()}


def _party(name: str, party: Party) -> dict[str, Value]:
    return {f"{name}_{field}": value for field, value in party.items()}


def _new(side: Side, fields: Snapshot, *, rule: str) -> Iterable[Change]:
    for name, value in fields.items():
        if not is_empty(value):
            yield Change(side=side, field=name, old=None, new=value, rule=rule)

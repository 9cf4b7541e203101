"""Turns an accepted lead into its opportunity: qualified, never made a second time.

The CRM remembers on the lead which opportunity it became. So whatever dies in between, the next look finds a qualified
lead and goes on from there.
"""

from collections.abc import Mapping
from dataclasses import replace

from cosell.dataverse import Qualifying, Row
from cosell.domain.ids import LeadId, Side
from cosell.domain.link import Link
from cosell.domain.money import Money
from cosell.domain.snapshot import Value, is_empty
from cosell.domain.stages import LeadStage
from cosell.errors import Origin, RecordNotFound
from cosell.mapping.codes import CURRENCY_SET
from cosell.mapping.fields import lookup_column, read_opportunity, to_columns
from cosell.mapping.models import CurrencyKind
from cosell.store import JournalEntry, Lease
from cosell.sync.audit import write_audit
from cosell.sync.customer import Customer, ensure_customer
from cosell.sync.filling import fill_new
from cosell.sync.hold import keep_lease
from cosell.sync.leads.apply import LeadPair, lead_status_columns
from cosell.sync.leads.look import find_opportunity_id, get_lead, get_lead_codes
from cosell.sync.look import document_of
from cosell.sync.telling import as_text
from cosell.sync.workspace import Workspace

KEPT_ON_THE_LEAD = frozenset({"crm_id"})
"""Fields which an opportunity has of its own."""
QUALIFIED = "The lead was qualified; the deal goes on in this opportunity."


async def qualify(workspace: Workspace, pair: LeadPair, *, lease: Lease) -> LeadPair:
    """Qualify a lead which was accepted in Partner Center, with the account and contact of its customer.

    Raises:
        LeaseHeld: another run looks for the same customer, or it took too long.
        StaleEtag: somebody qualified or disqualified it meanwhile.
    """
    customer = await ensure_customer(workspace, document_of(pair.referral))
    codes = await get_lead_codes(workspace)
    own = workspace.mappings.lead
    value = read_opportunity(pair.row.values, own, codes=codes).snapshot.get("deal_value")
    currency_id = codes.currencies.find_id(value.currency) if isinstance(value, Money) else None
    await keep_lease(workspace, lease)
    status = lead_status_columns(own, LeadStage.QUALIFIED)[own.columns.status_reason]
    await workspace.dataverse.qualify_lead(
        pair.row.id,
        Qualifying(
            creates_account=False,
            creates_contact=False,
            status=int(str(status)),
            account_id=customer.account_id,
            currency_id=currency_id,
        ),
    )
    # What was made stands on the lead for good; the answer of the action is only one of the places to read it.
    lead = await get_lead(workspace, LeadId(pair.row.id), is_fresh=True)
    if lead is None:
        raise RecordNotFound(
            "The lead is gone from the CRM.", origin=Origin(service="Dataverse", record=f"lead {pair.row.id}")
        )
    return replace(pair, row=lead)


async def go_on_as_opportunity(
    workspace: Workspace, pair: LeadPair, *, rule: str, lease: Lease, run_id: str = ""
) -> Link:
    """Give the link of a qualified lead its opportunity, and the opportunity what it needs to be kept in step.

    The base stays: what the seller changed in the lead meanwhile, the opportunity says now, and it is sent from there.
    The opportunity is written first, as nothing looks at the lead again once the link knows it.

    Raises:
        RecordNotFound: the opportunity is gone.
        StaleEtag: it moved since it was read.
    """
    opportunity_id = find_opportunity_id(pair.row, workspace.mappings.lead)
    row = await workspace.get_opportunity(opportunity_id, is_fresh=True) if opportunity_id else None
    if opportunity_id is None or row is None:
        raise RecordNotFound(
            "The opportunity of the qualified lead is gone from the CRM; the referral was left as it is.",
            origin=Origin(service="Dataverse", record=f"lead {pair.row.id}"),
        )
    body = await _spell_opportunity(workspace, pair, row)
    if body:
        row = await workspace.dataverse.update(
            workspace.opportunity.set, row.id, body, etag=row.etag, select=workspace.select
        )
        workspace.reads.opportunities[opportunity_id] = row
    link = replace(
        pair.link,
        opportunity_id=opportunity_id,
        lead_etag=pair.row.etag,
        # Neither record is as the base says: the opportunity has yet to be looked at.
        referral_etag=None,
        opportunity_etag=None,
    )
    entry = JournalEntry(
        at=workspace.clock(),
        link_id=link.link_id,
        side=Side.DATAVERSE,
        field="status",
        new=LeadStage.QUALIFIED.value,
        rule=rule,
        flow_run_id=run_id or None,
    )
    await workspace.ledger.record_sync(link, lease=lease, journal=[entry])
    return link


async def _spell_opportunity(workspace: Workspace, pair: LeadPair, row: Row) -> dict[str, object]:
    """Return what the opportunity lacks; nothing when it was prepared before, by a run which died."""
    own = workspace.opportunity
    if workspace.is_switched_on(row) and row.values.get(own.columns.referral_id) == pair.link.referral_id:
        return {}
    customer = await ensure_customer(workspace, document_of(pair.referral)) if _lacks_customer(workspace, row) else None
    body = await _spell_lacking_fields(workspace, pair, row)
    body |= _bind_customer(workspace, row, customer or Customer())
    body |= await fill_new(workspace, own, document_of(pair.referral), present=row.values)
    body[own.columns.sync_switch] = True
    body[own.columns.referral_id] = pair.link.referral_id
    audit = as_text(row.values.get(own.columns.audit))
    body[own.columns.audit] = write_audit(audit, [QUALIFIED], now=workspace.clock())
    return body


def _lacks_customer(workspace: Workspace, row: Row) -> bool:
    return not row.values.get(lookup_column(workspace.opportunity.columns.account))


def _bind_customer(workspace: Workspace, row: Row, customer: Customer) -> dict[str, object]:
    """Bind account and contact where the opportunity has none; what a seller chose stays."""
    own, body = workspace.opportunity.columns, dict[str, object]()
    if customer.account_id:
        account = f"/{workspace.mappings.account.set}({customer.account_id})"
        body[f"{own.account}@odata.bind"] = account
        if not row.values.get(lookup_column(own.customer)):
            body[f"{own.customer}_account@odata.bind"] = account
    if customer.contact_id and not row.values.get(lookup_column(own.contact)):
        body[f"{own.contact}@odata.bind"] = f"/{workspace.mappings.contact.set}({customer.contact_id})"
    return body


async def _spell_lacking_fields(workspace: Workspace, pair: LeadPair, row: Row) -> dict[str, object]:
    """Return the lead's fields which qualifying did not carry over.

    The CRM's own list of what is carried knows neither our columns nor a deal value in a column of the partner's.
    """
    codes = await workspace.get_codes(row)
    of_lead = read_opportunity(pair.row.values, workspace.mappings.lead, codes=await get_lead_codes(workspace)).snapshot
    of_opportunity = read_opportunity(row.values, workspace.opportunity, codes=codes).snapshot
    lacking: Mapping[str, Value] = {
        name: value
        for name, value in of_lead.items()
        if name not in KEPT_ON_THE_LEAD and not is_empty(value) and is_empty(of_opportunity.get(name))
    }
    body = to_columns(lacking, workspace.opportunity, codes=codes)
    is_lookup = workspace.opportunity.currency_kind is CurrencyKind.LOOKUP
    if is_lookup and not row.values.get(lookup_column(workspace.opportunity.columns.currency)):
        currency_id = pair.row.values.get(lookup_column(workspace.mappings.lead.columns.currency))
        if currency_id:
            body[f"{workspace.opportunity.columns.currency}@odata.bind"] = f"/{CURRENCY_SET}({currency_id})"
    return body

"""One look at a referral and its lead: from what came over the wire to what is decided and planned."""

from collections.abc import Mapping, Sequence

from cosell.dataverse import Row
from cosell.domain.ids import LeadId, OpportunityId
from cosell.domain.stages import LeadStage, OpportunityStage
from cosell.mapping.codes import Codes
from cosell.mapping.fields import lookup_column, read_opportunity, read_referral, select_lead_columns
from cosell.mapping.models import Kind, LeadMapping
from cosell.partner_center import Referral
from cosell.sync.filling import travelling
from cosell.sync.leads.stages import LeadSeen
from cosell.sync.look import document_of, parked_notes, stage_of_referral
from cosell.sync.planner import Seen
from cosell.sync.sort import is_for_information
from cosell.sync.stages import StagePair
from cosell.sync.workspace import Workspace


def select_lead(workspace: Workspace) -> tuple[str, ...]:
    """Return the columns of the lead which every read asks for."""
    return select_lead_columns(workspace.mappings.lead)


async def get_lead(workspace: Workspace, lead_id: LeadId, *, is_fresh: bool = False) -> Row | None:
    """Return a lead, None when it is gone; `is_fresh` reads it again even when this run has read it."""
    leads = workspace.reads.leads
    if is_fresh or lead_id not in leads:
        leads[lead_id] = await workspace.dataverse.find(
            workspace.mappings.lead.set, lead_id, select=select_lead(workspace)
        )
    return leads[lead_id]


async def read_leads(workspace: Workspace, lead_ids: Sequence[LeadId]) -> None:
    """Read many leads in pages; those this run has read already are left out."""
    wanted = [lead_id for lead_id in lead_ids if lead_id not in workspace.reads.leads]
    if wanted:
        rows = await workspace.dataverse.get_many(workspace.mappings.lead.set, wanted, select=select_lead(workspace))
        workspace.reads.leads |= {LeadId(row_id): row for row_id, row in rows.items()}


def is_lead_switched_on(workspace: Workspace, row: Row) -> bool:
    """Tell whether the seller lets this lead be synchronised."""
    return row.values.get(workspace.mappings.lead.columns.sync_switch) is True


def find_opportunity_id(row: Row, mapping: LeadMapping) -> OpportunityId | None:
    """Return the opportunity which qualifying made of a lead."""
    found = row.values.get(lookup_column(mapping.columns.opportunity))
    return OpportunityId(str(found).lower()) if found else None


def stage_of_lead(row: Row, mapping: LeadMapping) -> LeadStage:
    """Return the stage of a lead; a status reason which the mapping lacks is judged by the state alone."""
    state, reason = row.values.get(mapping.columns.state), row.values.get(mapping.columns.status_reason)
    exact = next((item.stage for item in mapping.statuses if (item.state, item.status_reason) == (state, reason)), None)
    if exact is not None:
        return exact
    by_state: Mapping[object, LeadStage] = {
        0: LeadStage.OPEN,
        1: LeadStage.QUALIFIED,
        2: LeadStage.DISQUALIFIED,
    }
    return by_state.get(state, LeadStage.UNKNOWN)


def look_at_stages(workspace: Workspace, referral: Referral, row: Row) -> LeadSeen:
    """Return how far both sides have come."""
    own = workspace.mappings.lead
    return LeadSeen(
        referral=stage_of_referral(referral),
        lead=stage_of_lead(row, own),
        has_opportunity=find_opportunity_id(row, own) is not None,
        is_for_information=is_for_information(referral),
        may_answer=workspace.variables.on_hold_answers,
    )


async def look_at_lead(workspace: Workspace, referral: Referral, row: Row) -> Seen:
    """Return what both sides say in the shared fields, in canonical values."""
    own, codes, document = workspace.mappings.lead, await get_lead_codes(workspace, row), document_of(referral)
    theirs = read_referral(document, own, codes=codes, link_template=workspace.link_template)
    ours = read_opportunity(row.values, own, codes=codes)
    referral_says, lead_says = travelling(workspace, own, document, referral=theirs.snapshot, opportunity=ours.snapshot)
    return Seen(
        referral=referral_says,
        whole=theirs.whole,
        opportunity=lead_says,
        stages=StagePair(referral=stage_of_referral(referral), opportunity=OpportunityStage.ON_HOLD),
        may_answer=workspace.variables.on_hold_answers,
        notes=[*parked_notes(theirs), *parked_notes(ours)],
    )


async def get_lead_codes(workspace: Workspace, row: Row | None = None) -> Codes:
    """Return what the CRM's currencies mean, and the lead's choices when the mapping has any."""
    own, numbers = workspace.mappings.lead, row.values if row else None
    if not any(item.kind is Kind.CHOICE for item in own.fields):
        return Codes(currencies=await workspace.codebook.get_currencies())
    return await workspace.codebook.get_codes(own.table, own.fields, workspace.mappings.choices, numbers=numbers)

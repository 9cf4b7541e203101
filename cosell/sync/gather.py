"""Gathers from the CRM everything a deal's referral is made of: the opportunity, its people and its solutions."""

from collections.abc import Mapping

from cosell.dataverse import Row
from cosell.dataverse.odata import Expand
from cosell.domain.ids import OpportunityId
from cosell.domain.snapshot import Snapshot
from cosell.errors import Origin, RecordNotFound
from cosell.mapping.codes import Lookups
from cosell.mapping.countries import find_country
from cosell.mapping.fields import read_opportunity
from cosell.mapping.models import Mappings
from cosell.mapping.parties import Party, party_select, read_party_columns
from cosell.mapping.solutions import Solution
from cosell.sync.contact import read_contact
from cosell.sync.deal import NOT_DECIDED, Deal
from cosell.sync.filling import fill_in_deal
from cosell.sync.planner import HELP_FIELD
from cosell.sync.roster import APPLICATION, USER_COLUMNS, contact_of, owner_of, read_teams, read_user
from cosell.sync.solutions.read import read_solution_rows
from cosell.sync.team import User, pick_members
from cosell.sync.workspace import Workspace

OWNER = "owninguser"


async def read_deal_row(workspace: Workspace, opportunity_id: OpportunityId) -> Row:
    """Return an opportunity with its account, contact and owner.

    Raises:
        RecordNotFound: it is not in the CRM.
    """
    row = await workspace.dataverse.find(
        workspace.opportunity.set, opportunity_id, select=workspace.select, expand=expand_of(workspace)
    )
    if row is None:
        raise RecordNotFound(
            "The opportunity is not in the CRM.",
            origin=Origin(service="Dataverse", record=f"opportunity {opportunity_id}"),
        )
    return row


def expand_of(workspace: Workspace) -> Expand:
    """Return what is read together with an opportunity, so that it can be shared: account, contact and owner."""
    mappings, own = workspace.mappings, workspace.opportunity.columns
    account, contact = party_select(mappings.account), party_select(mappings.contact)
    return {
        own.account: account,
        f"{own.customer}_account": account,
        own.contact: contact,
        f"{own.customer}_contact": contact,
        OWNER: [*USER_COLUMNS.values(), APPLICATION],
    }


async def read_deal(workspace: Workspace, row: Row) -> Deal:
    """Return the deal of an opportunity; one that was read without account, contact and owner is read again."""
    if OWNER not in row.values:
        row = await read_deal_row(workspace, OpportunityId(row.id))
    mappings, own = workspace.mappings, workspace.opportunity.columns
    users = await _read_people(workspace, row)
    reading = read_opportunity(row.values, workspace.opportunity, codes=await workspace.get_codes(row))
    account = _expanded(row, own.account, f"{own.customer}_account")
    fields = await fill_in_deal(workspace, reading.snapshot)
    return Deal(
        opportunity_id=OpportunityId(row.id),
        fields=fields,
        customer=_read_customer(account, mappings, await workspace.get_lookups(mappings.account)),
        contact=read_party_columns(_expanded(row, own.contact, f"{own.customer}_contact"), mappings.contact),
        team=pick_members(users),
        solutions=await _read_solutions(workspace, OpportunityId(row.id)),
        help=_read_code(fields, HELP_FIELD),
        is_visible=fields.get("visibility") is True,
        purchase_intent=_read_code(fields, "purchase_intent") or NOT_DECIDED,
        is_test=workspace.is_test,
    )


async def _read_people(workspace: Workspace, row: Row) -> tuple[User, ...]:
    """Return owner and sales team; they and the contact stay at hand for the first look at the pair."""
    own, mapping, reads = workspace.opportunity.columns, workspace.mappings.contact, workspace.reads
    owner_id, contact_id = owner_of(workspace, row), contact_of(workspace, row)
    owner = row.find_expanded(OWNER)
    if owner is not None:
        reads.users[owner_id] = (read_user(owner),)
    contact = _expanded(row, own.contact, f"{own.customer}_contact")
    if contact_id and contact:
        reads.contacts[contact_id] = read_contact(contact, mapping)
    teams = await read_teams(workspace, [row])
    return teams.get(OpportunityId(row.id), reads.users.get(owner_id, ()))


def _read_code(snapshot: Snapshot, field: str) -> str | None:
    value = snapshot.get(field)
    return value if isinstance(value, str) else None


def _read_customer(columns: Mapping[str, object], mappings: Mappings, lookups: Lookups) -> Party:
    """Return the account by our field names, its country as two letters; a country that nobody knows is left out."""
    found = read_party_columns(columns, mappings.account, lookups)
    defaults = {row.field: row.default for row in mappings.account.fields if row.default} if columns else {}
    customer = {**found, **{name: text for name, text in defaults.items() if not found.get(name)}}
    return {**customer, "country": find_country(customer.get("country"), mappings.countries.aliases)}


def _expanded(row: Row, *names: str) -> Mapping[str, object]:
    return next((found for name in names if (found := row.find_expanded(name))), {})


async def _read_solutions(workspace: Workspace, opportunity_id: OpportunityId) -> tuple[Solution, ...]:
    """Return the valid solutions, each once; the rows stay at hand for the first look at the pair."""
    await read_solution_rows(workspace, [opportunity_id])
    found: dict[str, Solution] = {}
    for row in workspace.reads.solutions[opportunity_id]:
        if row.solution is not None:
            found.setdefault(row.solution.identifier.casefold(), row.solution)
    return tuple(found.values())

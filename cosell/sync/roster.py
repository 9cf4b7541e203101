"""Reads the people of opportunities from the CRM: owner, sales team, customer contact; many at once, and when due.

The sales team of an opportunity is its access team: a team row which is about the opportunity (Microsoft: Use access
teams and owner teams). A run asks for nobody twice.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence

from cosell.dataverse import Row
from cosell.domain.ids import ContactId, OpportunityId
from cosell.domain.link import Link
from cosell.domain.stages import ReferralStage
from cosell.errors import AccessDenied
from cosell.mapping.fields import CREATOR, lookup_column
from cosell.sync.contact import BASE_CONTACT, read_contact
from cosell.sync.people import People, is_left_alone
from cosell.sync.plan import Plan
from cosell.sync.planner import BASE_REFERRAL_STAGE, Seen
from cosell.sync.team import BASE_OWNER, User
from cosell.sync.workspace import Workspace

logger = logging.getLogger(__name__)

USER_SET, TEAM_SET = "systemusers", "teams"
USER_COLUMNS = {"first_name": "firstname", "last_name": "lastname", "email": "internalemailaddress"}
"""Columns of systemuser by the field names of `mappings/contact.yaml`."""
ACCOUNT = "account"
APPLICATION = "applicationid"
INVITED = ReferralStage.INVITED.value
MEMBERS = "teammembership_association"
ABOUT = "regardingobjectid"


async def read_people(
    workspace: Workspace, link: Link, row: Row, *, seen: Seen, plan: Plan, is_asked: bool
) -> People | None:
    """Return what has to be known of the people of a pair, None when nothing of it could be written.

    The team is read at the first meeting and when the owner is another, the contact when it is another one and the deal
    is not visible yet; both when `is_asked`.
    """
    if is_left_alone(seen, plan):
        return None
    owner_id, contact_id = owner_of(workspace, row), contact_of(workspace, row)
    users: tuple[User, ...] | None = None
    if not is_asked and _is_untaken(workspace, link, row):
        users = ()
    elif is_asked or link.base.get(BASE_OWNER) != owner_id:
        users = (await read_teams(workspace, [row])).get(OpportunityId(row.id))
    is_due = is_asked or link.base.get(BASE_CONTACT) != contact_id
    if contact_id and is_due and not seen.is_shared:
        await read_contacts(workspace, [contact_id])
    contact = workspace.reads.contacts.get(contact_id) if contact_id else None
    return People(owner_id=owner_id, contact_id=contact_id or "", users=users, contact=contact)


def _is_untaken(workspace: Workspace, link: Link, row: Row) -> bool:
    """Tell whether an opportunity which we have made of a referral still belongs to us: then nobody is asked for.

    By the time an invitation is answered, who created the opportunity is known by its own column only.
    """
    is_ours = OpportunityId(row.id) in workspace.reads.made or link.base.get(BASE_REFERRAL_STAGE) == INVITED
    return is_ours and str(row.values.get(lookup_column(CREATOR)) or "").lower() == owner_of(workspace, row)


def owner_of(workspace: Workspace, row: Row) -> str:
    """Return the id of the user or team that owns an opportunity."""
    return str(row.values.get(lookup_column(workspace.opportunity.columns.owner)) or "").lower()


def contact_of(workspace: Workspace, row: Row) -> ContactId | None:
    """Return the id of the customer's contact; where none is named, the customer may be one."""
    own = workspace.opportunity.columns
    contact, customer = row.get(lookup_column(own.contact)), row.get(lookup_column(own.customer))
    found = contact or (None if _is_account(workspace, row) else customer)
    return ContactId(str(found).lower()) if found else None


def _is_account(workspace: Workspace, row: Row) -> bool:
    """Tell whether the customer is an account; a row which we have just written does not name the lookup's table."""
    own = workspace.opportunity.columns
    account, customer = lookup_column(own.account), lookup_column(own.customer)
    return row.find_lookup_table(customer) == ACCOUNT or row.get(customer) == row.get(account)


async def read_contacts(workspace: Workspace, contact_ids: Collection[ContactId]) -> None:
    """Read contacts in pages; those this run has read already are left out."""
    mapping = workspace.mappings.contact
    wanted = [row_id for row_id in contact_ids if row_id not in workspace.reads.contacts]
    rows = await workspace.dataverse.get_many(
        mapping.set, wanted, select=(mapping.id, *(row.dataverse for row in mapping.fields))
    )
    workspace.reads.contacts |= {ContactId(row_id): read_contact(row.values, mapping) for row_id, row in rows.items()}


async def read_teams(workspace: Workspace, rows: Sequence[Row]) -> dict[OpportunityId, tuple[User, ...]]:
    """Return owner and sales team of each opportunity, in that order; read in pages, never a call per record.

    An opportunity is missing from the answer when our application user may not read teams.
    """
    reads = workspace.reads
    owners = {OpportunityId(row.id): owner_of(workspace, row) for row in rows}
    await _read_owners(workspace, owners.values())
    try:
        await _read_sales_teams(workspace, [row_id for row_id in owners if row_id not in reads.sales_teams])
    except AccessDenied as error:
        logger.warning("the sales teams were left out: %s", error)
    return {
        row_id: (*reads.users.get(owner_id, ()), *reads.sales_teams[row_id])
        for row_id, owner_id in owners.items()
        if row_id in reads.sales_teams
    }


async def _read_owners(workspace: Workspace, owner_ids: Iterable[str]) -> None:
    """Read users; an owner which is none is a team, and its members are."""
    users = workspace.reads.users
    wanted = sorted({owner_id for owner_id in owner_ids if owner_id and owner_id not in users})
    columns = ("systemuserid", *USER_COLUMNS.values(), APPLICATION)
    rows = await workspace.dataverse.get_many(USER_SET, wanted, select=columns)
    users |= {row_id: (read_user(row.values),) for row_id, row in rows.items()}
    others = [owner_id for owner_id in wanted if owner_id not in users]
    try:
        teams = await workspace.dataverse.get_many(TEAM_SET, others, select=("teamid",), expand=_MEMBERS)
    except AccessDenied as error:
        logger.warning("the teams which own opportunities were left out: %s", error)
        return
    users |= {row_id: _read_members(row) for row_id, row in teams.items()}
    users |= {owner_id: () for owner_id in others if owner_id not in users}


async def _read_sales_teams(workspace: Workspace, opportunity_ids: Sequence[OpportunityId]) -> None:
    about = lookup_column(ABOUT)
    teams = await workspace.dataverse.query_one_of(
        TEAM_SET, about, opportunity_ids, select=("teamid", about), expand=_MEMBERS
    )
    found: dict[OpportunityId, tuple[User, ...]] = dict.fromkeys(opportunity_ids, ())
    for team in teams:
        opportunity_id = OpportunityId(str(team.values.get(about)).lower())
        found[opportunity_id] = (*found.get(opportunity_id, ()), *_read_members(team))
    workspace.reads.sales_teams |= found


_MEMBERS = {MEMBERS: (*USER_COLUMNS.values(), APPLICATION)}


def _read_members(team: Row) -> tuple[User, ...]:
    members = team.values.get(MEMBERS)
    rows = [item for item in members if isinstance(item, Mapping)] if isinstance(members, list) else []
    return tuple(read_user(row) for row in rows)


def read_user(columns: Mapping[str, object]) -> User:
    """Return a user by the columns of systemuser."""
    party = {name: str(columns.get(column) or "").strip() or None for name, column in USER_COLUMNS.items()}
    return User(party=party, is_person=not columns.get(APPLICATION))

"""The standard tables of a Dynamics 365 Sales environment, as data."""

import pickle
from functools import cache

from cosell.emulators.dataverse.metadata import ManyToMany, Schema, stable_id
from cosell.emulators.dataverse.tables import (
    account,
    activities,
    contact,
    lead,
    opportunity,
    organization,
    platform,
    sales,
)
from cosell.emulators.dataverse.tables.columns import Draft

DRAFTS: tuple[Draft, ...] = (
    *organization.DRAFTS,
    *platform.DRAFTS,
    account.DRAFT,
    contact.DRAFT,
    lead.DRAFT,
    opportunity.DRAFT,
    *sales.DRAFTS,
    *activities.DRAFTS,
)

ROLES_OF_USERS = ManyToMany(
    schema="systemuserroles_association",
    first="systemuser",
    second="role",
    first_nav="systemuserroles_association",
    second_nav="systemuserroles_association",
    intersect="systemuserroles",
    metadata_id=stable_id("systemuserroles_association"),
)
USERS_OF_TEAMS = ManyToMany(
    schema="teammembership_association",
    first="systemuser",
    second="team",
    first_nav="teammembership_association",
    second_nav="teammembership_association",
    intersect="teammembership",
    metadata_id=stable_id("teammembership_association"),
)

PRIVILEGES_OF_ROLES = ManyToMany(
    schema="roleprivileges_association",
    first="role",
    second="privilege",
    first_nav="roleprivileges_association",
    second_nav="roleprivileges_association",
    intersect="roleprivileges",
    metadata_id=stable_id("roleprivileges_association"),
)


def standard_schema() -> Schema:
    """Return a fresh copy of the standard tables; nothing in it is shared between worlds."""
    fresh: Schema = pickle.loads(_build())  # noqa: S301  our own bytes, of this very process
    fresh.touch()
    return fresh


@cache
def _build() -> bytes:
    """Return the standard tables as bytes: what is copied by each reset of an emulator is built once."""
    schema = Schema()
    for draft in DRAFTS:
        table, relationships = draft.build()
        schema.add_tables([table], relationships)
    schema.many_to_many += [ROLES_OF_USERS, USERS_OF_TEAMS, PRIVILEGES_OF_ROLES]
    return pickle.dumps(schema)

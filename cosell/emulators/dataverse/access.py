"""Who is asking, and what their security roles let them do.

Roles are rows associated with users, as in the real service, so a test can take a role away through the Web API. What a
standard role may do is told here in a few words instead of some thousand privilege rows; a role that somebody made may
do what its privileges say.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cosell.emulators.dataverse.errors import business, missing_privilege, no_roles
from cosell.emulators.dataverse.metadata import Schema, Table
from cosell.emulators.dataverse.rows import Row, RowStore

ALL_RIGHTS = frozenset({"Create", "Read", "Write", "Delete", "Append", "AppendTo"})
SETUP_TABLES = frozenset(
    {
        "organization", "businessunit", "systemuser", "team", "role", "transactioncurrency", "publisher", "solution",
        "solutioncomponent", "serviceendpoint", "sdkmessage", "sdkmessagefilter", "sdkmessageprocessingstep",
        "sdkmessageprocessingstepimage", "environmentvariabledefinition", "environmentvariablevalue", "audit",
        "callbackregistration", "asyncoperation", "privilege",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRights:
    """What one role may do: with business tables, with set-up tables, and how far its reading goes."""

    business: frozenset[str] = frozenset()
    setup: frozenset[str] = frozenset({"Read"})
    organization_wide: bool = True
    customizes: bool = False
    acts_for_others: bool = False


ROLES: dict[str, RoleRights] = {
    "System Administrator": RoleRights(business=ALL_RIGHTS, setup=ALL_RIGHTS, customizes=True, acts_for_others=True),
    "System Customizer": RoleRights(business=ALL_RIGHTS, setup=ALL_RIGHTS, customizes=True),
    "Sales Manager": RoleRights(business=ALL_RIGHTS),
    "Salesperson": RoleRights(business=ALL_RIGHTS),
    "Delegate": RoleRights(acts_for_others=True),
    "Basic User": RoleRights(business=ALL_RIGHTS, organization_wide=False),
    "Read Only": RoleRights(business=frozenset({"Read"})),
}


HELD = "privileges@"
"""Where a role's row keeps what was added to it: privilege id to depth; no column has such a name."""
# Tables whose privileges are not named after them; all activities share theirs.
NAMED_OTHERWISE = {"systemuser": "User", "annotation": "Note"}


def privilege_name(right: str, table: Table) -> str:
    """Return the name of the privilege that gives a right on a table."""
    stem = "Activity" if table.is_activity else NAMED_OTHERWISE.get(table.logical, table.schema)
    return f"prv{right}{stem}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The user in whose name a request runs; `caller_id` is the real one when that is somebody else."""

    user_id: str
    business_unit_id: str
    roles: tuple[str, ...]
    caller_id: str | None = None
    caller_roles: tuple[str, ...] = ()


class Access:
    """Check rights."""

    def __init__(self, schema: Schema, rows: RowStore) -> None:
        self._schema = schema
        self._rows = rows

    def actor_of(self, user: Row) -> Actor:
        """Return a user as an actor; a disabled one or one without a role is refused."""
        if user.data.get("isdisabled"):
            message = (
                f"The specified user(Id = {user.id}, OrganizationId = 0) is disabled. Consider enabling this user."
            )
            raise business("0x80040225", message, status=403)
        roles = self.roles_of(user.id)
        if not roles:
            raise no_roles(user.id)
        return Actor(user_id=user.id, business_unit_id=str(user.data.get("businessunitid", "")), roles=roles)

    def roles_of(self, user_id: str) -> tuple[str, ...]:
        """Return the names of a user's roles."""
        ids = self._rows.linked("systemuserroles_association", first=user_id)
        return tuple(str(role.data.get("name")) for role in self._rows.get_many("role", ids))

    def impersonate(self, caller: Actor, user: Row) -> Actor:
        """Return the actor for somebody else's request made in a user's name."""
        if not any(ROLES[name].acts_for_others for name in caller.roles if name in ROLES):
            raise missing_privilege(
                user_id=caller.user_id,
                privilege="prvActOnBehalfOfAnotherUser",
                table="systemuser",
                role_count=len(caller.roles),
            )
        actor = self.actor_of(user)
        return Actor(
            user_id=actor.user_id,
            business_unit_id=actor.business_unit_id,
            roles=actor.roles,
            caller_id=caller.user_id,
            caller_roles=caller.roles,
        )

    def require(self, actor: Actor, right: str, table: Table) -> None:
        """Refuse an actor whose roles lack a right on a table; impersonation needs it on both sides."""
        for user_id, roles in _sides(actor):
            if not any(right in self.rights(name, table) for name in roles):
                raise _denied(user_id, roles, privilege_name(right, table), table.logical)

    def require_organization_read(self, actor: Actor, table: Table) -> None:
        """Refuse an actor who may not read every row of a table, as change tracking does."""
        self.require(actor, "Read", table)
        for user_id, roles in _sides(actor):
            if not any(self._reads_all(name, table) for name in roles):
                raise _denied(user_id, roles, privilege_name("Read", table), table.logical)

    def require_customizing(self, actor: Actor, privilege: str) -> None:
        """Refuse an actor who may not change the schema."""
        for user_id, roles in _sides(actor):
            if not any(ROLES[name].customizes for name in roles if name in ROLES):
                raise _denied(user_id, roles, privilege, "entity")

    def sees_all(self, actor: Actor, table: Table) -> bool:
        """Tell whether an actor sees rows of other owners."""
        if table.ownership != "UserOwned" or table.logical in SETUP_TABLES:
            return True
        return all(any(self._reads_all(name, table) for name in roles) for _, roles in _sides(actor))

    def require_row(self, actor: Actor, right: str, table: Table, row: Row) -> None:
        """Refuse an actor whose rights end at their own rows and who asks for somebody else's."""
        self.require(actor, right, table)
        if not self.sees_all(actor, table) and row.data.get("ownerid") != actor.user_id:
            message = (
                f"Principal user (Id={actor.user_id}, type=8) is missing {right} rights on "
                f"{table.logical} with Id = {row.id}."
            )
            raise business("0x80040220", message, status=403)

    def rights(self, role: str, table: Table) -> frozenset[str]:
        """Return what a role may do with a table's rows."""
        fixed = ROLES.get(role)
        if fixed is not None:
            return fixed.setup if table.logical in SETUP_TABLES else fixed.business
        held = self.held_by(role)
        return frozenset(right for right in ALL_RIGHTS if privilege_name(right, table) in held)

    def held_by(self, role: str) -> Mapping[str, str]:
        """Return the privileges that were added to a role: name to depth."""
        found = self._rows.get_many("role", self._rows.find_ids("role", "name", role))
        held = found[0].data.get(HELD) if found else None
        rows = self._rows.get_many("privilege", held) if isinstance(held, dict) else []
        return {str(row.data["name"]): held[row.id] for row in rows} if isinstance(held, dict) else {}

    def _reads_all(self, role: str, table: Table) -> bool:
        if role in ROLES:
            return ROLES[role].organization_wide and "Read" in self.rights(role, table)
        return self.held_by(role).get(privilege_name("Read", table)) == "Global"


def _sides(actor: Actor) -> list[tuple[str, tuple[str, ...]]]:
    sides = [(actor.user_id, actor.roles)]
    if actor.caller_id:
        sides.append((actor.caller_id, actor.caller_roles))
    return sides


def _denied(user_id: str, roles: tuple[str, ...], privilege: str, table: str) -> Exception:
    return missing_privilege(user_id=user_id, privilege=privilege, table=table, role_count=len(roles))

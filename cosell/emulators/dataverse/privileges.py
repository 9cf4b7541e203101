"""Privileges: what a security role can hold, told by table, and the messages that give and list them.

The standard roles are told in a few words (`access.py`) and hold what follows from them; a role that somebody made
holds what was added to it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from cosell.emulators.dataverse.access import ALL_RIGHTS, HELD, ROLES, privilege_name
from cosell.emulators.dataverse.environment import BUSINESS_UNIT_ID, Environment
from cosell.emulators.dataverse.errors import bad_payload, invalid_argument, not_found
from cosell.emulators.dataverse.http import Call, Reply, read_json
from cosell.emulators.dataverse.metadata import Table, stable_id
from cosell.emulators.dataverse.rows import Data, Row
from cosell.emulators.dataverse.times import stamp

DEPTHS = ("Basic", "Local", "Deep", "Global")
RIGHTS = {
    "Read": 1, "Write": 2, "Append": 4, "AppendTo": 16, "Create": 32, "Delete": 65536,
    "Share": 262144, "Assign": 524288,
}  # fmt: skip
OWNED_ONLY = frozenset({"Share", "Assign"})
CUSTOMIZING = (
    "prvCreateEntity", "prvWriteEntity", "prvDeleteEntity", "prvCreateAttribute", "prvWriteAttribute",
    "prvDeleteAttribute", "prvCreateRelationship", "prvWriteRelationship", "prvDeleteRelationship",
    "prvCreateOptionSet", "prvWriteOptionSet", "prvDeleteOptionSet", "prvPublishCustomization",
)  # fmt: skip
READING_DEFINITIONS = ("prvReadEntity", "prvReadAttribute", "prvReadRelationship", "prvReadOptionSet")


def privilege_id(name: str) -> str:
    """Return the id a privilege keeps over resets."""
    return stable_id("privilege", name.lower())


def privileges_of(table: Table) -> dict[str, str]:
    """Return a table's privileges: right to name."""
    rights = [right for right in RIGHTS if table.ownership == "UserOwned" or right not in OWNED_ONLY]
    return {right: privilege_name(right, table) for right in rights}


def privileges_json(table: Table) -> list[dict[str, object]]:
    """Return a table's privileges as its definition shows them (SecurityPrivilegeMetadata)."""
    is_owned = table.ownership == "UserOwned"
    depths = {"CanBeBasic": is_owned, "CanBeLocal": is_owned, "CanBeDeep": is_owned, "CanBeGlobal": True}
    return [
        {**depths, "Name": name, "PrivilegeId": privilege_id(name), "PrivilegeType": right}
        for right, name in privileges_of(table).items()
    ]


def add_privileges(env: Environment, tables: Iterable[Table], now: datetime, *, others: Iterable[str] = ()) -> None:
    """Write the privilege rows of tables which have none yet."""
    rows: dict[str, Data] = {}
    for table in tables:
        for right, name in privileges_of(table).items():
            rows[privilege_id(name)] = {"name": name, "accessright": RIGHTS[right], "canbeglobal": True}
    rows |= {privilege_id(name): {"name": name, "accessright": 0, "canbeglobal": True} for name in others}
    stamps: Data = {"createdon": stamp(now), "modifiedon": stamp(now)}
    missing = [(row_id, stamps | data) for row_id, data in rows.items() if not env.rows.exists("privilege", row_id)]
    env.rows.insert_many("privilege", missing)


class Privileges:
    """Answer the messages about privileges of one request."""

    def __init__(self, env: Environment, call: Call) -> None:
        self._env = env
        self._call = call

    def of_user(self, user: Row) -> Reply:
        """Answer RetrieveUserPrivileges: the union over the roles, each at its deepest."""
        deepest: dict[str, str] = {}
        for role in self._env.access.roles_of(user.id):
            for name, depth in self._held_by(role).items():
                if DEPTHS.index(depth) >= DEPTHS.index(deepest.get(name, DEPTHS[0])):
                    deepest[name] = depth
        return self._told("RetrieveUserPrivilegesResponse", deepest)

    def of_role(self, role_id: str) -> Reply:
        """Answer RetrieveRolePrivilegesRole."""
        role = self._env.rows.get("role", role_id.lower())
        if role is None:
            raise not_found("role", role_id)
        return self._told("RetrieveRolePrivilegesRoleResponse", self._held_by(str(role.data.get("name"))))

    def add(self, role: Row) -> Reply:
        """Answer AddPrivilegesRole."""
        self._env.access.require(self._call.actor, "Write", self._env.schema.tables["role"])
        given = read_json(self._call, "roles").get("Privileges")
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise invalid_argument("Required parameter 'Privileges' is missing in the request.")
        known = role.data.get(HELD)
        held = dict(known) if isinstance(known, dict) else {}
        held |= dict(self._read(one) for one in given)
        self._env.rows.replace(role, {**role.data, HELD: held})
        for one in held:
            self._env.rows.link("roleprivileges_association", role.id, one)
        return Reply(204)

    def _read(self, given: Mapping[str, object]) -> tuple[str, str]:
        row_id, depth = str(given.get("PrivilegeId", "")).lower(), given.get("Depth")
        if not self._env.rows.exists("privilege", row_id):
            raise not_found("privilege", row_id)
        if not isinstance(depth, str) or depth not in DEPTHS:
            raise bad_payload("roles", f"Cannot convert the literal '{depth}' to the expected type 'PrivilegeDepth'.")
        return row_id, depth

    def _held_by(self, role: str) -> dict[str, str]:
        fixed = ROLES.get(role)
        if fixed is None:
            return dict(self._env.access.held_by(role))
        depth = "Global" if fixed.organization_wide else "Basic"
        tables = self._env.schema.tables.values()
        held = {
            privilege_name(right, table): depth
            for table in tables
            for right in self._env.access.rights(role, table) & ALL_RIGHTS
        }
        # Whoever may write what belongs to somebody may also give it to somebody else.
        owned = [table for table in tables if table.ownership == "UserOwned"]
        held |= {
            privilege_name("Assign", table): depth for table in owned if "Write" in self._env.access.rights(role, table)
        }
        held |= dict.fromkeys(READING_DEFINITIONS, "Global")
        held |= dict.fromkeys(CUSTOMIZING, "Global") if fixed.customizes else {}
        return held | ({"prvActOnBehalfOfAnotherUser": "Global"} if fixed.acts_for_others else {})

    def _told(self, kind: str, held: Mapping[str, str]) -> Reply:
        told = [
            {
                "Depth": depth,
                "PrivilegeId": privilege_id(name),
                "BusinessUnitId": BUSINESS_UNIT_ID,
                "PrivilegeName": name,
                "RecordFilterId": "00000000-0000-0000-0000-000000000000",
            }
            for name, depth in sorted(held.items())
        ]
        context = f"{self._call.root}$metadata#Microsoft.Dynamics.CRM.{kind}"
        return Reply(200, {"@odata.context": context, "RolePrivileges": told})

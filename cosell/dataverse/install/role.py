"""The security role for the application user which runs the sync day by day: what it needs, and nothing else.

Privileges are found by the definitions of their tables, for they are not always named after them. What somebody added
to the role stays.
"""

from collections.abc import Mapping, Sequence

from cosell.dataverse.install.customizer import Customizer, Document, table_path
from cosell.dataverse.install.step import MISSING, THERE, Found, Part, Presence, Step
from cosell.dataverse.wanted import WantedRole
from cosell.errors import RecordNotFound

GLOBAL = "Global"
"""The depth which reaches all rows of the organization."""


def role_steps(customizer: Customizer, wanted: WantedRole, *, needs: Part) -> tuple[Step, ...]:
    """Make the role, then put into it what it lacks."""
    part = Part(kind="security role", name=wanted.name)

    async def look() -> Found:
        return MISSING if await find_role(customizer, wanted.name) is None else THERE

    async def write(_: Found) -> None:
        unit = await _own_business_unit(customizer)
        body = {"name": wanted.name, "businessunitid@odata.bind": f"/businessunits({unit})"}
        await customizer.add_row("roles", body)

    async def look_into() -> Found:
        role = await find_role(customizer, wanted.name)
        if role is None:
            return MISSING
        lacking = await _find_lacking(customizer, wanted, str(role["roleid"]))
        if not lacking:
            return THERE
        return Found(presence=Presence.STALE, told=f"{len(lacking)} were missing: {_list(lacking)}.")

    async def fill(_: Found) -> None:
        role = await find_role(customizer, wanted.name)
        if role is not None:
            lacking = await _find_lacking(customizer, wanted, str(role["roleid"]))
            given = [{"PrivilegeId": row_id, "Depth": GLOBAL} for row_id in lacking.values()]
            path = f"roles({role['roleid']})/Microsoft.Dynamics.CRM.AddPrivilegesRole"
            await customizer.call(path, {"Privileges": given})

    return (
        Step(part=part, look=look, write=write, needs=(needs,)),
        Step(part=Part(kind="privileges", name=wanted.name), look=look_into, write=fill, needs=(part,)),
    )


async def find_role(customizer: Customizer, name: str) -> Document | None:
    """Return the role of this name in our business unit, None when there is none."""
    unit = await _own_business_unit(customizer)
    rows = await customizer.find_rows("roles", ("roleid",), {"name": name, "_businessunitid_value": unit})
    return rows[0] if rows else None


async def find_missing_privileges(customizer: Customizer, wanted: WantedRole) -> Sequence[str]:
    """Return which privileges we ourselves lack of those in the role, by name, whatever roles we have."""
    me = await customizer.read("WhoAmI")
    held = await customizer.read(f"systemusers({me['UserId']})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()")
    names = {str(one.get("PrivilegeName")) for one in _items(held.get("RolePrivileges")) if one.get("Depth") == GLOBAL}
    by_table = _subtract(await _ids_of_tables(customizer, wanted), held)
    return sorted({*by_table, *(name for name in wanted.others if name not in names)})


async def _find_lacking(customizer: Customizer, wanted: WantedRole, role_id: str) -> Mapping[str, str]:
    """Return the privileges which a role lacks, by name."""
    held = await customizer.read(f"RetrieveRolePrivilegesRole(RoleId={role_id})")
    ids = await _ids_of_tables(customizer, wanted)
    for name in wanted.others:
        for row in await customizer.find_rows("privileges", ("privilegeid",), {"name": name}):
            ids[name] = str(row["privilegeid"])
    return _subtract(ids, held)


async def _ids_of_tables(customizer: Customizer, wanted: WantedRole) -> dict[str, str]:
    """Return the ids of the wanted privileges by name; tables which this CRM does not have are left out."""
    ids: dict[str, str] = {}
    for table, rights in wanted.tables.items():
        try:
            definition = await customizer.read(table_path(table), ("Privileges",))
        except RecordNotFound:
            continue
        ids |= {
            str(one["Name"]): str(one["PrivilegeId"])
            for one in _items(definition.get("Privileges"))
            if one.get("PrivilegeType") in rights and one.get("CanBeGlobal") is not False
        }
    return ids


def _subtract(wanted: Mapping[str, str], answer: Mapping[str, object]) -> dict[str, str]:
    held = {
        str(one.get("PrivilegeId")).lower()
        for one in _items(answer.get("RolePrivileges"))
        if one.get("Depth") == GLOBAL
    }
    return {name: row_id for name, row_id in wanted.items() if row_id.lower() not in held}


def _items(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _list(names: Mapping[str, str], *, shown: int = 6) -> str:
    listed = ", ".join(sorted(names)[:shown])
    return listed if len(names) <= shown else f"{listed} and {len(names) - shown} more"


async def _own_business_unit(customizer: Customizer) -> str:
    return str((await customizer.read("WhoAmI"))["BusinessUnitId"]).lower()

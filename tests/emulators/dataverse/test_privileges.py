"""Roles that somebody made do what their privileges say, and no more."""

import httpx

from tests.emulators.dataverse.conftest import Crm, error_of, make

NOBODY = "no-role@contoso-partner.example"


async def made_role(api: httpx.AsyncClient, **depths: str) -> str:
    """Make a role with privileges, by their names and depths; return its id."""
    who = (await api.get("WhoAmI")).json()
    body = {"name": "Kiosk", "businessunitid@odata.bind": f"/businessunits({who['BusinessUnitId']})"}
    role_id = (await make(api, "roles", body))["roleid"]
    rows = (await api.get("privileges?$select=name")).json()["value"]
    ids = {row["name"]: row["privilegeid"] for row in rows}
    given = [{"PrivilegeId": ids[name], "Depth": depth} for name, depth in depths.items()]
    reply = await api.post(f"roles({role_id})/Microsoft.Dynamics.CRM.AddPrivilegesRole", json={"Privileges": given})
    assert reply.status_code == 204, reply.text
    return str(role_id)


async def give_role(crm: Crm, api: httpx.AsyncClient, role_id: str) -> httpx.AsyncClient:
    """Give the role to somebody who has none; return a client of theirs."""
    found = (await api.get(f"systemusers?$filter=internalemailaddress eq '{NOBODY}'&$select=fullname")).json()["value"]
    where = f"systemusers({found[0]['systemuserid']})/systemuserroles_association/$ref"
    (await api.post(where, json={"@odata.id": f"{api.base_url}roles({role_id})"})).raise_for_status()
    return crm.client(NOBODY)


async def test_made_role_allows_what_was_added_to_it(crm: Crm, api: httpx.AsyncClient) -> None:
    role_id = await made_role(api, prvReadAccount="Global", prvCreateAccount="Global", prvReadUser="Basic")
    kiosk = await give_role(crm, api, role_id)

    assert (await kiosk.post("accounts", json={"name": "Northwind"})).status_code == 204
    assert (await kiosk.get("accounts?$select=name")).status_code == 200
    assert error_of(await kiosk.get("opportunities?$select=name")) == (403, "0x80040220")
    assert error_of(await kiosk.post("EntityDefinitions", json={})) == (403, "0x80040220")


async def test_reading_own_rows_only_is_not_enough_for_change_tracking(crm: Crm, api: httpx.AsyncClient) -> None:
    kiosk = await give_role(crm, api, await made_role(api, prvReadAccount="Basic"))

    reply = await kiosk.get("accounts?$select=name", headers={"Prefer": "odata.track-changes"})

    assert error_of(reply) == (403, "0x80040220")


async def test_privileges_are_listed_by_role_and_by_user(crm: Crm, api: httpx.AsyncClient) -> None:
    role_id = await made_role(api, prvReadAccount="Global", prvReadUser="Global")
    kiosk = await give_role(crm, api, role_id)
    user_id = (await kiosk.get("WhoAmI")).json()["UserId"]

    of_role = (await api.get(f"RetrieveRolePrivilegesRole(RoleId={role_id})")).json()["RolePrivileges"]
    own = (await kiosk.get(f"systemusers({user_id})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()")).json()

    held = {(one["PrivilegeName"], one["Depth"]) for one in of_role}
    assert held == {("prvReadAccount", "Global"), ("prvReadUser", "Global")}
    assert {(one["PrivilegeName"], one["Depth"]) for one in own["RolePrivileges"]} == held
    listed = (await api.get(f"roles({role_id})/roleprivileges_association?$select=name")).json()["value"]
    assert {row["name"] for row in listed} == {"prvReadAccount", "prvReadUser"}


async def test_definition_of_a_table_names_its_privileges(api: httpx.AsyncClient) -> None:
    told = (await api.get("EntityDefinitions(LogicalName='cosell_microsoftsolution')?$select=Privileges")).json()

    names = {one["PrivilegeType"]: one["Name"] for one in told["Privileges"]}
    assert names["AppendTo"] == "prvAppendTocosell_MicrosoftSolution"
    rows = (await api.get(f"privileges?$filter=name eq '{names['AppendTo']}'&$select=name")).json()["value"]
    assert [row["privilegeid"] for row in rows] == [
        one["PrivilegeId"] for one in told["Privileges"] if one["PrivilegeType"] == "AppendTo"
    ]


async def test_depth_is_a_word(api: httpx.AsyncClient) -> None:
    role_id = await made_role(api)
    row = (await api.get("privileges?$select=name&$top=1")).json()["value"][0]

    body = {"Privileges": [{"PrivilegeId": row["privilegeid"], "Depth": 3}]}
    reply = await api.post(f"roles({role_id})/Microsoft.Dynamics.CRM.AddPrivilegesRole", json=body)

    assert error_of(reply) == (400, "0x80048d19")

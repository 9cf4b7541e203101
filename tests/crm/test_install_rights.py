"""Who may install, what somebody who may not is told, and whether the role that is made is enough and no more."""

from cosell.dataverse.install import Result
from cosell.dataverse.install.role import find_missing_privileges
from tests.crm.site import NOBODY, Site, give_runtime_role, schema
from tests.emulators.dataverse.conftest import error_of

SELLER = "seller@contoso-partner.example"


async def test_somebody_without_the_rights_is_told_which_role_is_missing(site: Site) -> None:
    before = await site.portrait()

    done = await site.install(user=SELLER)

    first = done[0]
    assert (str(first.part), first.result) == ("publisher cosell", Result.FAILED)
    assert "0x80040220" in first.told
    assert "System Customizer" in first.todo
    tables = [outcome for outcome in done if outcome.part.kind == "table" and outcome.result is Result.THERE]
    assert len(tables) == 4, "looking is allowed"
    assert all(outcome.result is Result.SKIPPED for outcome in done[1:] if outcome not in tables)
    assert site.road.writes == ["POST publishers"]
    assert await site.portrait() == before


async def test_role_is_enough_for_what_the_sync_does(site: Site) -> None:
    await site.install()
    runtime = await give_runtime_role(site)
    account = await runtime.post("accounts", json={"name": "Northwind"})
    body = {"name": "Ovens", "cosell_referralid": "r-1", "cosell_syncwithpartnercenter": True}
    bind = {"parentaccountid@odata.bind": account.headers["OData-EntityId"]}
    deal = await runtime.post("opportunities", json=body | bind)
    detail = await runtime.post("cosell_microsoftsolutiondetails", json={"cosell_name": "Suite"})
    row = {
        "cosell_name": "Suite",
        "cosell_OpportunityId@odata.bind": deal.headers["OData-EntityId"],
        "cosell_SolutionDetailId@odata.bind": detail.headers["OData-EntityId"],
    }
    sold = await runtime.post("cosell_microsoftsolutions", json=row)

    calls = [
        await runtime.patch(deal.headers["OData-EntityId"], json={"cosell_audit": "told"}),
        await runtime.get("opportunities?$select=name", headers={"Prefer": "odata.track-changes"}),
        await runtime.get("cosell_microsoftsolutions?$select=cosell_name", headers={"Prefer": "odata.track-changes"}),
        await runtime.get("transactioncurrencies?$select=isocurrencycode"),
        await runtime.get("systemusers?$select=fullname"),
        await runtime.get("organizations?$select=expirechangetrackingindays"),
        await runtime.delete(sold.headers["OData-EntityId"]),
        await runtime.post("WinOpportunity", json=winning(deal.headers["OData-EntityId"])),
    ]

    assert [reply.text for reply in calls if not reply.is_success] == []
    async with site.customizer(NOBODY) as customizer:
        assert await find_missing_privileges(customizer, schema().role) == []


async def test_role_is_not_enough_for_more(site: Site) -> None:
    await site.install()
    runtime = await give_runtime_role(site)
    made = await runtime.post("opportunities", json={"name": "Ovens"})

    refused = [
        await runtime.delete(made.headers["OData-EntityId"]),
        await runtime.post("publishers", json={"uniquename": "x"}),
        await runtime.post("EntityDefinitions", json={}),
        await runtime.get("serviceendpoints?$select=name"),
        await runtime.post("tasks", json={"subject": "x"}, headers={"MSCRMCallerID": await user_id(site, SELLER)}),
    ]

    assert [error_of(reply) for reply in refused] == [(403, "0x80040220")] * len(refused)


async def test_lacking_privileges_are_named(site: Site) -> None:
    await site.install()

    async with site.customizer("reader@contoso-partner.example") as customizer:
        missing = await find_missing_privileges(customizer, schema().role)

    assert "prvWriteOpportunity" in missing
    assert "prvDeletecosell_MicrosoftSolution" in missing
    assert "prvReadOpportunity" not in missing


async def test_own_rows_only_is_not_enough(site: Site) -> None:
    await site.install()

    async with site.customizer("owner-only@contoso-partner.example") as customizer:
        assert "prvReadOpportunity" in await find_missing_privileges(customizer, schema().role)


async def test_privilege_which_somebody_took_out_of_the_role_is_put_back_and_additions_stay(site: Site) -> None:
    await site.install()
    role = (await site.get("roles?$select=roleid&$filter=name eq 'Co-sell Sync Runtime'"))["value"][0]["roleid"]
    extra = (await site.get("privileges?$select=name&$filter=name eq 'prvDeleteAccount'"))["value"][0]["privilegeid"]
    lowered = (await site.get("privileges?$select=name&$filter=name eq 'prvReadLead'"))["value"][0]["privilegeid"]
    given = [{"PrivilegeId": extra, "Depth": "Basic"}, {"PrivilegeId": lowered, "Depth": "Basic"}]
    await site.post(f"roles({role})/Microsoft.Dynamics.CRM.AddPrivilegesRole", {"Privileges": given})

    done = await site.install()

    changed = [outcome for outcome in done if outcome.result is not Result.THERE]
    assert [str(outcome.part) for outcome in changed] == [
        "privileges Co-sell Sync Runtime",
        "publishing cosellsync",
    ]
    assert changed[0].told == "1 were missing: prvReadLead."
    held = (await site.get(f"RetrieveRolePrivilegesRole(RoleId={role})"))["RolePrivileges"]
    depths = {one["PrivilegeName"]: one["Depth"] for one in held}
    assert (depths["prvReadLead"], depths["prvDeleteAccount"]) == ("Global", "Basic")


def winning(opportunity: str) -> dict[str, object]:
    return {"Status": 3, "OpportunityClose": {"subject": "Won", "opportunityid@odata.bind": opportunity}}


async def user_id(site: Site, email: str) -> str:
    rows = (await site.get(f"systemusers?$filter=internalemailaddress eq '{email}'&$select=fullname"))["value"]
    return str(rows[0]["systemuserid"])

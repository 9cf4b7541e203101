"""What `cosell crm check` makes of tables, keys, versions and settings, one finding each."""

from dataclasses import replace

from cosell.cli.checks.crm import check_tables, check_version, check_wake_up, judge_key, judge_tracking
from cosell.cli.checks.finding import Finding, Verdict
from cosell.dataverse import DataverseClient, Table
from cosell.dataverse.schema import AlternateKey
from cosell.mapping.loader import load_mappings
from cosell.mapping.variables import Variables
from tests.crm.site import NOBODY, Site, give_runtime_role, schema

TABLE = Table(
    name="opportunity",
    set_name="opportunities",
    id_column="opportunityid",
    name_column="name",
    is_change_tracked=False,
    columns={},
    keys=(AlternateKey(name="k", columns=("cosell_referralid",), index_status="Failed"),),
    lookups=(),
    status_reasons=(),
)


def failed(found: list[Finding]) -> list[str]:
    return [item.check for item in found if item.verdict is Verdict.FAILED]


async def look(site: Site, variables: Variables) -> list[Finding]:
    async with site.customizer() as customizer:
        dataverse = DataverseClient(customizer.service)
        return await check_tables(dataverse, variables.fill_in(load_mappings()), variables)


async def test_installed_crm_has_no_fault(site: Site) -> None:
    await site.install()

    assert failed(await look(site, Variables())) == []


async def test_leads_are_looked_at_only_where_they_may_arrive(site: Site) -> None:
    with_leads = failed(await look(site, Variables()))
    without = failed(await look(site, Variables(cosell_opportunities_only=True)))

    assert "column lead.cosell_referralid" in with_leads
    assert [check for check in without if " lead" in check] == []
    assert "column opportunity.cosell_referralid" in without


async def test_column_which_a_variable_names_is_looked_for(site: Site) -> None:
    await site.install()

    assert failed(await look(site, Variables(deal_value_field="acme_value"))) == ["column opportunity.acme_value"]


async def test_column_of_another_type_than_the_variable_needs_is_told(site: Site) -> None:
    await site.install()

    found = await look(site, Variables(deal_value_field="stepname"))

    assert failed(found) == ["column opportunity.stepname"]
    assert [item.told for item in found if item.verdict is Verdict.FAILED] == ["It is StringType, wanted MoneyType."]


async def test_version_says_how_far_an_installation_is(site: Site) -> None:
    wanted = schema()
    async with site.customizer() as customizer:
        (none,) = await check_version(customizer, wanted)
        await site.install()
        (whole,) = await check_version(customizer, wanted)
        (older,) = await check_version(customizer, replace(wanted, version="1.2.0.0"))
        (newer,) = await check_version(customizer, replace(wanted, version="0.9.0.0"))

    assert [item.verdict for item in (none, whole, older, newer)] == [
        Verdict.WARNING,
        Verdict.FINE,
        Verdict.FAILED,
        Verdict.WARNING,
    ]
    assert "cosell crm install" in older.todo


async def test_wake_up_which_the_day_by_day_role_may_not_see_is_no_fault(site: Site) -> None:
    await site.install()
    await give_runtime_role(site)

    async with site.customizer(NOBODY) as customizer:
        (found,) = await check_wake_up(customizer)

    assert found.verdict is Verdict.SKIPPED


def test_key_and_change_tracking_are_judged_by_what_rests_on_them() -> None:
    assert judge_key(TABLE, "cosell_referralid").told == "Its index is Failed."
    assert judge_key(TABLE, "name").told == "It is no alternate key."
    assert judge_tracking(TABLE, is_polled=True).verdict is Verdict.FAILED
    assert judge_tracking(TABLE, is_polled=False).verdict is Verdict.WARNING


async def test_many_tables_at_once_are_what_each_of_them_is_alone(site: Site) -> None:
    await site.install()
    names = ["opportunity", "account", "cosell_microsoftsolution"]
    async with site.customizer() as customizer:
        dataverse = DataverseClient(customizer.service)
        found = await dataverse.find_tables([*names, "new_nothing"])
        alone = {name: await dataverse.get_table(name) for name in names}
        assert found == {**alone, "new_nothing": None}
        assert await dataverse.find_tables([]) == {}

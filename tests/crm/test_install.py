"""`install`: everything is made, nothing is made twice, and what is in the way is named and left alone."""

from collections import Counter
from dataclasses import replace

import httpx
import pytest

from cosell.dataverse.install import PLANNED, UNFINISHED, Outcome, Result
from cosell.dataverse.install.bodies import Bodies
from cosell.dataverse.install.keys import WATCHED_SECONDS
from tests.crm.site import Document, Site, schema

TYPE = "Microsoft.Dynamics.CRM"
OPPORTUNITY = "EntityDefinitions(LogicalName='opportunity')"
DETAILS = "EntityDefinitions(LogicalName='cosell_microsoftsolutiondetail')"
SOLUTION = {"MSCRM.SolutionUniqueName": "cosellsync"}


def of(outcomes: list[Outcome], part: str) -> Outcome:
    return next(outcome for outcome in outcomes if str(outcome.part) == part)


def unfinished(outcomes: list[Outcome]) -> list[str]:
    return [str(outcome.part) for outcome in outcomes if outcome.result in UNFINISHED]


def results(outcomes: list[Outcome]) -> Counter[Result]:
    return Counter(outcome.result for outcome in outcomes)


async def bodies(site: Site) -> Bodies:
    """Make our publisher, as somebody has who works on our columns by hand."""
    body = {"uniquename": "cosell", "friendlyname": "Co-sell sync", "customizationprefix": "cosell"}
    await site.post("publishers", body | {"customizationoptionvalueprefix": 27310})
    return Bodies(language=1033, option_prefix=27310)


def column(name: str) -> Document:
    """Return the body of one of our columns of the opportunity."""
    wanted = next(one for one in schema().columns["opportunity"] if one.name == name)
    return Bodies(language=1033, option_prefix=27310).column(wanted)


async def test_bare_crm_becomes_as_one_that_was_prepared(site: Site, prepared: Site) -> None:
    done = await site.install()

    assert unfinished(done) == []
    assert await site.portrait(with_platform=False) == await prepared.portrait(with_platform=False)
    assert site.violations() == []


async def test_everything_joins_the_solution(site: Site) -> None:
    await site.install()

    components = (await site.get("solutioncomponents?$select=componenttype"))["value"]
    kinds = Counter(int(row["componenttype"]) for row in components)
    # The columns which money brings along, and those of the tables themselves, come without an entry of their own.
    wanted = schema()
    assert kinds[1] == len(wanted.tables)
    assert kinds[2] == sum(len(columns) for columns in wanted.columns.values())
    assert kinds[10] == len(wanted.lookups)
    assert kinds[14] == len(wanted.keys)


async def test_second_run_writes_nothing(site: Site) -> None:
    first = await site.install()
    before = await site.portrait()

    second = await site.install()

    assert site.road.writes == []
    assert set(results(second)) == {Result.THERE}
    assert [outcome.part for outcome in second] == [outcome.part for outcome in first]
    assert await site.portrait() == before


async def test_dry_run_tells_what_would_be_made_and_makes_nothing(site: Site) -> None:
    before = await site.portrait()

    planned = await site.install(is_dry=True)

    assert site.road.writes == []
    assert await site.portrait() == before
    made = await site.install()
    assert [outcome.part for outcome in planned] == [outcome.part for outcome in made]
    wanted = [str(outcome.part) for outcome in made if outcome.result is not Result.THERE]
    fresh = [f"change tracking {table.name}" for table in schema().tables]
    planned_parts = [str(outcome.part) for outcome in planned if outcome.result in PLANNED]
    assert [part for part in planned_parts if part not in fresh] == wanted


async def test_what_somebody_deleted_is_made_again_and_nothing_else(site: Site) -> None:
    await site.install()
    before = await site.portrait()
    reply = await site.admin.delete(f"{OPPORTUNITY}/Attributes(LogicalName='cosell_campaignid')")
    assert reply.is_success

    done = await site.install()

    assert of(done, "column opportunity.cosell_campaignid").result is Result.MADE
    assert site.road.writes == [f"POST {OPPORTUNITY}/Attributes", "POST PublishXml"]
    assert await site.portrait() == before


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("cosell_audit", {"@odata.type": f"{TYPE}.StringAttributeMetadata", "MaxLength": 200}, "StringType"),
        ("cosell_referrallink", {"MaxLength": 100}, "takes 100 characters, wanted 500"),
        ("cosell_help", {"OptionSet": {"Options": []}}, 'has no option "General or other"'),
    ],
)
async def test_column_which_is_not_ours_to_change_is_named_and_left_alone(
    site: Site, name: str, changes: Document, told: str
) -> None:
    await bodies(site)
    body = column(name)
    if "OptionSet" in changes:
        changes = {"OptionSet": {**body["OptionSet"], "Options": body["OptionSet"]["Options"][:5]}}
    await site.post(f"{OPPORTUNITY}/Attributes", {**body, **changes})
    before = await site.get(f"{OPPORTUNITY}/Attributes(LogicalName='{name}')")

    done = await site.install()

    assert unfinished(done) == [f"column opportunity.{name}"]
    outcome = of(done, f"column opportunity.{name}")
    assert outcome.result is Result.FOREIGN
    assert told in outcome.told
    assert outcome.todo
    assert await site.get(f"{OPPORTUNITY}/Attributes(LogicalName='{name}')") == before
    assert await site.version() == "0.0.0.1", "it is not whole"
    await site.install()
    assert site.road.writes == []


async def test_key_over_a_column_which_is_in_the_way_is_not_tried(site: Site) -> None:
    await bodies(site)
    memo = {**column("cosell_audit"), "SchemaName": "cosell_ReferralId"}
    await site.post(f"{OPPORTUNITY}/Attributes", memo)

    done = await site.install()

    assert unfinished(done) == ["column opportunity.cosell_referralid", "key opportunity.cosell_referralid"]
    assert "column opportunity.cosell_referralid" in of(done, "key opportunity.cosell_referralid").told


async def test_publisher_of_somebody_else_stops_all_that_needs_it(site: Site) -> None:
    body = {"uniquename": "cosell", "friendlyname": "Theirs", "customizationprefix": "theirs"}
    await site.post("publishers", body | {"customizationoptionvalueprefix": 27310})

    done = await site.install()

    assert of(done, "publisher cosell").told == "Its prefix is theirs, ours is cosell."
    assert of(done, "solution cosellsync").result is Result.SKIPPED
    assert of(done, "column opportunity.cosell_help").result is Result.SKIPPED
    assert site.road.writes == []


async def test_change_tracking_is_switched_on_and_the_rest_of_the_table_stays(site: Site) -> None:
    makes = await bodies(site)
    table = makes.table(schema().tables[0]) | {"ChangeTrackingEnabled": False}
    await site.post("EntityDefinitions", table)
    before = await site.get(DETAILS)

    done = await site.install()

    tracking = of(done, "change tracking cosell_microsoftsolutiondetail")
    assert (tracking.result, tracking.told) == (Result.CHANGED, "It was off.")
    after = await site.get(DETAILS)
    assert after["ChangeTrackingEnabled"] is True
    assert {**after, "ChangeTrackingEnabled": False} == before
    assert unfinished(done) == []


async def test_environment_which_forbids_change_tracking_is_told(site: Site) -> None:
    async def forbid(call: str) -> httpx.Response | None:
        if call == "GET EntityDefinitions(LogicalName='contact')":
            body = {"ChangeTrackingEnabled": False, "CanChangeTrackingBeEnabled": {"Value": False}}
            return httpx.Response(200, json={"EntitySetName": "contacts", "PrimaryIdAttribute": "contactid", **body})
        return None

    site.road.before = forbid

    done = await site.install()

    assert unfinished(done) == ["change tracking contact"]
    assert "does not let it be switched on" in of(done, "change tracking contact").todo


async def test_key_is_waited_for_until_it_can_be_used(site: Site) -> None:
    site.crm.service.knobs.key_index_seconds = 12

    async def wait(seconds: float) -> None:
        site.crm.world.clock.advance(seconds)

    done = await site.install(sleep=wait)

    assert unfinished(done) == []
    key = (await site.get(f"{OPPORTUNITY}/Keys?$select=EntityKeyIndexStatus"))["value"][0]
    assert key["EntityKeyIndexStatus"] == "Active"


async def test_key_which_takes_too_long_is_told_and_found_later(site: Site) -> None:
    site.crm.service.knobs.key_index_seconds = 100_000

    done = await site.install()

    assert unfinished(done) == [f"key {key.table}.{key.column}" for key in schema().keys]
    assert of(done, "key lead.cosell_referralid").told == "Its index is Pending."
    assert sum(site.time.slept) == pytest.approx(WATCHED_SECONDS * len(schema().keys))
    site.crm.world.clock.advance(100_001)
    assert unfinished(await site.install()) == []
    assert await site.version() == schema().version


async def test_key_which_failed_is_tried_again_when_its_cause_is_gone(site: Site) -> None:
    makes = await bodies(site)
    await site.post(f"{OPPORTUNITY}/Attributes", makes.column(schema().columns["opportunity"][1]))
    twins = [{"name": name, "cosell_referralid": "the-same"} for name in ("one", "other")]
    made = [(await site.post("opportunities", body)).headers["OData-EntityId"] for body in twins]

    failed = await site.install()

    assert unfinished(failed) == ["key opportunity.cosell_referralid"]
    assert "share a value" in of(failed, "key opportunity.cosell_referralid").todo
    assert (await site.admin.delete(made[1])).is_success
    mended = await site.install()
    assert of(mended, "key opportunity.cosell_referralid").result is Result.CHANGED
    assert unfinished(mended) == []


async def test_managed_solution_is_not_added_to(site: Site) -> None:
    await site.install()
    row = (await site.get("solutions?$select=solutionid&$filter=uniquename eq 'cosellsync'"))["value"][0]
    await site.admin.patch(f"solutions({row['solutionid']})", json={"ismanaged": True})
    more = replace(schema().columns["opportunity"][0], schema_name="cosell_New", label="New")
    wanted = schema()
    columns = {**wanted.columns, "opportunity": (*wanted.columns["opportunity"], more)}

    whole = await site.install()
    lacking = await site.install(replace(wanted, columns=columns))

    assert unfinished(whole) == []
    assert unfinished(lacking) == ["column opportunity.cosell_new"]
    assert "managed" in of(lacking, "column opportunity.cosell_new").todo
    assert site.road.writes == []


async def test_newer_release_adds_what_is_new_and_raises_the_version(site: Site) -> None:
    await site.install()
    wanted = schema()
    more = replace(wanted.columns["opportunity"][0], schema_name="cosell_New", label="New")
    columns = {**wanted.columns, "opportunity": (*wanted.columns["opportunity"], more)}

    done = await site.install(replace(wanted, columns=columns, version="1.1.0.0"))

    changed = [str(outcome.part) for outcome in done if outcome.result is not Result.THERE]
    assert changed == ["column opportunity.cosell_new", "publishing cosellsync"]
    assert await site.version() == "1.1.0.0"


def test_labels_are_in_the_base_language_of_the_crm() -> None:
    body = str(Bodies(language=1031, option_prefix=27310).column(schema().columns["opportunity"][3]))

    assert "'LanguageCode': 1031" in body
    assert "1033" not in body

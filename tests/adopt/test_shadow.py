"""Looking at what the connector has left behind writes nothing, costs pages only, and keeps a history."""

from collections import Counter

import pytest

from cosell.errors import SchemaMissing, UnsafePlan
from cosell.sync.adopt.pairing import Alone, By
from cosell.sync.adopt.run import AdoptionAsked
from cosell.sync.adopt.tables import NamedTables
from tests.adopt.left import STORED, TAKE_OVER, a_pair, adopt, left_rows, seed
from tests.sync.fate import WRITES, Fate
from tests.sync.stand import Stand

HOUR = 3600


async def test_look_writes_nothing_and_reads_pages_only(stand: Stand) -> None:
    await seed(stand, 25)
    few = Fate()
    await adopt(stand, fate=few)
    await seed(stand, 75, seed=4)
    many = Fate()
    report = await adopt(stand, fate=many)

    assert few.calls(*WRITES) == many.calls(*WRITES) == []
    assert len(report.found.compared) > 80
    growth = len(many.calls()) - len(few.calls())
    assert growth <= 1, "a page of referrals more, and nothing for a pair"


async def test_pairs_are_found_by_referral_id_and_then_by_crm_id(stand: Stand) -> None:
    counts = await seed(stand, 50)

    found = (await adopt(stand)).found

    by = Counter(item.match.by for item in found.compared)
    alone = counts["without referral"] + counts["without opportunity"]
    assert by[By.CRM_ID] == counts["not written back"]
    assert by[By.REFERRAL_ID] == 50 - alone - counts["not written back"]


async def test_orphans_and_duplicates_are_told_with_the_rule_by_which_one_is_kept(stand: Stand) -> None:
    counts = await seed(stand, 50)

    found = (await adopt(stand)).found

    why = Counter(single.why for single in found.singles)
    assert why == {
        Alone.REFERRAL_GONE: counts["without referral"],
        Alone.OPPORTUNITY_GONE: counts["without opportunity"],
    }
    assert Counter(item.is_referrals for item in found.duplicates) == {
        True: counts["two referrals"],
        False: counts["two opportunities"],
    }
    assert {item.rule for item in found.duplicates} == {"it is the one which its other half names"}
    linked = {item.opportunity_id for item in found.compared} | {item.referral_id for item in found.compared}
    assert not linked & {other for item in found.duplicates for other in item.others}


async def test_edits_which_the_connector_lost_are_listed_field_by_field(stand: Stand) -> None:
    counts = await seed(stand, 50)

    found = (await adopt(stand)).found

    drifted = [item for item in found.compared if item.has_drifted]
    assert len(drifted) == counts["drifted"]
    fields = {difference.field for item in drifted for difference in item.differences if difference.was_synced}
    assert fields <= {"deal_value", "closing_date", "notes", "name"}


async def test_looks_show_how_long_a_field_differs_and_how_it_ended(stand: Stand) -> None:
    await seed(stand)
    opportunity_id, referral_id = a_pair(await adopt(stand))
    await stand.seller_edits(opportunity_id, description="They want it by spring.")

    async def look() -> list[tuple[str, int, bool]]:
        history = (await adopt(stand)).history
        now = stand.emulators.world.clock.now()
        lost = history.lost(now)
        return [
            (kept.difference.field, kept.seen_count, kept in lost)
            for kept in history.standing
            if kept.difference.opportunity_id == opportunity_id and kept.difference.was_synced
        ]

    assert await look() == [("notes", 1, False)], "it may be under way"
    stand.pass_time(2 * HOUR)
    await stand.sign_in()
    assert await look() == [("notes", 2, True)], "the connector takes ten minutes"
    await stand.colleague_edits(referral_id, {"/details/notes": "They want it by spring."})
    assert await look() == []
    assert (await adopt(stand)).history.ended == {"as planned": 1}


async def test_edit_which_is_written_over_ends_otherwise(stand: Stand) -> None:
    await seed(stand)
    opportunity_id, referral_id = a_pair(await adopt(stand))
    before = (await stand.opportunity(opportunity_id))["description"]
    await stand.seller_edits(opportunity_id, description="They want it by spring.")
    await adopt(stand)
    await stand.seller_edits(opportunity_id, description=before)

    report = await adopt(stand)

    assert report.history.ended == {"otherwise": 1}, "the connector has put the old text back"
    assert referral_id


async def test_look_remembers_which_side_has_moved(stand: Stand) -> None:
    await seed(stand)
    _, referral_id = a_pair(await adopt(stand))
    await stand.colleague_edits(referral_id, {"/name": "Renamed in the portal"})

    report = await adopt(stand)

    (item,) = [item for item in report.found.compared if item.referral_id == referral_id]
    (difference,) = [each for each in item.differences if each.field == "name"]
    assert difference.rule == "moved in Partner Center", "though the CRM owns the name"
    assert not difference.is_conflict


async def test_marks_of_the_connector_are_no_difference(stand: Stand) -> None:
    await seed(stand, 50)
    marks = {row["name"][0] for row in await left_rows(stand)}

    found = (await adopt(stand)).found

    assert marks >= {"✔", "✓", "✖"}
    names = [each for item in found.compared for each in item.differences if each.field == "name"]
    assert all("(extended)" in str(each.dataverse) for each in names)


async def test_variables_of_the_connector_are_offered(stand: Stand) -> None:
    STORED.clear()
    await seed(stand)
    definitions = "environmentvariabledefinitions?$filter=schemaname eq 'msft_displaycheckmarkinname'"
    (row,) = (await stand.crm("GET", definitions))["value"]
    definition = f"/environmentvariabledefinitions({row['environmentvariabledefinitionid']})"
    admin = (await stand.control("POST", "tokens", {"user": "admin@contoso-partner.example"}))["access_token"]
    stand.crm_headers = {"Authorization": f"Bearer {admin}"}
    value = {"value": "No", "EnvironmentVariableDefinitionId@odata.bind": definition}
    await stand.crm("POST", "environmentvariablevalues", value)

    found = (await adopt(stand)).found

    changed = {item.name: item.value for item in found.variables if item.differs}
    assert changed == {"cosell_show_check_mark_in_opportunity_name": "No"}, "the current value, not the default"
    assert len(found.variables) == 4, "of the fifth no default is known"
    as_theirs = await adopt(stand, AdoptionAsked(with_variables=True))
    assert [item for item in as_theirs.found.variables if item.differs] == []
    assert STORED == {}
    await adopt(stand, AdoptionAsked(take_over=True, with_variables=True))
    assert changed == STORED


async def test_crm_without_the_connector_is_told_so(stand: Stand) -> None:
    with pytest.raises(SchemaMissing, match="left no trace"):
        await adopt(stand)


async def test_tables_may_be_named_and_a_wrong_one_is_told(stand: Stand) -> None:
    await seed(stand)
    named = NamedTables(solutions="msft_microsoftsolutions", details="msft_microsoftsolutiondetails")

    report = await adopt(stand, AdoptionAsked(tables=named))

    assert report.found.tables is not None
    assert report.found.tables.identifier == "msft_solutionidentifier"
    with pytest.raises(SchemaMissing, match="are not the connector's"):
        await adopt(stand, AdoptionAsked(tables=NamedTables(solutions="account", details="contact")))


async def test_side_without_a_deal_stops_the_take_over(stand: Stand) -> None:
    await seed(stand)
    stand.emulators.partner_center.referrals.reset()

    with pytest.raises(UnsafePlan, match="Partner Center shows no deal"):
        await adopt(stand, TAKE_OVER)


async def test_too_many_differences_stop_the_take_over_until_somebody_confirms(stand: Stand) -> None:
    await seed(stand)
    report = await adopt(stand)
    for item in report.found.compared:
        if not item.is_history:
            await stand.seller_edits(item.opportunity_id, description=f"Restored {item.opportunity_id[:4]}")
    fate = Fate()

    with pytest.raises(UnsafePlan, match="--confirm-differing") as refused:
        await adopt(stand, TAKE_OVER, fate=fate)

    assert fate.calls(*WRITES) == []
    number = int(str(refused.value).rpartition("--confirm-differing ")[2].split()[0].rstrip(".("))
    done = (await adopt(stand, AdoptionAsked(take_over=True, confirmed_differing=number))).done
    assert done is not None
    assert done.adopted == len(report.found.compared)

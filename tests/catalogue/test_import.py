"""A file reaches the CRM: only what differs is written, in few requests, and each row says what it came to."""

import asyncio

import httpx
import pytest

from cosell.errors import AccessDenied, FileInvalid, SchemaMissing, ServiceUnreachable
from tests.catalogue.books import write_csv
from tests.catalogue.office import SET, Office
from tests.crm.site import NOBODY

SUITE = ("SOL-1", "Bakery Suite", "3P", "Kestrel Software")
TABLE = "cosell_microsoftsolutiondetail"


async def shorten_type(office: Office, length: int) -> None:
    """Let an administrator of the CRM make the column of the type shorter."""
    path = f"EntityDefinitions(LogicalName='{TABLE}')/Attributes(LogicalName='cosell_solutiontype')"
    body = {
        "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata",
        "LogicalName": "cosell_solutiontype",
        "SchemaName": "cosell_SolutionType",
        "MaxLength": length,
    }
    changed = await office.site.admin.put(path, json=body, headers={"MSCRM.MergeLabels": "true"})
    assert changed.is_success, changed.text


async def test_new_rows_are_created_changed_ones_updated_and_the_rest_left_alone(office: Office) -> None:
    await office.put(SUITE, ("SOL-2", "Old name", "3P", "Kestrel"), ("SOL-8", "Not in the file", "", ""))
    path = office.write(SUITE, ("sol-2", "New name", "", "Kestrel"), ("SOL-3", "Third"))

    report = await office.bring(path)

    assert report.counts == {"created": 1, "updated": 1, "unchanged": 1, "failed": 0}
    assert await office.catalogue() == [
        SUITE,
        ("SOL-2", "New name", "3P", "Kestrel"),
        ("SOL-3", "Third", None, None),
        ("SOL-8", "Not in the file", None, None),
    ]
    assert office.lines() == [
        ["Details", "2", "", "SOL-1", "unchanged", ""],
        ["Details", "3", "", "sol-2", "updated", ""],
        ["Details", "4", "", "SOL-3", "created", ""],
    ]
    assert office.site.violations() == []


async def test_second_run_writes_nothing(office: Office) -> None:
    path = office.write(SUITE, ("SOL-2", "Smørrebrød & Søn ☕", "3P", "O'Brien"), ("SOL-3", "a" * 200))
    await office.bring(path)

    report = await office.bring(path)

    assert report.counts["unchanged"] == 3
    assert office.site.road.writes == []


@pytest.mark.timeout(600)
async def test_ten_thousand_rows_take_few_requests_and_a_second_run_only_reads(office: Office) -> None:
    lines = [f"SOL-{number:05},Suite {number},3P,Kestrel" for number in range(10_000)]
    path = write_csv(office.folder / "details.csv", *lines)

    first = await office.bring(path)
    calls, batches = len(office.site.road.calls), len(office.site.road.writes)
    second = await office.bring(path)

    assert first.counts == {"created": 10_000, "updated": 0, "unchanged": 0, "failed": 0}
    assert (calls, batches) == (60, 50)
    assert second.counts["unchanged"] == 10_000
    assert (len(office.site.road.calls), office.site.road.writes) == (11, [])


async def test_nothing_is_written_while_a_row_cannot_be_used(office: Office) -> None:
    report = await office.bring(office.write(SUITE, ("SOL-2", ""), ("=HYPERLINK(1)", "x")))

    assert [problem.row for problem in report.problems] == [3, 4]
    assert office.site.road.writes == []
    assert [line[1:3] + line[4:5] for line in office.lines()] == [
        ["3", "B (Solution Name*)", "invalid"],
        ["4", "A (Solution Identifier*)", "invalid"],
    ]


async def test_lengths_are_those_of_the_crm(office: Office) -> None:
    await shorten_type(office, 20)

    report = await office.bring(office.write(("SOL-1", "Suite", "x" * 21)))

    assert [problem.problem for problem in report.problems] == ["is longer than the 20 characters which the CRM takes"]


async def test_dry_run_tells_all_and_writes_nothing(office: Office) -> None:
    await office.put(SUITE)
    path = office.write((*SUITE[:2], "1P"), ("SOL-2", "Second"))

    report = await office.bring(path, is_dry_run=True)

    assert report.counts == {"created": 1, "updated": 1, "unchanged": 0, "failed": 0}
    assert report.sample[1] == {"identifier": "SOL-2", "name": "Second", "type": "", "publisher": ""}
    assert [line[4] for line in office.lines()] == ["would be updated", "would be created"]
    assert office.site.road.writes == []


async def test_row_that_repeats_another_is_written_once(office: Office) -> None:
    report = await office.bring(office.write(SUITE, SUITE))

    assert report.counts == {"created": 1, "updated": 0, "unchanged": 1, "failed": 0}
    assert office.lines()[1][4:] == ["unchanged", "the same as row 2"]


async def test_row_which_the_crm_refuses_fails_alone_and_says_why(office: Office) -> None:
    """The type is shortened behind the back of the import, between looking and writing."""

    async def shorten(call: str) -> httpx.Response | None:
        if call.endswith("$batch"):
            office.site.road.before = None
            await shorten_type(office, 3)
        return None

    office.site.road.before = shorten
    report = await office.bring(office.write(SUITE, ("SOL-2", "Second", "Type 2"), ("SOL-3", "Third")))

    assert report.counts == {"created": 2, "updated": 0, "unchanged": 0, "failed": 1}
    [failed] = [line for line in office.lines() if line[4] == "failed"]
    assert failed[1] == "3"
    assert "Type 2" not in failed[5]
    assert failed[5]


async def test_what_somebody_else_wrote_meanwhile_is_read_again_and_planned_anew(office: Office) -> None:
    await office.put(("SOL-1", "Old", "3P", "Kestrel"))
    path = office.write(SUITE, ("SOL-2", "Second"))

    async def somebody_is_faster(call: str) -> httpx.Response | None:
        if call.endswith("$batch"):
            office.site.road.before = None
            rows = (await office.site.get(f"{SET}?$select=cosell_name"))["value"]
            where = f"{SET}({rows[0][TABLE + 'id']})"
            assert (await office.site.admin.patch(where, json={"cosell_solutiontype": "1P"})).is_success
            await office.put(("SOL-2", "Second"))
        return None

    office.site.road.before = somebody_is_faster
    report = await office.bring(path)

    assert report.counts == {"created": 0, "updated": 1, "unchanged": 1, "failed": 0}
    assert await office.catalogue() == [SUITE, ("SOL-2", "Second", None, None)]


async def test_batch_whose_answer_is_lost_is_looked_at_and_not_written_again(office: Office) -> None:
    async def lose_the_answer(call: str) -> None:
        if call.endswith("$batch"):
            office.site.road.after = None
            raise httpx.ReadError("gone")

    office.site.road.after = lose_the_answer
    report = await office.bring(office.write(SUITE, ("SOL-2", "Second")))

    assert report.counts == {"created": 2, "updated": 0, "unchanged": 0, "failed": 0}
    assert len(office.site.road.writes) == 1
    assert report.stopped is None


async def test_crm_that_goes_away_leaves_rows_which_the_next_run_writes(office: Office) -> None:
    lines = [f"SOL-{number:04},Suite,3P,Kestrel" for number in range(1500)]
    path = write_csv(office.folder / "details.csv", *lines)
    batches = 0

    async def go_away(call: str) -> httpx.Response | None:
        nonlocal batches
        batches += call.endswith("$batch")
        if batches > 2:
            raise httpx.ConnectError("gone")
        return None

    office.site.road.before = go_away
    report = await office.bring(path)
    office.site.road.before = None

    assert report.counts["created"] == 400
    assert report.counts["failed"] == 1100
    assert isinstance(report.stopped, ServiceUnreachable)
    assert {line[4] for line in office.lines()} == {"created", "failed"}
    again = await office.bring(path)
    assert again.counts == {"created": 1100, "updated": 0, "unchanged": 400, "failed": 0}


async def test_somebody_without_rights_is_told_once_and_not_for_each_row(office: Office) -> None:
    with pytest.raises(AccessDenied):
        await office.bring(office.write(SUITE), user=NOBODY)


async def test_right_to_write_which_is_missing_stops_the_import_and_is_no_fault_of_a_row(office: Office) -> None:
    roles = (await office.site.get("roles?$select=roleid&$filter=name eq 'Read Only'"))["value"]
    found = await office.site.get(f"systemusers?$filter=internalemailaddress eq '{NOBODY}'&$select=fullname")
    where = f"systemusers({found['value'][0]['systemuserid']})/systemuserroles_association/$ref"
    await office.site.post(where, {"@odata.id": f"{office.site.admin.base_url}roles({roles[0]['roleid']})"})
    path = write_csv(office.folder / "a.csv", *[f"SOL-{number},Suite,," for number in range(2000)])

    report = await office.bring(path, user=NOBODY)

    assert isinstance(report.stopped, AccessDenied)
    assert report.counts["failed"] == 2000
    assert all(line[5].startswith("not tried: ") for line in office.lines())
    assert len(office.site.road.writes) <= 4


async def test_crm_without_the_key_is_told_with_the_command_that_makes_it(office: Office) -> None:
    gone = await office.site.admin.delete(
        f"EntityDefinitions(LogicalName='{TABLE}')/Keys(LogicalName='cosell_solutionkey')"
    )
    assert gone.is_success, gone.text

    with pytest.raises(SchemaMissing, match=r"no alternate key.*cosell crm install"):
        await office.bring(office.write(SUITE))


async def test_import_that_is_broken_off_leaves_a_result_of_what_was_done(office: Office) -> None:
    path = write_csv(office.folder / "a.csv", *[f"SOL-{number},Suite,," for number in range(900)])

    def break_off(done: int, _: int) -> None:
        if done > 250:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await office.bring(path, tell=break_off)

    results = [line[4] for line in office.lines()]
    assert len(results) == 900
    assert 0 < results.count("created") < 900


async def test_progress_only_grows_and_ends_with_all(office: Office) -> None:
    await office.bring(office.write(SUITE, ("SOL-2", "Second"), ("SOL-3", "Third")))

    assert office.progress == [(1, 3), (2, 3), (3, 3)]


async def test_headings_without_rows_are_told(office: Office) -> None:
    with pytest.raises(FileInvalid, match="no solution below them"):
        await office.bring(office.write())


async def test_result_is_safe_to_open_in_a_spreadsheet(office: Office) -> None:
    await office.bring(write_csv(office.folder / "a.csv", "@SUM(1),x,,", "-1+1,x,,", "\"=cmd|' /C calc'!A0\",x,,"))

    assert [line[3] for line in office.lines()] == ["'@SUM(1)", "'-1+1", "'=cmd|' /C calc'!A0"]
    assert office.result.read_bytes().startswith(b"\xef\xbb\xbf")


async def test_result_never_takes_the_place_of_another_file(office: Office) -> None:
    path = office.write(SUITE)
    office.result.write_text("my notes\n")

    with pytest.raises(FileInvalid, match="is no result of an earlier import"):
        await office.bring(path)

    assert office.result.read_text() == "my notes\n"
    assert office.site.road.calls == []

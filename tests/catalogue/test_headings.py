"""Columns are found in the wording of Microsoft's template however it is spelled, or as somebody says."""

from pathlib import Path

import pytest
from openpyxl.worksheet.worksheet import Worksheet

from cosell.errors import FileInvalid
from cosell.mapping.loader import load_mappings
from cosell.sync.catalogue.cells import Field, letter
from cosell.sync.catalogue.files import read_grids
from cosell.sync.catalogue.headings import find_table, wording
from tests.catalogue.books import TEMPLATE, checked, open_table, write_book, write_csv

ROW = ("SOL-1", "Bakery Suite", "3P", "Kestrel Software")


@pytest.mark.parametrize(
    "headings",
    [
        TEMPLATE,
        ("solution identifier", "SOLUTION NAME", "type", "publisher name"),
        ("Solution  Identifier *", " Solution\u00a0Name* ", "Solution Type", "Publisher"),
        ("Solution_Identifier", "Name", "Type*", "Publisher-Name"),
        ("cosell_solutionidentifier", "cosell_name", "cosell_solutiontype", "cosell_publishername"),
    ],
)
def test_headings_are_known_in_every_spelling(tmp_path: Path, headings: tuple[str, ...]) -> None:
    assert checked(write_book(tmp_path / "a.xlsx", ROW, headings=headings)) == ([ROW], [])


def test_columns_may_stand_in_any_order_and_others_are_named_and_ignored(tmp_path: Path) -> None:
    headings = (
        "(Do Not Modify) Row Checksum",
        "Publisher Name",
        "Solution Name",
        None,
        "Remarks",
        "Solution Identifier",
    )
    path = write_book(tmp_path / "a.xlsx", ("x", "Kestrel", "Suite", "y", "=1+1", "SOL-1"), headings=headings)

    assert open_table(path).ignored == ("(Do Not Modify) Row Checksum", "Remarks")
    assert checked(path) == ([("SOL-1", "Suite", "", "Kestrel")], [])


def test_title_above_the_headings_is_passed_over_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    path = write_book(tmp_path / "a.xlsx", (), TEMPLATE, ("", "Suite"), headings=("Catalogue of the year",))

    [problem] = checked(path)[1]
    assert (problem.row, problem.column, problem.problem) == (4, "A (Solution Identifier*)", "is empty")


def test_missing_columns_are_told_with_what_was_found(tmp_path: Path) -> None:
    path = write_book(
        tmp_path / "a.xlsx", headings=("Solution Identifier", "Titel", "Art"), others={"Notes": [("Date", "Text")]}
    )

    with pytest.raises(FileInvalid) as caught:
        open_table(path)
    said = str(caught.value)
    assert "lacks the columns “Solution Identifier” and “Solution Name”, or one of them" in said
    assert "sheet Details: row 1 has Solution Identifier, Titel, Art; sheet Notes: row 1 has Date, Text" in said
    assert "--column" in said


def test_empty_file_is_told(tmp_path: Path) -> None:
    empty = tmp_path / "a.csv"
    empty.write_bytes(b"")

    with pytest.raises(FileInvalid, match="Found: nothing"):
        open_table(empty)
    with pytest.raises(FileInvalid, match="Found: sheet Details: nothing"):
        open_table(write_book(tmp_path / "a.xlsx", headings=()))


def test_wrong_delimiter_shows_in_what_was_found(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", "SOL-1|Suite", heading="Solution Identifier|Solution Name")

    with pytest.raises(FileInvalid, match=r"row 1 has Solution Identifier\|Solution Name"):
        open_table(path)


def test_headings_are_named_for_one_file_or_in_the_mapping(tmp_path: Path) -> None:
    path = write_book(tmp_path / "a.xlsx", ROW[:2], headings=("Lösungs-ID", "Bezeichnung"))
    overlay = tmp_path / "mappings"
    overlay.mkdir()
    (overlay / "solutions.yaml").write_text(
        "catalogue: {headings: {identifier: [Lösungs-ID], name: [Bezeichnung]}}\n", encoding="utf-8"
    )

    by_option = open_table(path, columns={Field.IDENTIFIER: "lösungs-id", Field.NAME: "BEZEICHNUNG"})
    words = wording(load_mappings(overlay).solutions.catalogue, {})
    by_mapping = find_table(read_grids(path), words, name=path.name)

    assert by_option.places == by_mapping.places == {Field.IDENTIFIER: 0, Field.NAME: 1}


def test_two_columns_for_one_field_are_told_and_one_may_be_chosen(tmp_path: Path) -> None:
    path = write_book(tmp_path / "a.xlsx", ("SOL-1", "old", "new"), headings=("Identifier", "Name", "Solution Name"))

    with pytest.raises(FileInvalid, match=r"several columns for the name: B \(Name\) and C \(Solution Name\)"):
        open_table(path)
    assert open_table(path, columns={Field.NAME: "Solution Name"}).places[Field.NAME] == 2


def test_one_column_cannot_be_two_fields(tmp_path: Path) -> None:
    path = write_book(tmp_path / "a.xlsx", ROW)

    with pytest.raises(FileInvalid, match="from the same column"):
        open_table(path, columns={Field.NAME: "Solution Identifier"})


def test_several_sheets_with_solutions_are_told_and_one_may_be_named(tmp_path: Path) -> None:
    path = write_book(tmp_path / "a.xlsx", ROW, others={"Older": [TEMPLATE, ("SOL-9", "Old")], "Notes": [("x",)]})

    with pytest.raises(FileInvalid, match="several sheets with solutions: Details, Older"):
        open_table(path)
    assert open_table(path, sheet="Older").grid.sheet == "Older"


def test_hidden_sheet_counts_only_when_it_is_named(tmp_path: Path) -> None:
    def hide(sheet: Worksheet) -> None:
        assert sheet.parent is not None
        sheet.parent["Older"].sheet_state = "hidden"

    path = write_book(tmp_path / "a.xlsx", ROW, others={"Older": [TEMPLATE, ("SOL-9", "Old")]}, edit=hide)

    assert open_table(path).grid.sheet == "Details"
    assert open_table(path, sheet="Older").grid.sheet == "Older"


def test_columns_are_called_as_spreadsheets_call_them() -> None:
    assert [letter(place) for place in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]

"""Every problem of a file is found at once, each with its place; what only looks odd is brought into order."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from cosell.sync.catalogue.cells import Unusable
from cosell.sync.catalogue.check import check_rows, fold, tidy
from cosell.sync.catalogue.workbook import to_cell
from tests.catalogue.books import LENGTHS, TEMPLATE, checked, told, write_book, write_csv
from tests.catalogue.books import open_table as opened

ODD = (
    "holds something besides letters, digits, dots, dashes and underscores, with which the CRM would not find the row "
    "again"
)


def test_rows_are_read_and_blank_ones_are_skipped(tmp_path: Path) -> None:
    rows = [("SOL-1", "Suite", "3P", "Kestrel"), (), ("", " ", "\u00a0"), ("SOL-2", "Other")]

    assert checked(write_book(tmp_path / "a.xlsx", *rows)) == (
        [("SOL-1", "Suite", "3P", "Kestrel"), ("SOL-2", "Other", "", "")],
        [],
    )


def test_blanks_of_every_kind_become_one_plain_blank(tmp_path: Path) -> None:
    row = ("\u00a0SOL-1\u200b ", "Bakery\u00a0 \u2009Suite\nfor shops", "\ufeff3P", "Kestrel\u00ad Software\t")

    assert checked(write_book(tmp_path / "a.xlsx", row)) == (
        [("SOL-1", "Bakery Suite for shops", "3P", "Kestrel Software")],
        [],
    )


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = write_book(
        tmp_path / "a.xlsx",
        ("", "No identifier"),
        ("SOL-2", ""),
        ("SOL/3", "Slash"),
        ("SOL-4", "x" * 201, "y" * 101),
        ("SOL-5", "Lost \ufffd letter"),
        ("Two ids", "Blank"),
    )

    assert told(path) == [
        "sheet Details, row 2, column A (Solution Identifier*): is empty",
        "sheet Details, row 3, column B (Solution Name*): is empty",
        f"sheet Details, row 4, column A (Solution Identifier*): {ODD}",
        "sheet Details, row 5, column B (Solution Name*): is longer than the 200 characters which the CRM takes",
        "sheet Details, row 5, column C (Type): is longer than the 100 characters which the CRM takes",
        "sheet Details, row 6, column B (Solution Name*): holds �: a letter was lost when the file was converted",
        f"sheet Details, row 7, column A (Solution Identifier*): {ODD}",
    ]


def test_numbers_become_the_text_which_a_person_sees(tmp_path: Path) -> None:
    def show_zeros(sheet: Worksheet) -> None:
        sheet["A3"].number_format = "000000"

    path = write_book(tmp_path / "a.xlsx", ("00123", 365), (4711, "Zeros"), (42.0, "Whole"), edit=show_zeros)

    assert checked(path) == ([("00123", "365", "", ""), ("004711", "Zeros", "", ""), ("42", "Whole", "", "")], [])


@pytest.mark.parametrize(
    ("value", "kind", "problem"),
    [
        (1.5, "n", "a number with a fraction"),
        (10**15, "n", "more digits than a spreadsheet keeps"),
        (1.5e300, "n", "more digits than a spreadsheet keeps"),
        (float("nan"), "n", "more digits than a spreadsheet keeps"),
        (True, "b", "TRUE or FALSE"),
        (date(2031, 1, 1), "d", "a date"),
        ("#N/A", "e", "an error of the spreadsheet"),
        ("=A1", "f", "a formula"),
        (object(), "n", "not a text"),
    ],
)
def test_cells_that_hold_no_text_are_refused(value: object, kind: str, problem: str) -> None:
    cell = to_cell(value, kind=kind)

    assert isinstance(cell, Unusable)
    assert problem in cell.problem


def test_formulas_are_refused_in_our_columns_and_ignored_in_others(tmp_path: Path) -> None:
    path = write_book(
        tmp_path / "a.xlsx",
        ("SOL-1", '=CONCATENATE("Su","ite")', "3P", "Kestrel", "=1+1"),
        headings=(*TEMPLATE, "Remarks"),
    )

    [problem] = told(path)
    assert problem.endswith(
        "column B (Solution Name*): is a formula; copy the column and paste it over itself as values"
    )


def test_text_like_a_formula_is_refused_in_csv_and_signs_before_a_name_are_not(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", "SOL-1,=1+1,,", "SOL-2,@Work,-,+Plus", '"=""00123""",Zeros,,', "-SOL,x,,")

    assert told(path) == [
        "row 2, column B (Solution Name*): begins with =, like a formula; write it without",
        "row 4, column A (Solution Identifier*): begins with =, like a formula; write it without",
        f"row 5, column A (Solution Identifier*): {ODD}",
    ]
    assert checked(path)[0][1] == ("SOL-2", "@Work", "-", "+Plus")


def test_same_identifier_with_other_values_is_a_problem_of_both_rows(tmp_path: Path) -> None:
    path = write_book(tmp_path / "a.xlsx", ("SOL-1", "One"), ("SOL-2", "Two"), ("sol-1", "Uno"), ("SOL-1", "One"))

    assert [problem.split("(Solution Identifier*): ")[1] for problem in told(path)] == [
        "stands in row 4 as well, with other values",
        "stands in row 2 as well, with other values",
        "stands in row 2 as well, with other values",
    ]


def test_row_that_repeats_another_word_for_word_is_no_problem(tmp_path: Path) -> None:
    path = write_book(tmp_path / "a.xlsx", ("SOL-1", "One"), ("SOL-2", "Two"), ("sol-1", " One "))

    frame, problems = check_rows(opened(path), LENGTHS)

    assert problems == []
    assert list(frame["same_as"]) == [0, 0, 2]


def test_merged_cells_are_told_where_they_hide_values(tmp_path: Path) -> None:
    def merge(sheet: Worksheet) -> None:
        sheet.merge_cells("D2:D4")
        sheet.merge_cells("F1:H1")

    path = write_book(tmp_path / "a.xlsx", ("SOL-1", "A", "", "Kestrel"), ("SOL-2", "B"), ("SOL-3", "C"), edit=merge)

    assert [(problem.row, problem.column) for problem in checked(path)[1]] == [
        (2, "D (Publisher Name)"),
        (3, "D (Publisher Name)"),
        (4, "D (Publisher Name)"),
    ]


def test_row_of_a_csv_file_with_a_delimiter_too_many_is_told(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", "SOL-1,Bread, cake,3P,Kestrel", "SOL-2,Fine,3P,Kestrel,,", "SOL-3,Short")

    [problem] = told(path)
    assert problem.startswith("row 2, column A")
    assert "more cells than headings" in problem


def test_cell_with_line_breaks_does_not_shift_the_numbers_of_rows(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", 'SOL-1,"Two\nlines",,', "", "SOL-2,,,")

    assert told(path) == ["row 4, column B (Solution Name*): is empty"]


def test_problems_never_hold_a_value(tmp_path: Path) -> None:
    path = write_book(
        tmp_path / "a.xlsx", ("SECRET/1", "SECRET" * 50), ("", "=SECRET()"), ("SECRET 2", "\x07SECRET\ufffd"[1:])
    )

    assert len(told(path)) >= 4
    assert not any("SECRET" in problem for problem in told(path))


def test_characters_outside_the_basic_plane_count_twice_as_in_the_crm(tmp_path: Path) -> None:
    assert told(write_book(tmp_path / "a.xlsx", ("SOL-1", "\U0001f35e" * 100))) == []
    assert len(told(write_book(tmp_path / "b.xlsx", ("SOL-1", "\U0001f35e" * 100 + "x")))) == 1


def test_identifiers_are_the_same_when_the_crm_takes_them_for_the_same() -> None:
    assert fold("SOL-Ä1 ") == fold("sol-a1")
    assert fold("SOL-1") != fold("SOL-2")


@given(st.text())
def test_tidy_text_is_tidy_once_and_for_all(text: str) -> None:
    once = tidy(text)

    assert tidy(once) == once
    assert "  " not in once
    assert once == once.strip()


@given(rows=st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12), max_size=6)))
def test_no_csv_file_ends_in_a_traceback_and_all_that_passes_is_fit(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    path = write_csv(tmp_path_factory.mktemp("odd") / "odd.csv", *lines)

    frame, problems = check_rows(opened(path), LENGTHS)

    wrong = {problem.row for problem in problems}
    for row in frame[~frame["row"].isin(list(wrong))].itertuples(index=False):
        assert row.name
        assert str(row.identifier).isascii()
        assert row.identifier

"""`cosell solutions import` as a person at a terminal meets it."""

import csv
import json
from pathlib import Path

import pytest

from tests.catalogue.books import write_book, write_csv
from tests.cli.desk import Desk
from tests.cli.terminal import cosell

SUITE = ("SOL-1", "Bakery Suite", "3P", "Kestrel Software")
SET = "cosell_microsoftsolutiondetails"


def names(desk: Desk) -> dict[str, str]:
    """Return what stands in the catalogue, names by identifiers."""
    rows = desk.crm("GET", f"{SET}?$select=cosell_solutionidentifier,cosell_name")["value"]
    return {row["cosell_solutionidentifier"]: row["cosell_name"] for row in rows}


def test_workbook_is_imported_and_imported_again(desk: Desk, tmp_path: Path) -> None:
    path = write_book(
        tmp_path / "details.xlsx",
        (*SUITE, "x"),
        ("SOL-2", "Second"),
        headings=("Identifier", "Name", "Type", "Publisher", "Note"),
    )

    first = desk.read("solutions", "import", str(path))
    desk.forget_calls()
    second = desk.read("solutions", "import", str(path))

    assert "Columns that were ignored: Note." in first
    assert "✔ 2 rows: 2 created, 0 updated, 0 unchanged." in first
    assert f"A line for each row: {path}.result.csv" in first
    assert "✔ 2 rows: 0 created, 0 updated, 2 unchanged." in second
    assert desk.count_writes() == 0
    assert names(desk) == {"SOL-1": "Bakery Suite", "SOL-2": "Second"}


def test_problems_are_shown_up_to_twenty_and_all_stand_in_the_result(desk: Desk, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "details.csv", *["SOL-1/2,Suite,," for _ in range(25)])
    result = tmp_path / "said.csv"

    said = desk.type("solutions", "import", str(path), "--result", str(result))

    assert said.exit_code == 1
    assert said.output.count("A (Solution") == 20
    assert "… and 5 more" in said.output
    assert "✖ 25 problems in the file; nothing was written." in said.output
    with result.open(encoding="utf-8-sig", newline="") as stream:
        assert len(list(csv.reader(stream))) == 26
    assert names(desk) == {}


def test_dry_run_shows_counts_and_a_sample_and_writes_nothing(desk: Desk, tmp_path: Path) -> None:
    path = write_book(tmp_path / "details.xlsx", SUITE)
    desk.forget_calls()

    said = desk.read("solutions", "import", str(path), "--dry-run")

    assert "Kestrel Software" in said
    assert "✔ 1 row: 1 would be created, 0 would be updated, 0 unchanged. Nothing was written." in said
    assert desk.count_writes() == 0
    assert not (tmp_path / "details.xlsx.result.csv").exists()


def test_scripts_read_what_came_of_it(desk: Desk, tmp_path: Path) -> None:
    done = desk.read_json("solutions", "import", str(write_book(tmp_path / "a.xlsx", SUITE)))
    wrong = desk.type("solutions", "import", str(write_book(tmp_path / "b.xlsx", ("SOL-2", ""))), "--json")

    assert (done["rows"], done["created"], done["failed"], done["sheet"]) == (1, 1, 0, "Details")
    assert wrong.exit_code == 1
    assert json.loads(wrong.output)["problems"] == [
        {"sheet": "Details", "row": 2, "column": "B (Solution Name*)", "problem": "is empty"}
    ]


def test_headings_and_sheet_are_named_on_the_command_line(desk: Desk, tmp_path: Path) -> None:
    sheets = {"Neu": [("Kennung", "Titel"), ("SOL-7", "Seven")]}
    path = str(write_book(tmp_path / "a.xlsx", SUITE, others=sheets))

    desk.read("solutions", "import", path, "--sheet", "Neu", "--column", "identifier=Kennung", "--column", "name=Titel")

    assert names(desk) == {"SOL-7": "Seven"}


def test_wrong_usage_and_unfit_files_are_told_without_a_traceback(desk: Desk, tmp_path: Path) -> None:
    good = str(write_book(tmp_path / "good.xlsx", SUITE))
    bad = tmp_path / "bad.xls"
    bad.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100))
    desk.forget_calls()

    missing = cosell("solutions", "import", str(tmp_path / "nothing.xlsx"))
    column = cosell("solutions", "import", good, "--column", "color=Blue")
    twice = cosell("solutions", "import", good, "--column", "name=A", "--column", "name=B")
    nowhere = cosell("solutions", "import", good, "--column", "type=Kind")
    place = cosell("solutions", "import", good, "--result", str(tmp_path / "no" / "where.csv"))
    old = cosell("solutions", "import", str(bad))

    assert [said.code for said in (missing, column, twice, nowhere, place, old)] == [2, 2, 2, 1, 1, 1]
    assert not any(said.has_traceback for said in (missing, column, twice, nowhere, place, old))
    assert "FIELD is one of" in " ".join(column.err.split())
    assert "no column with the heading that was named for: type" in nowhere.err
    assert "name another place with --result" in place.err
    assert "old format .xls" in old.err
    assert desk.count_writes() == 0


def test_crm_without_a_column_is_told_with_the_command_that_makes_it(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overlay = tmp_path / "mappings"
    overlay.mkdir()
    (overlay / "solutions.yaml").write_text("catalogue: {publisher: cosell_vendor}\n")
    monkeypatch.setenv("COSELL_MAPPINGS_DIR", str(overlay))

    said = cosell("solutions", "import", str(write_book(tmp_path / "a.xlsx", SUITE)))

    assert (said.code, said.has_traceback) == (1, False)
    assert "cosell_vendor is missing" in said.err
    assert "cosell crm install" in said.err
    assert names(desk) == {}

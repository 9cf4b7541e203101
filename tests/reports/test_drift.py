"""The drift report counts what was found, in files a person can open and a picture a browser shows."""

import csv
import re
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

from openpyxl import load_workbook

from cosell.reports.drift import KEPT, Counted, DriftRow, describe, write_files

AT = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
COUNTED = Counted(at=AT, pairs=3, compared=3, in_step=1, switched_off=0, listed=3, is_dry_run=False)


def row(**said: str) -> DriftRow:
    plain = {
        "kind": "drifted",
        "cause": "lost poll",
        "field": "deal_value",
        "to": "partner_center",
        "referral_id": "r-1",
        "opportunity_id": "o-1",
        "lead_id": "",
        "since": "2026-11-20 10:00",
        "healed": "healed",
        "why": "",
    }
    return DriftRow(**{**plain, **said})


ROWS = [
    row(),
    row(field="notes"),
    row(opportunity_id="o-2", field="notes", cause="lost notification", since="2026-11-01 08:00"),
    row(kind="duplicate", cause="created twice", field="", opportunity_id="", referral_id="r-9", healed="stands"),
]


def test_report_counts_deals_and_fields_and_names_the_oldest_difference(tmp_path: Path) -> None:
    text = describe(COUNTED, ROWS, write_files(tmp_path, COUNTED, ROWS))

    assert "3 referrals listed, 3 pairs compared, 1 in step, 0 switched off." in text
    assert "Oldest difference: 2026-11-01 08:00 UTC, drifted, o-2." in text
    assert "| kind | healed | stands | all |" in text
    assert "| drifted | 2 | 0 | 2 |" in text, "each deal once, however many fields differ"
    assert "| notes | 1 | 1 | 2 |" in text
    assert str(tmp_path / "reports" / "drift-20261125-020000.csv") in text


def test_report_shows_the_picture_which_lies_in_the_file(tmp_path: Path) -> None:
    files = write_files(tmp_path, COUNTED, ROWS)
    text = describe(COUNTED, ROWS, files)

    (shown,) = re.findall(r"!\[.+?\]\(data:image/svg\+xml;base64,(.+?)\)", text)
    assert files.drawing is not None
    assert b64decode(shown) == files.drawing.read_bytes()
    assert "![" not in describe(COUNTED, [], None), "nothing differs"


def test_files_hold_a_line_for_each_difference(tmp_path: Path) -> None:
    files = write_files(tmp_path, COUNTED, ROWS)

    with files.csv.open(encoding="utf-8-sig", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [line["field"] for line in lines] == ["deal_value", "notes", "notes", ""]
    book = load_workbook(files.workbook)
    assert book.sheetnames == ["differences", "by kind", "by field and cause"]
    assert book["differences"].max_row == len(ROWS) + 1
    assert files.drawing is not None
    picture = ET.fromstring(files.drawing.read_text(encoding="utf-8"))  # noqa: S314  our own
    told = ["".join(item.itertext()) for item in picture.iter() if item.tag.endswith("title")]
    assert "notes, lost poll: 1" in told
    assert "(duplicate), created twice: 1" in told


def test_nothing_found_is_said_in_a_line(tmp_path: Path) -> None:
    files = write_files(tmp_path, COUNTED, [])

    assert describe(COUNTED, [], files).endswith("Nothing differs.")
    assert files.drawing is None
    assert load_workbook(files.workbook)["differences"].max_row == 1


def test_reports_do_not_pile_up(tmp_path: Path) -> None:
    for night in range(KEPT + 3):
        at = AT + timedelta(days=night)
        counted = Counted(at=at, pairs=0, compared=0, in_step=0, switched_off=0, listed=0, is_dry_run=False)
        write_files(tmp_path, counted, ROWS[:1])

    stems = {path.stem for path in (tmp_path / "reports").iterdir()}
    assert len(stems) == KEPT
    assert "drift-20261125-020000" not in stems


def test_question_and_dry_run_stand_above_the_numbers() -> None:
    asked = Counted(
        at=AT, pairs=3, compared=3, in_step=1, switched_off=0, listed=3, is_dry_run=False, asked="Nothing was written."
    )

    assert "> Nothing was written." in describe(asked, ROWS, None)

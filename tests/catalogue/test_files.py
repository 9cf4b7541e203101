"""What a file really is comes out before it is parsed; whatever cannot be read says so in a sentence."""

import zipfile
from pathlib import Path

import pytest

from cosell.errors import FileInvalid
from cosell.sync.catalogue import files
from cosell.sync.catalogue.delimited import find_delimiter
from cosell.sync.catalogue.files import read_grids
from tests.catalogue.books import checked, replace_member, write_book, write_csv

OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ROW = ("SOL-1", "Bakery Suite", "3P", "Kestrel Software")


def refusal(path: Path) -> str:
    with pytest.raises(FileInvalid) as caught:
        read_grids(path)
    return str(caught.value)


def test_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.xlsx"
    with path.open("wb") as stream:
        stream.truncate(100 * 1024 * 1024)

    assert "larger than 20 MB; it was not read" in refusal(path)


def test_zip_bomb_is_refused_by_its_directory(tmp_path: Path) -> None:
    path = write_book(tmp_path / "bomb.xlsx", ROW)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed, packed.open("xl/zeros.xml", "w") as stream:
        for _ in range(201):
            stream.write(bytes(1024 * 1024))

    assert path.stat().st_size < 1024 * 1024
    assert "far larger than it looks; it was not unpacked" in refusal(path)


def test_archive_of_thousands_of_members_is_refused(tmp_path: Path) -> None:
    path = write_book(tmp_path / "many.xlsx", ROW)
    with zipfile.ZipFile(path, "a") as packed:
        for number in range(files.MAX_MEMBERS):
            packed.writestr(f"xl/{number}", b"")

    assert "it was not unpacked" in refusal(path)


@pytest.mark.parametrize(
    ("name", "content", "way_out"),
    [
        ("old.xls", OLD_OFFICE + bytes(600), "of the old format .xls; open it in Excel and save it as"),
        ("secret.xlsx", OLD_OFFICE + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "has a password; save it"),
        ("text.xlsx", b"Solution Identifier,Solution Name\n", "is called .xlsx but is no workbook"),
        ("broken.xlsx", b"PK\x03\x04 and then nothing", "is damaged"),
        ("zeros.csv", b"a,b\n\0\0\0", "is no text, or UTF-16 without its byte order mark"),
    ],
)
def test_what_cannot_be_read_is_told_with_the_way_out(tmp_path: Path, name: str, content: bytes, way_out: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    assert way_out in refusal(path)


def test_workbooks_of_other_kinds_are_told_apart(tmp_path: Path) -> None:
    book = write_book(tmp_path / "plain.xlsx", ROW)
    macros = replace_member(write_book(tmp_path / "macros.xlsx", ROW), "xl/vbaProject.bin", b"x")
    binary = replace_member(write_book(tmp_path / "binary.xlsx", ROW), "xl/workbook.bin", b"x")
    named = tmp_path / "named.xlsm"
    named.write_bytes(book.read_bytes())
    archive = tmp_path / "other.xlsx"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("letter.txt", "no workbook")

    assert "with macros" in refusal(macros)
    assert "with macros" in refusal(named)
    assert "a binary workbook" in refusal(binary)
    assert "is no workbook" in refusal(archive)


def test_workbook_called_csv_is_read_as_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "details.csv"
    path.write_bytes(write_book(tmp_path / "details.xlsx", ROW).read_bytes())

    assert checked(path) == ([ROW], [])


def test_broken_workbook_is_told_wherever_it_breaks(tmp_path: Path) -> None:
    whole = write_book(tmp_path / "whole.xlsx", *[(f"SOL-{number}", "Suite", "3P", "") for number in range(50)])
    raw = whole.read_bytes()
    sheet = replace_member(whole, "xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row r='1'><c r='A1'")
    assert "is damaged (" in refusal(sheet)
    for end in range(4, len(raw), 97):
        path = tmp_path / "cut.xlsx"
        path.write_bytes(raw[:end])
        assert "is damaged" in refusal(path)


def test_bits_that_flipped_never_end_in_a_traceback(tmp_path: Path) -> None:
    raw = write_book(tmp_path / "whole.xlsx", ROW).read_bytes()
    path = tmp_path / "flipped.xlsx"
    outcomes = set()
    for at in range(5, len(raw), 61):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 0x41]) + raw[at + 1 :])
        try:
            read_grids(path)
            outcomes.add("read")
        except FileInvalid:
            outcomes.add("refused")

    assert "refused" in outcomes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_csv_says_its_encoding_by_its_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    path = write_csv(tmp_path / "details.csv", "SOL-1,Bäckerei-Süite ☕,3P,Kestrel", encoding=encoding)

    assert checked(path) == ([("SOL-1", "Bäckerei-Süite ☕", "3P", "Kestrel")], [])


def test_csv_in_windows_1252_is_told_with_its_line(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "details.csv", "SOL-1,Plain,,", "SOL-2,Bäckerei,,", encoding="cp1252")

    said = refusal(path)

    assert "as line 3 shows" in said
    assert "Windows-1252" in said
    assert "CSV UTF-8 (Comma delimited)" in said


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_with_its_delimiter(tmp_path: Path, delimiter: str) -> None:
    heading = delimiter.join(["Solution Identifier", '"Solution Name"', "Type", "Publisher"])
    line = delimiter.join(["SOL-1", '"Bread, cake; and ""more"""', "3P", "Kestrel"])

    assert checked(write_csv(tmp_path / "a.csv", line, heading=heading)) == (
        [("SOL-1", 'Bread, cake; and "more"', "3P", "Kestrel")],
        [],
    )


def test_csv_may_say_its_delimiter_as_excel_understands_it(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", "Solution Identifier|Solution Name", "SOL-1|Suite", heading="sep=|")

    assert checked(path) == ([("SOL-1", "Suite", "", "")], [])


def test_delimiter_of_one_column_is_the_comma() -> None:
    assert find_delimiter("Solution Identifier\nSOL-1\n") == ","
    assert find_delimiter("") == ","


def test_open_quotation_mark_is_told_with_its_line(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", 'SOL-1,"Suite,3P,Kestrel', "SOL-2,Other,,")

    assert "a quotation mark is open" in refusal(path)


def test_file_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("Solution Identifier,Solution Name\n" + "SOL-1,x\n" * 100_001)

    assert "more than 100000 rows" in refusal(path)


def test_sheet_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    path = write_book(tmp_path / "a.xlsx", ROW, others={"Notes": [("x",)]})

    with pytest.raises(FileInvalid, match="it has Details, Notes"):
        read_grids(path, sheet="Detail")
    with pytest.raises(FileInvalid, match="has no sheets"):
        read_grids(write_csv(tmp_path / "a.csv"), sheet="Details")


def test_sheet_that_lies_about_its_size_costs_nothing(tmp_path: Path) -> None:
    path = write_book(tmp_path / "a.xlsx", ROW)
    with zipfile.ZipFile(path) as packed:
        sheet = packed.read("xl/worksheets/sheet1.xml")
    assert b'<dimension ref="A1:D2"' in sheet
    replace_member(path, "xl/worksheets/sheet1.xml", sheet.replace(b'"A1:D2"', b'"A1:XFD1048576"'))

    assert checked(path) == ([ROW], [])

"""Reads a CSV file as people's programs write it: by its byte order mark and its delimiter, never by a guess."""

import codecs
import csv
import io
import re
from itertools import islice

from cosell.errors import FileInvalid
from cosell.sync.catalogue.cells import Grid, GridRow
from cosell.sync.catalogue.workbook import refuse_too_many_rows

DELIMITERS = ",;\t"
_LOOKED_AT = 5
"""Records by which the delimiter is told; there may be a title above the headings."""
_MARKS = (
    # UTF-32 begins like UTF-16, so that it comes first.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAID = re.compile(r"sep=(.)\r?\n")
_SAVE_AS = "in Excel, save it as “CSV UTF-8 (Comma delimited)”"


def read_delimited(raw: bytes, *, name: str) -> Grid:
    """Return the rows of a CSV file.

    Raises:
        FileInvalid: it is no text in a Unicode encoding, or its quotes do not close.
    """
    text = decode(raw, name=name)
    said = _SAID.match(text)
    delimiter = said[1] if said else find_delimiter(text)
    rows: list[GridRow] = []
    # The line which only names the delimiter is none of the sheet when a spreadsheet opens it.
    records = csv.reader(
        io.StringIO(text[said.end() :] if said else text, newline=""), delimiter=delimiter, strict=True
    )
    try:
        for number, record in enumerate(records, start=1):
            if any(cell.strip() for cell in record):
                rows.append(GridRow(number=number, cells=record))
            refuse_too_many_rows(len(rows), name=name)
    except csv.Error:
        raise FileInvalid(
            f"{name} cannot be read beyond line {records.line_num}: a quotation mark is open or misplaced there, or a "
            f"cell is endless; {_SAVE_AS}."
        ) from None
    return Grid(sheet="", rows=rows, is_delimited=True)


def decode(raw: bytes, *, name: str) -> str:
    """Return the text of a file.

    Raises:
        FileInvalid: it is in none of the Unicode encodings.
    """
    encoding = next((encoding for mark, encoding in _MARKS if raw.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in raw:
        raise FileInvalid(f"{name} is no text, or UTF-16 without its byte order mark; {_SAVE_AS}.")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise FileInvalid(
            f"{name} is not in {encoding.removesuffix('-sig').upper()}, as line {line} shows; it may be Windows-1252, "
            f"which does not say so of itself: {_SAVE_AS}."
        ) from None
    if "\0" in text:
        raise FileInvalid(f"{name} is no text; {_SAVE_AS}.")
    return text


def find_delimiter(text: str) -> str:
    """Return the delimiter which makes the most cells of one record; of several, the comma first."""
    return max(DELIMITERS, key=lambda delimiter: _widest(text, delimiter))


def _widest(text: str, delimiter: str) -> int:
    try:
        return max((len(record) for record in _first_records(text, delimiter)), default=0)
    except csv.Error:
        return 0


def _first_records(text: str, delimiter: str) -> list[list[str]]:
    return list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), _LOOKED_AT))

"""Reads the sheets of a workbook cell by cell, so that what is no plain text is seen before it becomes one."""

import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from openpyxl import load_workbook
from openpyxl.utils import column_index_from_string

from cosell.errors import FileInvalid
from cosell.sync.catalogue.cells import Cell, Grid, GridRow, MergedRange, Unusable

MAX_ROWS = 100_000
MAX_COLUMNS = 256
_LAST_ROW = 1_048_576
"""Of any sheet (Microsoft: Excel specifications and limits)."""
_SURE_DIGITS = 10**15
"""From here on a spreadsheet rounds (Microsoft: Excel specifications and limits, number precision)."""
_ZEROS = re.compile("0{2,}")
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_CHUNK = 1024 * 1024
_OVERLAP = 200
_NO_TEXT = {
    "f": "is a formula; copy the column and paste it over itself as values",
    "e": "is an error of the spreadsheet",
    "b": "is TRUE or FALSE, not a text",
    "d": "is a date, not a text; format it as text and type it again",
}
"""By the type of the cell. The value which a formula last had may be old, or missing: it is not taken."""
_FRACTION = "is a number with a fraction; format it as text and type it again"
_TOO_LONG = "is a number with more digits than a spreadsheet keeps; format it as text and type it again"


def read_workbook(raw: bytes, *, name: str, sheet: str | None) -> list[Grid]:
    """Return the sheets that a person sees, or the one with this name.

    Raises:
        FileInvalid: it is damaged, has no such sheet, or is too long.
    """
    with _told_plainly(name), warnings.catch_warnings():
        # Of what it leaves out, like drop-down lists: none of it is needed.
        warnings.simplefilter("ignore")
        book = load_workbook(io.BytesIO(raw), read_only=True, keep_links=False)
        try:
            named = {one.title: one for one in book.worksheets}
            if sheet is not None and sheet not in named:
                raise FileInvalid(f"{name} has no sheet of this name; it has {', '.join(named)}.")
            chosen = [sheet] if sheet is not None else [title for title, one in named.items() if _is_shown(one)]
            return [
                Grid(
                    sheet=title,
                    rows=list(_iter_rows(named[title], name=name)),
                    merged=_find_merged(raw, named[title]),
                )
                for title in chosen
            ]
        finally:
            book.close()


def refuse_too_many_rows(count: int, *, name: str) -> None:
    """Raise FileInvalid when a file goes on for ever."""
    if count > MAX_ROWS:
        raise FileInvalid(f"{name} holds more than {MAX_ROWS} rows; split it.")


def to_cell(value: object, *, kind: str, number_format: str = "General") -> Cell:
    """Return a cell as a person sees it: whole numbers as text, with the zeros in front which their format gives."""
    if value is None:
        return ""
    if kind in _NO_TEXT:
        return Unusable(_NO_TEXT[kind])
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _to_digits(value, number_format)
    return Unusable("is not a text")


def _to_digits(value: float, number_format: str) -> Cell:
    if not abs(value) < _SURE_DIGITS:
        return Unusable(_TOO_LONG)
    if value != int(value):
        return Unusable(_FRACTION)
    text = str(int(value))
    return text.zfill(len(number_format)) if _ZEROS.fullmatch(number_format) else text


@contextmanager
def _told_plainly(name: str) -> Iterator[None]:
    """Say of a broken file that it is broken: the reader meets it in the middle, with whatever error comes of it."""
    try:
        yield
    except (FileInvalid, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001  a broken file makes the reader fail in any way
        raise FileInvalid(
            f"{name} is damaged ({type(error).__name__}): open it in Excel and save it as an Excel Workbook (.xlsx)."
        ) from None


def _is_shown(sheet: object) -> bool:
    return getattr(sheet, "sheet_state", "visible") == "visible"


def _iter_rows(sheet: object, *, name: str) -> Iterator[GridRow]:
    # What a sheet says of its own size may be wrong, and is padded with cells that are not there.
    sheet.reset_dimensions()  # type: ignore[attr-defined]
    count = 0
    for number, row in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS), start=1):  # type: ignore[attr-defined]
        if number > _LAST_ROW:
            raise FileInvalid(f"{name} has rows beyond the last one of a sheet.")
        cells = [
            to_cell(cell.value, kind=cell.data_type, number_format=getattr(cell, "number_format", "")) for cell in row
        ]
        if any(not isinstance(cell, str) or cell.strip() for cell in cells):
            count += 1
            refuse_too_many_rows(count, name=name)
            yield GridRow(number=number, cells=cells)


def _find_merged(raw: bytes, sheet: object) -> tuple[MergedRange, ...]:
    """Find merged cells in the sheet's own file, piece by piece: the reader for large workbooks leaves them out."""
    member = str(vars(sheet).get("_worksheet_path", "")).lstrip("/")
    found: dict[MergedRange, None] = {}
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        if member not in packed.namelist():
            return ()
        with packed.open(member) as stream:
            rest = b""
            while piece := stream.read(_CHUNK):
                rest = rest[-_OVERLAP:] + piece
                for match in _MERGED.finditer(rest):
                    found[_to_range(*(part.decode() for part in match.groups()))] = None
    return tuple(found)


def _to_range(first: str, top: str, last: str, bottom: str) -> MergedRange:
    return MergedRange(
        first_column=column_index_from_string(first) - 1,
        last_column=column_index_from_string(last) - 1,
        first_row=int(top),
        last_row=int(bottom),
    )

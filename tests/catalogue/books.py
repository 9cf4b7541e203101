"""Files as people and their programs write them, made for one test each; all solutions in them are invented."""

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from cosell.mapping.loader import load_mappings
from cosell.sync.catalogue.cells import Field, Problem
from cosell.sync.catalogue.check import check_rows
from cosell.sync.catalogue.files import read_grids
from cosell.sync.catalogue.headings import Table, find_table, wording

TEMPLATE = ("Solution Identifier*", "Solution Name*", "Type", "Publisher Name")
CATALOGUE = load_mappings().solutions.catalogue
LENGTHS = {Field.IDENTIFIER: 100, Field.NAME: 200, Field.TYPE: 100, Field.PUBLISHER: 200}
Cells = Sequence[object]


def write_book(
    path: Path,
    *rows: Cells,
    headings: Cells = TEMPLATE,
    edit: Callable[[Worksheet], None] | None = None,
    others: Mapping[str, Sequence[Cells]] | None = None,
) -> Path:
    """Write a workbook whose first sheet is called Details; `edit` may do to it what cannot be said in rows."""
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = "Details"
    for row in (headings, *rows):
        sheet.append(list(row))
    for title, cells in (others or {}).items():
        other = book.create_sheet(title)
        for row in cells:
            other.append(list(row))
    if edit is not None:
        edit(sheet)
    book.save(path)
    return path


def write_csv(path: Path, *lines: str, heading: str = ",".join(TEMPLATE), encoding: str = "utf-8") -> Path:
    """Write a CSV file as Excel does, with CRLF."""
    path.write_bytes("\r\n".join([heading, *lines, ""]).encode(encoding))
    return path


def replace_member(path: Path, member: str, content: bytes) -> Path:
    """Put other content into a member of a workbook, or a new member."""
    packed = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name != member:
                new.writestr(name, old.read(name))
        new.writestr(member, content)
    path.write_bytes(packed.getvalue())
    return path


def open_table(path: Path, *, sheet: str | None = None, columns: Mapping[Field, str] | None = None) -> Table:
    """Find the table in a file."""
    return find_table(read_grids(path, sheet=sheet), wording(CATALOGUE, columns or {}), name=path.name)


def checked(path: Path) -> tuple[list[tuple[str, ...]], list[Problem]]:
    """Return the rows of a file as tuples of identifier, name, type and publisher, and its problems."""
    frame, problems = check_rows(open_table(path), LENGTHS)
    return [tuple(row) for row in frame[[*Field]].itertuples(index=False, name=None)], problems


def told(path: Path) -> list[str]:
    """Return the problems of a file as a person reads them."""
    return [str(problem) for problem in checked(path)[1]]

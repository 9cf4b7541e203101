"""Looks at every row of a file before anything is written, and finds all that is wrong with it at once. Pure."""

import re
import unicodedata
from collections.abc import Mapping

import pandas as pd

from cosell.sync.catalogue.cells import REQUIRED, Cell, Field, Problem, Unusable
from cosell.sync.catalogue.headings import Table

ROW, KEY, SAME_AS = "row", "key", "same_as"
"""Columns of a checked frame besides the fields: the row's number, what the CRM compares by, the row it repeats."""
_INVISIBLE = str.maketrans(dict.fromkeys("\u200b\u2060\ufeff\u00ad"))
_LOST = "\ufffd"
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What Dataverse finds by an alternate key whatever the client (Dataverse: alternate keys, forbidden characters)."""
_SAYS = {
    "missing": "is empty",
    "identifier": "holds something besides letters, digits, dots, dashes and underscores, with which the CRM would not "
    "find the row again",
    "formula": "begins with =, like a formula; write it without",
    "control": "holds a character that cannot be seen or printed",
    "lost": "holds �: a letter was lost when the file was converted",
}


def check_rows(table: Table, lengths: Mapping[Field, int]) -> tuple[pd.DataFrame, list[Problem]]:
    """Return the rows that are not blank, one text for each field, and every problem in the order of the file.

    Args:
        table: the sheet and where its columns are.
        lengths: how many characters the CRM takes.
    """
    frame, found = _read(table)
    frame[KEY] = [fold(identifier) for identifier in frame[Field.IDENTIFIER]]
    usable = _Usable(table, frame, found)
    for field in Field:
        texts = frame[field]
        if field in REQUIRED:
            usable.add(field, texts == "", _SAYS["missing"])
        # From a CSV file; in a workbook the reader has seen that it is a formula.
        usable.add(field, texts.str.startswith("="), _SAYS["formula"])
        usable.add(field, texts.map(_has_control).astype(bool), _SAYS["control"])
        usable.add(field, texts.str.contains(_LOST, regex=False), _SAYS["lost"])
        if field in lengths:
            too_long = texts.map(_length).astype(int) > lengths[field]
            usable.add(field, too_long, f"is longer than the {lengths[field]} characters which the CRM takes")
    odd = ~frame[Field.IDENTIFIER].map(lambda text: not text or bool(_IDENTIFIER.fullmatch(text))).astype(bool)
    usable.add(Field.IDENTIFIER, odd, _SAYS["identifier"])
    frame[SAME_AS] = _find_repeated(frame, usable)
    places = {field: place for place, field in enumerate(Field)}
    return frame, [problem for _, problem in sorted(found, key=lambda item: (item[1].row, places[item[0]]))]


def fold(identifier: str) -> str:
    """Return what is the same for two identifiers which the CRM takes for one: it sees neither case nor accents."""
    letters = unicodedata.normalize("NFKD", identifier)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold().strip()


def tidy(text: str) -> str:
    """Return text on one line, with single plain blanks: those of spreadsheets and web pages only look like them."""
    return " ".join(unicodedata.normalize("NFC", text).translate(_INVISIBLE).split())


class _Usable:
    """Collects problems of cells; of one cell only the first is told, as the others mostly follow from it."""

    def __init__(self, table: Table, frame: pd.DataFrame, found: list[tuple[Field, Problem]]) -> None:
        self._table = table
        self._frame = frame
        self._found = found
        self._told = {(field, problem.row) for field, problem in found}

    def add(self, field: Field, is_wrong: "pd.Series[bool]", says: str) -> None:
        """Note down what is wrong with the cells of a field."""
        rows = self._frame.loc[is_wrong, [ROW, Field.IDENTIFIER]]
        for number, identifier in zip(rows[ROW], rows[Field.IDENTIFIER], strict=True):
            self.add_one(field, row=int(number), identifier=str(identifier), says=says)

    def add_one(self, field: Field, *, row: int, identifier: str, says: str) -> None:
        """Note down what is wrong with one cell."""
        if (field, row) not in self._told:
            self._told.add((field, row))
            self._found.append((field, _problem(self._table, field, row=row, says=says, identifier=identifier)))


def _problem(table: Table, field: Field, *, row: int, says: str, identifier: str = "") -> Problem:
    return Problem(sheet=table.grid.sheet, row=row, column=table.column(field), problem=says, identifier=identifier)


def _read(table: Table) -> tuple[pd.DataFrame, list[tuple[Field, Problem]]]:
    """Return the texts of the fields, and the problems of cells which hold none."""
    found: list[tuple[Field, Problem]] = []
    merged = _merged_cells(table)
    kept: list[dict[str, object]] = []
    for row in table.rows:
        cells = {field: row.cells[place] if place < len(row.cells) else "" for field, place in table.places.items()}
        texts = {field: _tidy_cell(cells.get(field, "")) for field in Field}
        bad = {field: cell for field, cell in cells.items() if isinstance(cell, Unusable)}
        if not bad and not any(texts.values()):
            continue
        kept.append({ROW: row.number} | {str(field): text for field, text in texts.items()})
        says = {field: cell.problem for field, cell in bad.items()} | merged.get(row.number, {})
        if table.grid.is_delimited and any(_tidy_cell(cell) for cell in row.cells[table.width :]):
            says[Field.IDENTIFIER] = (
                "begins a row with more cells than headings: a text with the delimiter needs quotes"
            )
        identifier = texts[Field.IDENTIFIER]
        found += [
            (field, _problem(table, field, row=row.number, says=says[field], identifier=identifier)) for field in says
        ]
    return pd.DataFrame(kept, columns=[ROW, *Field], dtype=object), found


def _merged_cells(table: Table) -> dict[int, dict[Field, str]]:
    """Return where the rows of solutions have merged cells in a column of ours."""
    numbers = [row.number for row in table.rows]
    last = max(numbers, default=0)
    says: dict[int, dict[Field, str]] = {}
    for merged in table.grid.merged:
        for field, place in table.places.items():
            if merged.first_column <= place <= merged.last_column:
                for number in range(max(merged.first_row, table.heading_row + 1), min(merged.last_row, last) + 1):
                    says.setdefault(number, {})[field] = "is merged with other cells; unmerge them and fill in each"
    return says


def _tidy_cell(cell: Cell) -> str:
    return tidy(cell) if isinstance(cell, str) else ""


def _find_repeated(frame: pd.DataFrame, usable: _Usable) -> list[int]:
    """Return for each row the earlier one that says just the same, 0 for none; rows that differ are problems."""
    same: dict[int, int] = {}
    twice = frame[frame[KEY].duplicated(keep=False) & (frame[KEY] != "")]
    for _, group in twice.groupby(KEY, sort=False):
        numbers = [int(number) for number in group[ROW]]
        if len(group.drop_duplicates(subset=[KEY, Field.NAME, Field.TYPE, Field.PUBLISHER])) == 1:
            same |= dict.fromkeys(numbers[1:], numbers[0])
            continue
        for number, identifier in zip(numbers, group[Field.IDENTIFIER], strict=True):
            other = numbers[0] if number != numbers[0] else numbers[1]
            says = f"stands in row {other} as well, with other values"
            usable.add_one(Field.IDENTIFIER, row=number, identifier=str(identifier), says=says)
    return [same.get(int(number), 0) for number in frame[ROW]]


def _has_control(text: str) -> bool:
    return any(unicodedata.category(letter) in {"Cc", "Cs", "Co"} for letter in text)


def _length(text: str) -> int:
    """Return how many characters the CRM counts: those outside the basic plane are two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2

"""What comes out of a file, whichever kind it is: rows of cells, each with its place as a spreadsheet shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Field(StrEnum):
    """What a row of the catalogue says; the words are those of `--column`."""

    IDENTIFIER = "identifier"
    NAME = "name"
    TYPE = "type"
    PUBLISHER = "publisher"


REQUIRED = (Field.IDENTIFIER, Field.NAME)
"""The two which Microsoft's template marks with an asterisk."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A cell that holds no text; `problem` ends a sentence about it."""

    problem: str


Cell = str | Unusable


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """A row that is not blank, with its number from 1."""

    number: int
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedRange:
    """Cells which were made one; columns from 0, rows from 1, all inclusive."""

    first_column: int
    last_column: int
    first_row: int
    last_row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A sheet of a workbook, or a CSV file, in which a row may not be longer than the one with the headings."""

    sheet: str
    rows: Sequence[GridRow]
    merged: Sequence[MergedRange] = ()
    is_delimited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that a person has to mend in the file; it never holds a value."""

    sheet: str
    row: int
    column: str
    problem: str
    identifier: str = ""

    def __str__(self) -> str:
        """Say where, then what."""
        place = f"sheet {self.sheet}, " if self.sheet else ""
        return f"{place}row {self.row}, column {self.column}: {self.problem}"


def letter(position: int) -> str:
    """Return how a spreadsheet calls a column, from 0: A, B, …, Z, AA."""
    letters = ""
    number = position + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def to_text(cell: Cell) -> str:
    """Return the text of a cell without blanks around it; of a cell that holds none, nothing."""
    return cell.strip() if isinstance(cell, str) else ""

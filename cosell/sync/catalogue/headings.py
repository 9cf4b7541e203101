"""Finds the columns of a file by their headings: in the wording of Microsoft's template, or in the user's own. Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cosell.errors import FileInvalid
from cosell.mapping.models import Catalogue
from cosell.sync.catalogue.cells import REQUIRED, Field, Grid, GridRow, letter, to_text

LOOKED_AT = 20
"""Rows among which the headings are looked for; there may be a title above them."""
_SHOWN_AT_MOST = 15
_HEADING_AT_MOST = 60
_NO_WORD = re.compile(r"[\W_]+")

Wording = Mapping[Field, tuple[str, ...]]
"""Which headings stand for a field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A sheet whose headings were found; `ignored` are the headings that mean nothing to us."""

    grid: Grid
    heading_row: int
    places: Mapping[Field, int]
    titles: Mapping[Field, str]
    width: int
    ignored: tuple[str, ...]

    @property
    def rows(self) -> list[GridRow]:
        """The rows below the headings."""
        return [row for row in self.grid.rows if row.number > self.heading_row]

    def column(self, field: Field) -> str:
        """Return what a person calls the column of a field."""
        return f"{letter(self.places[field])} ({self.titles[field]})" if field in self.places else field.value


def wording(catalogue: Catalogue, chosen: Mapping[Field, str]) -> Wording:
    """Return the headings of each field: the one which was chosen for this file, or those of the mapping.

    The CRM's own name of the column is always understood.
    """
    known = {field: (*getattr(catalogue.headings, field.value), getattr(catalogue, field.value)) for field in Field}
    return {field: (chosen[field],) if field in chosen else headings for field, headings in known.items()}


def find_table(grids: Sequence[Grid], words: Wording, *, name: str) -> Table:
    """Return the one sheet which has the headings.

    Raises:
        FileInvalid: no sheet has all that are required, or several have; the text lists what was found.
    """
    tables = [table for grid in grids if (table := _find_headings(grid, words)) is not None]
    if len(tables) == 1:
        return tables[0]
    if tables:
        sheets = ", ".join(table.grid.sheet for table in tables)
        raise FileInvalid(f"{name} has several sheets with solutions: {sheets}. Name one of them with --sheet.")
    wanted = " and ".join(f"“{words[field][0]}”" for field in REQUIRED)
    found = "; ".join(_describe(grid, words) for grid in grids) or "no sheet that is not hidden"
    raise FileInvalid(
        f"{name} lacks the columns {wanted}, or one of them. Found: {found}. Other headings are named with "
        f"--column identifier=HEADING, or in the mapping."
    )


def plain(heading: str) -> str:
    """Return a heading without what people vary: case, blanks, asterisks, underscores."""
    return _NO_WORD.sub("", unicodedata.normalize("NFKC", heading).casefold())


def _find_headings(grid: Grid, words: Wording) -> Table | None:
    for row in grid.rows[:LOOKED_AT]:
        found = _recognise(row, words)
        if all(found[field] for field in REQUIRED):
            return _to_table(grid, row, found)
    return None


def _recognise(row: GridRow, words: Wording) -> dict[Field, list[int]]:
    """Return for each field the columns of a row whose text is a heading of it."""
    texts = [plain(to_text(cell)) for cell in row.cells]
    spelled = {field: {plain(heading) for heading in headings} - {""} for field, headings in words.items()}
    return {field: [place for place, text in enumerate(texts) if text in spelled[field]] for field in Field}


def _to_table(grid: Grid, row: GridRow, found: Mapping[Field, Sequence[int]]) -> Table:
    titles = [_short(to_text(cell)) for cell in row.cells]
    for field, several in found.items():
        if len(several) > 1:
            both = " and ".join(f"{letter(place)} ({titles[place]})" for place in several)
            raise FileInvalid(
                f"Row {row.number} has several columns for the {field}: {both}. Say which with "
                f"--column {field}=HEADING, or remove one."
            )
    places = {field: found[field][0] for field in Field if found[field]}
    if len(set(places.values())) < len(places):
        raise FileInvalid("Two fields are to be read from the same column; look at --column and the mapping.")
    ignored = [title for place, title in enumerate(titles) if title and place not in places.values()]
    width = max((place + 1 for place, title in enumerate(titles) if title), default=0)
    return Table(
        grid=grid,
        heading_row=row.number,
        places=places,
        titles={field: titles[place] for field, place in places.items()},
        width=width,
        ignored=tuple(ignored),
    )


def _describe(grid: Grid, words: Wording) -> str:
    """Return what stands where the headings might be: the row with most of them, else the first one."""
    rows = grid.rows[:LOOKED_AT]
    place = f"sheet {grid.sheet}: " if grid.sheet else ""
    if not rows:
        return f"{place}nothing"
    best = max(rows, key=lambda row: sum(bool(places) for places in _recognise(row, words).values()))
    titles = [_short(text) for cell in best.cells if (text := to_text(cell))]
    more = f" and {len(titles) - _SHOWN_AT_MOST} more" if len(titles) > _SHOWN_AT_MOST else ""
    return f"{place}row {best.number} has {', '.join(titles[:_SHOWN_AT_MOST]) or 'no text'}{more}"


def _short(text: str) -> str:
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _HEADING_AT_MOST else f"{line[: _HEADING_AT_MOST - 1]}…"

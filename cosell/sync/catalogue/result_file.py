"""Writes what became of each row of a file, so that whoever sent it can mend what is left; safe to open in Excel."""

import csv
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from cosell.errors import FileInvalid

HEADINGS = ("sheet", "row", "column", "solution identifier", "result", "why")
_FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Text which a spreadsheet would carry out when it opens a CSV file."""
_ENCODING = "utf-8-sig"
"""Excel reads UTF-8 only behind a byte order mark."""


def result_path(source: Path) -> Path:
    """Return where the result goes when nobody says: beside the file, under its name."""
    return source.with_name(f"{source.name}.result.csv")


def refuse_unfit_place(path: Path) -> None:
    """Look at the place before anything is written into the CRM: nothing but an earlier result is ever replaced.

    Raises:
        FileInvalid: no result can be written there.
    """
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise FileInvalid(f"The result cannot be written to {path}: name another place with --result.")
    if path.exists() and not _is_result(path):
        raise FileInvalid(f"{path} is there and is no result of an earlier import: name another place with --result.")


def write_result(path: Path, lines: Iterable[Sequence[object]]) -> None:
    """Write lines of the six columns, all or none of them.

    Raises:
        FileInvalid: there is no room, or no right to write.
    """
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding=_ENCODING, newline="") as stream:
                writer = csv.writer(stream)
                writer.writerow(HEADINGS)
                writer.writerows([harmless(str(value)) for value in line] for line in lines)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise FileInvalid(
            f"The result cannot be written to {path}: {(error.strerror or 'unknown reason').lower()}."
        ) from None


def harmless(text: str) -> str:
    """Return text which a spreadsheet shows and never carries out: an apostrophe before what begins like a formula."""
    return f"'{text}" if text.startswith(_FORMULA_BEGINS) else text


def _is_result(path: Path) -> bool:
    try:
        with path.open(encoding=_ENCODING, newline="") as stream:
            return tuple(next(csv.reader(stream), [])) == HEADINGS
    except (OSError, UnicodeError, csv.Error):
        return False

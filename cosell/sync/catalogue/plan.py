"""Decides what has to be written so that the catalogue says what the file says. Pure.

An empty cell says nothing: what the CRM has there stays. A solution that is not in the file stays as well.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import pandas as pd

from cosell.dataverse import Row
from cosell.mapping.models import Catalogue
from cosell.sync.catalogue.cells import Field
from cosell.sync.catalogue.check import KEY, ROW, fold

_ID, _ETAG, _NOW = "id", "etag", "_now"
_SAID = (Field.NAME, Field.TYPE, Field.PUBLISHER)
"""The fields besides the identifier, which is the key and keeps the spelling that it has in the CRM."""


class Verdict(StrEnum):
    """What became of a row of the file."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one row of the file asks for; nothing when the body is empty, a new row when `row_id` is None."""

    number: int
    identifier: str
    row_id: str | None = None
    etag: str = ""
    body: dict[str, object] = field(default_factory=dict, repr=False)

    @property
    def verdict(self) -> Verdict:
        """What the row will have become once this is done."""
        if self.row_id is None:
            return Verdict.CREATED
        return Verdict.UPDATED if self.body else Verdict.UNCHANGED


def catalogue_columns(catalogue: Catalogue) -> tuple[str, ...]:
    """Return the columns of the catalogue to read."""
    return tuple(_columns(catalogue).values())


def plan_changes(wanted: pd.DataFrame, rows: Iterable[Row], catalogue: Catalogue) -> list[Change]:
    """Return what to do for each row of a checked file, in its order.

    Args:
        wanted: rows without problems, each identifier once.
        rows: the catalogue as it is.
        catalogue: which column is which.
    """
    both = wanted.merge(_to_frame(rows, catalogue), on=KEY, how="left", suffixes=("", _NOW))
    is_new = both[_ID].isna()
    columns = _columns(catalogue)
    differs = {said: (both[said] != "") & (is_new | (both[said] != both[f"{said}{_NOW}"])) for said in _SAID}
    changes = []
    for place, (number, identifier) in enumerate(zip(both[ROW], both[Field.IDENTIFIER], strict=True)):
        body: dict[str, object] = {
            columns[said]: str(both[said].iloc[place]) for said in _SAID if differs[said].iloc[place]
        }
        known = None if is_new.iloc[place] else (str(both[_ID].iloc[place]), str(both[_ETAG].iloc[place]))
        changes.append(
            Change(
                number=int(number),
                identifier=str(identifier),
                row_id=known[0] if known else None,
                etag=known[1] if known else "",
                body=body,
            )
        )
    return changes


def _columns(catalogue: Catalogue) -> dict[Field, str]:
    return {
        Field.IDENTIFIER: catalogue.identifier,
        Field.NAME: catalogue.name,
        Field.TYPE: catalogue.type,
        Field.PUBLISHER: catalogue.publisher,
    }


def _to_frame(rows: Iterable[Row], catalogue: Catalogue) -> pd.DataFrame:
    """Return the catalogue by what the CRM compares identifiers by; rows without one are nobody's."""
    columns = _columns(catalogue)
    known = [
        {
            KEY: fold(str(row.get(catalogue.identifier) or "")),
            _ID: row.id,
            _ETAG: row.etag,
            **{f"{said}{_NOW}": str(row.get(columns[said]) or "") for said in _SAID},
        }
        for row in rows
    ]
    names = [KEY, _ID, _ETAG, *(f"{said}{_NOW}" for said in _SAID)]
    frame = pd.DataFrame(known, columns=names, dtype=object)
    return frame[frame[KEY] != ""].drop_duplicates(subset=KEY)

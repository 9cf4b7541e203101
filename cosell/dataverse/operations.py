"""Writes as parts of a batch, spelled as the client spells them when they travel alone. Pure."""

from collections.abc import Mapping, Sequence

from cosell.dataverse.batch import BatchOperation
from cosell.dataverse.odata import Key, options, prefer, row_path

REPRESENTATION = "return=representation"


def create_operation(
    set_: str, key: Key, body: Mapping[str, object], *, select: Sequence[str] | None = None
) -> BatchOperation:
    """Create the row with this key; refused when it is there.

    Raises:
        RequestRejected: the value of a key has a character with which Dataverse finds no row.
    """
    return BatchOperation(
        method="PATCH",
        path=row_path(set_, key) + options(select=select),
        body=body,
        headers={"If-None-Match": "*"} | prefer(REPRESENTATION),
    )


def update_operation(
    set_: str, id_: str, body: Mapping[str, object], *, etag: str, select: Sequence[str] | None = None
) -> BatchOperation:
    """Change some columns of the row as it was read with `etag`."""
    return BatchOperation(
        method="PATCH",
        path=row_path(set_, id_) + options(select=select),
        body=body,
        headers={"If-Match": etag} | prefer(REPRESENTATION),
    )


def delete_operation(set_: str, id_: str, *, etag: str) -> BatchOperation:
    """Delete the row as it was read with `etag`."""
    return BatchOperation(method="DELETE", path=row_path(set_, id_), headers={"If-Match": etag})

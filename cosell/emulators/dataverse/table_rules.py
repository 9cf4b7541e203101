"""What particular standard tables do by themselves when one of their rows is written."""

from cosell.emulators.dataverse.errors import business
from cosell.emulators.dataverse.metadata import Table
from cosell.emulators.dataverse.rows import Data

PREFIX_LONGEST = 8
PREFIX_SHORTEST = 2


def settle_columns(table: Table, data: Data, changed: Data) -> Data:
    """Return the columns the platform computes for a row whose new state is `data`."""
    settled = _full_name(table, data)
    if table.logical == "opportunity" and data.get("isrevenuesystemcalculated"):
        # A system-calculated revenue is the sum of the products; the caller's figure does not survive.
        settled["estimatedvalue"] = data.get("totalamount") or 0.0
    if table.logical == "publisher" and "customizationprefix" in changed:
        _check_prefix(str(data.get("customizationprefix") or ""))
    return settled


def _full_name(table: Table, data: Data) -> Data:
    if not {"fullname", "firstname", "lastname"} <= set(table.columns):
        return {}
    parts = [str(data[name]) for name in ("firstname", "lastname") if data.get(name)]
    name = " ".join(parts) or None
    both: Data = {"fullname": name}
    if "yomifullname" in table.columns:
        both["yomifullname"] = name
    return both


def _check_prefix(prefix: str) -> None:
    sound = PREFIX_SHORTEST <= len(prefix) <= PREFIX_LONGEST and prefix.isalnum() and prefix[0].isalpha()
    if not sound or prefix.lower().startswith("mscrm"):
        raise business(
            "0x80044365",
            "The customization prefix must be between 2 and 8 alphanumeric characters, start with a letter and not "
            "start with 'mscrm'.",
        )

"""The duplicate detection rules every new environment has: same e-mail or same name among accounts, contacts, leads."""

from cosell.emulators.dataverse.environment import Environment
from cosell.emulators.dataverse.errors import business
from cosell.emulators.dataverse.metadata import Table
from cosell.emulators.dataverse.rows import Data

RULES = {
    "account": (("emailaddress1",), ("name",)),
    "contact": (("emailaddress1",), ("fullname",)),
    "lead": (("emailaddress1",), ("fullname",)),
}


def refuse_duplicates(env: Environment, table: Table, data: Data, row_id: str) -> None:
    """Refuse a row which the published rules hold for a duplicate."""
    for columns in RULES.get(table.logical, ()):
        for name in columns:
            value = data.get(name)
            if value is None:
                continue
            if any(found != row_id for found in env.rows.find_ids(table.logical, name, value)):
                raise business(
                    "0x80040333",
                    "A record was not created or updated because a duplicate of the current record already exists.",
                    status=412,
                )

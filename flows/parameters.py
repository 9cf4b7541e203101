"""What may be typed into a run form: Prefect holds it against this before anything runs, and names the field."""

from typing import Annotated

from pydantic import Field

RECORDS_AT_MOST = 1000
"""Records of one run: enough for a person's list, little enough for a run that ends and can be looked at."""

RecordId = Annotated[
    str, Field(pattern=r"^\s*\{?[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\}?\s*$")
]
RecordIds = Annotated[list[RecordId], Field(max_length=RECORDS_AT_MOST)]
"""Ids as both services spell them, like 11111111-2222-4333-8444-555555555555."""

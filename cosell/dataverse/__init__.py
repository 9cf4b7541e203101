"""The client for Dataverse, where Dynamics 365 Sales keeps its opportunities, leads, accounts and contacts."""

from cosell.dataverse.batch import BatchOperation, BatchResult, ChangeSet
from cosell.dataverse.client import Body, DataverseClient, UpsertMode
from cosell.dataverse.closing import Closing, Qualifying
from cosell.dataverse.models import RowReference, WhoAmI
from cosell.dataverse.opening import open_dataverse
from cosell.dataverse.rows import DeltaPage, Row, Upserted
from cosell.dataverse.schema import Table

__all__ = [
    "BatchOperation",
    "BatchResult",
    "Body",
    "ChangeSet",
    "Closing",
    "DataverseClient",
    "DeltaPage",
    "Qualifying",
    "Row",
    "RowReference",
    "Table",
    "UpsertMode",
    "Upserted",
    "WhoAmI",
    "open_dataverse",
]

"""Rows in Dataverse: read one by one, in bulk or by what moved; written with the etag they were read with.

(Microsoft: Use the Dataverse Web API.) Every write answers with the row as it is now, so that its new etag is known.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from cosell.dataverse.batch import BatchOperation, BatchResult, ChangeSet, batch_body, read_batch, spread
from cosell.dataverse.changes import iter_delta
from cosell.dataverse.closing import (
    STATE_COLUMNS,
    STATUS_CANCELED,
    STATUS_WON,
    Closing,
    Outcome,
    Qualifying,
    close_opportunity,
    qualify_lead,
)
from cosell.dataverse.labels import TableLabel, get_column_labels, list_custom_tables
from cosell.dataverse.models import RowReference, WhoAmI
from cosell.dataverse.odata import Expand, Key, one_of, options, prefer, row_path, stable_order
from cosell.dataverse.reading import read_link, read_list, read_object
from cosell.dataverse.rows import DeltaPage, Row, Upserted, id_column_candidates, row_from
from cosell.dataverse.schema import (
    Table,
    find_table,
    find_tables,
    get_choices,
    get_column_names,
    get_status_reasons,
    get_table,
)
from cosell.domain.stages import StatusReason
from cosell.errors import Origin, RecordNotFound, StaleEtag
from cosell.http.answer import Answer
from cosell.http.transport import ServiceClient

Body = Mapping[str, object]
"""Columns and their values; a lookup is `Navigation@odata.bind` with the path of a row."""

ANNOTATIONS = (
    'odata.include-annotations="OData.Community.Display.V1.FormattedValue,Microsoft.Dynamics.CRM.lookuplogicalname"'
)
REPRESENTATION = "return=representation"
FRESH = {"If-None-Match": "null"}
IDS_PER_REQUEST = 200
LOOKUPS_PER_REQUEST = 50


class UpsertMode(StrEnum):
    """What an upsert may do."""

    CREATE_OR_UPDATE = "create-or-update"
    CREATE_ONLY = "create-only"
    UPDATE_ONLY = "update-only"


_CONDITIONS = {
    UpsertMode.CREATE_OR_UPDATE: {},
    UpsertMode.CREATE_ONLY: {"If-None-Match": "*"},
    UpsertMode.UPDATE_ONLY: {"If-Match": "*"},
}


class DataverseClient:
    """The rows that our application user may see. An async context manager.

    Tables are named by their entity set (`opportunities`). `id_columns` tells the id column of sets where the naming
    rules of Dataverse do not (`get_table` of `cosell.dataverse.schema` knows it).
    """

    def __init__(self, service: ServiceClient, *, id_columns: Mapping[str, str] | None = None) -> None:
        """Send through `service`."""
        self._service = service
        self._id_columns = dict(id_columns or {})

    async def __aenter__(self) -> Self:
        """Open the connections."""
        await self._service.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._service.__aexit__(kind, error, traceback)

    @property
    def clock_skew(self) -> timedelta | None:
        """By how much our clock is ahead of the service's; None while nothing was asked."""
        return self._service.clock_skew

    async def whoami(self) -> WhoAmI:
        """Return whom Dataverse takes us for."""
        answer = await self._service.request("GET", "WhoAmI", record="WhoAmI")
        document = read_object(answer, record="WhoAmI")
        return WhoAmI(
            user_id=str(document["UserId"]).lower(),
            organization_id=str(document["OrganizationId"]).lower(),
            business_unit_id=str(document["BusinessUnitId"]).lower(),
        )

    async def get(self, set_: str, key: Key, *, select: Sequence[str], expand: Expand | None = None) -> Row:
        """Return one row, fresh.

        Raises:
            RecordNotFound: there is none, or it is not ours to see.
        """
        path = row_path(set_, key)
        headers = prefer(ANNOTATIONS) | FRESH
        answer = await self._service.request(
            "GET", path + options(select=select, expand=expand), headers=headers, record=path
        )
        return self._row(set_, answer, record=path)

    async def find(self, set_: str, key: Key, *, select: Sequence[str], expand: Expand | None = None) -> Row | None:
        """Return one row, or None when there is none."""
        try:
            return await self.get(set_, key, select=select, expand=expand)
        except RecordNotFound:
            return None

    async def query(
        self,
        set_: str,
        *,
        select: Sequence[str],
        filter_: str | None = None,
        order_by: str | None = None,
        expand: Expand | None = None,
        page_size: int = 500,
    ) -> AsyncIterator[list[Row]]:
        """Yield the pages of a query, to its end."""
        order = stable_order(order_by, self.id_column(set_)) if order_by else None
        headers = prefer(ANNOTATIONS, f"odata.maxpagesize={page_size}") | FRESH
        url: str | None = set_ + options(select=select, filter_=filter_, order_by=order, expand=expand)
        while url is not None:
            answer = await self._service.request("GET", url, headers=headers, record=set_)
            document = read_object(answer, record=set_)
            yield [self._row_from(set_, row) for row in read_list(document)]
            url = read_link(document, "@odata.nextLink", answer=answer, base_url=self._service.base_url)

    async def query_one_of(
        self,
        set_: str,
        column: str,
        values: Sequence[str],
        *,
        select: Sequence[str],
        expand: Expand | None = None,
    ) -> list[Row]:
        """Return the rows whose column has one of many values: hundreds of values a request, never one."""
        wanted = list(dict.fromkeys(values))
        size = LOOKUPS_PER_REQUEST if column.startswith("_") else IDS_PER_REQUEST
        rows: list[Row] = []
        for start in range(0, len(wanted), size):
            filter_ = one_of(column, wanted[start : start + size])
            async for page in self.query(set_, select=select, filter_=filter_, expand=expand, page_size=5000):
                rows += page
        return rows

    async def get_many(
        self, set_: str, ids: Sequence[str], *, select: Sequence[str], expand: Expand | None = None
    ) -> dict[str, Row]:
        """Return rows by their ids; those that do not exist are not in the answer."""
        rows = await self.query_one_of(set_, self.id_column(set_), ids, select=select, expand=expand)
        return {row.id: row for row in rows}

    def delta(
        self, set_: str, *, select: Sequence[str], link: str | None, page_size: int = 5000
    ) -> AsyncIterator[DeltaPage]:
        """Yield what moved since `link` was handed out; without a link everything, as a start.

        Raises:
            DeltaExpired: the link is too old; start again without one.
            SchemaMissing: change tracking is off for this table.
        """
        return iter_delta(self._service, set_, self._row_from, select=select, link=link, page_size=page_size)

    async def create(self, set_: str, body: Body, *, select: Sequence[str] | None = None) -> Row:
        """Create a row. Never repeated by itself, as it has no key: prefer `upsert`.

        Raises:
            AlreadyExists: a row with the same alternate key is there.
            ServiceUnreachable: whether it was created is not known; look before creating again.
        """
        path = set_ + options(select=select)
        answer = await self._service.request(
            "POST", path, json=body, headers=prefer(REPRESENTATION, ANNOTATIONS), record=set_, idempotent=False
        )
        return self._row(set_, answer, record=set_)

    async def upsert(
        self,
        set_: str,
        key: Key,
        body: Body,
        *,
        mode: UpsertMode = UpsertMode.CREATE_OR_UPDATE,
        select: Sequence[str] | None = None,
    ) -> Upserted:
        """Create the row with this key, or update it when it is there; the key's columns must not be in the body.

        Raises:
            AlreadyExists: with CREATE_ONLY, it is there already.
            RecordNotFound: with UPDATE_ONLY, it is not there.
        """
        path = row_path(set_, key)
        answer = await self._service.request(
            "PATCH",
            path + options(select=select),
            json=body,
            headers=prefer(REPRESENTATION, ANNOTATIONS) | _CONDITIONS[mode],
            record=path,
            idempotent=True,
        )
        return Upserted(row=self._row(set_, answer, record=path), is_new=answer.status == 201)

    async def update(self, set_: str, id_: str, body: Body, *, etag: str, select: Sequence[str] | None = None) -> Row:
        """Change some columns of the row as it was read with `etag`; return it with its new etag.

        Raises:
            StaleEtag: it moved since, or was read without an etag; read again and plan anew.
        """
        if not etag:
            raise StaleEtag("It was read without an etag; read it again", origin=Origin(record=row_path(set_, id_)))
        if not body:
            raise ValueError("an update without columns would only raise false alarms in the CRM")
        path = row_path(set_, id_)
        headers = prefer(REPRESENTATION, ANNOTATIONS) | {"If-Match": etag}
        answer = await self._service.request(
            "PATCH", path + options(select=select), json=body, headers=headers, record=path
        )
        if answer.find_object() is None:
            return await self.get(set_, id_, select=select or (self.id_column(set_),))
        return self._row(set_, answer, record=path)

    async def delete(self, set_: str, id_: str, *, etag: str | None = None) -> None:
        """Delete a row, with `etag` only as it was read.

        Raises:
            RecordNotFound: it was gone already.
        """
        path = row_path(set_, id_)
        await self._service.request("DELETE", path, headers={"If-Match": etag} if etag else None, record=path)

    async def win(
        self, id_: str, closing: Closing, *, status: int = STATUS_WON, select: Sequence[str] = STATE_COLUMNS
    ) -> Row:
        """Win an opportunity and return it as it is now; one that is won already counts as done.

        Raises:
            StaleEtag: it was lost in the meantime.
        """
        return await self._close(id_, closing, outcome=Outcome.WON, status=status, select=select)

    async def lose(
        self, id_: str, closing: Closing, *, status: int = STATUS_CANCELED, select: Sequence[str] = STATE_COLUMNS
    ) -> Row:
        """Lose an opportunity, `status` tells how; return it as it is now; one that is lost already counts as done.

        Raises:
            StaleEtag: it was won in the meantime.
        """
        return await self._close(id_, closing, outcome=Outcome.LOST, status=status, select=select)

    async def _close(self, id_: str, closing: Closing, *, outcome: Outcome, status: int, select: Sequence[str]) -> Row:
        columns = list(dict.fromkeys((*select, *STATE_COLUMNS)))

        async def read() -> Row:
            return await self.get("opportunities", id_, select=columns)

        return await close_opportunity(self._service, id_, closing, outcome=outcome, status=status, read=read)

    async def qualify_lead(self, id_: str, qualifying: Qualifying) -> list[RowReference]:
        """Qualify a lead and return the rows that were made of it. Never repeated by itself.

        Raises:
            StaleEtag: it is qualified already; read `qualifyingopportunityid`.
        """
        return await qualify_lead(self._service, id_, qualifying)

    async def batch(self, steps: Sequence[BatchOperation | ChangeSet]) -> list[BatchResult]:
        """Do many things in one request, in order; one that fails does not stop those after it.

        Returns:
            One result for each operation, those of change sets one by one.

        Raises:
            ServiceUnreachable: how much was done is not known.
        """
        content_type, content = batch_body(steps, api_path=urlsplit(self._service.base_url).path)
        only_reads = all(isinstance(step, BatchOperation) and step.method == "GET" for step in steps)
        answer = await self._service.request(
            "POST",
            "$batch",
            content=content,
            headers={"Content-Type": content_type} | prefer("odata.continue-on-error"),
            record="$batch",
            idempotent=only_reads,
        )
        return [
            BatchResult(answer=part, error=None if part.is_success else self._service.classify(part, record="$batch"))
            for part in spread(steps, read_batch(answer))
        ]

    def read_row(self, set_: str, answer: Answer) -> Row:
        """Return the row with which a write inside a batch was answered."""
        return self._row(set_, answer, record=set_)

    async def get_table(self, name: str) -> Table:
        """Return the definition of a table by its logical name, as it is now.

        Raises:
            SchemaMissing: there is no such table.
        """
        return await get_table(self._service, name)

    async def list_custom_tables(self) -> tuple[TableLabel, ...]:
        """Return the tables which solutions have added to the CRM, with what people read."""
        return await list_custom_tables(self._service)

    async def get_column_labels(self, name: str) -> dict[str, str]:
        """Return what people read above the columns of a table, by logical name."""
        return await get_column_labels(self._service, name)

    def learn_id_columns(self, id_columns: Mapping[str, str]) -> None:
        """Know the id columns of more sets from now on."""
        self._id_columns |= id_columns

    async def get_column_names(self, name: str) -> tuple[str, ...]:
        """Return the logical names of a table's columns."""
        return await get_column_names(self._service, name)

    async def get_choices(self, name: str) -> dict[str, Mapping[str, int]]:
        """Return the choices of a table: column to label to option number."""
        return await get_choices(self._service, name)

    async def get_status_reasons(self, name: str) -> tuple[StatusReason, ...]:
        """Return the status reasons of a table, the partner's own included."""
        return await get_status_reasons(self._service, name)

    async def find_table(self, name: str) -> Table | None:
        """Return the definition of a table, or None when there is no such table."""
        return await find_table(self._service, name)

    async def find_tables(self, names: Sequence[str]) -> dict[str, Table | None]:
        """Return the definitions of many tables, None for each that is not there, in few requests."""
        return await find_tables(self._service, names)

    def learn_id_column(self, set_: str, column: str) -> None:
        """Note which column is the id of a set, as its definition says."""
        self._id_columns[set_] = column

    def id_column(self, set_: str) -> str:
        """Return the name of the id column of a set."""
        return self._id_columns.get(set_) or id_column_candidates(set_)[0]

    def _row(self, set_: str, answer: Answer, *, record: str) -> Row:
        return self._row_from(set_, read_object(answer, record=record))

    def _row_from(self, set_: str, document: Mapping[str, object]) -> Row:
        return row_from(document, set_=set_, id_column=self._id_columns.get(set_))

"""CreateMultiple, UpdateMultiple, UpsertMultiple: many rows, all or nothing (Microsoft: Bulk operations)."""

import uuid
from collections.abc import Callable, Mapping

from cosell.emulators.dataverse.addresses import RowAddresses
from cosell.emulators.dataverse.environment import Environment
from cosell.emulators.dataverse.errors import business, invalid_argument, not_found, not_supported
from cosell.emulators.dataverse.http import Call, Reply, read_json
from cosell.emulators.dataverse.metadata import Table
from cosell.emulators.dataverse.paths import parse_key, split_path
from cosell.emulators.dataverse.rows import Data
from cosell.emulators.dataverse.times import stamp
from cosell.emulators.dataverse.values import is_guid
from cosell.emulators.dataverse.writes import Writer

MOST_TARGETS = 1000
BULK_DELETE = 13
Body = Mapping[str, object]


class Bulk:
    """Carry out the bulk messages of one request."""

    def __init__(self, env: Environment, call: Call) -> None:
        self._env = env
        self._call = call
        self._writer = Writer(env, call)
        self._addresses = RowAddresses(env, call.content_ids)

    def messages(self) -> dict[str, Callable[[Table], Reply]]:
        """Return the messages bound to a set, by name."""
        return {
            "CreateMultiple": self._create,
            "UpdateMultiple": self._update,
            "UpsertMultiple": self._upsert,
            "DeleteMultiple": self._delete,
        }

    def _create(self, table: Table) -> Reply:
        ids = [self._writer.create(table, _plain(body)).id for body in self._targets(table)]
        context = f"{self._call.root}$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse"
        return Reply(200, {"@odata.context": context, "Ids": ids})

    def _update(self, table: Table) -> Reply:
        for body in self._targets(table):
            row_id = self._id_of(table, body)
            row = self._env.rows.get(table.logical, row_id) if row_id else None
            if row is None:
                raise not_found(table.logical, row_id or "")
            self._writer.update(row, _plain(body))
        return Reply(204)

    def _upsert(self, table: Table) -> Reply:
        for body in self._targets(table):
            self._upsert_one(table, body)
        return Reply(204)

    def _upsert_one(self, table: Table, body: Body) -> None:
        key: Data = {}
        row_id = self._id_of(table, body)
        if row_id is None:
            key = self._key_of(table, body)
            found = self._addresses.find_by_values(table, key)
            row_id = found.id if found else None
            if any(name in body for name in key):
                raise business("0x80040216", "An unexpected error occurred.")
        row = self._env.rows.get(table.logical, row_id) if row_id else None
        if row is None:
            self._writer.create(table, _plain(body), row_id=row_id, key=key)
        else:
            self._writer.update(row, _plain(body), key=key)

    def _delete(self, table: Table) -> Reply:
        raise not_supported(f"DeleteMultiple has not yet been implemented for the standard table {table.logical}.")

    def delete_by_query(self) -> Reply:
        """Delete what a query finds, as the BulkDelete job does; only conditions on the primary key are read."""
        body = read_json(self._call, "BulkDelete")
        queries = body.get("QuerySet")
        if not isinstance(queries, list) or not queries:
            raise invalid_argument("Required parameter 'QuerySet' is missing or empty.")
        for query in queries:
            self._delete_found(query if isinstance(query, dict) else {})
        now = stamp(self._call.now)
        job: Data = {"name": body.get("JobName"), "operationtype": BULK_DELETE, "statecode": 3, "statuscode": 30}
        job |= {"createdon": now, "modifiedon": now, "startedon": now, "completedon": now}
        job |= {"ownerid": self._call.actor.user_id, "ownerid@": "systemuser"}
        row = self._env.rows.insert("asyncoperation", str(uuid.uuid4()), job)
        context = f"{self._call.root}$metadata#Microsoft.Dynamics.CRM.BulkDeleteResponse"
        return Reply(200, {"@odata.context": context, "JobId": row.id})

    def _delete_found(self, query: Body) -> None:
        table = self._env.schema.tables.get(str(query.get("EntityName")))
        criteria = query.get("Criteria")
        conditions = criteria.get("Conditions") if isinstance(criteria, dict) else None
        if table is None or not isinstance(conditions, list) or len(conditions) != 1:
            raise not_supported("Only a BulkDelete by the primary keys of one table is emulated.")
        condition = conditions[0]
        if condition.get("AttributeName") != table.primary_id or condition.get("Operator") not in {"In", "Equal"}:
            raise not_supported("Only a BulkDelete by the primary keys of one table is emulated.")
        for value in condition.get("Values") or []:
            row_id = str(value.get("Value") if isinstance(value, dict) else value).lower()
            row = self._env.rows.get(table.logical, row_id)
            if row is not None:
                self._writer.delete(row)

    def _targets(self, table: Table) -> list[Body]:
        given = read_json(self._call, table.set_name).get("Targets")
        if not isinstance(given, list) or not given:
            raise invalid_argument("Required parameter 'Targets' is missing or empty.")
        if len(given) > MOST_TARGETS:
            raise business("0x80044150", f"The number of targets exceeds the limit of {MOST_TARGETS}.")
        wanted = f"Microsoft.Dynamics.CRM.{table.logical}"
        for target in given:
            if not isinstance(target, dict) or str(target.get("@odata.type", "")).lstrip("#") != wanted:
                raise invalid_argument(f"Each target must be an object with '@odata.type' '{wanted}'.")
        return given

    def _id_of(self, table: Table, body: Body) -> str | None:
        value = body.get(table.primary_id)
        if is_guid(value):
            return str(value).lower()
        link = body.get("@odata.id")
        if isinstance(link, str):
            segment = split_path(link)[-1]
            return parse_key(segment.inside or "").row_id
        return None

    def _key_of(self, table: Table, body: Body) -> Data:
        link = body.get("@odata.id")
        if not isinstance(link, str):
            raise invalid_argument(f"A target needs '{table.primary_id}' or '@odata.id'.")
        segment = split_path(link)[-1]
        return self._addresses.key_values(table, parse_key(segment.inside or ""))[1]


def _plain(body: Body) -> dict[str, object]:
    return {name: value for name, value in body.items() if not name.startswith("@")}

"""Create, update and delete rows: stamps, owner, state, money, alternate keys, cascades, and the events they cause."""

import uuid
from collections.abc import Mapping

from cosell.emulators.dataverse.addresses import RowAddresses
from cosell.emulators.dataverse.duplicates import refuse_duplicates
from cosell.emulators.dataverse.environment import Environment, Event
from cosell.emulators.dataverse.errors import already_exists, associated, key_violated, not_supported
from cosell.emulators.dataverse.http import Call
from cosell.emulators.dataverse.metadata import Navigation, Table
from cosell.emulators.dataverse.money import settle_money
from cosell.emulators.dataverse.payload import Payload, PayloadReader, lookup_values
from cosell.emulators.dataverse.rows import Data, Row
from cosell.emulators.dataverse.states import state_on_create, state_on_update
from cosell.emulators.dataverse.table_rules import settle_columns
from cosell.emulators.dataverse.times import stamp

Body = Mapping[str, object]


class Writer:
    """Write rows for one request."""

    def __init__(self, env: Environment, call: Call) -> None:
        self._env = env
        self._call = call
        self._addresses = RowAddresses(env, call.content_ids)

    def create(self, table: Table, body: Body, *, row_id: str | None = None, key: Data | None = None) -> Row:
        """Create a row with the rows nested in its body; `row_id` and `key` come from an upsert's address."""
        self._env.access.require(self._call.actor, "Create", table)
        payload = self._read(table, body, creating=True)
        new_id = row_id or payload.row_id or str(uuid.uuid4())
        if self._env.rows.exists(table.logical, new_id):
            raise already_exists()
        self._create_parents(table, payload)
        given = {**(key or {}), **payload.values}
        data = self._new_data(table, given, new_id)
        self._check_keys(table, new_id, data)
        if self._call.header("mscrm.suppressduplicatedetection").lower() == "false":
            refuse_duplicates(self._env, table, data, new_id)
        row = self._env.rows.insert(table.logical, new_id, _without_nulls(data))
        self._tell("Create", row, changed=row.data, before=None)
        self._create_children(row, payload)
        return row

    def update(self, row: Row, body: Body, *, key: Data | None = None) -> Row:
        """Update a row; columns of the address's key are not written even when the body names them."""
        table = self._env.schema.tables[row.table]
        self._env.access.require_row(self._call.actor, "Write", table, row)
        payload = self._read(table, body, creating=False)
        self._create_parents(table, payload)
        for name in key or {}:
            payload.values.pop(name, None)
        fresh = self.write(row, payload.values)
        self._create_children(fresh, payload)
        return fresh

    def write(self, row: Row, values: Data, *, state: Data | None = None) -> Row:
        """Write checked values into a row, with everything that follows from them.

        `state` sets state and status past the rules for updates, as the closing actions do.
        """
        table = self._env.schema.tables[row.table]
        values = {**values, **(state or state_on_update(table, row.data, values, row.id))}
        if "ownerid" in values:
            values |= self._owner_values(table, values)
        data = {**row.data, **values, **self._stamps(table, ("modifiedby", "modifiedonbehalfby"), "modifiedon")}
        data |= settle_columns(table, data, values)
        data |= settle_money(self._env.rows, table, data, values)
        if any(name in values for alternate in table.keys for name in alternate.columns):
            self._check_keys(table, row.id, data)
        fresh = self._env.rows.replace(row, _without_nulls(data))
        self._tell("Update", fresh, changed=values, before=row.data)
        return fresh

    def delete(self, row: Row) -> None:
        """Delete a row, and what hangs on it as the relationships say."""
        table = self._env.schema.tables[row.table]
        self._env.access.require_row(self._call.actor, "Delete", table, row)
        if table.logical in {"systemuser", "organization"}:
            raise not_supported("The method being invoked does not support provided entity type.")
        self._cascade(row)
        self._env.rows.remove(row)
        self._tell("Delete", row, changed={}, before=row.data)

    def associate(self, row: Row, navigation: Navigation, other_id: str) -> None:
        """Add a row to a collection, or point a lookup at it."""
        table = self._env.schema.tables[row.table]
        self._env.access.require_row(self._call.actor, "Write", table, row)
        if navigation.links is not None:
            first, second = (row.id, other_id) if navigation.links.first == row.table else (other_id, row.id)
            self._env.rows.link(navigation.links.schema, first, second)
            return
        if navigation.relationship is not None and navigation.is_collection:
            other = self._env.rows.get(navigation.target, other_id)
            column = self._env.schema.tables[navigation.target].columns[navigation.relationship.column]
            if other is not None:
                self.write(other, lookup_values(column, row.table, row.id))
            return
        self.write(row, lookup_values(table.columns[str(navigation.column)], navigation.target, other_id))

    def disassociate(self, row: Row, navigation: Navigation, other_id: str | None) -> None:
        """Take a row out of a collection, or empty a lookup."""
        table = self._env.schema.tables[row.table]
        self._env.access.require_row(self._call.actor, "Write", table, row)
        if navigation.links is not None:
            first, second = (row.id, other_id) if navigation.links.first == row.table else (other_id, row.id)
            self._env.rows.unlink(navigation.links.schema, str(first), str(second))
        elif navigation.column is not None:
            self.write(row, {navigation.column: None, f"{navigation.column}@": None})
        elif navigation.relationship is not None and other_id:
            other = self._env.rows.get(navigation.target, other_id)
            if other is not None:
                name = navigation.relationship.column
                self.write(other, {name: None, f"{name}@": None})

    def _read(self, table: Table, body: Body, *, creating: bool) -> Payload:
        return PayloadReader(self._env.schema, self._addresses, table, creating=creating).read(body)

    def _new_data(self, table: Table, given: Data, row_id: str) -> Data:
        defaults = {name: c.default for name, c in table.columns.items() if c.default is not None}
        data: Data = {**defaults, **given, **state_on_create(table, given, row_id)}
        data |= self._stamps(table, ("createdby", "createdonbehalfby"), "createdon")
        data |= self._stamps(table, ("modifiedby", "modifiedonbehalfby"), "modifiedon")
        if data.get("overriddencreatedon"):
            data["createdon"], data["overriddencreatedon"] = (
                f"{data['overriddencreatedon']}T00:00:00Z",
                data["createdon"],
            )
        data |= self._owner_values(table, data)
        data |= settle_columns(table, data, given)
        data |= settle_money(self._env.rows, table, data, data)
        return data

    def _stamps(self, table: Table, users: tuple[str, str], moment: str) -> Data:
        """Return who and when: the impersonated user first, the real caller as the one on whose behalf."""
        actor = self._call.actor
        values: Data = {users[0]: actor.user_id, users[1]: actor.caller_id, moment: stamp(self._call.now)}
        return {name: value for name, value in values.items() if name in table.columns}

    def _owner_values(self, table: Table, data: Data) -> Data:
        if "ownerid" not in table.columns:
            return {}
        owner = data.get("ownerid") or self._call.actor.user_id
        kind = data.get("ownerid@") or "systemuser"
        found = self._env.rows.get(str(kind), str(owner))
        unit = found.data.get("businessunitid") if found else None
        return {
            "ownerid": owner,
            "ownerid@": kind,
            "owninguser": owner if kind == "systemuser" else None,
            "owningteam": owner if kind == "team" else None,
            "owningbusinessunit": unit or self._call.actor.business_unit_id,
        }

    def _check_keys(self, table: Table, row_id: str, data: Data) -> None:
        now = self._env.now().timestamp()
        for key in table.keys:
            values = {name: data.get(name) for name in key.columns}
            # A null in any column of a key takes the row out of the key's index.
            if any(value is None for value in values.values()) or key.status(now) != "Active":
                continue
            other = self._addresses.find_by_values(table, values)
            if other is not None and other.id != row_id:
                raise key_violated(key.label, ", ".join(table.columns[name].label for name in key.columns))

    def _create_parents(self, table: Table, payload: Payload) -> None:
        for navigation, body in payload.parents:
            parent = self.create(self._env.schema.tables[navigation.target], body)
            column = table.columns[str(navigation.column)]
            payload.values.update(lookup_values(column, parent.table, parent.id))

    def _create_children(self, row: Row, payload: Payload) -> None:
        for navigation, body in payload.children:
            relationship = navigation.relationship
            target = self._env.schema.tables[navigation.target]
            if relationship is None:
                self.associate(row, navigation, self.create(target, body).id)
                continue
            column = target.columns[relationship.column]
            self.create(target, body, key=lookup_values(column, row.table, row.id))
        for navigation, other_id in payload.associations:
            self.associate(row, navigation, other_id)

    def _cascade(self, row: Row) -> None:
        for relationship in self._env.schema.referencing(row.table):
            if relationship.column not in self._env.schema.indexed(relationship.referencing):
                continue
            for other in self._env.relations.referencing(relationship.referencing, relationship.column, row):
                self._cascade_to(other, relationship.column, relationship.on_delete)

    def _cascade_to(self, other: Row, column: str, rule: str) -> None:
        if rule == "Restrict":
            raise associated()
        if rule == "Cascade":
            # Another path of the cascade may have taken the row already.
            if self._env.rows.exists(other.table, other.id):
                self._cascade(other)
                self._env.rows.remove(other)
                self._tell("Delete", other, changed={}, before=other.data)
            return
        fresh = self._env.rows.get(other.table, other.id)
        if fresh is not None:
            kept = {name: value for name, value in fresh.data.items() if name not in {column, f"{column}@"}}
            self._env.rows.replace(fresh, kept)

    def _tell(self, message: str, row: Row, *, changed: Data, before: Data | None) -> None:
        self._env.uncommitted.append(
            Event(
                message=message,
                table=row.table,
                row_id=row.id,
                changed=dict(changed),
                before=before,
                after=None if message == "Delete" else row.data,
                actor=self._call.actor,
                at=self._call.now,
                tag=self._call.query.get("tag"),
            )
        )


def _without_nulls(data: Data) -> Data:
    return {name: value for name, value in data.items() if value is not None}

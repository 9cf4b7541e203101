"""The body of a webhook call: a RemoteExecutionContext in the JSON of Microsoft's data contracts (Use webhooks)."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from cosell.emulators.dataverse.environment import ORGANIZATION_ID, Environment, Event
from cosell.emulators.dataverse.metadata import CHOICE_KINDS, Column, Table
from cosell.emulators.dataverse.relations import lookup_target
from cosell.emulators.dataverse.rows import Data, Row
from cosell.emulators.dataverse.times import parse_stamp

Json = dict[str, object]
CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"
LARGEST_BODY = 256 * 1024
DROPPED_WHEN_LARGE = ("ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages")
PRE_IMAGE, POST_IMAGE, BOTH_IMAGES = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A registered image: under which alias, before or after, which columns (none = all)."""

    alias: str
    kind: int
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent for one event to one step."""

    body: bytes
    is_stripped: bool
    correlation_id: str
    images: tuple[Image, ...] = field(default=())


def build_message(env: Environment, event: Event, step: Row, images: tuple[Image, ...]) -> Message:
    """Return the call for an event; above 256 KB the four heavy properties are left out."""
    correlation_id = str(uuid.uuid4())
    context = _context(env, event, step, images, correlation_id)
    body = json.dumps(context, ensure_ascii=False).encode()
    is_large = len(body) > LARGEST_BODY
    if is_large:
        kept = {name: value for name, value in context.items() if name not in DROPPED_WHEN_LARGE}
        body = json.dumps(kept, ensure_ascii=False).encode()
    return Message(body=body, is_stripped=is_large, correlation_id=correlation_id, images=images)


def _context(env: Environment, event: Event, step: Row, images: tuple[Image, ...], correlation_id: str) -> Json:
    table = env.schema.tables[event.table]
    organization = env.rows.get("organization", ORGANIZATION_ID)
    user = event.actor.caller_id or event.actor.user_id
    return {
        "BusinessUnitId": event.actor.business_unit_id,
        "CorrelationId": correlation_id,
        "Depth": 1,
        "InitiatingUserId": user,
        "InputParameters": [{"key": "Target", "value": _target(table, event)}],
        "IsExecutingOffline": False,
        "IsInTransaction": False,
        "IsOfflinePlayback": False,
        "IsolationMode": 1,
        "MessageName": event.message,
        "Mode": 1,
        "OperationCreatedOn": _date(event.at, offset="+0000"),
        "OperationId": str(uuid.uuid4()),
        "OrganizationId": ORGANIZATION_ID,
        "OrganizationName": organization.data.get("name") if organization else None,
        "OutputParameters": [{"key": "id", "value": event.row_id}] if event.message == "Create" else [],
        "OwningExtension": _reference("sdkmessageprocessingstep", step.id, with_type=False),
        "ParentContext": None,
        "PostEntityImages": _images(table, event, images, POST_IMAGE),
        "PreEntityImages": _images(table, event, images, PRE_IMAGE),
        "PrimaryEntityId": event.row_id,
        "PrimaryEntityName": event.table,
        "RequestId": None,
        "SecondaryEntityName": "none",
        "SharedVariables": [{"key": "tag", "value": event.tag}] if event.tag else [],
        "Stage": 40,
        "UserId": event.actor.user_id,
    }


def _target(table: Table, event: Event) -> Json:
    if event.message == "Delete" or event.after is None:
        return _reference(event.table, event.row_id)
    names = set(event.changed) | {"modifiedon", "modifiedby", "modifiedonbehalfby"}
    return _entity(table, event.row_id, event.after, sorted(names & set(table.columns)))


def _images(table: Table, event: Event, images: tuple[Image, ...], kind: int) -> list[Json]:
    data = event.after if kind == POST_IMAGE else event.before
    if data is None:
        return []
    found: list[Json] = []
    for image in images:
        if image.kind in {kind, BOTH_IMAGES}:
            names = image.columns or tuple(table.columns)
            entity = _entity(
                table, event.row_id, data, [n for n in names if n in table.columns and data.get(n) is not None]
            )
            found.append({"key": image.alias, "value": entity})
    if kind == POST_IMAGE:
        # An asynchronous step always carries the row's name, for the system job that shows it.
        entity = _entity(table, event.row_id, data, [table.primary_name])
        entity.pop("__type")
        found.append({"key": "AsynchronousStepPrimaryName", "value": entity})
    return found


def _entity(table: Table, row_id: str, data: Data, names: list[str]) -> Json:
    attributes = [{"key": name, "value": _encoded(table.columns[name], data)} for name in names]
    if table.primary_id not in names:
        attributes.append({"key": table.primary_id, "value": row_id})
    return {
        "__type": f"Entity:{CONTRACTS}",
        "Attributes": attributes,
        "EntityState": None,
        "FormattedValues": [],
        "Id": row_id,
        "KeyAttributes": [],
        "LogicalName": table.logical,
        "RelatedEntities": [],
        "RowVersion": None,
    }


def _reference(table: str, row_id: str, *, with_type: bool = True) -> Json:
    head: Json = {"__type": f"EntityReference:{CONTRACTS}"} if with_type else {}
    return head | {"Id": row_id, "KeyAttributes": [], "LogicalName": table, "Name": None, "RowVersion": None}


def _encoded(column: Column, data: Data) -> object:
    value = data.get(column.logical)
    if value is None:
        return None
    if column.is_lookup:
        return _reference(lookup_target(column, data), str(value))
    if column.kind == "Money":
        return {"__type": f"Money:{CONTRACTS}", "Value": value}
    if column.kind in CHOICE_KINDS:
        return _option(value)
    if column.kind == "MultiSelectPicklist":
        return [_option(int(part)) for part in str(value).split(",")]
    return _date(parse_stamp(str(value))) if column.kind == "DateTime" else value


def _option(value: object) -> Json:
    return {"__type": f"OptionSetValue:{CONTRACTS}", "Value": value}


def _date(at: datetime, offset: str = "") -> str:
    return f"/Date({int(at.timestamp()) * 1000}{offset})/"

"""What the CRM's tables are like, for the checks at activation (Microsoft: Query table definitions using the Web API).

All reads ask for `Consistency: Strong`, because Dataverse otherwise answers from a cache that lags behind an install.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from cosell.dataverse.reading import read_list, read_object
from cosell.domain.stages import StatusReason
from cosell.errors import RecordNotFound, SchemaMissing
from cosell.http.links import query_string
from cosell.http.transport import ServiceClient

STRONG = {"Consistency": "Strong"}
_NAMESPACE = "Microsoft.Dynamics.CRM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column; `kind` is Dataverse's type name like `StringType`, `options` are a choice's labels and values."""

    name: str
    kind: str
    max_length: int | None = None
    options: Mapping[str, int] = field(default_factory=dict)
    is_for_create: bool = True
    is_for_update: bool = True
    required: str = "None"
    """Who wants a value: `ApplicationRequired` are the forms, `SystemRequired` the CRM (Microsoft: RequiredLevel)."""

    def find_option(self, label: str) -> int | None:
        """Return the value of a choice by its label, in any case; None when there is no such option."""
        wanted = label.strip().casefold()
        return next((value for name, value in self.options.items() if name.strip().casefold() == wanted), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlternateKey:
    """An alternate key; it only works while it is active, its index is built in the background."""

    name: str
    columns: tuple[str, ...]
    index_status: str

    @property
    def is_active(self) -> bool:
        """Whether it can be used."""
        return self.index_status == "Active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A lookup: writing needs `navigation` in exactly this case, reading needs `_<column>_value`."""

    column: str
    navigation: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as it is in the CRM now."""

    name: str
    set_name: str
    id_column: str
    name_column: str
    is_change_tracked: bool
    columns: Mapping[str, Column]
    keys: tuple[AlternateKey, ...]
    lookups: tuple[Lookup, ...]
    status_reasons: tuple[StatusReason, ...]

    def find_lookups(self, column: str) -> tuple[Lookup, ...]:
        """Return where a lookup column leads: one lookup for each table that it may point to."""
        return tuple(lookup for lookup in self.lookups if lookup.column == column)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the requests of which a table's definition is made; `kind` is a cast below `collection`."""

    collection: str = ""
    kind: str = ""
    select: str
    expand: str | None = None

    def path(self, table: str) -> str:
        """Return the address below that of the API."""
        below = "".join(f"/{step}" for step in (self.collection, self.kind and f"{_NAMESPACE}.{self.kind}") if step)
        query = query_string({"$select": self.select, "$expand": self.expand})
        return f"EntityDefinitions(LogicalName='{table}'){below}{query}"

    @property
    def inner(self) -> str:
        """How it is asked for together with its table."""
        return f"{self.collection}($select={self.select})"


_HEAD = Part(select="EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,ChangeTrackingEnabled")
_COLUMNS = Part(
    collection="Attributes",
    select="LogicalName,AttributeType,AttributeTypeName,IsValidForCreate,IsValidForUpdate,RequiredLevel",
)
_LENGTHS = tuple(
    Part(collection="Attributes", kind=kind, select="LogicalName,MaxLength")
    for kind in ("StringAttributeMetadata", "MemoAttributeMetadata")
)
_CHOICES = tuple(
    Part(
        collection="Attributes",
        kind=kind,
        select="LogicalName",
        expand="OptionSet($select=Options),GlobalOptionSet($select=Options)",
    )
    for kind in ("PicklistAttributeMetadata", "MultiSelectPicklistAttributeMetadata")
)
_STATUSES = Part(
    collection="Attributes",
    kind="StatusAttributeMetadata",
    select="LogicalName",
    expand="OptionSet($select=Options)",
)
_KEYS = Part(collection="Keys", select="LogicalName,KeyAttributes,EntityKeyIndexStatus")
_LOOKUPS = Part(
    collection="ManyToOneRelationships",
    select="ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName",
)
_TOGETHER = (_COLUMNS, _KEYS, _LOOKUPS)
"""What a table's definition can bring along."""
_BY_TYPE = {
    "StringType": _LENGTHS[0],
    "MemoType": _LENGTHS[1],
    "PicklistType": _CHOICES[0],
    "MultiSelectPicklistType": _CHOICES[1],
    "StatusType": _STATUSES,
}
"""What has to be asked for by itself, and the type of column for which it is of use."""
_AT_ONCE = 4


async def get_table(service: ServiceClient, name: str) -> Table:
    """Return the definition of a table by its logical name, in nine calls whatever its size.

    Raises:
        SchemaMissing: there is no such table.
    """
    parts = (_HEAD, *_TOGETHER, *_BY_TYPE.values())
    try:
        return _read_table(name, {part: await _read(service, name, part) for part in parts})
    except RecordNotFound as error:
        raise SchemaMissing("The CRM has no such table; run `cosell doctor`", origin=error.origin) from None


async def find_tables(service: ServiceClient, names: Sequence[str]) -> dict[str, Table | None]:
    """Return the definitions of many tables, None for each that is not there.

    One call for all of them, and a few for each table: lengths and options are of derived types, which no other
    definition brings along.
    """
    if not names:
        return {}
    query = {
        "$select": f"LogicalName,{_HEAD.select}",
        "$filter": " or ".join(f"LogicalName eq '{name}'" for name in names),
        "$expand": ",".join(part.inner for part in _TOGETHER),
    }
    answer = await service.request(
        "GET", "EntityDefinitions" + query_string(query), headers=STRONG, record="table definitions"
    )
    heads = {str(item["LogicalName"]): item for item in read_list(read_object(answer, record="table definitions"))}
    turns = asyncio.Semaphore(_AT_ONCE)

    async def ask(name: str, part: Part) -> dict[str, object]:
        async with turns:
            return await _read(service, name, part)

    async def complete(name: str) -> Table:
        head = heads[name]
        documents: dict[Part, Mapping[str, object]] = {_HEAD: head}
        documents |= {part: {"value": head[part.collection]} for part in _TOGETHER}
        types = {_type_of(column) for column in read_list(documents[_COLUMNS])}
        wanted = [part for type_, part in _BY_TYPE.items() if type_ in types]
        answers = await asyncio.gather(*(ask(name, part) for part in wanted))
        return _read_table(name, documents | dict(zip(wanted, answers, strict=True)))

    tables = await asyncio.gather(*(complete(name) for name in names if name in heads))
    return {**dict.fromkeys(names), **{table.name: table for table in tables}}


def _read_table(name: str, answers: Mapping[Part, Mapping[str, object]]) -> Table:
    def rows(*parts: Part) -> list[Mapping[str, object]]:
        return [row for part in parts if part in answers for row in read_list(answers[part])]

    head, choices = answers[_HEAD], _read_choices(rows(*_CHOICES))
    lengths = {str(text["LogicalName"]): cast("int", text["MaxLength"]) for text in rows(*_LENGTHS)}
    return Table(
        name=name,
        set_name=str(head["EntitySetName"]),
        id_column=str(head["PrimaryIdAttribute"]),
        name_column=str(head.get("PrimaryNameAttribute") or ""),
        is_change_tracked=head.get("ChangeTrackingEnabled") is True,
        columns={column.name: column for column in (_column(item, lengths, choices) for item in rows(_COLUMNS))},
        keys=tuple(_key(item) for item in rows(_KEYS)),
        lookups=tuple(_lookup(item) for item in rows(_LOOKUPS)),
        status_reasons=_read_status_reasons(rows(_STATUSES)),
    )


async def get_column_names(service: ServiceClient, name: str) -> tuple[str, ...]:
    """Return the logical names of a table's columns, in one call."""
    found = await _list(service, name, Part(collection="Attributes", select="LogicalName"))
    return tuple(str(item["LogicalName"]) for item in found)


async def get_choices(service: ServiceClient, name: str) -> dict[str, Mapping[str, int]]:
    """Return the choices of a table, in two calls: column to label to option number."""
    return _read_choices([choice for part in _CHOICES for choice in await _list(service, name, part)])


async def get_status_reasons(service: ServiceClient, name: str) -> tuple[StatusReason, ...]:
    """Return the status reasons of a table, the partner's own included, in one call."""
    return _read_status_reasons(await _list(service, name, _STATUSES))


async def find_table(service: ServiceClient, name: str) -> Table | None:
    """Return the definition of a table, or None when there is no such table."""
    try:
        return await get_table(service, name)
    except SchemaMissing:
        return None


async def _read(service: ServiceClient, table: str, part: Part) -> dict[str, object]:
    answer = await service.request("GET", part.path(table), headers=STRONG, record=f"table {table}")
    return read_object(answer, record=f"table {table}")


async def _list(service: ServiceClient, table: str, part: Part) -> list[Mapping[str, object]]:
    return read_list(await _read(service, table, part))


def _read_choices(found: Sequence[Mapping[str, object]]) -> dict[str, Mapping[str, int]]:
    return {str(choice["LogicalName"]): {label: value for value, label, _ in _options(choice)} for choice in found}


def _read_status_reasons(found: Sequence[Mapping[str, object]]) -> tuple[StatusReason, ...]:
    return tuple(
        StatusReason(value=value, state=state, label=label)
        for status in found
        for value, label, state in _options(status)
        if str(status["LogicalName"]) == "statuscode" and state is not None
    )


def _column(item: Mapping[str, object], lengths: Mapping[str, int], choices: Mapping[str, Mapping[str, int]]) -> Column:
    name = str(item["LogicalName"])
    level = item.get("RequiredLevel")
    return Column(
        name=name,
        kind=_type_of(item),
        max_length=lengths.get(name),
        options=choices.get(name, {}),
        is_for_create=item.get("IsValidForCreate") is not False,
        is_for_update=item.get("IsValidForUpdate") is not False,
        required=str(level.get("Value")) if isinstance(level, Mapping) else "None",
    )


def _type_of(item: Mapping[str, object]) -> str:
    type_name = item.get("AttributeTypeName")
    kind = type_name.get("Value") if isinstance(type_name, Mapping) else None
    return str(kind or f"{item.get('AttributeType')}Type")


def _key(item: Mapping[str, object]) -> AlternateKey:
    columns = item.get("KeyAttributes")
    return AlternateKey(
        name=str(item["LogicalName"]),
        columns=tuple(str(column) for column in columns) if isinstance(columns, list) else (),
        index_status=str(item.get("EntityKeyIndexStatus")),
    )


def _lookup(item: Mapping[str, object]) -> Lookup:
    return Lookup(
        column=str(item["ReferencingAttribute"]),
        navigation=str(item["ReferencingEntityNavigationPropertyName"]),
        target=str(item["ReferencedEntity"]),
    )


def _options(item: Mapping[str, object]) -> list[tuple[int, str, int | None]]:
    """Return value, label and state of each option of a column, from its own or its global choice."""
    for name in ("OptionSet", "GlobalOptionSet"):
        choice = item.get(name)
        options = choice.get("Options") if isinstance(choice, Mapping) else None
        if isinstance(options, Sequence) and options:
            return [_option(option) for option in options if isinstance(option, Mapping)]
    return []


def _option(option: Mapping[str, object]) -> tuple[int, str, int | None]:
    label = option.get("Label")
    shown = label.get("UserLocalizedLabel") if isinstance(label, Mapping) else None
    if not isinstance(shown, Mapping) and isinstance(label, Mapping):
        labels = label.get("LocalizedLabels")
        shown = labels[0] if isinstance(labels, list) and labels else None
    text = shown.get("Label") if isinstance(shown, Mapping) else ""
    return cast("int", option["Value"]), str(text or ""), cast("int | None", option.get("State"))

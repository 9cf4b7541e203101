"""What the CRM's tables are like, for the checks at activation (Microsoft: Query table definitions using the Web API).

All reads ask for `Consistency: Strong`, because Dataverse otherwise answers from a cache that lags behind an install.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from cosell.dataverse.reading import read_list, read_object
from cosell.domain.stages import StatusReason
from cosell.errors import RecordNotFound, SchemaMissing
from cosell.http.links import query_string
from cosell.http.transport import ServiceClient

_STRONG = {"Consistency": "Strong"}
_NAMESPACE = "Microsoft.Dynamics.CRM"
_TEXTS = ("StringAttributeMetadata", "MemoAttributeMetadata")
_CHOICES = ("PicklistAttributeMetadata", "MultiSelectPicklistAttributeMetadata")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column; `kind` is Dataverse's type name like `StringType`, `options` are a choice's labels and values."""

    name: str
    kind: str
    max_length: int | None = None
    options: Mapping[str, int] = field(default_factory=dict)
    is_for_create: bool = True
    is_for_update: bool = True

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


async def get_table(service: ServiceClient, name: str) -> Table:
    """Return the definition of a table by its logical name, in nine calls whatever its size.

    Raises:
        SchemaMissing: there is no such table.
    """
    try:
        definition = await _read(
            service, name, "", "EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,ChangeTrackingEnabled"
        )
    except RecordNotFound as error:
        raise SchemaMissing("The CRM has no such table; run `cosell doctor`", origin=error.origin) from None
    attributes = await _list(
        service, name, "Attributes", "LogicalName,AttributeType,AttributeTypeName,IsValidForCreate,IsValidForUpdate"
    )
    lengths: dict[str, int] = {}
    for kind in _TEXTS:
        for text in await _list(service, name, f"Attributes/{_NAMESPACE}.{kind}", "LogicalName,MaxLength"):
            lengths[str(text["LogicalName"])] = cast("int", text["MaxLength"])
    choices = await get_choices(service, name)
    status_reasons = await get_status_reasons(service, name)
    keys = await _list(service, name, "Keys", "LogicalName,KeyAttributes,EntityKeyIndexStatus")
    lookups = await _list(
        service,
        name,
        "ManyToOneRelationships",
        "ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName",
    )
    return Table(
        name=name,
        set_name=str(definition["EntitySetName"]),
        id_column=str(definition["PrimaryIdAttribute"]),
        name_column=str(definition.get("PrimaryNameAttribute") or ""),
        is_change_tracked=definition.get("ChangeTrackingEnabled") is True,
        columns={column.name: column for column in (_column(item, lengths, choices) for item in attributes)},
        keys=tuple(_key(item) for item in keys),
        lookups=tuple(_lookup(item) for item in lookups),
        status_reasons=status_reasons,
    )


async def get_column_names(service: ServiceClient, name: str) -> tuple[str, ...]:
    """Return the logical names of a table's columns, in one call."""
    return tuple(str(item["LogicalName"]) for item in await _list(service, name, "Attributes", "LogicalName"))


async def get_choices(service: ServiceClient, name: str) -> dict[str, Mapping[str, int]]:
    """Return the choices of a table, in two calls: column to label to option number."""
    choices: dict[str, Mapping[str, int]] = {}
    expand = "OptionSet($select=Options),GlobalOptionSet($select=Options)"
    for kind in _CHOICES:
        for choice in await _list(service, name, f"Attributes/{_NAMESPACE}.{kind}", "LogicalName", expand=expand):
            choices[str(choice["LogicalName"])] = {label: value for value, label, _ in _options(choice)}
    return choices


async def get_status_reasons(service: ServiceClient, name: str) -> tuple[StatusReason, ...]:
    """Return the status reasons of a table, the partner's own included, in one call."""
    kind = f"Attributes/{_NAMESPACE}.StatusAttributeMetadata"
    statuses = await _list(service, name, kind, "LogicalName", expand="OptionSet($select=Options)")
    return tuple(
        StatusReason(value=value, state=state, label=label)
        for status in statuses
        for value, label, state in _options(status)
        if str(status["LogicalName"]) == "statuscode" and state is not None
    )


async def find_table(service: ServiceClient, name: str) -> Table | None:
    """Return the definition of a table, or None when there is no such table."""
    try:
        return await get_table(service, name)
    except SchemaMissing:
        return None


async def _read(
    service: ServiceClient, table: str, below: str, select: str, *, expand: str | None = None
) -> dict[str, object]:
    path = f"EntityDefinitions(LogicalName='{table}'){below}" + query_string({"$select": select, "$expand": expand})
    answer = await service.request("GET", path, headers=_STRONG, record=f"table {table}")
    return read_object(answer, record=f"table {table}")


async def _list(
    service: ServiceClient, table: str, below: str, select: str, *, expand: str | None = None
) -> list[Mapping[str, object]]:
    return read_list(await _read(service, table, f"/{below}", select, expand=expand))


def _column(item: Mapping[str, object], lengths: Mapping[str, int], choices: Mapping[str, Mapping[str, int]]) -> Column:
    name = str(item["LogicalName"])
    type_name = item.get("AttributeTypeName")
    kind = type_name.get("Value") if isinstance(type_name, Mapping) else None
    return Column(
        name=name,
        kind=str(kind or f"{item.get('AttributeType')}Type"),
        max_length=lengths.get(name),
        options=choices.get(name, {}),
        is_for_create=item.get("IsValidForCreate") is not False,
        is_for_update=item.get("IsValidForUpdate") is not False,
    )


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

"""What Dataverse knows about its tables: columns, choices, keys and relationships as plain data.

Standard tables come from `tables/`; what an installer adds through the metadata API lands in the same `Schema`, so no
other module can tell the two apart.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

NAMESPACE = uuid.UUID("6d1b3c8a-5f0e-4e3b-9d0a-0d5b2f6c1a77")
LOOKUP_KINDS = frozenset({"Lookup", "Customer", "Owner"})
CHOICE_KINDS = frozenset({"Picklist", "State", "Status"})
OFTEN_FILTERED = frozenset(
    {"emailaddress1", "modifiedon", "createdon", "address1_postalcode", "internalemailaddress", "applicationid"}
)


@lru_cache(maxsize=8192)
def stable_id(*parts: str) -> str:
    """Return the same GUID for the same words, so that standard components keep their ids over restarts."""
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))


@dataclass(slots=True)
class Option:
    """One entry of a choice; `state` is set in a status reason, `default_status` in a state."""

    value: int
    label: str
    state: int | None = None
    default_status: int | None = None


@dataclass(slots=True)
class OptionSet:
    """A choice's list of options, local to a column or global."""

    name: str
    options: list[Option]
    is_global: bool = False
    metadata_id: str = ""
    label: str = ""

    def find(self, value: object) -> Option | None:
        """Return the option with this value."""
        return next((option for option in self.options if option.value == value), None)


@dataclass(slots=True)
class Column:
    """One column, with all that reading, writing and describing it needs."""

    logical: str
    schema: str
    kind: str
    label: str = ""
    description: str = ""
    max_length: int = 0
    minimum: float | None = None
    maximum: float | None = None
    precision: int = 0
    format: str = ""
    options: OptionSet | None = None
    targets: tuple[str, ...] = ()
    default: object = None
    required: str = "None"
    can_create: bool = True
    can_update: bool = True
    can_read: bool = True
    is_primary_id: bool = False
    is_primary_name: bool = False
    is_custom: bool = False
    metadata_id: str = ""
    behavior: str = "UserLocal"

    @property
    def is_lookup(self) -> bool:
        """Tell whether the column points at another row."""
        return self.kind in LOOKUP_KINDS

    @property
    def is_date_only(self) -> bool:
        """Tell whether the column holds a day without a time: its behavior decides, not how it is shown."""
        return self.kind == "DateTime" and self.behavior == "DateOnly"

    @property
    def property_name(self) -> str:
        """Return the name under which the value is read."""
        return f"_{self.logical}_value" if self.is_lookup else self.logical


@dataclass(slots=True)
class Key:
    """An alternate key; `active_at` is the moment (epoch seconds) its index is built."""

    logical: str
    schema: str
    columns: tuple[str, ...]
    label: str
    metadata_id: str
    active_at: float = 0.0
    failed: bool = False

    def status(self, now: float) -> str:
        """Return the index's status as the metadata API spells it."""
        if self.failed:
            return "Failed"
        return "Active" if now >= self.active_at else "Pending"


@dataclass(slots=True)
class Relationship:
    """A one-to-many relationship: `referencing.column` points at `referenced`."""

    schema: str
    referenced: str
    referencing: str
    column: str
    nav_single: str
    nav_many: str
    on_delete: str = "RemoveLink"
    is_custom: bool = False
    metadata_id: str = ""


@dataclass(slots=True)
class ManyToMany:
    """A many-to-many relationship, read from either side through its navigation property."""

    schema: str
    first: str
    second: str
    first_nav: str
    second_nav: str
    intersect: str
    is_custom: bool = False
    metadata_id: str = ""


@dataclass(slots=True)
class Table:
    """One table."""

    logical: str
    schema: str
    set_name: str
    code: int
    primary_id: str
    primary_name: str
    columns: dict[str, Column]
    label: str = ""
    collection_label: str = ""
    description: str = ""
    ownership: str = "UserOwned"
    change_tracking: bool = False
    optimistic: bool = True
    is_custom: bool = False
    is_activity: bool = False
    has_notes: bool = False
    has_activities: bool = False
    metadata_id: str = ""
    keys: list[Key] = field(default_factory=list)
    schema_version: int = 0

    @property
    def money_columns(self) -> list[Column]:
        """Return the money columns that people fill, without their base twins."""
        return [c for c in self.columns.values() if c.kind == "Money" and not c.logical.endswith("_base")]

    def indexed(self) -> frozenset[str]:
        """Return the columns whose values the store keeps in its index."""
        names = {name for key in self.keys for name in key.columns}
        for name, column in self.columns.items():
            business_lookup = column.is_lookup and name != "owningbusinessunit" and column.can_create
            if business_lookup or column.is_primary_name or name in OFTEN_FILTERED:
                names.add(name)
        return frozenset(names)


@dataclass(slots=True)
class Navigation:
    """Where a navigation property leads: `column` set = single-valued; `links` set = many-to-many."""

    name: str
    target: str
    column: str | None = None
    relationship: Relationship | None = None
    links: ManyToMany | None = None
    is_owner: bool = False

    @property
    def is_collection(self) -> bool:
        """Tell whether it leads to many rows."""
        return self.column is None

    def accepts(self, table: str) -> bool:
        """Tell whether rows of a table may stand at the other end."""
        return table in {"systemuser", "team"} if self.is_owner else table == self.target


class Schema:
    """All tables, relationships and global choices; `generation` grows with every change."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}
        self.relationships: list[Relationship] = []
        self.many_to_many: list[ManyToMany] = []
        self.option_sets: dict[str, OptionSet] = {}
        self.generation = 0
        self._sets: dict[str, Table] = {}
        self._navigation: dict[str, dict[str, Navigation]] = {}
        self._indexed: dict[str, frozenset[str]] = {}

    def touch(self) -> None:
        """Forget what was derived; call after every change."""
        self.generation += 1
        self._sets = {table.set_name: table for table in self.tables.values()}
        self._navigation = {}
        self._indexed = {}

    def add_tables(self, tables: Iterable[Table], relationships: Iterable[Relationship]) -> None:
        """Add tables with the relationships their lookups make."""
        self.tables.update({table.logical: table for table in tables})
        self.relationships.extend(relationships)
        self.touch()

    def find_set(self, set_name: str) -> Table | None:
        """Return the table with this entity set name, exact in case."""
        return self._sets.get(set_name)

    def indexed(self, logical: str) -> frozenset[str]:
        """Return the indexed columns of a table."""
        found = self._indexed.get(logical)
        if found is None:
            found = self._indexed[logical] = self.tables[logical].indexed()
        return found

    def navigation(self, logical: str) -> dict[str, Navigation]:
        """Return a table's navigation properties by their exact names."""
        found = self._navigation.get(logical)
        if found is None:
            found = self._navigation[logical] = self._build_navigation(logical)
        return found

    def nav_name(self, table: str, column: str, target: str) -> str | None:
        """Return the navigation property of a lookup for one target table."""
        for navigation in self.navigation(table).values():
            if navigation.column == column and (navigation.target == target or navigation.is_owner):
                return navigation.name
        return None

    def referencing(self, logical: str) -> list[Relationship]:
        """Return the relationships in which rows of other tables point at this table."""
        return [r for r in self.relationships if r.referenced == logical]

    def _build_navigation(self, logical: str) -> dict[str, Navigation]:
        found: dict[str, Navigation] = {}
        if "ownerid" in self.tables[logical].columns:
            found["ownerid"] = Navigation("ownerid", "systemuser", "ownerid", is_owner=True)
        for rel in self.relationships:
            if rel.referencing == logical:
                found[rel.nav_single] = Navigation(rel.nav_single, rel.referenced, rel.column, rel)
            if rel.referenced == logical:
                found[rel.nav_many] = Navigation(rel.nav_many, rel.referencing, None, rel)
        for both in self.many_to_many:
            if both.first == logical:
                found[both.first_nav] = Navigation(both.first_nav, both.second, links=both)
            if both.second == logical:
                found[both.second_nav] = Navigation(both.second_nav, both.first, links=both)
        return found

"""What a CRM has to hold for the sync, as plain values: the installer makes it, the check and the page of it read it.

Names are schema names: the service keeps their capitals in lookups and spells columns and tables in lower case.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ColumnKind(StrEnum):
    """What a column of ours holds, in a word for people."""

    TEXT = "text"
    URL = "web address"
    MEMO = "long text"
    YES_NO = "yes/no"
    CHOICE = "choice"
    WHOLE = "whole number"
    MONEY = "amount"


TYPE_NAMES: Mapping[ColumnKind, str] = {
    ColumnKind.TEXT: "StringType",
    ColumnKind.URL: "StringType",
    ColumnKind.MEMO: "MemoType",
    ColumnKind.YES_NO: "BooleanType",
    ColumnKind.CHOICE: "PicklistType",
    ColumnKind.WHOLE: "IntegerType",
    ColumnKind.MONEY: "MoneyType",
}
"""What Dataverse calls the type of such a column (Microsoft: Column definitions)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedColumn:
    """A column; `options` are the labels of a choice, in order, `length` the longest text."""

    schema_name: str
    label: str
    kind: ColumnKind
    description: str
    length: int | None = None
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The logical name."""
        return self.schema_name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedTable:
    """A table of ours; it has a name column from the start."""

    schema_name: str
    label: str
    plural: str
    description: str
    name_column: WantedColumn

    @property
    def name(self) -> str:
        """The logical name."""
        return self.schema_name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedLookup:
    """A lookup from `table` to `target`, with the relationship which makes it."""

    schema_name: str
    label: str
    description: str
    table: str
    target: str
    relationship: str
    on_delete: str

    @property
    def name(self) -> str:
        """The logical name of the column."""
        return self.schema_name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedKey:
    """An alternate key over one column."""

    schema_name: str
    label: str
    table: str
    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRole:
    """A security role: for each table, the rights on all rows; and privileges which belong to no table, by name."""

    name: str
    tables: Mapping[str, tuple[str, ...]]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedVariable:
    """The definition of an environment variable: `field` is our name of it, `default` is a bool for yes/no."""

    field: str
    schema_name: str
    label: str
    description: str
    default: str | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedStep:
    """What wakes us up: a message on a table, for an update only of these columns."""

    table: str
    message: str
    columns: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the step in the CRM."""
        return f"Co-sell sync: {self.table} {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSchema:
    """All of it, in the order in which it is made."""

    publisher: str
    prefix: str
    option_prefix: int
    solution: str
    label: str
    version: str
    tables: tuple[WantedTable, ...]
    columns: Mapping[str, tuple[WantedColumn, ...]]
    lookups: tuple[WantedLookup, ...]
    keys: tuple[WantedKey, ...]
    tracked: tuple[str, ...]
    variables: tuple[WantedVariable, ...]
    role: WantedRole
    steps: tuple[WantedStep, ...]

    @property
    def own_tables(self) -> frozenset[str]:
        """The logical names of the tables that are ours; all others come with Dynamics 365 Sales."""
        return frozenset(table.name for table in self.tables)

"""The few things of Dataverse that are always the same, typed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoAmI:
    """Whom Dataverse takes us for, and in which organisation; another one means that it was restored or copied."""

    user_id: str
    organization_id: str
    business_unit_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReference:
    """A row of some table, by the table's logical name."""

    table: str
    id: str

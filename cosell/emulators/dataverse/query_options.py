"""Read `$select`, `$expand` and `$orderby` against a table's metadata."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from cosell.emulators.dataverse.errors import bad_url, unknown_property
from cosell.emulators.dataverse.filter_compile import find_property
from cosell.emulators.dataverse.http import split_outside
from cosell.emulators.dataverse.metadata import Column, Navigation, Schema, Table

KNOWN = frozenset(
    {"$select", "$filter", "$orderby", "$top", "$expand", "$count", "$skiptoken", "$deltatoken", "$format"}
)
NOT_EMULATED = frozenset({"savedQuery", "userQuery", "$apply"})
logger = logging.getLogger("cosell.emulators")
LARGEST = 2**31 - 1
IN_EXPAND = frozenset({"$select", "$filter", "$orderby", "$top", "$expand", "$count"})


@dataclass(slots=True)
class Expansion:
    """One navigation property to expand, with the options inside its brackets."""

    navigation: Navigation
    table: Table
    select: list[Column]
    names: list[str]
    options: Mapping[str, str]
    expand: list["Expansion"] = field(default_factory=list)

    @property
    def context(self) -> str:
        """Return the expansion as the context URL spells it."""
        inner = [*self.names, *(one.context for one in self.expand)]
        return f"{self.navigation.name}({','.join(inner)})"


@dataclass(frozen=True, slots=True)
class Order:
    """One column to sort by, behind navigation properties when `path` is longer than one."""

    path: tuple[str, ...]
    descending: bool


def check_known(options: Mapping[str, str]) -> None:
    """Refuse system query options the Web API lacks, and the query languages that are not emulated."""
    for name in options:
        if name in NOT_EMULATED:
            logger.warning("dataverse: queries by the parameter %s are not emulated", name)
            raise bad_url(f"The query parameter {name} is not supported")
        if name in {"$skip", "$search"}:
            raise bad_url(f"The query parameter {name} is not supported")
        if name.startswith("$") and name not in KNOWN:
            raise bad_url(f"The query parameter {name} is not supported")
    if (counted := options.get("$count")) not in {None, "true", "false"}:
        raise bad_url(f"Invalid value '{counted}' for $count query option found. Valid values are 'false' and 'true'.")


def parse_select(schema: Schema, table: Table, text: str | None) -> tuple[list[Column], list[str]]:
    """Return the columns a `$select` names and the names for the context; nothing selected means every column."""
    if text is None or not text.strip() or text.strip() == "*":
        return [column for column in table.columns.values() if column.can_read], []
    columns: list[Column] = []
    names: list[str] = []
    for part in text.split(","):
        column = _selected(schema, table, part.strip())
        if column.property_name not in names:
            columns.append(column)
            names.append(column.property_name)
    return columns, names


def _selected(schema: Schema, table: Table, name: str) -> Column:
    navigation = schema.navigation(table.logical).get(name)
    if navigation is not None and navigation.column is not None and navigation.name == navigation.column:
        # OData lets a single-valued navigation property stand in $select; its value is the lookup's.
        return table.columns[navigation.column]
    return find_property(table, name)


def with_companions(table: Table, columns: list[Column]) -> list[Column]:
    """Add what always comes along: the currency beside an amount, the primary key at the end."""
    found = list(columns)
    currency = table.columns.get("transactioncurrencyid")
    amounts = [column for column in found if column.kind == "Money"]
    if amounts and currency is not None and currency not in found:
        found.insert(found.index(amounts[0]) + 1, currency)
    primary = table.columns[table.primary_id]
    if primary not in found:
        found.append(primary)
    return found


def parse_expand(schema: Schema, table: Table, text: str | None) -> list[Expansion]:
    """Return the expansions a `$expand` names."""
    if text is None or not text.strip():
        return []
    return [_expansion(schema, table, part.strip()) for part in split_outside(text, ",")]


def _expansion(schema: Schema, table: Table, text: str) -> Expansion:
    name, bracket, inside = text.partition("(")
    if bracket and not inside.endswith(")"):
        raise bad_url(f"Found an unbalanced bracket expression in '{text}'.")
    navigation = schema.navigation(table.logical).get(name.strip())
    if navigation is None:
        raise unknown_property(name.strip(), table.logical)
    target = schema.tables[navigation.target]
    options: dict[str, str] = {}
    for part in split_outside(inside[:-1], ";") if bracket else []:
        option, equals, value = part.strip().partition("=")
        if not equals or option not in IN_EXPAND:
            raise bad_url(f"The query option '{option}' is not allowed inside $expand.")
        options[option] = value
    if "@" in options.get("$filter", ""):
        raise bad_url("Parameter aliases are not supported inside $expand.")
    select, names = parse_select(schema, target, options.get("$select"))
    nested = parse_expand(schema, target, options.get("$expand"))
    return Expansion(navigation, target, with_companions(target, select), names, options, nested)


def parse_order(text: str | None) -> list[Order]:
    """Return the columns an `$orderby` names."""
    orders = []
    for part in (text or "").split(","):
        words = part.split()
        if not words:
            continue
        if len(words) > 2 or (len(words) == 2 and words[1] not in {"asc", "desc"}):
            raise bad_url(f"Syntax error at position {len(words[0])} in '{text}'.")
        orders.append(Order(tuple(words[0].split("/")), len(words) == 2 and words[1] == "desc"))
    return orders


def parse_top(text: str | None) -> int | None:
    """Return the number of `$top`."""
    if text is None:
        return None
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(LARGEST)) and int(digits) <= LARGEST):
        raise bad_url(
            f"Invalid value '{text}' for $top query option found. The $top query option requires a non-negative "
            "integer value."
        )
    return int(digits)

"""Read a request body against a table's metadata: values checked as the Web API checks them, binds resolved to rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import NoReturn

from cosell.emulators.dataverse.addresses import RowAddresses
from cosell.emulators.dataverse.errors import (
    bad_payload,
    business,
    lookup_value_written,
    not_found,
    option_out_of_range,
    out_of_range,
    too_long,
    undeclared,
    undeclared_bind,
)
from cosell.emulators.dataverse.metadata import Column, Navigation, Schema, Table
from cosell.emulators.dataverse.rows import Data
from cosell.emulators.dataverse.times import DATE_TIME, DAY, parse_stamp, stamp
from cosell.emulators.dataverse.values import edm_type, is_guid, normal_multi

MOST_CHOICES = 150
EARLIEST_YEAR = 1753
BIND = "@odata.bind"


@dataclass(slots=True)
class Payload:
    """A body understood: column values to write, rows to create along, rows to associate."""

    values: Data = field(default_factory=dict)
    row_id: str | None = None
    parents: list[tuple[Navigation, Mapping[str, object]]] = field(default_factory=list)
    children: list[tuple[Navigation, Mapping[str, object]]] = field(default_factory=list)
    associations: list[tuple[Navigation, str]] = field(default_factory=list)


class PayloadReader:
    """Read bodies for one table."""

    def __init__(self, schema: Schema, addresses: RowAddresses, table: Table, *, creating: bool) -> None:
        self._schema = schema
        self._addresses = addresses
        self._table = table
        self._creating = creating

    def read(self, body: Mapping[str, object]) -> Payload:
        """Return the body's meaning; the first fault refuses it whole."""
        payload = Payload()
        for name, value in body.items():
            if name.endswith(BIND):
                self._bind(payload, name.removesuffix(BIND), value)
            elif "@" not in name:
                self._property(payload, name, value)
        return payload

    def _property(self, payload: Payload, name: str, value: object) -> None:
        table = self._table
        column = table.columns.get(name)
        navigation = self._schema.navigation(table.logical).get(name)
        if name == table.primary_id:
            payload.row_id = self._guid(name, value)
        elif navigation is not None:
            self._related(payload, navigation, value)
        elif column is not None and not column.is_lookup:
            if column.can_create if self._creating else column.can_update:
                payload.values[name] = self.convert(column, value)
        elif name.startswith("_") and name.endswith("_value") and name[1:-6] in table.columns:
            raise lookup_value_written(table.set_name)
        else:
            raise undeclared(table.set_name, name, table.logical)

    def _related(self, payload: Payload, navigation: Navigation, value: object) -> None:
        if navigation.is_collection and isinstance(value, list):
            payload.children += [(navigation, self._object(one)) for one in value]
        elif not navigation.is_collection and isinstance(value, dict):
            payload.parents.append((navigation, value))
        elif not navigation.is_collection and value is None:
            self._clear(payload, navigation)
        else:
            raise bad_payload(
                self._table.set_name,
                "A 'PrimitiveValue' node with non-null value was found when trying to read the value of a navigation "
                "property; however, a 'StartArray' node, a 'StartObject' node, or a 'PrimitiveValue' node with null "
                "value was expected.",
            )

    def _object(self, value: object) -> Mapping[str, object]:
        if isinstance(value, dict):
            return value
        raise bad_payload(self._table.set_name, "A node of type 'StartObject' was expected inside the collection.")

    def _bind(self, payload: Payload, name: str, value: object) -> None:
        navigation = self._schema.navigation(self._table.logical).get(name)
        if navigation is None:
            raise undeclared_bind(self._table.set_name, name)
        if navigation.is_collection:
            links = value if isinstance(value, list) else [value]
            payload.associations += [(navigation, self._target(navigation, link)[1]) for link in links]
            return
        column = self._table.columns[str(navigation.column)]
        if not (column.can_create if self._creating else column.can_update):
            return
        if value is None:
            self._clear(payload, navigation)
            return
        target, row_id = self._target(navigation, value)
        payload.values.update(lookup_values(column, target, row_id))

    def _clear(self, payload: Payload, navigation: Navigation) -> None:
        name = str(navigation.column)
        payload.values[name] = None
        if len(self._table.columns[name].targets) > 1:
            payload.values[f"{name}@"] = None

    def _target(self, navigation: Navigation, link: object) -> tuple[str, str]:
        if not isinstance(link, str):
            raise bad_payload(self._table.set_name, f"The value of '{navigation.name}{BIND}' must be a link to a row.")
        table, row_id = self._addresses.resolve(link)
        if not navigation.accepts(table.logical):
            raise bad_payload(
                self._table.set_name,
                f"The link '{link}' does not lead to the type that the property '{navigation.name}' expects.",
            )
        if row_id is None:
            raise not_found(table.logical, link)
        return table.logical, row_id

    def convert(self, column: Column, value: object) -> object:
        """Return a JSON value in the stored form of its column."""
        if value is None:
            return None
        converters: dict[str, Callable[[Column, object], object]] = {
            "String": self._text,
            "Memo": self._text,
            "EntityName": self._text,
            "Boolean": self._boolean,
            "Picklist": self._choice,
            "State": self._choice,
            "Status": self._choice,
            "MultiSelectPicklist": self._multi,
            "Integer": self._integer,
            "BigInt": self._integer,
            "Money": self._number,
            "Decimal": self._number,
            "Double": self._number,
            "DateTime": self._date,
        }
        converter = converters.get(column.kind)
        return converter(column, value) if converter else self._guid(column.logical, value)

    def _boolean(self, column: Column, value: object) -> bool:
        return value if isinstance(value, bool) else self._fail(column, value)

    def _text(self, column: Column, value: object) -> str | None:
        if not isinstance(value, str):
            self._fail(column, value)
        text = str(value)
        # The service counts UTF-16 units, so a character beyond the basic plane counts twice.
        if column.max_length and len(text) + sum(char > "\uffff" for char in text) > column.max_length:
            raise too_long(self._table.logical, column.logical, column.max_length)
        return text or None

    def _choice(self, column: Column, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            self._fail(column, value)
        if column.options is None or column.options.find(value) is None:
            raise option_out_of_range(self._table.logical, column.logical, value)
        return int(value)

    def _multi(self, column: Column, value: object) -> str | None:
        if not isinstance(value, str):
            self._fail(column, value)
        text = normal_multi(str(value))
        parts = text.split(",") if text else []
        for part in parts:
            if not part.lstrip("-").isdigit() or column.options is None or column.options.find(int(part)) is None:
                raise option_out_of_range(self._table.logical, column.logical, part)
        if len(parts) > MOST_CHOICES:
            raise business("0x80048d19", f"The number of values of '{column.logical}' exceeds {MOST_CHOICES}.")
        return text or None

    def _integer(self, column: Column, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            self._fail(column, value)
        number = int(value)
        if not _in_range(column, number):
            raise out_of_range(self._table.logical, column.logical, code="0x8004432F")
        return number

    def _number(self, column: Column, value: object) -> float:
        if isinstance(value, str):
            raise bad_payload(
                self._table.set_name,
                f"Cannot convert a value to target type '{edm_type(column)}' because of conflict between input format "
                "string/number and parameter 'IEEE754Compatible' false/true.",
            )
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            self._fail(column, value)
        number = Decimal(value)
        if not _in_range(column, number):
            raise out_of_range(self._table.logical, column.logical, code="0x80044330")
        places = 4 if column.kind == "Money" else column.precision
        return float(number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))

    def _date(self, column: Column, value: object) -> str:
        text = value if isinstance(value, str) else self._fail(column, value)
        match = DATE_TIME.match(str(text))
        well_formed = DAY.match(str(text)) if column.is_date_only else match and match.group(5)
        if not well_formed:
            self._fail(column, value)
        try:
            moment = parse_stamp(str(text))
        except ValueError:
            self._fail(column, value)
        if moment.year < EARLIEST_YEAR:
            raise business("0x80040239", "The date-time format is invalid, or value is outside the supported range.")
        return moment.date().isoformat() if column.is_date_only else stamp(moment)

    def _guid(self, name: str, value: object) -> str:
        if not is_guid(value):
            raise bad_payload(
                self._table.set_name, f"Cannot convert the literal '{value}' to the expected type 'Edm.Guid'. ({name})"
            )
        return str(value).lower()

    def _fail(self, column: Column, value: object) -> NoReturn:
        shown = str(value).lower() if isinstance(value, bool) else value
        raise bad_payload(
            self._table.set_name, f"Cannot convert the literal '{shown}' to the expected type '{edm_type(column)}'."
        )


def lookup_values(column: Column, target: str, row_id: str) -> Data:
    """Return what is stored for a lookup: the id, and the target's table where several are possible."""
    values: Data = {column.logical: row_id}
    if len(column.targets) > 1:
        values[f"{column.logical}@"] = target
    return values


def _in_range(column: Column, number: float | Decimal) -> bool:
    low, high = column.minimum, column.maximum
    return (low is None or number >= low) and (high is None or number <= high)

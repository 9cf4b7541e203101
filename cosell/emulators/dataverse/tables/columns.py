"""The words in which the standard tables are written: one call per column, one `Draft` per table."""

import re
from copy import deepcopy
from dataclasses import dataclass, field

from cosell.emulators.dataverse.metadata import Column, Option, OptionSet, Relationship, Table, stable_id

Labels = dict[int, str]
MONEY_LIMIT = 1_000_000_000_000.0


@dataclass(slots=True, kw_only=True)
class Reverse:
    """How one target table of a lookup sees the rows that point at it."""

    target: str
    nav_single: str
    nav_many: str
    on_delete: str = "RemoveLink"
    schema: str = ""


@dataclass(slots=True)
class Field:
    """A column together with the relationships it makes."""

    column: Column
    reverses: tuple[Reverse, ...] = ()


def spaced(schema: str) -> str:
    """Return a label made from a schema name: `EstimatedCloseDate` reads `Estimated Close Date`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", schema.split("_")[-1])


def column(schema: str, kind: str) -> Column:
    """Return a plain column of a kind; the functions below refine it."""
    return Column(logical=schema.lower(), schema=schema, kind=kind, label=spaced(schema))


def text(schema: str, length: int, *, format_name: str = "Text", required: str = "None") -> Field:
    """Define a single line of text."""
    made = column(schema, "String")
    made.max_length, made.format, made.required = length, format_name, required
    return Field(made)


def memo(schema: str, length: int = 2000) -> Field:
    """Define multiple lines of text."""
    made = column(schema, "Memo")
    made.max_length, made.format = length, "TextArea"
    return Field(made)


def whole(schema: str, minimum: int = -2147483648, maximum: int = 2147483647) -> Field:
    """Define a whole number."""
    made = column(schema, "Integer")
    made.minimum, made.maximum, made.format = minimum, maximum, "None"
    return Field(made)


def decimal(schema: str, precision: int, minimum: float = -1e11, maximum: float = 1e11) -> Field:
    """Define a decimal number."""
    made = column(schema, "Decimal")
    made.precision, made.minimum, made.maximum = precision, minimum, maximum
    return Field(made)


def double(schema: str, minimum: float, maximum: float) -> Field:
    """Define a floating point number."""
    made = column(schema, "Double")
    made.precision, made.minimum, made.maximum = 2, minimum, maximum
    return Field(made)


def money(schema: str, *, minimum: float = -MONEY_LIMIT, maximum: float = MONEY_LIMIT) -> Field:
    """Define an amount; its base-currency twin comes by itself."""
    made = column(schema, "Money")
    made.precision, made.minimum, made.maximum = 2, minimum, maximum
    return Field(made)


def yes_no(schema: str, *, default: bool | None = False, labels: tuple[str, str] = ("No", "Yes")) -> Field:
    """Define a yes/no column."""
    made = column(schema, "Boolean")
    made.default = default
    made.options = OptionSet(made.logical, [Option(0, labels[0]), Option(1, labels[1])])
    return Field(made)


def choice(schema: str, labels: Labels, *, default: int | None = None) -> Field:
    """Define a choice."""
    made = column(schema, "Picklist")
    made.options = OptionSet(made.logical, [Option(value, label) for value, label in labels.items()])
    made.default = default
    return Field(made)


def day(schema: str) -> Field:
    """Define a date without a time."""
    made = column(schema, "DateTime")
    made.format, made.behavior = "DateOnly", "DateOnly"
    return Field(made)


def moment(schema: str) -> Field:
    """Define a date and time, in UTC on the wire."""
    made = column(schema, "DateTime")
    made.format = "DateAndTime"
    return Field(made)


def guid(schema: str) -> Field:
    """Define a unique identifier which is no lookup."""
    return Field(column(schema, "Uniqueidentifier"))


def entity_name(schema: str) -> Field:
    """Define a column that holds a table's logical name."""
    made = column(schema, "EntityName")
    made.max_length = 128
    return Field(made)


def lookup(schema: str, *reverses: Reverse, required: str = "None", kind: str = "Lookup") -> Field:
    """Define a lookup by the relationships it takes part in."""
    made = column(schema, kind)
    made.targets = tuple(reverse.target for reverse in reverses)
    made.required = required
    return Field(made, reverses)


def to(target: str, nav_many: str, *, nav_single: str = "", on_delete: str = "RemoveLink") -> Reverse:
    """Name a lookup's target; without `nav_single` the navigation property is the column's own name."""
    return Reverse(target=target, nav_single=nav_single, nav_many=nav_many, on_delete=on_delete)


def read_only(made: Field) -> Field:
    """Mark a column as filled by the platform only: writes to it are ignored."""
    made.column.can_create = made.column.can_update = False
    return made


def create_only(made: Field) -> Field:
    """Mark a column which is taken on create and ignored later."""
    made.column.can_update = False
    return made


def write_only(made: Field) -> Field:
    """Mark a column which never comes back, as secrets don't."""
    made.column.can_read = False
    return made


def states(statuses: dict[int, tuple[str, int, Labels]]) -> tuple[Field, Field]:
    """Define state and status: `{state: (label, default status, {status: label})}`."""
    state = column("StateCode", "State")
    state.can_create, state.required, state.label = False, "SystemRequired", "Status"
    status = column("StatusCode", "Status")
    status.label = "Status Reason"
    state_options, status_options = [], []
    for value, (label, default, reasons) in statuses.items():
        state_options.append(Option(value, label, default_status=default))
        status_options += [Option(reason, name, state=value) for reason, name in reasons.items()]
    state.options = OptionSet("statecode", state_options)
    status.options = OptionSet("statuscode", status_options)
    state.default = state_options[0].value
    status.default = state_options[0].default_status
    return Field(state), Field(status)


ACTIVE_INACTIVE = {0: ("Active", 1, {1: "Active"}), 1: ("Inactive", 2, {2: "Inactive"})}


@dataclass(slots=True, kw_only=True)
class Draft:
    """A table as written down; `build` turns it into metadata."""

    schema: str
    set_name: str
    code: int
    primary_name: str
    fields: tuple[Field, ...]
    primary_id: str = ""
    ownership: str = "UserOwned"
    states: dict[int, tuple[str, int, Labels]] | None = field(default_factory=lambda: dict(ACTIVE_INACTIVE))
    change_tracking: bool = False
    is_activity: bool = False
    label: str = ""
    collection_label: str = ""
    is_custom: bool = False

    def build(self) -> tuple[Table, list[Relationship]]:
        """Return the table with its system columns, and the relationships its lookups make."""
        logical = self.schema.lower()
        primary_id = self.primary_id or f"{logical}id"
        fields = [*self._primary(primary_id), *deepcopy(self.fields), *system_fields(self.ownership, logical)]
        if self.states is not None:
            fields += states(self.states)
        fields = with_money_twins(fields, logical)
        table = Table(
            logical=logical,
            schema=self.schema,
            set_name=self.set_name,
            code=self.code,
            primary_id=primary_id,
            primary_name=self.primary_name,
            columns={f.column.logical: f.column for f in fields},
            label=self.label or spaced(self.schema),
            collection_label=self.collection_label or spaced(self.set_name).capitalize(),
            ownership=self.ownership,
            change_tracking=self.change_tracking,
            is_activity=self.is_activity,
            is_custom=self.is_custom,
            metadata_id=stable_id("table", logical),
        )
        for made in table.columns.values():
            made.metadata_id = stable_id("column", logical, made.logical)
            made.is_primary_name = made.logical == self.primary_name
        return table, relationships_of(logical, fields)

    def _primary(self, primary_id: str) -> list[Field]:
        schema = "ActivityId" if self.is_activity else f"{self.schema}Id"
        key = column(schema, "Uniqueidentifier")
        key.logical, key.is_primary_id, key.required, key.can_update = primary_id, True, "SystemRequired", False
        return [Field(key)]


def relationships_of(logical: str, fields: list[Field]) -> list[Relationship]:
    """Return the one-to-many relationships which a table's lookups make."""
    found = []
    for made in fields:
        for reverse in made.reverses:
            name = reverse.schema or reverse.nav_many
            found.append(
                Relationship(
                    schema=name,
                    referenced=reverse.target,
                    referencing=logical,
                    column=made.column.logical,
                    nav_single=reverse.nav_single or made.column.logical,
                    nav_many=reverse.nav_many,
                    on_delete=reverse.on_delete,
                    metadata_id=stable_id("relationship", name),
                )
            )
    return found


def system_fields(ownership: str, logical: str) -> list[Field]:
    """Return the columns every table of this ownership has."""
    user = [read_only(lookup(s, to("systemuser", f"lk_{logical}_{s.lower()}"))) for s in USER_STAMPS]
    fields = [read_only(moment("CreatedOn")), read_only(moment("ModifiedOn")), *user]
    fields += [
        create_only(day("OverriddenCreatedOn")),
        create_only(whole("ImportSequenceNumber")),
        whole("TimeZoneRuleVersionNumber", -1),
        whole("UTCConversionTimeZoneCode", -1),
        read_only(Field(column("VersionNumber", "BigInt"))),
    ]
    if ownership == "UserOwned":
        fields += owner_fields(logical)
    if ownership == "OrganizationOwned":
        fields.append(read_only(lookup("OrganizationId", to("organization", f"organization_{logical}"))))
    return fields


USER_STAMPS = ("CreatedBy", "ModifiedBy", "CreatedOnBehalfBy", "ModifiedOnBehalfBy")


def owner_fields(logical: str) -> list[Field]:
    """Return the owner columns of a user-owned table."""
    owner = lookup(
        "OwnerId",
        to("systemuser", f"owner_{logical}_systemuser", nav_single="ownerid"),
        to("team", f"owner_{logical}_team", nav_single="ownerid"),
        required="SystemRequired",
        kind="Owner",
    )
    # One navigation property serves both kinds of owner; what a bind may point at is checked by the payload reader.
    owner.reverses = ()
    return [
        owner,
        read_only(lookup("OwningUser", to("systemuser", f"user_{logical}"))),
        read_only(lookup("OwningTeam", to("team", f"team_{logical}"))),
        read_only(lookup("OwningBusinessUnit", to("businessunit", f"business_unit_{logical}"))),
    ]


def base_twin(amount: Column) -> Column:
    """Return the read-only column that holds an amount in the organisation's base currency."""
    twin = deepcopy(amount)
    twin.logical, twin.schema = f"{amount.logical}_base", f"{amount.schema}_Base"
    twin.label, twin.can_create, twin.can_update, twin.precision = f"{amount.label} (Base)", False, False, 4
    return twin


def with_money_twins(fields: list[Field], logical: str) -> list[Field]:
    """Add what money needs: a base twin for each amount, the currency and its rate."""
    found = list(fields)
    amounts = [f.column for f in fields if f.column.kind == "Money"]
    found += [Field(base_twin(amount)) for amount in amounts]
    names = {f.column.logical for f in fields}
    if amounts and "transactioncurrencyid" not in names:
        found.append(lookup("TransactionCurrencyId", to("transactioncurrency", f"transactioncurrency_{logical}")))
    if amounts and "exchangerate" not in names:
        found.append(read_only(decimal("ExchangeRate", 12, 1e-12, 1e11)))
    return found

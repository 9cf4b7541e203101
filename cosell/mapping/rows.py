"""The rows of the mapping files and the words they use: one field each, and where it is on either side."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from cosell.domain.ids import Side
from cosell.domain.money import Money
from cosell.domain.snapshot import Value
from cosell.mapping.expressions import LONGEST, TODAY, check_expression, iter_names

Column = Annotated[str, StringConstraints(pattern=r"^(\$(deal_value|country|deal_currency)|[a-z][a-z0-9_]*)$")]
"""A logical column name, or `$name` of the setting that holds one."""
Pointer = Annotated[
    str, StringConstraints(pattern=r"^(\$(referral_link|help)|(/[A-Za-z0-9_-]+)+(\[[A-Za-z0-9_-]+\])?)$")
]
"""A JSON pointer into the referral (RFC 6901), or `$name` of a value that does not stand there by itself.

A type in brackets at the end means the `id` of the list's member of that `type`.
"""
REFERRAL_LINK, HELP = "$referral_link", "$help"
"""The web address made from the referral's id; what Microsoft was asked for, which stands in Microsoft's copy."""


class Strict(BaseModel):
    """Base of all rows: frozen, nothing unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Kind(StrEnum):
    """What a field holds, which decides how it is compared and written."""

    TEXT = "text"
    MEMO = "memo"
    MONEY = "money"
    DATE = "date"
    ID = "id"
    CHOICE = "choice"
    FLAG = "flag"


class Direction(StrEnum):
    """Which way a field may travel."""

    BOTH = "both"
    TO_DATAVERSE = "to_dataverse"
    TO_PARTNER_CENTER = "to_partner_center"

    def allows(self, side: Side) -> bool:
        """Tell whether the field may be written on `side`."""
        return self is Direction.BOTH or self.value == f"to_{side}"


class CurrencyKind(StrEnum):
    """How the column holds it which says the currency of the deal value."""

    LOOKUP = "lookup"
    TEXT = "text"
    CHOICE = "choice"


class Frozen(StrEnum):
    """From which moment on Partner Center takes no change of a field."""

    NEVER = "never"
    CREATED = "created"
    SHARED = "shared"
    SENT = "sent"
    TERMINAL = "terminal"


def as_texts(value: object) -> object:
    """Let a single text stand without brackets."""
    return (value,) if isinstance(value, str) else value


def _as_table(value: object) -> object:
    if not isinstance(value, Mapping):
        raise ValueError("a table of choices is labels with their codes")  # noqa: TRY004  pydantic wants ValueError
    return value


_ONE_OR_MORE = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
Texts = Annotated[
    tuple[str, ...], BeforeValidator(as_texts), Field(min_length=1), WithJsonSchema(_ONE_OR_MORE, mode="validation")
]
"""One text or a list of them."""
ChoiceTable = Mapping[str, Texts]
"""Label in the CRM to codes in Partner Center: the first one is written, the others are understood."""
Codes = Annotated[ChoiceTable, BeforeValidator(_as_table)]
Expression = Annotated[str, AfterValidator(check_expression), Field(max_length=LONGEST)]
"""What is computed for each record; docs/customising.md tells the language."""
Plain = bool | int | float | date | str
"""A value as YAML has it."""


class FieldRow(Strict):
    """One field which both sides share."""

    field: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="our name of the field")
    kind: Kind
    partner_center: Pointer
    dataverse: Column
    direction: Direction
    owner: Side
    frozen: Frozen
    required: bool = Field(default=False, description="Partner Center wants a value; emptied in the CRM, it stays")
    length: int | None = Field(default=None, gt=0, description="longest text the CRM's column takes")
    choices: str | None = Field(default=None, description="table of choices.yaml; for the kind choice")
    one_way: bool = Field(default=False, description="once yes, Partner Center never takes it back; for the kind flag")
    when_won: Column | None = Field(
        default=None, description="read in its place once the opportunity is won, when it holds something; for money"
    )
    default: Plain | None = Field(
        default=None, description="written on creation when the other side says nothing; a day may be `today + 30`"
    )
    condition: Expression | None = Field(default=None, description="the field travels only when this holds")
    values: Codes | None = Field(
        default=None, description="text in the CRM to text in Partner Center, like choices; for the kind text"
    )

    @model_validator(mode="after")
    def _fit_the_kind(self) -> Self:
        """A choice needs its table, and only a flag can be a one-way door."""
        if (self.kind is Kind.CHOICE) != (self.choices is not None):
            raise ValueError(f"{self.field}: choices names a table of choices.yaml, for the kind choice and no other")
        if self.one_way and self.kind is not Kind.FLAG:
            raise ValueError(f"{self.field}: one_way is for the kind flag")
        if self.when_won is not None and self.kind is not Kind.MONEY:
            raise ValueError(f"{self.field}: when_won is for the kind money")
        if self.values is not None and self.kind is not Kind.TEXT:
            raise ValueError(f"{self.field}: values is for the kind text; a choice has its table in choices.yaml")
        if self.default is not None:
            read_default(self.kind, self.default, today=date.min)
        return self


class CopiedField(Strict):
    """A field which is only copied when a record is created."""

    field: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    partner_center: Pointer
    dataverse: Column
    length: int = Field(gt=0)
    default: str | None = Field(default=None, min_length=1, description="used when the other side says nothing")
    lookup: Column | None = Field(
        default=None, description="for a lookup: the column of the table it leads to which holds the text"
    )


class FillKind(StrEnum):
    """Of which kind a column is that the sync fills by itself."""

    TEXT = "text"
    MEMO = "memo"
    NUMBER = "number"
    MONEY = "money"
    FLAG = "flag"
    DATE = "date"
    CHOICE = "choice"
    LOOKUP = "lookup"


class When(StrEnum):
    """When a column is filled."""

    CREATE = "create"
    ALWAYS = "always"


class FillRow(Strict):
    """A column of the CRM which is no field of the referral, and what stands in it: a value, or what is computed."""

    dataverse: Column
    kind: FillKind = FillKind.TEXT
    value: Plain | None = None
    expression: Expression | None = None
    when: When = When.CREATE
    lookup: Column | None = Field(
        default=None, description="for a lookup: the column of the table it leads to which holds the text"
    )

    @model_validator(mode="after")
    def _say_one_thing(self) -> Self:
        """A value and an expression could contradict each other, and what depends on the day would flap."""
        if (self.value is None) == (self.expression is None):
            raise ValueError(f"{self.dataverse} is filled by value or by expression, by one of the two")
        if (self.kind is FillKind.LOOKUP) != (self.lookup is not None):
            raise ValueError(f"{self.dataverse}: lookup names a column, for the kind lookup and no other")
        if self.when is When.ALWAYS and self.speaks_of_today:
            raise ValueError(f"{self.dataverse}: today moves by itself, so it is for when: create")
        if self.value is not None and not (self.kind is FillKind.DATE and self.speaks_of_today):
            read_filled(self.kind, self.value)
        return self

    @property
    def speaks_of_today(self) -> bool:
        """Whether what stands in it depends on the day."""
        if self.expression is not None:
            return any(record == TODAY for record, _ in iter_names(self.expression))
        return isinstance(self.value, str) and _TODAY.fullmatch(self.value) is not None


def read_filled(kind: FillKind, raw: object, *, today: date = date.min) -> Value:
    """Return what a column is filled with, in canonical values; None for nothing.

    Raises:
        ValueError: it is of another kind than the column.
    """
    if raw is None or raw == "":
        return None
    match kind:
        case FillKind.FLAG:
            if not isinstance(raw, bool):
                raise ValueError("a flag is yes or no (true or false)")  # noqa: TRY004  pydantic wants ValueError
            return raw
        case FillKind.NUMBER | FillKind.MONEY:
            if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
                raise ValueError("this is no number")  # noqa: TRY004  pydantic wants ValueError
            return _plain_number(Decimal(str(raw)))
        case FillKind.DATE:
            return read_day(raw, today=today)
        case _:
            if isinstance(raw, bool | date):
                raise ValueError("this is no text")  # noqa: TRY004  pydantic wants ValueError
            return str(raw)


def read_default(kind: Kind, raw: object, *, today: date) -> Value:
    """Return the default of a field, in canonical values.

    Raises:
        ValueError: it is of another kind than the field, or there is no default for that kind.
    """
    match kind:
        case Kind.FLAG:
            return read_filled(FillKind.FLAG, raw)
        case Kind.DATE:
            return read_day(raw, today=today)
        case Kind.MONEY:
            amount, _, currency = str(raw).partition(" ")
            if not re.fullmatch(r"\d{1,12}(\.\d{1,2})?", amount) or not re.fullmatch(r"[A-Z]{3}", currency):
                raise ValueError("a default of money is an amount and its currency, like 1000 EUR")
            return Money(amount=Decimal(amount), currency=currency)
        case Kind.ID:
            raise ValueError("an id has no default")
        case _:
            return read_filled(FillKind.TEXT, raw)


def _plain_number(number: Decimal) -> Decimal:
    """Return a number as columns hold it by default: two decimals at most, none where there is nothing behind them."""
    rounded = number.quantize(Decimal("0.01"))
    return Decimal(int(rounded)) if rounded == int(rounded) else rounded


_TODAY = re.compile(r"today( *[+-] *\d{1,4})?")


def read_day(raw: object, *, today: date) -> date:
    """Return a day of the calendar, or one counted from today.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(raw, date):
        return date(raw.year, raw.month, raw.day)
    text = str(raw)
    if _TODAY.fullmatch(text):
        days = int(text.removeprefix("today").replace(" ", "") or 0)
        return today + timedelta(days=max(days, 0) if today == date.min else days)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("this is no day, like 2027-03-31 or today + 30") from None


def refusal(problem: str, *place: int | str) -> PydanticCustomError:
    """Return the error of a rule which looks at several rows; `place` is where it is to be mended."""
    return PydanticCustomError("mapping", "{problem}", {"problem": problem, "place": place})


class TableMapping(Strict):
    """A CRM table: logical name, name in addresses, primary key."""

    table: Column
    set: Column
    id: Column

"""The rows of the mapping files and the words they use: one field each, and where it is on either side."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from cosell.domain.ids import Side

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

    @model_validator(mode="after")
    def _fit_the_kind(self) -> Self:
        """A choice needs its table, and only a flag can be a one-way door."""
        if (self.kind is Kind.CHOICE) != (self.choices is not None):
            raise ValueError(f"{self.field}: choices names a table of choices.yaml, for the kind choice and no other")
        if self.one_way and self.kind is not Kind.FLAG:
            raise ValueError(f"{self.field}: one_way is for the kind flag")
        if self.when_won is not None and self.kind is not Kind.MONEY:
            raise ValueError(f"{self.field}: when_won is for the kind money")
        return self


class CopiedField(Strict):
    """A field which is only copied when a record is created."""

    field: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    partner_center: Pointer
    dataverse: Column
    length: int = Field(gt=0)


def refusal(problem: str, *place: int | str) -> PydanticCustomError:
    """Return the error of a rule which looks at several rows; `place` is where it is to be mended."""
    return PydanticCustomError("mapping", "{problem}", {"problem": problem, "place": place})

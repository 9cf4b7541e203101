"""What a mapping file may say, as strict models: an unknown key or a wrong word is an error, never ignored."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from cosell.domain.ids import Side
from cosell.domain.stages import OpportunityStage

Column = Annotated[str, StringConstraints(pattern=r"^(\$(deal_value|country)|[a-z][a-z0-9_]*)$")]
"""A logical column name, or `$name` of the setting that holds one."""
Pointer = Annotated[str, StringConstraints(pattern=r"^(\$referral_link|(/[A-Za-z0-9_-]+)+)$")]
"""A JSON pointer into the referral (RFC 6901), or `$name` of a value that is computed from it."""


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


class Direction(StrEnum):
    """Which way a field may travel."""

    BOTH = "both"
    TO_DATAVERSE = "to_dataverse"
    TO_PARTNER_CENTER = "to_partner_center"

    def allows(self, side: Side) -> bool:
        """Tell whether the field may be written on `side`."""
        return self is Direction.BOTH or self.value == f"to_{side}"


class Frozen(StrEnum):
    """From which moment on Partner Center takes no change of a field."""

    NEVER = "never"
    CREATED = "created"
    SHARED = "shared"
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


class OpportunityColumns(Strict):
    """The opportunity's columns which the sync itself reads and keeps."""

    name: Column
    sync_switch: Column
    referral_id: Column
    audit: Column
    help: Column
    visible: Column
    purchase_intent: Column
    state: Column
    status_reason: Column
    account: Column
    contact: Column
    customer: Column
    currency: Column
    owner: Column


class TableMapping(Strict):
    """A CRM table: logical name, name in addresses, primary key."""

    table: Column
    set: Column
    id: Column


class OpportunityMapping(TableMapping):
    """`mappings/opportunity.yaml`."""

    columns: OpportunityColumns
    fields: tuple[FieldRow, ...]

    @model_validator(mode="after")
    def _write_each_place_once(self) -> Self:
        """Two rows which write the same place would undo each other's work for ever."""
        _refuse_twins("field", [row.field for row in self.fields])
        for side in Side:
            _refuse_twins(
                f"{side} (written by two rows)",
                [str(getattr(row, side)) for row in self.fields if row.direction.allows(side)],
            )
        computed = [
            row.field
            for row in self.fields
            if row.partner_center[0] == "$" and row.direction.allows(Side.PARTNER_CENTER)
        ]
        if computed:
            raise ValueError(f"{computed[0]} is computed, so its direction is to_dataverse")
        return self


class CopiedField(Strict):
    """A field which is only copied when a record is created."""

    field: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    partner_center: Pointer
    dataverse: Column
    length: int = Field(gt=0)


class PartyMapping(TableMapping):
    """`mappings/account.yaml` and `mappings/contact.yaml`."""

    match: tuple[str, ...]
    fields: tuple[CopiedField, ...]


STATES = {
    OpportunityStage.ON_HOLD: 0,
    OpportunityStage.OPEN: 0,
    OpportunityStage.WON: 1,
    OpportunityStage.LOST: 2,
}
"""The state of the opportunity in each stage (Microsoft: Opportunity table, statecode)."""


def _refuse_twins(what: str, values: Sequence[str]) -> None:
    twins = sorted({value for value in values if values.count(value) > 1})
    if twins:
        raise ValueError(f"{what} stands there twice: {', '.join(twins)}")


class StatusRow(Strict):
    """One pair of state and status reason of the opportunity and the stage it means."""

    stage: OpportunityStage
    state: int
    status_reason: int


class Statuses(Strict):
    """`mappings/statuses.yaml`."""

    opportunity: tuple[StatusRow, ...]

    @model_validator(mode="after")
    def _say_each_pair_once(self) -> Self:
        """Each pair means one stage, each stage that is written has a pair, and open is not called won."""
        _refuse_twins("state and status reason", [f"{row.state}/{row.status_reason}" for row in self.opportunity])
        for stage, state in STATES.items():
            rows = [row for row in self.opportunity if row.stage is stage]
            if not rows:
                raise ValueError(f"no row has the stage {stage}")
            if any(row.state != state for row in rows):
                raise ValueError(f"rows of the stage {stage} have the state {state}")
        return self


class Catalogue(TableMapping):
    """The catalogue of solutions."""

    name: Column
    identifier: Column
    type: Column
    publisher: Column


class SolutionsMapping(TableMapping):
    """`mappings/solutions.yaml`; `opportunity` and `detail` are lookups, spelled as schema names (case matters)."""

    opportunity: str
    detail: str
    name: Column
    quantity: Column
    price: Column
    catalogue: Catalogue


class Choices(Strict):
    """`mappings/choices.yaml`: label in the CRM to code in Partner Center."""

    help: Mapping[str, str]
    purchase_intent: Mapping[str, str]


class Countries(Strict):
    """`mappings/countries.yaml`: what people write to ISO 3166 alpha-2."""

    aliases: Mapping[str, Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]]


class Mappings(Strict):
    """All mapping files together."""

    opportunity: OpportunityMapping
    account: PartyMapping
    contact: PartyMapping
    statuses: Statuses
    solutions: SolutionsMapping
    choices: Choices
    countries: Countries

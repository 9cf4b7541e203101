"""What a mapping file may say, as strict models: an unknown key or a wrong word is an error, never ignored."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import BeforeValidator, ConfigDict, Field, RootModel, StringConstraints, model_validator

from cosell.domain.ids import Side
from cosell.domain.stages import LeadStage, OpportunityStage
from cosell.mapping.rows import (
    HELP,
    REFERRAL_LINK,
    Column,
    CopiedField,
    CurrencyKind,
    Direction,
    FieldRow,
    Frozen,
    Kind,
    Strict,
    refusal,
)

__all__ = [
    "HELP",
    "LEAD_STATES",
    "REFERRAL_LINK",
    "STATES",
    "Catalogue",
    "ChoiceTable",
    "Choices",
    "Column",
    "CopiedField",
    "Countries",
    "CurrencyKind",
    "DealMapping",
    "Direction",
    "FieldRow",
    "Frozen",
    "Headings",
    "Kind",
    "LeadColumns",
    "LeadMapping",
    "LeadStatusRow",
    "Mappings",
    "OpportunityColumns",
    "OpportunityMapping",
    "PartyMapping",
    "SharedFields",
    "SolutionsMapping",
    "StatusRow",
    "Statuses",
    "Strict",
    "TableMapping",
]


class OpportunityColumns(Strict):
    """The opportunity's columns which the sync itself reads and keeps."""

    name: Column
    sync_switch: Column
    referral_id: Column
    audit: Column
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


class SharedFields(TableMapping):
    """A table of which some columns are fields of the referral."""

    fields: tuple[FieldRow, ...]
    currency_kind: CurrencyKind = Field(
        default=CurrencyKind.LOOKUP, description="of the currency column; found out in the CRM for the one of a setting"
    )

    @model_validator(mode="after")
    def _write_each_place_once(self) -> Self:
        """Two rows which write the same place would undo each other's work for ever."""
        _refuse_twins("field", {number: row.field for number, row in enumerate(self.fields)}, "fields")
        for side in Side:
            written = {n: str(getattr(row, side)) for n, row in enumerate(self.fields) if row.direction.allows(side)}
            _refuse_twins(f"{side} (written by two rows)", written, "fields")
        for number, row in enumerate(self.fields):
            if row.partner_center == REFERRAL_LINK and row.direction.allows(Side.PARTNER_CENTER):
                raise refusal(f"{row.field} is computed, so its direction is to_dataverse", "fields", number)
        return self


class OpportunityMapping(SharedFields):
    """`mappings/opportunity.yaml`."""

    columns: OpportunityColumns


class PartyMapping(TableMapping):
    """`mappings/account.yaml` and `mappings/contact.yaml`."""

    match: tuple[str, ...]
    fields: tuple[CopiedField, ...]


class LeadColumns(Strict):
    """The lead's columns which the sync itself reads and keeps."""

    name: Column
    sync_switch: Column
    referral_id: Column
    audit: Column
    state: Column
    status_reason: Column
    currency: Column
    opportunity: Column


class LeadStatusRow(Strict):
    """One pair of state and status reason of the lead and the stage it means."""

    stage: LeadStage
    state: int
    status_reason: int


LEAD_STATES = {LeadStage.OPEN: 0, LeadStage.QUALIFIED: 1, LeadStage.DISQUALIFIED: 2}
"""The state of the lead in each stage (Microsoft: Lead table, statecode)."""


class LeadMapping(SharedFields):
    """`mappings/lead.yaml`."""

    columns: LeadColumns
    customer: tuple[CopiedField, ...]
    contact: tuple[CopiedField, ...]
    statuses: tuple[LeadStatusRow, ...]

    @model_validator(mode="after")
    def _know_each_stage(self) -> Self:
        """Each pair means one stage, each stage that is written has a pair, and open is not called qualified."""
        _check_statuses(self.statuses, LEAD_STATES, "statuses")
        return self

    def as_party(self, fields: tuple[CopiedField, ...]) -> PartyMapping:
        """Return the columns for the customer or for the contact as those of a party."""
        return PartyMapping(table=self.table, set=self.set, id=self.id, match=(), fields=fields)


DealMapping = OpportunityMapping | LeadMapping
"""What a referral may be in the CRM."""

STATES = {
    OpportunityStage.ON_HOLD: 0,
    OpportunityStage.OPEN: 0,
    OpportunityStage.WON: 1,
    OpportunityStage.LOST: 2,
}
"""The state of the opportunity in each stage (Microsoft: Opportunity table, statecode)."""


def _refuse_twins(what: str, values: Mapping[int, str], *place: str) -> None:
    """Refuse the second of two rows with the same value; `values` are by the number of the row."""
    seen: set[str] = set()
    for number, value in values.items():
        if value in seen:
            raise refusal(f"{what} stands there twice: {value}", *place, number)
        seen.add(value)


def _as_texts(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class StatusRow(Strict):
    """One pair of state and status reason of the opportunity and the stage it means.

    A status reason is named by its number, or by its label in the CRM.
    """

    stage: OpportunityStage
    state: int
    status_reason: int | None = None
    label: str | None = Field(default=None, min_length=1, description="in place of the number, as the CRM shows it")
    reason: Annotated[tuple[str, ...], BeforeValidator(_as_texts)] = Field(
        default=(), description="what Partner Center calls it: the first is written, all are understood; for lost"
    )

    @property
    def name(self) -> str:
        """The status reason as the file names it."""
        return f"{self.status_reason}" if self.label is None else f"“{self.label}”"

    @model_validator(mode="after")
    def _name_it_once(self) -> Self:
        """A number and a label could contradict each other; only a lost deal has a reason in Partner Center."""
        if (self.status_reason is None) == (self.label is None):
            raise ValueError("a status reason is named by status_reason or by label, by one of the two")
        if self.reason and self.stage is not OpportunityStage.LOST:
            raise ValueError("reason is for the stage lost")
        return self


class Statuses(Strict):
    """`mappings/statuses.yaml`."""

    opportunity: tuple[StatusRow, ...]

    @model_validator(mode="after")
    def _say_each_pair_once(self) -> Self:
        """Each pair means one stage, each stage that is written has a pair, and open is not called won."""
        _check_statuses(self.opportunity, STATES, "opportunity")
        return self


def _check_statuses(
    rows: Sequence[StatusRow | LeadStatusRow],
    states: Mapping[OpportunityStage, int] | Mapping[LeadStage, int],
    place: str,
) -> None:
    names = [(row.name if isinstance(row, StatusRow) else f"{row.status_reason}") for row in rows]
    pairs = {n: f"{row.state}/{name}".casefold() for n, (row, name) in enumerate(zip(rows, names, strict=True))}
    _refuse_twins("state and status reason", pairs, place)
    for stage, state in states.items():
        if all(row.stage is not stage for row in rows):
            raise refusal(f"no row has the stage {stage}", place)
        for number, row in enumerate(rows):
            if row.stage is stage and row.state != state:
                raise refusal(f"rows of the stage {stage} have the state {state}", place, number)


Headings = Annotated[tuple[str, ...], Field(min_length=1)]


class CatalogueHeadings(Strict):
    """By which headings the columns of an uploaded file are known; case, blanks and asterisks make no difference."""

    identifier: Headings
    name: Headings
    type: Headings
    publisher: Headings


class Catalogue(TableMapping):
    """The catalogue of solutions; `headings` are those of files that are uploaded into it."""

    name: Column
    identifier: Column
    type: Column
    publisher: Column
    headings: CatalogueHeadings


class SolutionsMapping(TableMapping):
    """`mappings/solutions.yaml`; `opportunity` and `detail` are lookups, spelled as schema names (case matters).

    `currency` is the row's lookup of a currency, null where the price is a plain number.
    """

    opportunity: str
    detail: str
    name: Column
    quantity: Column
    price: Column
    currency: Column | None = None
    catalogue: Catalogue


ChoiceTable = Mapping[str, tuple[str, ...]]
"""Label in the CRM to codes in Partner Center: the first one is written, the others are understood."""


def _as_codes(value: object) -> object:
    """Let a single code stand without brackets."""
    return {label: (code,) if isinstance(code, str) else code for label, code in _items(value)}


def _items(value: object) -> Sequence[tuple[object, object]]:
    if not isinstance(value, Mapping):
        raise ValueError("a table of choices is labels with their codes")  # noqa: TRY004  pydantic wants ValueError
    return list(value.items())


class Choices(RootModel[Mapping[str, Annotated[ChoiceTable, BeforeValidator(_as_codes)]]]):
    """`mappings/choices.yaml`: tables of choices by name."""

    model_config = ConfigDict(frozen=True)

    def __getitem__(self, name: str) -> ChoiceTable:
        """Return a table."""
        return self.root[name]

    def __contains__(self, name: object) -> bool:
        """Tell whether there is such a table."""
        return name in self.root


class Countries(Strict):
    """`mappings/countries.yaml`: what people write to ISO 3166 alpha-2."""

    aliases: Mapping[str, Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]]


class Mappings(Strict):
    """All mapping files together."""

    opportunity: OpportunityMapping
    lead: LeadMapping
    account: PartyMapping
    contact: PartyMapping
    statuses: Statuses
    solutions: SolutionsMapping
    choices: Choices
    countries: Countries

    @model_validator(mode="after")
    def _know_each_table_of_choices(self) -> Self:
        """A row which names a table of choices that is not there could never be read."""
        for file, fields in (("opportunity", self.opportunity.fields), ("lead", self.lead.fields)):
            for number, row in enumerate(fields):
                if row.choices is not None and row.choices not in self.choices:
                    problem = f"the field {row.field} names {row.choices}, which choices.yaml does not have"
                    raise refusal(problem, file, "fields", number, "choices")
        return self

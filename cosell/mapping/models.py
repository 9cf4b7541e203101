"""What a mapping file may say, as strict models: an unknown key or a wrong word is an error, never ignored."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, RootModel, StringConstraints, model_validator

from cosell.domain.ids import Side
from cosell.domain.stages import LeadStage, OpportunityStage
from cosell.mapping.assigning import Assign
from cosell.mapping.expressions import OF_PARTNER_CENTER, TODAY, iter_names
from cosell.mapping.rows import (
    HELP,
    REFERRAL_LINK,
    ChoiceTable,
    Codes,
    Column,
    CopiedField,
    CurrencyKind,
    Direction,
    FieldRow,
    FillKind,
    FillRow,
    Frozen,
    Kind,
    Strict,
    TableMapping,
    Texts,
    When,
    refusal,
)
from cosell.mapping.solution_models import Catalogue, Headings, SolutionsMapping

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
    "FillKind",
    "FillRow",
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
    "When",
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


def _create_only(rows: tuple[FillRow, ...]) -> tuple[FillRow, ...]:
    for row in rows:
        if row.when is not When.CREATE:
            raise ValueError(f"{row.dataverse}: when: always is for opportunity.yaml; these rows are made, not kept")
    return rows


Fill = Annotated[tuple[FillRow, ...], Field(description="columns which the sync fills by itself")]
FillNew = Annotated[tuple[FillRow, ...], AfterValidator(_create_only), Field(description="filled when a row is made")]


class SharedFields(TableMapping):
    """A table of which some columns are fields of the referral."""

    fields: tuple[FieldRow, ...]
    assign: Assign = Field(default_factory=Assign, description="who owns what is made of a referral")
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
    fill: Fill = ()

    @model_validator(mode="after")
    def _fill_what_nothing_else_writes(self) -> Self:
        """A column with two masters would flap."""
        _refuse_second_masters(self.fill, self)
        return self


class PartyMapping(TableMapping):
    """`mappings/account.yaml` and `mappings/contact.yaml`."""

    match: tuple[str, ...]
    fields: tuple[CopiedField, ...]
    fill: FillNew = ()


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
    fill: FillNew = ()

    @model_validator(mode="after")
    def _know_each_stage(self) -> Self:
        """Each pair means one stage, each stage that is written has a pair, and open is not called qualified."""
        _refuse_second_masters(self.fill, self)
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


def _refuse_second_masters(fill: Sequence[FillRow], mapping: "OpportunityMapping | LeadMapping") -> None:
    written = {row.dataverse for row in mapping.fields if row.direction.allows(Side.DATAVERSE)}
    written |= {str(name) for name in mapping.columns.model_dump().values()}
    for number, row in enumerate(fill):
        if row.dataverse in written:
            raise refusal(f"{row.dataverse} is written by the sync already", "fill", number, "dataverse")
    _refuse_twins("dataverse", {number: row.dataverse for number, row in enumerate(fill)}, "fill")


class StatusRow(Strict):
    """One pair of state and status reason of the opportunity and the stage it means.

    A status reason is named by its number, or by its label in the CRM.
    """

    stage: OpportunityStage
    state: int
    status_reason: int | None = None
    label: str | None = Field(default=None, min_length=1, description="in place of the number, as the CRM shows it")
    reason: tuple[()] | Texts = Field(
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


class Choices(RootModel[Mapping[str, Codes]]):
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
                known = {codes[0] for codes in self.choices[row.choices].values()} if row.choices else set()
                if row.choices is not None and row.default is not None and row.default not in known:
                    problem = (
                        f"the default of {row.field} is no code that is written; known are {', '.join(sorted(known))}"
                    )
                    raise refusal(problem, file, "fields", number, "default")
        return self

    @model_validator(mode="after")
    def _speak_of_what_is_there(self) -> Self:
        """A name which no record has would be empty for ever."""
        known = self.known_names
        for text, place in self.expressions:
            for record, name in iter_names(text):
                if name not in known[record]:
                    listed = ", ".join(sorted(known[record]))
                    raise refusal(f"{record}.{name} is unknown; known are {listed}", *place)
        return self

    @property
    def known_names(self) -> dict[str, frozenset[str]]:
        """The names of values that an expression may use, by record."""
        fields = {row.field for row in (*self.opportunity.fields, *self.lead.fields)}
        return {
            "referral": frozenset({*fields, *OF_PARTNER_CENTER}),
            "opportunity": frozenset({*fields, "currency"}),
            "customer": frozenset(row.field for row in self.account.fields),
            "contact": frozenset(row.field for row in self.contact.fields),
            TODAY: frozenset({""}),
        }

    @property
    def expressions(self) -> list[tuple[str, tuple[int | str, ...]]]:
        """All expressions, each with its place: file, list, row, key."""
        conditions = [
            (row.condition, (file, "fields", number, "condition"))
            for file, mapping in (("opportunity", self.opportunity), ("lead", self.lead))
            for number, row in enumerate(mapping.fields)
        ]
        tables: dict[str, OpportunityMapping | LeadMapping | PartyMapping] = {
            "opportunity": self.opportunity,
            "lead": self.lead,
            "account": self.account,
            "contact": self.contact,
        }
        computed = [
            (row.expression, (file, "fill", number, "expression"))
            for file, mapping in tables.items()
            for number, row in enumerate(mapping.fill)
        ]
        return [(text, place) for text, place in (*conditions, *computed) if text is not None]

    @model_validator(mode="after")
    def _leave_contacts_plain(self) -> Self:
        """The contact is compared with the referral's, which only plain columns can be."""
        for number, row in enumerate(self.contact.fields):
            if row.lookup is not None:
                raise refusal("lookup is for account.yaml", "contact", "fields", number, "lookup")
        return self

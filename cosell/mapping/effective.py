"""The effective value of each variable, and where it stands: what people wrote in Prefect or the CRM, else the default.

Current overrides default, as in the original; what nobody wrote has the default of `Variables`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from cosell.errors import ConfigurationError
from cosell.mapping.variables import KNOWN, KnownVariable, Variables


class SetIn(StrEnum):
    """Where a value stands."""

    DEFAULT = "default"
    PREFECT = "Prefect"
    CRM_CURRENT = "CRM current value"
    CRM_DEFAULT = "CRM default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A value which somebody wrote: `place` is what the variable is called there."""

    value: object
    set_in: SetIn
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveVariable:
    """What a variable says now; with a `problem` it says nothing, and `value` is empty."""

    variable: KnownVariable
    value: str
    set_in: SetIn
    place: str = ""
    problem: str = ""

    @property
    def where(self) -> str:
        """Where it stands, for a person."""
        if self.set_in is SetIn.DEFAULT or self.place == self.variable.name:
            return self.set_in.value
        return f"{self.set_in.value}{', as' if self.set_in is SetIn.PREFECT else ' of'} {self.place}"

    def describe(self) -> dict[str, str]:
        """Return it as a script and a table read it."""
        return {
            "variable": self.variable.name,
            "value": self.value,
            "default": self.variable.default,
            "origin": self.set_in.value,
            "place": self.place,
            "problem": self.problem,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableSheet:
    """All variables, in the order in which people know them."""

    rows: tuple[EffectiveVariable, ...]

    @property
    def problems(self) -> list[str]:
        """What is wrong, a sentence part for each value."""
        return [f"{row.variable.name} ({row.where}) {row.problem}" for row in self.rows if row.problem]

    def read(self) -> Variables:
        """Return what the variables mean.

        Raises:
            ConfigurationError: values which are not allowed; all of them at once, each with what is.
        """
        if self.problems:
            raise ConfigurationError(f"Variables have values which are not allowed: {'; '.join(self.problems)}.")
        return Variables(**{row.variable.field: row.variable.read(row.value) for row in self.rows})  # type: ignore[arg-type]  # each is what its field holds


def fill_sheet(given: Mapping[str, Given]) -> VariableSheet:
    """Return the sheet for what people wrote, by the name of the variable."""
    return VariableSheet(rows=tuple(_judge(known, given.get(known.name)) for known in KNOWN))


def _judge(known: KnownVariable, given: Given | None) -> EffectiveVariable:
    if given is None:
        return EffectiveVariable(variable=known, value=known.default, set_in=SetIn.DEFAULT)
    try:
        value, problem = known.spell(known.read(given.value)), ""
    except ValueError as error:
        value, problem = "", f"has to be {error}"
    return EffectiveVariable(variable=known, value=value, set_in=given.set_in, place=given.place, problem=problem)


def read_known(given: Mapping[str, object]) -> Variables:
    """Return what values mean which stand in Prefect, by the names they have there.

    Raises:
        ConfigurationError: values which are not allowed.
    """
    wrote = {name: Given(value=value, set_in=SetIn.PREFECT, place=name) for name, value in given.items()}
    return fill_sheet(wrote).read()

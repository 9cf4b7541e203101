"""The rule by which a mapped column fits, and which columns are mapped."""

import pytest

from cosell.dataverse import Table
from cosell.dataverse.fit import Fault
from cosell.dataverse.schema import Column
from cosell.mapping.loader import load_mappings
from cosell.mapping.models import Kind
from cosell.mapping.variables import Variables
from cosell.sync.fit import TYPES, MappedColumn, find_misfits, mapped_columns, mapped_keys

WANTED = MappedColumn(
    name="cosell_help", types=frozenset({"PicklistType"}), is_written=True, options=("Quotes", "Other")
)
FITTING = Column(name="cosell_help", kind="PicklistType", options={"quotes ": 1, "Other": 2, "Theirs": 3})


def table(*columns: Column) -> Table:
    return Table(
        name="opportunity",
        set_name="opportunities",
        id_column="opportunityid",
        name_column="name",
        is_change_tracked=True,
        columns={column.name: column for column in columns},
        keys=(),
        lookups=(),
        status_reasons=(),
    )


def test_column_that_fits_is_no_misfit() -> None:
    assert find_misfits("opportunity", table(FITTING), (WANTED,)) == []


@pytest.mark.parametrize(
    ("column", "fault", "said"),
    [
        (None, Fault.NO_COLUMN, "column opportunity.cosell_help is missing"),
        (
            Column(name="cosell_help", kind="StringType"),
            Fault.TYPE,
            "column opportunity.cosell_help is StringType, wanted PicklistType",
        ),
        (
            Column(name="cosell_help", kind="PicklistType", options={"Quotes": 1}),
            Fault.NO_OPTION,
            'column opportunity.cosell_help has no option "Other"',
        ),
        (
            Column(name="cosell_help", kind="PicklistType", options=FITTING.options, is_for_update=False),
            Fault.READ_ONLY,
            "column opportunity.cosell_help cannot be written",
        ),
    ],
)
def test_misfit_says_what_is_wrong(column: Column | None, fault: Fault, said: str) -> None:
    (misfit,) = find_misfits("opportunity", table(*([column] if column else [])), (WANTED,))

    assert (misfit.fault, str(misfit)) == (fault, said)


def test_text_that_is_too_short_is_told_with_both_lengths() -> None:
    wanted = MappedColumn(name="name", types=frozenset({"StringType"}), length=298)
    (misfit,) = find_misfits("opportunity", table(Column(name="name", kind="StringType", max_length=100)), (wanted,))

    assert str(misfit) == "column opportunity.name takes 100 characters, wanted 298"
    fitting = table(Column(name="name", kind="StringType", max_length=298))
    assert find_misfits("opportunity", fitting, (wanted,)) == []


def test_missing_table_is_one_misfit() -> None:
    (misfit,) = find_misfits("opportunity", None, (WANTED, WANTED))

    assert (misfit.fault, str(misfit)) == (Fault.NO_TABLE, "table opportunity is missing")


def test_every_kind_of_field_has_its_types() -> None:
    assert set(TYPES) == set(Kind)


def test_every_column_that_the_mapping_names_is_looked_at() -> None:
    mappings = Variables(deal_value_field="acme_value", country_code_field="acme_land").fill_in(load_mappings())
    columns = {name: {column.name for column in items} for name, items in mapped_columns(mappings).items()}

    assert columns["opportunity"] >= {row.dataverse for row in mappings.opportunity.fields}
    assert columns["opportunity"] >= set(mappings.opportunity.columns.model_dump().values())
    assert "acme_value" in columns["opportunity"]
    assert "acme_land" in columns["account"]
    assert columns["lead"] >= {row.dataverse for row in mappings.lead.fields}
    assert columns["lead"] >= {row.dataverse for row in mappings.lead.customer}
    assert mapped_keys(mappings)["cosell_microsoftsolutiondetail"] == "cosell_solutionidentifier"

"""What the CRM has to hold agrees with the mapping: no column is mapped that nobody makes."""

import pytest

from cosell.mapping.by_hand import by_hand
from cosell.mapping.crm import wanted_schema
from cosell.mapping.loader import load_mappings
from cosell.mapping.variables import KNOWN, Variables
from cosell.sync.fit import mapped_columns, mapped_keys
from cosell.webhooks.app import KIND_OF_TABLE

MAPPINGS = Variables().fill_in(load_mappings())
SCHEMA = wanted_schema(MAPPINGS)
LONGEST_NAME = 50


def made() -> set[str]:
    """Return every column which is made, with its table."""
    columns = {f"{table}.{column.name}" for table, listed in SCHEMA.columns.items() for column in listed}
    columns |= {f"{table.name}.{table.name_column.name}" for table in SCHEMA.tables}
    return columns | {f"{lookup.table}.{lookup.name}" for lookup in SCHEMA.lookups}


def test_every_mapped_column_of_ours_is_made() -> None:
    mapped = {f"{table}.{column.name}" for table, columns in mapped_columns(MAPPINGS).items() for column in columns}

    assert {name for name in mapped if ".cosell_" in name} - made() == set()


def test_every_key_which_the_sync_rests_on_is_made() -> None:
    keys = {key.table: key.column for key in SCHEMA.keys}
    assert keys == mapped_keys(MAPPINGS)
    assert {f"{table}.{column}" for table, column in keys.items()} <= made()


def test_texts_are_as_long_as_the_mapping_thinks() -> None:
    lengths = {f"{table}.{item.name}": item.length for table, listed in SCHEMA.columns.items() for item in listed}
    for table, columns in mapped_columns(MAPPINGS).items():
        for column in columns:
            length = lengths.get(f"{table}.{column.name}")
            assert length is None or column.length is None or column.length <= length


def test_labels_of_choices_are_those_of_the_mapping() -> None:
    columns = {column.name: column for column in SCHEMA.columns["opportunity"]}

    assert columns["cosell_help"].options == tuple(MAPPINGS.choices["help"])
    assert columns["cosell_purchaseintent"].options == tuple(MAPPINGS.choices["purchase_intent"])


def test_names_carry_the_prefix_and_are_not_too_long() -> None:
    names = [column.schema_name for listed in SCHEMA.columns.values() for column in listed]
    names += [table.schema_name for table in SCHEMA.tables] + [lookup.schema_name for lookup in SCHEMA.lookups]
    names += [lookup.relationship for lookup in SCHEMA.lookups] + [key.schema_name for key in SCHEMA.keys]
    names += [variable.schema_name for variable in SCHEMA.variables]

    assert [name for name in names if not name.startswith("cosell_") or len(name) > LONGEST_NAME] == []
    assert len({name.lower() for name in names}) > len(SCHEMA.keys)


def test_wake_up_is_sent_only_for_tables_which_the_receiver_knows() -> None:
    assert {step.table for step in SCHEMA.steps} == set(KIND_OF_TABLE)


def test_own_writes_of_marks_and_audit_wake_nobody() -> None:
    columns = {column for step in SCHEMA.steps for column in step.columns}

    assert columns & {"cosell_audit", "cosell_referralid", "cosell_referrallink", "cosell_microsoftcrmid"} == set()


def test_every_variable_has_a_definition_with_its_default() -> None:
    defaults = {variable.field: variable.default for variable in SCHEMA.variables}

    assert defaults == {name: getattr(Variables(), name) for name in defaults}
    assert set(defaults) == set(Variables.__dataclass_fields__)


@pytest.mark.parametrize("table", sorted(SCHEMA.own_tables | {"opportunity", "lead"}))
def test_role_covers_every_table_of_the_sync(table: str) -> None:
    assert {"Create", "Read", "Write", "Append", "AppendTo"} <= set(SCHEMA.role.tables[table])


def test_what_is_left_to_a_person_names_every_column_of_the_form() -> None:
    text = " ".join(by_hand(SCHEMA))

    assert [column.label for column in SCHEMA.columns["opportunity"] if column.label not in text] == []
    assert SCHEMA.role.name in text
    assert SCHEMA.solution in text


def test_crm_calls_each_variable_what_the_sync_looks_for() -> None:
    made = {item.field: item.schema_name for item in wanted_schema(MAPPINGS).variables}
    assert made == {known.field: known.crm for known in KNOWN}

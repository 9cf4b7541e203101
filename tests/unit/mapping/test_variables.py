"""The variables of the original as people write them."""

from dataclasses import fields

import pytest

from cosell.errors import ConfigurationError
from cosell.mapping.effective import read_known
from cosell.mapping.loader import load_mappings
from cosell.mapping.variables import KNOWN, Variables

MARK, VALUE, HOLD = (
    "cosell_show_check_mark_in_opportunity_name",
    "cosell_deal_value_field_name",
    "cosell_on_hold_handling",
)


def test_defaults_as_they_are_shown_mean_the_defaults() -> None:
    shown = {known.name: known.default for known in KNOWN}

    assert read_known(shown) == read_known({}) == Variables()
    assert (shown[MARK], shown[HOLD]) == ("Yes", "answer")
    assert shown["cosell_deal_currency_field_name"] == "transactioncurrencyid"


def test_each_variable_fills_a_field_of_its_own() -> None:
    named = [known.field for known in KNOWN]
    assert len(named) == len(set(named))
    assert set(named) <= {field.name for field in fields(Variables)}


@pytest.mark.parametrize("word", ["No", "no", " NO ", "false", False, "0"])
def test_no_is_no_however_it_is_written(word: object) -> None:
    assert read_known({MARK: word}) == Variables(show_check_mark=False)


def test_words_and_columns_are_read() -> None:
    read = read_known({HOLD: "Portal", VALUE: " new_value "})
    assert read == Variables(on_hold_answers=False, deal_value_field="new_value")


def test_values_which_are_not_allowed_are_named_all_at_once_with_those_which_are() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_known({HOLD: "maybe", MARK: "sometimes", VALUE: "Estimated Revenue"})

    told = str(caught.value)
    assert f"{HOLD} (Prefect) has to be answer or portal" in told
    assert f"{MARK} (Prefect) has to be yes or no" in told
    assert f"{VALUE} (Prefect) has to be the logical name of a column, like estimatedvalue" in told


def test_actual_value_belongs_to_the_estimated_revenue() -> None:
    def actual(variables: Variables) -> str | None:
        rows = variables.fill_in(load_mappings()).opportunity.fields
        return next(row.when_won for row in rows if row.field == "deal_value")

    assert actual(Variables()) == "actualvalue"
    assert actual(Variables(deal_value_field="new_value")) is None

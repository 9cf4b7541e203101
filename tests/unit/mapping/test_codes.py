"""Choices: labels, option numbers and Partner Center's codes, each way, and what is said when one is unknown."""

import pytest

from cosell.mapping.codes import ChoiceCodes
from tests.codes import CURRENCIES, EURO_ID

STAGES = ChoiceCodes(
    table={"Qualify": ("20", "10", "Qualify"), "Close": ("80", "100"), "Elsewhere": ("90",)},
    options={"qualify ": 0, "Close": 3, "Our own": 7},
)


@pytest.mark.parametrize(("raw", "code"), [("20", "20"), ("10", "20"), (" qualify", "20"), ("100", "80")])
def test_every_known_code_becomes_the_one_that_is_written(raw: str, code: str) -> None:
    assert STAGES.read_code(raw) == code


@pytest.mark.parametrize("raw", [None, "", "  ", "Unknown", "None"])
def test_nothing_chosen_in_partner_center_is_nothing(raw: str | None) -> None:
    assert STAGES.read_code(raw) is None


def test_code_which_the_table_lacks_is_refused_without_naming_it() -> None:
    with pytest.raises(ValueError, match=r"choices\.yaml") as told:
        STAGES.read_code("Ines Holm")
    assert "Ines" not in str(told.value)


def test_option_number_becomes_the_code_of_its_label_in_any_case() -> None:
    assert STAGES.read_number(0) == "20"
    assert STAGES.read_number(None) is None


def test_option_which_the_table_lacks_is_named_by_its_label() -> None:
    with pytest.raises(ValueError, match="Our own"):
        STAGES.read_number(7)
    with pytest.raises(ValueError, match="no option 8"):
        STAGES.read_number(8)


def test_code_becomes_an_option_number_when_the_crm_has_its_label() -> None:
    assert STAGES.find_number("20") == 0
    assert STAGES.find_number("90") is None
    assert STAGES.find_number("1") is None


def test_currencies_are_found_by_code() -> None:
    assert CURRENCIES.find_id("EUR") == EURO_ID
    assert CURRENCIES.find_id("SEK") is None

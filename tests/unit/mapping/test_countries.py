"""Countries are understood as people write them, and sent as Partner Center wants them."""

import pytest

from cosell.mapping.countries import find_country
from cosell.mapping.loader import load_mappings

ALIASES = load_mappings().countries.aliases


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("DE", "DE"),
        ("de", "DE"),
        ("DEU", "DE"),
        ("Germany", "DE"),
        (" germany ", "DE"),
        ("Deutschland", "DE"),
        ("UK", "GB"),
        ("great  britain", "GB"),
        ("Osterreich", "AT"),
        ("Österreich", "AT"),
        ("United States of America", "US"),
        ("USA", "US"),
        ("Türkiye", "TR"),
        ("Norge", "NO"),
    ],
)
def test_country_is_understood_in_the_spellings_people_use(written: str, code: str) -> None:
    assert find_country(written, ALIASES) == code


@pytest.mark.parametrize("written", [None, "", "  ", "Atlantis", "XX", "D", "DEUT"])
def test_unknown_country_is_not_guessed(written: str | None) -> None:
    assert find_country(written, ALIASES) is None


def test_partners_own_spelling_goes_before_iso() -> None:
    assert find_country("Emirates", {"Emirates": "AE"}) == "AE"

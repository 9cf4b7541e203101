"""Countries as two letters (ISO 3166 alpha-2), whatever way they were written."""

from collections.abc import Mapping

import pycountry

from cosell.mapping.parties import normalise


def find_country(text: str | None, aliases: Mapping[str, str]) -> str | None:
    """Return the two letters of a country that is written as a name or as a code of two or three letters.

    `aliases` are the spellings of `mappings/countries.yaml`; they go before ISO's own. None when nobody knows it.
    """
    if not text:
        return None
    spellings = {normalise(name): code for name, code in aliases.items()}
    known = spellings.get(normalise(text))
    if known:
        return known
    try:
        return str(pycountry.countries.lookup(text.strip()).alpha_2)
    except LookupError:
        return None

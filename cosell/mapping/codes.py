"""What the CRM's ids and numbers stand for: currencies by row, choices by option number. Read once, then pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from cosell.mapping.models import ChoiceTable, CurrencyKind
from cosell.mapping.values import read_text

Found = TypeVar("Found")
CURRENCY_SET = "transactioncurrencies"
_SAYS_NOTHING = frozenset({"unknown", "none"})
"""Codes by which Partner Center says that nothing was chosen (Microsoft: Referral resources)."""


@dataclass(frozen=True, slots=True)
class Currencies:
    """The CRM's currencies: row id to ISO 4217 code, and back."""

    codes: Mapping[str, str]

    def find_id(self, code: str) -> str | None:
        """Return the row id of a currency, None when the CRM has none of that code."""
        return next((row_id for row_id, known in self.codes.items() if known == code), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupBook:
    """The rows of a table to which a lookup leads: row id to the text in one of its columns, and back.

    A lookup is written by `navigation`, as the path of a row of `set` (Microsoft: Associate table rows on create).
    """

    navigation: str
    set: str
    texts: Mapping[str, str]

    def read_text(self, row_id: object) -> str | None:
        """Return what the row says to which a lookup leads, None when it leads nowhere."""
        return self.texts.get(str(row_id or "").lower())

    def find_id(self, text: str) -> str | None:
        """Return the row that says this, in any case; of several the first."""
        return _find_by_label({said: row_id for row_id, said in reversed(list(self.texts.items()))}, text)

    def spell(self, row_id: str) -> dict[str, object]:
        """Spell the lookup as a part of a write."""
        return {f"{self.navigation}@odata.bind": f"/{self.set}({row_id})"}


Lookups = Mapping[str, LookupBook]
"""What the lookups of a table lead to, by column."""
NO_LOOKUPS: Lookups = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceCodes:
    """One choice of the CRM: `table` is its part of choices.yaml, `options` are its labels and numbers in the CRM."""

    table: ChoiceTable
    options: Mapping[str, int]

    def read_code(self, raw: object) -> str | None:
        """Return the code to which one of Partner Center's belongs, None when nothing was chosen."""
        text = read_text(raw)
        if text is None or text.casefold() in _SAYS_NOTHING:
            return None
        for codes in self.table.values():
            if text.casefold() in {code.casefold() for code in codes}:
                return codes[0]
        raise ValueError("choices.yaml does not have this code")

    def read_number(self, raw: object) -> str | None:
        """Return the code of one of the CRM's option numbers, None when nothing is chosen."""
        if raw is None:
            return None
        label = next((label for label, number in self.options.items() if number == raw), None)
        if label is None:
            raise ValueError(f"the choice has no option {raw}")
        codes = _find_by_label(self.table, label)
        if codes is None:
            raise ValueError(f'choices.yaml has no row for the choice "{label}"')
        return codes[0]

    def find_number(self, code: str) -> int | None:
        """Return the option number of a code, None when the CRM's choice has no option with a label of it."""
        labels = [label for label, codes in self.table.items() if codes[0] == code]
        return next((number for label in labels if (number := _find_by_label(self.options, label)) is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """Everything that turns ids and numbers of the CRM into what both sides can compare.

    `choices` is by column; a column which the CRM does not have is missing, and its field is left alone.
    `currency_options` are the labels and numbers of the currency column, where that is a choice.
    """

    currencies: Currencies
    choices: Mapping[str, ChoiceCodes] = field(default_factory=dict)
    currency_options: Mapping[str, int] = field(default_factory=dict)

    def read_currency(self, kind: CurrencyKind, raw: object) -> str | None:
        """Return the ISO 4217 code which a currency column holds, None when there is none."""
        match kind:
            case CurrencyKind.LOOKUP:
                return self.currencies.codes.get(str(raw or ""))
            case CurrencyKind.TEXT:
                text = read_text(raw)
            case CurrencyKind.CHOICE:
                text = next((label for label, number in self.currency_options.items() if number == raw), None)
        return text.strip().upper() if text else None

    def find_currency(self, kind: CurrencyKind, code: str) -> object:
        """Return what a currency column holds for a code, None when the CRM has nothing for it."""
        match kind:
            case CurrencyKind.LOOKUP:
                return self.currencies.find_id(code)
            case CurrencyKind.TEXT:
                return code
            case CurrencyKind.CHOICE:
                return _find_by_label(self.currency_options, code)


def _find_by_label(table: Mapping[str, Found], label: str) -> Found | None:
    wanted = label.strip().casefold()
    return next((found for name, found in table.items() if name.strip().casefold() == wanted), None)
